//! The categories of personal data of clause 2.1 of the microfinance organisation's policy.

/// A category of clause 2.1. The codes are stable: they stand in catalogues, incidents and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Category {
    /// Surname, given name and patronymic.
    Name,
    /// E-mail address.
    Email,
    /// Mobile phone number.
    PhoneMobile,
    /// Other contact phones: home, work.
    PhoneOther,
    /// Address of registration or residence.
    Address,
    /// Details of a bank account: number and bank.
    BankAccount,
    /// Details of an identity document.
    IdDocument,
    /// Individual identification number.
    Iin,
    /// Name of the employer.
    Employer,
    /// Size of the salary.
    Salary,
    /// Day of the salary.
    SalaryDate,
    /// Family status.
    Marital,
    /// Kind of property.
    Property,
    /// Solvency and obligations.
    Solvency,
    /// IP address, cookie, browser, time of access, page, domain of the provider.
    Tech,
}

impl Category {
    /// Every category, in the policy's order.
    pub const ALL: [Category; 15] = [
        Category::Name,
        Category::Email,
        Category::PhoneMobile,
        Category::PhoneOther,
        Category::Address,
        Category::BankAccount,
        Category::IdDocument,
        Category::Iin,
        Category::Employer,
        Category::Salary,
        Category::SalaryDate,
        Category::Marital,
        Category::Property,
        Category::Solvency,
        Category::Tech,
    ];

    /// Stable code, `[a-z_]+`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// The category of a [`code`](Category::code).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Category> {
        Category::ALL.into_iter().find(|category| category.code() == code)
    }

    /// The policy's wording in Russian.
    #[must_use]
    pub fn title_ru(self) -> &'static str {
        self.row().1
    }

    /// The policy's wording in Kazakh (solvency is missing in the policy's Kazakh text; that wording is ours).
    #[must_use]
    pub fn title_kk(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Category::Name => ("name", "фамилия, имя и отчество", "тегі, аты және әкесінің аты"),
            Category::Email => ("email", "адрес электронной почты", "электрондық пошта мекенжайы"),
            Category::PhoneMobile => ("phone_mobile", "номер мобильного телефона", "ұялы телефон нөмірі"),
            Category::PhoneOther => (
                "phone_other",
                "контактные телефоны (домашний и рабочий)",
                "хабарласуға болатын телефондар (үй және жұмыс)",
            ),
            Category::Address => {
                ("address", "адрес места регистрации и места жительства", "тіркелген және тұрғылықты мекенжайы")
            }
            Category::BankAccount => (
                "bank_account",
                "реквизиты банковского счета (номер счета и наименование банка)",
                "банк шотының деректемелері (шот нөмірі мен банк атауы)",
            ),
            Category::IdDocument => ("id_document", "данные удостоверения личности", "жеке куәлік деректері"),
            Category::Iin => ("iin", "индивидуальный идентификационный код", "жеке сәйкестендіру коды"),
            Category::Employer => ("employer", "наименование работодателя", "жұмыс берушінің атауы"),
            Category::Salary => ("salary", "размер заработной платы", "еңбекақы мөлшері"),
            Category::SalaryDate => ("salary_date", "дата заработной платы", "еңбекақы алатын күні"),
            Category::Marital => ("marital", "семейное положение", "отбасылық жағдайы"),
            Category::Property => ("property", "вид собственности", "меншік түрі"),
            Category::Solvency => (
                "solvency",
                "информация о платежеспособности и обязательствах",
                "төлем қабілеттілігі мен міндеттемелері туралы ақпарат",
            ),
            Category::Tech => (
                "tech",
                "IP-адрес, cookie, браузер, время доступа, адрес страницы, домен провайдера",
                "IP-адрес, cookie, браузер, қолжетімді болған уақыт, домен атауы",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_come_back() {
        for (index, category) in Category::ALL.into_iter().enumerate() {
            assert_eq!(category as usize, index);
            assert_eq!(Category::from_code(category.code()), Some(category));
            assert!(!category.title_ru().is_empty() && !category.title_kk().is_empty());
        }
        assert_eq!(Category::from_code("bin"), None);
    }
}
