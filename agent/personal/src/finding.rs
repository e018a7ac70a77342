//! A finding: where, what, how sure and why; never the value itself.

use std::fmt;
use std::ops::Range;

use crate::kinds::digit;
use crate::{Key, Kind, normalise};

/// Why something is a finding. Fixed texts: a reason never holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The check digit holds, and date and seventh digit are a living person's.
    Checksum,
    /// The check digit holds and a context word announces it.
    ChecksumAndContext,
    /// A context word announces it; the number itself cannot be checked.
    Context,
    /// Announced by a context word, but the check digit is wrong.
    BrokenChecksum,
    /// Announced by a context word, some characters are hidden.
    Hidden,
    /// The check digits hold.
    CheckDigits,
    /// The check digits hold after undoing usual misreadings (O for 0, I for 1, B for 8, S for 5).
    Repaired,
    /// The check digits hold; the document is another country's.
    OtherCountry,
    /// The digits have the structure of a business number.
    Structure,
    /// The written form is enough.
    Form,
    /// Surname or given name with a patronymic.
    Patronymic,
    /// Surname with initials.
    Initials,
    /// A label stands before it.
    Label,
    /// Several words of an address stand together.
    Parts,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Checksum => "check digit, birth date and seventh digit agree",
            Reason::ChecksumAndContext => "check digit holds and a context word announces it",
            Reason::Context => "a context word announces it",
            Reason::BrokenChecksum => "a context word announces it but the check digit is wrong",
            Reason::Hidden => "a context word announces it and part of it is hidden",
            Reason::CheckDigits => "check digits hold",
            Reason::Repaired => "check digits hold after repairing misread characters",
            Reason::OtherCountry => "check digits hold; the document is another country's",
            Reason::Structure => "structure of a business number",
            Reason::Form => "written form",
            Reason::Patronymic => "name with patronymic",
            Reason::Initials => "surname with initials",
            Reason::Label => "a label stands before it",
            Reason::Parts => "several words of an address together",
        })
    }
}

/// One found value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Bytes of the scanned text.
    pub span: Range<usize>,
    /// How sure, in percent.
    pub confidence: u8,
    /// Why.
    pub reason: Reason,
}

impl Finding {
    /// A mask of the value in `text` (what was scanned): `900101******`. Shows at most the characters that the kind
    /// allows; free text is only `***`. A span that is not of `text` gives `***` too.
    #[must_use]
    pub fn mask(&self, text: &[u8]) -> String {
        mask_value(self.kind, text.get(self.span.clone()).unwrap_or_default())
    }

    /// Keyed hash of the normalised value in `text`, in the kind's [domain](Kind::domain).
    #[must_use]
    pub fn pseudonym(&self, text: &[u8], key: &Key) -> u128 {
        let value = text.get(self.span.clone()).unwrap_or_default();
        key.pseudonym(self.kind.domain(), normalise(self.kind, value).as_bytes())
    }
}

/// Mask of one value of `kind`, as [`Finding::mask`] makes it.
#[must_use]
pub fn mask_value(kind: Kind, value: &[u8]) -> String {
    let (mut head, tail) = kind.entry().shown;
    let numeric = value.iter().filter(|byte| digit(**byte)).count() * 2 > value.len() || head > 0;
    if !numeric || value.is_empty() || value.len() > 64 {
        return "***".to_owned();
    }
    if kind == Kind::Email {
        let first = value.first().filter(|byte| byte.is_ascii_alphanumeric()).map_or('*', |byte| char::from(*byte));
        return format!("{first}***@***");
    }
    let mut left = value.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    let mut mask = String::with_capacity(value.len());
    for byte in value {
        if !byte.is_ascii_alphanumeric() {
            mask.push(if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '*' });
            continue;
        }
        let show = head > 0 || left <= tail;
        mask.push(if show { char::from(*byte) } else { '*' });
        head = head.saturating_sub(1);
        left -= 1;
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(kind: Kind, value: &str) -> String {
        mask_value(kind, value.as_bytes())
    }

    #[test]
    fn masks_show_little() {
        assert_eq!(masked(Kind::Iin, "110101193346"), "110101******");
        assert_eq!(masked(Kind::Phone, "+7 (700) 000-00-01"), "+* (***) ***-**-**");
        assert_eq!(masked(Kind::Card, "4111 1111 1111 1111"), "4111 **** **** ****");
        assert_eq!(masked(Kind::Iban, "KZ699990000000000001"), "KZ69****************");
        assert_eq!(masked(Kind::Email, "serik@example.kz"), "s***@***");
        assert_eq!(masked(Kind::PersonName, "Ауданов Серик"), "***");
        assert_eq!(masked(Kind::Iin, ""), "***");
    }
}
