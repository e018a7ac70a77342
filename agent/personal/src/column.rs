//! What the name of a column, a key or a table says about its values.

use std::cmp::Reverse;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::{Category, Kind, fold};

/// What a column name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnHint {
    /// Kind of its values.
    pub kind: Kind,
    /// Category of the policy.
    pub category: Category,
    /// One value names one person.
    pub identifies_person: bool,
    /// How sure, in percent.
    pub confidence: u8,
}

/// Longest name looked at, in characters. Servers allow 63 and 64.
const LONGEST: usize = 128;

/// Parts of names: between `_`, as written in Latin or Cyrillic. A part that ends in `*` may go on.
const PARTS: &[(Kind, u8, &[&str])] = &[
    (
        Kind::Iin,
        98,
        &[
            "iin",
            "iinbin",
            "zhsn",
            "jsn",
            "individual_id",
            "tax_id",
            "taxid",
            "taxpayer_id",
            "tin",
            "inn",
            "ident",
            "taxpayer",
            "national_id",
            "personal_code",
            "иин",
            "жсн",
            "инн",
        ],
    ),
    (Kind::Rnn, 95, &["rnn", "стн", "рнн"]),
    (
        Kind::IdCard,
        92,
        &[
            "id_card*",
            "idcard*",
            "identity_card*",
            "identity_doc*",
            "id_doc*",
            "doc_num*",
            "docnum*",
            "doc_no",
            "docno",
            "doc_number",
            "document_num*",
            "document_no",
            "documentnum*",
            "udostover*",
            "ud_lich*",
            "udv",
            "kualik*",
            "zheke_kualik*",
            "удостоверен*",
            "уд_лич*",
            "куалик*",
            "номер_документа",
            "mrz",
        ],
    ),
    (Kind::Passport, 92, &["passport*", "pasport*", "паспорт*", "толкужат*"]),
    (
        Kind::Iban,
        92,
        &[
            "iban",
            "iik",
            "iik_no",
            "account_no",
            "account_num*",
            "accountno",
            "acc_no",
            "bank_account*",
            "schet",
            "nomer_scheta",
            "иик",
            "жск",
            "счет",
            "счёт",
            "номер_счета",
            "есепшот*",
        ],
    ),
    (
        Kind::Card,
        92,
        &[
            "card_no",
            "card_num*",
            "cardno",
            "cardnum*",
            "pan",
            "card_pan",
            "карта",
            "номер_карты",
            "nomer_karty",
            "card",
        ],
    ),
    (
        Kind::PhoneOther,
        92,
        &[
            "home_phone",
            "work_phone",
            "phone_home",
            "phone_work",
            "домашний_телефон",
            "рабочий_телефон",
            "dom_tel",
            "rab_tel",
        ],
    ),
    (
        Kind::Phone,
        92,
        &[
            "phone*",
            "mobile*",
            "msisdn",
            "tel",
            "telefon*",
            "cell",
            "cell_phone",
            "cellphone",
            "whatsapp*",
            "contact_phone",
            "mob",
            "телефон*",
            "тел",
            "моб",
            "мобильный*",
            "уялы*",
            "uyaly*",
            "uialy*",
            "sotovyi*",
        ],
    ),
    (Kind::Email, 95, &["email*", "e_mail", "mail", "почта", "эл_почта", "пошта", "pochta"]),
    (
        Kind::PersonName,
        88,
        &[
            "full_name",
            "fullname",
            "fio",
            "first_name",
            "firstname",
            "last_name",
            "lastname",
            "middle_name",
            "middlename",
            "surname",
            "patronymic",
            "given_name",
            "family_name",
            "otchestvo",
            "familiya",
            "familia",
            "imya",
            "client_name",
            "customer_name",
            "borrower_name",
            "person_name",
            "fname",
            "lname",
            "tegi",
            "aty_joni",
            "aty_zhoni",
            "akesinin_aty",
            "maiden_name",
            "фио",
            "фамилия",
            "имя",
            "отчество",
            "теги",
            "аты",
            "аты_жони",
            "акесинин_аты",
            "cardholder*",
        ],
    ),
    (
        Kind::Address,
        88,
        &[
            "address*",
            "addr",
            "addr_*",
            "reg_address",
            "registration_address",
            "residence*",
            "street*",
            "adres*",
            "propiska",
            "mekenjai*",
            "mekenzhai*",
            "адрес*",
            "мекенжаи*",
            "место_жительства",
            "улица",
            "прописка",
        ],
    ),
    (Kind::SalaryDate, 88, &["salary_date", "salary_day", "pay_day", "payday", "data_zarplaty", "дата_зарплаты"]),
    (
        Kind::Salary,
        88,
        &[
            "salary*",
            "income*",
            "wage*",
            "zarplata",
            "oklad",
            "dohod",
            "зарплата",
            "доход*",
            "оклад",
            "енбекакы*",
            "жалакы*",
            "enbekaqy*",
            "jalaqy*",
            "monthly_income",
        ],
    ),
    (
        Kind::Employer,
        88,
        &[
            "employer*",
            "workplace",
            "work_place",
            "place_of_work",
            "job_place",
            "rabotodatel",
            "mesto_raboty",
            "работодатель",
            "место_работы",
            "жумыс_орны",
            "жумыс_беруши*",
        ],
    ),
    (
        Kind::Marital,
        92,
        &["marital*", "family_status", "semeinoe_polozhenie", "семейное_положение", "отбасылык_жагдаи*"],
    ),
    (
        Kind::Property,
        85,
        &["property_type", "property_kind", "ownership*", "vid_sobstvennosti", "вид_собственности", "меншик_тури"],
    ),
    (
        Kind::Solvency,
        85,
        &[
            "credit_score*",
            "scoring*",
            "score",
            "solvency",
            "overdue*",
            "arrears",
            "debt*",
            "debts",
            "kdn",
            "delinquen*",
            "dpd",
            "credit_history",
            "obligations",
            "задолженность",
            "просрочка",
            "кдн",
            "zadolzhennost",
            "prosrochka",
            "берешек",
        ],
    ),
    (Kind::Ip, 80, &["ip", "ip_address", "ip_addr", "ipaddress", "client_ip", "user_ip", "remote_addr"]),
    (Kind::Cookie, 85, &["cookie*", "cookies"]),
    (Kind::Browser, 85, &["user_agent", "useragent", "browser"]),
    (Kind::Page, 75, &["referer", "referrer", "page_url", "visited_url"]),
    (Kind::AccessTime, 75, &["access_time", "visited_at", "last_visit*"]),
    (Kind::Provider, 75, &["isp", "provider_domain"]),
];

/// Last parts that turn a name into something about the value: a key, a flag, a kind, a hash of it.
const ASIDE: &[&str] = &[
    "id",
    "ids",
    "type",
    "types",
    "count",
    "cnt",
    "status",
    "flag",
    "hash",
    "verified",
    "confirmed",
    "valid",
    "at",
    "enabled",
    "sent",
    "template",
    "templates",
    "schema",
    "len",
    "length",
    "version",
    "hashed",
    "digest",
    "exists",
];

/// Parts of names of tables that hold people.
const TABLES: &[&str] = &[
    "borrower*",
    "client",
    "clients",
    "clienttable",
    "customer*",
    "applicant*",
    "application*",
    "loan",
    "loans",
    "loan_app*",
    "person",
    "persons",
    "people",
    "personal_data",
    "individual*",
    "debtor*",
    "guarantor*",
    "zaemshik*",
    "zaemshchik*",
    "zaemschik*",
    "zayavk*",
    "anket*",
    "klient*",
    "kredit*",
    "credit",
    "credits",
    "microcredit*",
    "microloan*",
    "users",
    "subscriber*",
    "employee*",
    "salary",
    "salaries",
    "заемщик*",
    "клиент*",
    "заявк*",
    "анкет*",
    "карыз_алушы*",
    "карыз*",
    "тапсырыс_беруши*",
    "tutynushy*",
    "qaryz*",
    "id_documents",
    "passports",
    "payroll",
    "contacts",
    "сотрудник*",
    "кредит*",
    "займ*",
    "zaim*",
];

struct Names {
    automaton: Option<AhoCorasick>,
    /// Index into [`PARTS`], or none for a table.
    rows: Vec<Option<usize>>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let columns = PARTS.iter().enumerate().flat_map(|(row, part)| part.2.iter().map(move |text| (Some(row), *text)));
    let tables = TABLES.iter().map(|text| (None, *text));
    let (mut needles, mut rows) = (Vec::new(), Vec::new());
    for (row, text) in columns.chain(tables) {
        let bare = text.trim_end_matches('*');
        let mut needle = vec![b'_'];
        needle.extend(fold::codes(bare));
        if bare.len() == text.len() {
            needle.push(b'_');
        }
        needles.push(needle);
        rows.push(row);
    }
    Names { automaton: AhoCorasick::new(&needles).ok(), rows }
});

/// A name as `_part_part_`: folded, parts split at anything that is no letter or digit and at capitals of camelCase.
pub(crate) struct Parted {
    codes: [u8; LONGEST + 2],
    length: usize,
}

impl Parted {
    pub(crate) fn new(name: &str) -> Parted {
        let mut parted = Parted { codes: [b'_'; LONGEST + 2], length: 1 };
        let mut small = false;
        for c in name.chars() {
            let folded = fold::character(c);
            if folded == '\0' {
                continue;
            }
            let code = fold::code(folded);
            let plain = fold::letter(code) || code.is_ascii_digit();
            if (!plain || (small && c.is_uppercase())) && !parted.push(b'_') {
                break;
            }
            if plain && !parted.push(code) {
                break;
            }
            small = c.is_lowercase();
        }
        parted.push(b'_');
        parted
    }

    /// False when full. Runs of `_` are one.
    fn push(&mut self, code: u8) -> bool {
        if code == b'_' && self.codes[self.length - 1] == b'_' {
            return true;
        }
        if self.length > LONGEST && (code != b'_' || self.length >= self.codes.len()) {
            return false;
        }
        self.codes[self.length] = code;
        self.length += 1;
        true
    }

    pub(crate) fn codes(&self) -> &[u8] {
        &self.codes[..self.length]
    }

    fn last(&self) -> &[u8] {
        self.codes().rsplit(|code| *code == b'_').nth(1).unwrap_or_default()
    }
}

/// What a column or key name promises: `client_iin`, `clientIin`, `ФИО`, `salary`. None for `id`, `bin`, `status`,
/// `amount`, and for names about a value (`iin_hash`, `email_verified`, `address_id`). A few hundred
/// nanoseconds: ask once a column.
#[must_use]
pub fn column_category(name: &str) -> Option<ColumnHint> {
    let parted = Parted::new(name);
    let names = &*NAMES;
    // An IIN wins wherever it stands; else what stands first, then what is longest.
    let mut best = None;
    for hit in names.automaton.as_ref()?.find_overlapping_iter(parted.codes()) {
        let Some(row) = names.rows[hit.pattern().as_usize()] else { continue };
        let rank = (PARTS[row].0 == Kind::Iin, Reverse(hit.start()), hit.end() - hit.start());
        if best.is_none_or(|(known, _): (_, usize)| rank > known) {
            best = Some((rank, row));
        }
    }
    let ((_, _, length), row) = best?;
    let (kind, sure, _) = PARTS[row];
    let last = parted.last();
    let aside = ASIDE.iter().any(|word| word.as_bytes() == last);
    // `tax_id` and `national_id` end in "id" themselves.
    // A family status is one, whatever its column is called.
    let aside = aside && kind != Kind::Marital;
    if aside && length < parted.length && !(kind == Kind::Iin && last == b"id" && parted.codes().len() <= length + 8) {
        return None;
    }
    let category = kind.category()?;
    Some(ColumnHint { kind, category, identifies_person: kind.is_person(), confidence: sure })
}

/// Whether a table name speaks of people: `borrowers`, `public.loan_applications`, `заемщики`.
#[must_use]
pub fn table_hint(name: &str) -> bool {
    let parted = Parted::new(name);
    let names = &*NAMES;
    names.automaton.as_ref().is_some_and(|automaton| {
        automaton.find_overlapping_iter(parted.codes()).any(|hit| names.rows[hit.pattern().as_usize()].is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> Option<Kind> {
        column_category(name).map(|hint| hint.kind)
    }

    #[test]
    fn names_of_identifiers() {
        for name in
            ["iin", "IIN", "client_iin", "borrowerIin", "iin_bin", "ИИН", "жсн", "tax_id", "client_tax_id", "tin"]
        {
            assert_eq!(kind(name), Some(Kind::Iin), "{name}");
        }
        assert_eq!(kind("id_card_no"), Some(Kind::IdCard));
        assert_eq!(kind("doc_num"), Some(Kind::IdCard));
        assert_eq!(kind("passport_number"), Some(Kind::Passport));
        assert_eq!(kind("full_name"), Some(Kind::PersonName));
        assert_eq!(kind("ФИО"), Some(Kind::PersonName));
        assert_eq!(kind("mobile"), Some(Kind::Phone));
        assert_eq!(kind("phone2"), Some(Kind::Phone));
        assert_eq!(kind("work_phone"), Some(Kind::PhoneOther));
        assert_eq!(kind("e-mail"), Some(Kind::Email));
        assert_eq!(kind("reg_address"), Some(Kind::Address));
        assert_eq!(kind("marital_status"), Some(Kind::Marital));
        assert_eq!(kind("salary"), Some(Kind::Salary));
        assert_eq!(kind("salary_date"), Some(Kind::SalaryDate));
        assert_eq!(kind("Семейное положение"), Some(Kind::Marital));
        assert_eq!(kind("credit_score"), Some(Kind::Solvency));
        assert_eq!(kind("client_ip"), Some(Kind::Ip));
        assert!(column_category("iin").is_some_and(|hint| hint.identifies_person));
        assert!(column_category("salary").is_some_and(|hint| !hint.identifies_person));
    }

    #[test]
    fn names_of_other_things() {
        for name in [
            "bin",
            "id",
            "status",
            "amount",
            "binary",
            "created_at",
            "client_id",
            "name",
            "address_id",
            "iin_hash",
            "email_verified",
            "phone_type",
            "salary_id",
            "description",
            "panel",
            "tinyint",
            "zip",
            "",
            "_",
            "qty",
            "card_type",
            "shipment",
            "internal",
            "skip",
            "guid",
            "title",
            "total",
            "customer_id",
            "recipe",
            "mailing",
        ] {
            assert_eq!(kind(name), None, "{name}");
        }
    }

    #[test]
    fn tables_of_people() {
        for name in ["borrowers", "public.loan_applications", "Clients", "customers", "заемщики", "zaemshik", "loans"]
        {
            assert!(table_hint(name), "{name}");
        }
        for name in ["orders", "payments", "events", "schema_migrations", "pg_class", "products", ""] {
            assert!(!table_hint(name), "{name}");
        }
        assert!(!table_hint(&"x".repeat(10_000)));
    }
}
