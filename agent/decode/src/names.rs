//! Names out of a log made fit to be shown: valid UTF-8, no control characters, no identifiers inside.

use kuzet_personal::{Key, column_category, mask_people, names_person, table_hint, unseen};
use std::sync::Arc;

/// Longest name out of a statement, bytes: that of PostgreSQL.
const NAME: usize = 63;
/// What stands in the place of a name that may be a value.
pub(crate) const HIDDEN: &str = "?";

/// Longest name of a person told by an application, bytes.
const PERSON: usize = 128;

/// Longest name of a host in DNS, bytes.
const DOMAIN: usize = 253;
/// So many digits in all may be a number of a person.
const DIGITS: usize = 9;

/// Longest name kept, in bytes; servers cut theirs at 63 or 64 bytes, host names end at 255.
const LONGEST: usize = 256;

/// `raw` as a name: invalid UTF-8 and control characters replaced, identifying values masked, cut at 256 bytes. Runs on a
/// cache miss only.
pub(crate) fn clean(raw: &[u8]) -> Arc<str> {
    let raw = &raw[..raw.len().min(4 * LONGEST)];
    let mut text: String =
        String::from_utf8_lossy(raw).chars().map(|c| if unseen(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
    // Masked before it is cut: half an identifier is still half an identifier.
    if let std::borrow::Cow::Owned(masked) = mask_people(&text) {
        text = masked;
    }
    text.truncate(text.floor_char_boundary(LONGEST));
    Arc::from(text)
}

/// The person that an application tells, in clear like a role; one that is a person's number, address or full name is
/// told as a keyed hash, so that people stay apart. Nothing when it is empty or says that it is not known.
pub(crate) fn person(raw: &[u8], key: &Key) -> Option<Arc<str>> {
    let raw = raw.trim_ascii();
    let shown = clean(raw);
    match &*shown {
        "" | HIDDEN => None,
        name if name.as_bytes() == raw && raw.len() <= PERSON => Some(shown),
        _ => Some(Arc::from(format!("person-{:012x}", key.pseudonym("person behind a role", raw) >> 80))),
    }
}

/// An account of a host or a site, whose people may log in with a number, an address or their name: in clear where it can
/// be none of these, else as a keyed hash, so that accounts stay apart. One of a domain is written `DOMAIN\\account`.
pub(crate) fn account(raw: &[u8], key: &Key) -> String {
    let raw = raw.trim_ascii();
    let name = String::from_utf8_lossy(&raw[..raw.len().min(LONGEST)]);
    let plain = |name: &str| *role(name) == *name;
    match name.split_once('\\') {
        _ if raw.is_empty() => String::new(),
        Some((domain, user)) if plain(domain) && plain(user) && !has_long_number(&name) => name.into_owned(),
        None if plain(&name) => name.into_owned(),
        _ => format!("person-{:012x}", key.pseudonym("person behind a role", raw) >> 80),
    }
}

/// A host in clear where its name can be nobody's, else `?`.
pub(crate) fn host(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(&raw[..raw.len().min(LONGEST)]);
    if text.is_empty() || text.parse::<std::net::IpAddr>().is_ok() {
        text.into_owned()
    } else {
        shown(&text).to_string()
    }
}

/// The name of a host on the network, in lower case and without the dot at its end; a label that may be a value is `?`.
/// Nothing where it is an address, or longer than any name.
pub(crate) fn domain(raw: &[u8]) -> Option<Arc<str>> {
    let raw = raw.strip_suffix(b".").unwrap_or(raw);
    if raw.is_empty() || raw.len() > DOMAIN {
        return None;
    }
    let text = String::from_utf8_lossy(raw).to_lowercase();
    if text.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    let shown: Vec<Arc<str>> = text.split('.').map(shown).collect();
    // A number may be spread over labels: then none with a digit is shown.
    let digits = |label: &str| label.chars().filter(|c| c.is_numeric()).count();
    let spread = shown.iter().map(|label| digits(label)).sum::<usize>() >= DIGITS;
    let labels = shown.iter().map(|label| if spread && digits(label) > 0 { HIDDEN } else { label });
    Some(Arc::from(labels.collect::<Vec<&str>>().join(".")))
}

/// At most `longest` bytes of `text`.
pub(crate) fn shorten(text: &str, longest: usize) -> Arc<str> {
    Arc::from(&text[..text.floor_char_boundary(longest)])
}

/// A name out of a statement, fit to be shown; `?` when it may be a value.
pub(crate) fn shown(name: &str) -> Arc<str> {
    if harmless(name) { shorten(name, NAME) } else { Arc::from(HIDDEN) }
}

/// The name of a relation: it stands where only names stand, so any script will do.
pub(crate) fn relation(name: &str) -> Arc<str> {
    if unclassified(name) { shorten(name, NAME) } else { Arc::from(HIDDEN) }
}

/// A name that the server itself gives an object that exists; such may hold spaces.
pub(crate) fn object(raw: &[u8]) -> Arc<str> {
    let text = String::from_utf8_lossy(&raw[..raw.len().min(4 * LONGEST)]);
    if unclassified(&text.replace(' ', "_")) { shorten(&text, NAME) } else { Arc::from(HIDDEN) }
}

/// A role that a statement names, as [`clean`] shows it where it acts.
pub(crate) fn role(name: &str) -> Arc<str> {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "_-.$*".contains(c));
    if plain && !has_long_number(name) && *clean(name.as_bytes()) == *name {
        shorten(name, NAME)
    } else {
        Arc::from(HIDDEN)
    }
}

/// Whether a word may be shown: [`unclassified`], and ASCII or a known word for a table or column.
pub(crate) fn harmless(name: &str) -> bool {
    unclassified(name) && (name.is_ascii() || is_known(name))
}

/// Whether nothing in a name says that it is a value: it holds what no name of a schema holds (a space, `@`), a number
/// that may be a person's, or the name of a person.
fn unclassified(name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '#' | '-' | '.'));
    plain && !has_long_number(name) && (!names_person(name) || is_known(name))
}

/// Whether a name is a known word for a table or column with personal data: such a word is no value.
pub(crate) fn is_known(name: &str) -> bool {
    column_category(name).is_some() || table_hint(name)
}

/// Whether the digits of a name may be a number of a person: six in a row, or nine in all. A month or day from 2015 on
/// at the end, as partitions have it (`payments_202611`), is none.
fn has_long_number(name: &str) -> bool {
    let name = match name.rsplit_once('_') {
        Some((stem, date)) if stem.ends_with(|c: char| c.is_ascii_alphabetic()) && is_date(date.as_bytes()) => stem,
        _ => name,
    };
    let (mut run, mut all) = (0, 0);
    name.chars().any(|c| {
        run = if c.is_numeric() { run + 1 } else { 0 };
        all += usize::from(c.is_numeric());
        run >= 6 || all >= DIGITS
    })
}

fn is_date(digits: &[u8]) -> bool {
    let number = |range: std::ops::Range<usize>| {
        digits
            .get(range)?
            .iter()
            .try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
    };
    let day = digits.len() == 6 || (digits.len() == 8 && number(6..8).is_some_and(|day| (1..=31).contains(&day)));
    day && number(0..4).is_some_and(|year| (2015..2100).contains(&year))
        && number(4..6).is_some_and(|month| (1..=12).contains(&month))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_values_are_not_shown() {
        for name in ["borrowers", "payments_202611", "loan_20261122", "h2o", "t_2024", "ИИН", "заемщики", "client_iin"]
        {
            assert_eq!(&*shown(name), name);
        }
        for name in [
            "n12345678",
            "_19850830",
            "850830346939",
            "850830",
            "+77010000001",
            "a_123_456_789",
            "x@y.kz",
            "a b",
            "Иванов",
            "ivanov",
            "Абая",
            "payments_198508",
            "KZ86125KZT5004100100",
        ] {
            assert_eq!(&*shown(name), "?", "{name}");
        }
        assert_eq!(shown(&"a".repeat(100)).len(), 63);
        assert_eq!(&*object(b"My Schema"), "My Schema");
        assert_eq!((&*role("intruder"), &*role("Иванов Иван"), &*role("x_12345678")), ("intruder", "?", "?"));
    }

    #[test]
    fn persons_are_shown_like_roles_unless_they_are_people() {
        let person = |name: &str| person(name.as_bytes(), &Key::new([7; 32])).map(|name| name.to_string());
        assert_eq!(person(" clerk7 ").as_deref(), Some("clerk7"));
        assert_eq!(person("a.ivanova").as_deref(), Some("a.ivanova"));
        for name in ["850830346939", "Ахметов Нурлан Серикович", "clerk\n7", "aigul@poshta.kz"] {
            let told = person(name).unwrap();
            assert!(told.starts_with("person-") && told.len() == 19, "{name}: {told}");
        }
        assert_ne!(person("Ахметов Нурлан"), person("Иванов Иван"));
        assert_eq!((person(""), person("?")), (None, None));
    }

    #[test]
    fn accounts_of_a_domain_are_shown_like_others() {
        let account = |name: &str| account(name.as_bytes(), &Key::new([7; 32]));
        assert_eq!(["aigul", "MFO\\aigul", ""].map(account), ["aigul", "MFO\\aigul", ""]);
        for name in ["850830346939", "MFO\\850830346939", "8508\\3034\\6939", "85083\\0346939"] {
            assert!(account(name).starts_with("person-"), "{name}");
        }
    }

    #[test]
    fn hosts_keep_labels_that_are_names() {
        let domain = |name: &str| domain(name.as_bytes()).map(|name| name.to_string());
        assert_eq!(domain("Drive.Example.COM.").as_deref(), Some("drive.example.com"));
        assert_eq!(domain("ivanov.crm.example.kz").as_deref(), Some("?.crm.example.kz"));
        assert_eq!(domain("850830346939.x.kz").as_deref(), Some("?.x.kz"));
        assert_eq!(domain("8508.3034.6939.eu1.x.kz").as_deref(), Some("?.?.?.?.x.kz"));
        assert_eq!(
            (domain("203.0.113.9"), domain("::1"), domain(""), domain(&"a.".repeat(200))),
            (None, None, None, None)
        );
    }

    #[test]
    fn replaces_what_cannot_be_shown() {
        assert_eq!(&*clean(b"app"), "app");
        assert_eq!(&*clean(b"a\nb\x1b[31m"), "a\u{fffd}b\u{fffd}[31m");
        assert_eq!(&*clean(b"a\xff"), "a\u{fffd}");
        assert_eq!(&*clean("nimda\u{202e}\u{200b}".as_bytes()), "nimda\u{fffd}\u{fffd}");
        let program = clean("CRM: Ахметов Нурлан Серикович 850830346939".as_bytes());
        assert!(
            program.starts_with("CRM: ") && !program.contains("Ахметов") && !program.contains("346939"),
            "{program}"
        );
        assert_eq!(clean("қ".repeat(400).as_bytes()).len(), 256);
    }
}
