//! One value of a predicate or a column: what it is, fast enough to ask for every log record.

use crate::kinds::{card, digit, iban, iin, phone};
use crate::{Category, Date, Kind, column_category};

/// What one value is, by itself or with the name of its column. The value decides where it can (an IIN with all its
/// evidence, a BIN, an IBAN, a card, an address with `@`); else the column does. Surrounding white space and quotes
/// are not part of the value. None for what is no personal data. Tens of nanoseconds for an IIN.
#[must_use]
pub fn identify(value: &[u8], column: Option<&str>) -> Option<Kind> {
    let value = trim(value);
    let hint = || column.and_then(column_category).map(|hint| hint.kind);
    match value {
        [] => None,
        _ if value.len() > 1024 => hint().filter(|kind| free_text(*kind)),
        _ if value.iter().all(|byte| digit(*byte)) => number(value, hint),
        [b'+', b'7', ..] => telephone(value).or_else(hint),
        [b'K' | b'k', b'Z' | b'z', ..] if iban_like(value) => Some(Kind::Iban),
        _ if iin::masked(value) => hint().filter(|kind| *kind == Kind::Iin).map(|_| Kind::MaskedIin),
        [b'N' | b'n', digits @ ..] if digits.len() == 8 && digits.iter().all(|byte| digit(*byte)) => {
            hint().filter(|kind| kind.category() == Some(Category::IdDocument)).map(|_| Kind::Passport)
        }
        _ => written(value).or_else(|| hint().filter(|kind| free_text(*kind))),
    }
}

fn trim(value: &[u8]) -> &[u8] {
    let mut value = value.trim_ascii();
    while let [quote @ (b'\'' | b'"' | b'`'), inner @ .., last] = value {
        if quote != last {
            break;
        }
        value = inner.trim_ascii();
    }
    value
}

/// Kinds whose values are words: the column's name is all there is.
fn free_text(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Iin
            | Kind::MaskedIin
            | Kind::MistypedIin
            | Kind::Bin
            | Kind::Rnn
            | Kind::IdCard
            | Kind::Passport
            | Kind::Iban
            | Kind::Card
            | Kind::Phone
            | Kind::PhoneOther
            | Kind::Email
    )
}

fn number(value: &[u8], hint: impl Fn() -> Option<Kind>) -> Option<Kind> {
    if value.len() == 12 {
        return match iin::evidence(value, Date::DEFAULT) {
            iin::Evidence::Strong => Some(Kind::Iin),
            iin::Evidence::Business => Some(Kind::Bin),
            iin::Evidence::Dated | iin::Evidence::Checked => {
                hint().filter(|kind| matches!(kind, Kind::Iin | Kind::Rnn))
            }
            iin::Evidence::None => match hint()? {
                Kind::Iin => Some(Kind::MistypedIin),
                Kind::Rnn => Some(Kind::Rnn),
                _ => None,
            },
        };
    }
    if let Some(number) = phone::parse(value).filter(|number| phone::line(&number.national) == phone::Line::Mobile) {
        // An 11-digit IIN that lost its zero may look like a phone; then the column knows.
        let stripped = number.lead == phone::Lead::Seven && hint() == Some(Kind::Iin);
        if !stripped {
            return Some(Kind::Phone);
        }
    }
    if card::fit(value) == Some(card::Fit::Issuer) {
        return Some(Kind::Card);
    }
    let kind = hint()?;
    let fits = match kind {
        Kind::Iin => iin::padded(value).is_some_and(|whole| plausible(&whole)),
        Kind::IdCard => (8..=9).contains(&value.len()),
        Kind::Passport => (8..=9).contains(&value.len()),
        Kind::Card => card::fit(value).is_some(),
        Kind::Phone | Kind::PhoneOther => (6..=15).contains(&value.len()),
        other => free_text(other),
    };
    fits.then_some(kind)
}

fn plausible(whole: &[u8; 12]) -> bool {
    matches!(iin::evidence(whole, Date::DEFAULT), iin::Evidence::Strong | iin::Evidence::Dated)
}

fn telephone(value: &[u8]) -> Option<Kind> {
    let number = phone::parse(value).filter(|number| number.length == value.len())?;
    Some(match phone::line(&number.national) {
        phone::Line::Mobile => Kind::Phone,
        phone::Line::Fixed | phone::Line::Foreign => Kind::PhoneOther,
    })
}

fn iban_like(value: &[u8]) -> bool {
    let mut plain = [0u8; 20];
    let mut filled = 0;
    for byte in value.iter().filter(|byte| **byte != b' ') {
        match plain.get_mut(filled) {
            Some(slot) => *slot = byte.to_ascii_uppercase(),
            None => return false,
        }
        filled += 1;
    }
    filled == 20 && iban::valid(&plain)
}

/// Values whose form is enough though they are no bare number.
fn written(value: &[u8]) -> Option<Kind> {
    if let Some(at) = memchr::memchr(b'@', value) {
        return crate::kinds::email::around(value, at).filter(|span| *span == (0..value.len())).map(|_| Kind::Email);
    }
    if value.len() == 19 && digit(value[0]) {
        let digits = card::grouped(value)?;
        return card::fit(&digits).filter(|fit| *fit == card::Fit::Issuer).map(|_| Kind::Card);
    }
    if value.len() <= 24 && value[0] == b'8' {
        return phone::parse(value)
            .filter(|number| number.length == value.len() && phone::line(&number.national) != phone::Line::Foreign)
            .and_then(|_| telephone(value));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str, column: Option<&str>) -> Option<Kind> {
        identify(value.as_bytes(), column)
    }

    #[test]
    fn values_speak_for_themselves() {
        assert_eq!(of("850830346939", None), Some(Kind::Iin));
        assert_eq!(of(" '850830346939' ", None), Some(Kind::Iin));
        assert_eq!(of("850830346939", Some("bin")), Some(Kind::Iin));
        assert_eq!(of("750640692234", Some("iin")), Some(Kind::Bin));
        assert_eq!(of("KZ69 9990 0000 0000 0001", None), Some(Kind::Iban));
        assert_eq!(of("4111111111111111", None), Some(Kind::Card));
        assert_eq!(of("4111-1111-1111-1111", None), Some(Kind::Card));
        assert_eq!(of("+7 (700) 000-00-01", None), Some(Kind::Phone));
        assert_eq!(of("8 (727) 200-00-05", None), Some(Kind::PhoneOther));
        assert_eq!(of("a.b@example.kz", None), Some(Kind::Email));
        assert_eq!(of("251006113510", None), None);
        assert_eq!(of("42", None), None);
        assert_eq!(of("", Some("iin")), None);
    }

    #[test]
    fn columns_decide_the_rest() {
        assert_eq!(of("110101193346", Some("client_iin")), Some(Kind::Iin));
        assert_eq!(of("110101193347", Some("client_iin")), Some(Kind::MistypedIin));
        assert_eq!(of("10101635578", Some("iin")), Some(Kind::Iin));
        assert_eq!(of("9001013****7", Some("iin")), Some(Kind::MaskedIin));
        assert_eq!(of("012345678", Some("doc_num")), Some(Kind::IdCard));
        assert_eq!(of("012345678", Some("order_no")), None);
        assert_eq!(of("N00000001", Some("passport")), Some(Kind::Passport));
        assert_eq!(of("350000", Some("salary")), Some(Kind::Salary));
        assert_eq!(of("Ауданов Серик", Some("fio")), Some(Kind::PersonName));
        assert_eq!(of("active", Some("status")), None);
    }
}
