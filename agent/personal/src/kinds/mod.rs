//! The kinds of personal data, one file each; [`LIST`] is the only place that names them all.

pub(crate) mod access_time;
pub(crate) mod address;
pub(crate) mod bin;
pub(crate) mod browser;
pub(crate) mod card;
pub(crate) mod cookie;
pub(crate) mod email;
pub(crate) mod employer;
pub(crate) mod iban;
pub(crate) mod id_card;
pub(crate) mod iin;
pub(crate) mod ip;
pub(crate) mod marital;
pub(crate) mod masked_iin;
pub(crate) mod mistyped_iin;
pub(crate) mod mrz;
pub(crate) mod page;
pub(crate) mod passport;
pub(crate) mod person_name;
pub(crate) mod phone;
pub(crate) mod phone_other;
pub(crate) mod property;
pub(crate) mod provider;
pub(crate) mod rnn;
pub(crate) mod salary;
pub(crate) mod salary_date;
pub(crate) mod solvency;

use std::ops::Range;

use crate::Category;
use crate::fold::Folded;

/// What a found value is. A kind belongs to one [`Category`] of the policy, or to none ([`Kind::Bin`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Individual identification number, 12 digits.
    Iin,
    /// IIN of which some digits are hidden by `*`, `x` or `•`: still personal.
    MaskedIin,
    /// 12 digits where an IIN is announced, with a wrong check digit.
    MistypedIin,
    /// Business identification number: not a person.
    Bin,
    /// Taxpayer number used until 2013, 12 digits.
    Rnn,
    /// Number of a Kazakh identity card, 9 digits.
    IdCard,
    /// Number of a Kazakh passport, `N` and 8 digits.
    Passport,
    /// Machine-readable zone of a card or passport (ICAO 9303 TD1, TD3).
    Mrz,
    /// Kazakh IBAN.
    Iban,
    /// Payment card number.
    Card,
    /// Kazakh mobile number.
    Phone,
    /// Landline, service or foreign number.
    PhoneOther,
    /// E-mail address.
    Email,
    /// Name of a person.
    PersonName,
    /// Postal address.
    Address,
    /// Employer.
    Employer,
    /// Salary or income.
    Salary,
    /// Day of the salary.
    SalaryDate,
    /// Family status.
    Marital,
    /// Kind of property.
    Property,
    /// Solvency and obligations.
    Solvency,
    /// IP address.
    Ip,
    /// Cookie.
    Cookie,
    /// Browser or program of the visitor.
    Browser,
    /// Page asked for.
    Page,
    /// Time of access.
    AccessTime,
    /// Domain of the internet provider.
    Provider,
}

/// Reads the value behind a context word: the text and the index behind the word in, characters of the value out.
pub(crate) type Reader = fn(&Folded, usize) -> Option<Range<usize>>;

/// What the list knows of a kind.
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// Stable name, `[a-z_]+`.
    pub(crate) name: &'static str,
    pub(crate) category: Option<Category>,
    /// The value alone names one person.
    pub(crate) person: bool,
    /// Most characters of a value that a mask may show: at the start, at the end.
    pub(crate) shown: (usize, usize),
    /// Context words as written in documents; a final `*` lets any ending follow.
    pub(crate) words: &'static [&'static str],
    /// Reads the value that a context word announces, for kinds without a shape of their own: gets the text and the
    /// index behind the word, gives the characters of the value.
    pub(crate) value: Option<Reader>,
}

/// Every kind, in the order of [`Kind`].
pub(crate) static LIST: [&Entry; 27] = [
    &iin::ENTRY,
    &masked_iin::ENTRY,
    &mistyped_iin::ENTRY,
    &bin::ENTRY,
    &rnn::ENTRY,
    &id_card::ENTRY,
    &passport::ENTRY,
    &mrz::ENTRY,
    &iban::ENTRY,
    &card::ENTRY,
    &phone::ENTRY,
    &phone_other::ENTRY,
    &email::ENTRY,
    &person_name::ENTRY,
    &address::ENTRY,
    &employer::ENTRY,
    &salary::ENTRY,
    &salary_date::ENTRY,
    &marital::ENTRY,
    &property::ENTRY,
    &solvency::ENTRY,
    &ip::ENTRY,
    &cookie::ENTRY,
    &browser::ENTRY,
    &page::ENTRY,
    &access_time::ENTRY,
    &provider::ENTRY,
];

impl Kind {
    /// Every kind, in a fixed order.
    pub const ALL: [Kind; 27] = ORDER;

    pub(crate) fn entry(self) -> &'static Entry {
        LIST[self as usize]
    }

    /// Stable name, `[a-z_]+`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The kind of a [`name`](Kind::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The policy's category; `None` for what is not personal data.
    #[must_use]
    pub fn category(self) -> Option<Category> {
        self.entry().category
    }

    /// Whether one value names one person (a name or an address may be shared, a salary names nobody).
    #[must_use]
    pub fn is_person(self) -> bool {
        self.entry().person
    }

    /// Whether a value may be read behind a word of this kind.
    pub(crate) fn is_labelled(self) -> bool {
        matches!(self, Kind::Iin | Kind::IdCard) || self.entry().value.is_some()
    }

    /// Name space of the keyed hash: kinds that are spellings of one thing share it.
    #[must_use]
    pub fn domain(self) -> &'static str {
        match self {
            Kind::MistypedIin => Kind::Iin.name(),
            Kind::PhoneOther => Kind::Phone.name(),
            other => other.name(),
        }
    }
}

const ORDER: [Kind; 27] = [
    Kind::Iin,
    Kind::MaskedIin,
    Kind::MistypedIin,
    Kind::Bin,
    Kind::Rnn,
    Kind::IdCard,
    Kind::Passport,
    Kind::Mrz,
    Kind::Iban,
    Kind::Card,
    Kind::Phone,
    Kind::PhoneOther,
    Kind::Email,
    Kind::PersonName,
    Kind::Address,
    Kind::Employer,
    Kind::Salary,
    Kind::SalaryDate,
    Kind::Marital,
    Kind::Property,
    Kind::Solvency,
    Kind::Ip,
    Kind::Cookie,
    Kind::Browser,
    Kind::Page,
    Kind::AccessTime,
    Kind::Provider,
];

/// ASCII digit.
#[inline]
pub(crate) fn digit(byte: u8) -> bool {
    byte.wrapping_sub(b'0') < 10
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_is_whole_and_in_order() {
        let mut names = BTreeSet::new();
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            assert_eq!(kind.entry().kind, kind);
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
            assert!(names.insert(kind.name()), "{} twice", kind.name());
            assert!(kind.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        }
    }

    #[test]
    fn every_category_of_the_policy_has_a_kind() {
        for category in Category::ALL {
            assert!(Kind::ALL.into_iter().any(|kind| kind.category() == Some(category)), "{}", category.code());
        }
    }

    #[test]
    fn only_the_business_number_is_nobody() {
        for kind in Kind::ALL {
            assert_eq!(kind.category().is_none(), kind == Kind::Bin);
            assert!(!(kind == Kind::Bin && kind.is_person()));
        }
    }
}
