//! Names that are shown in clear (roles, programs, databases) may hold an identifier; here it is masked.

use std::borrow::Cow;
use std::ops::Range;

use crate::finding::mask_value;
use crate::kinds::{card, digit, email, iban, iin, phone};
use crate::{Date, Kind};

/// Whether a character shows nothing itself and changes how the rest is shown: controls, marks of direction, zero widths.
/// What a log or a person says is shown without them, so that nobody reads something else than stands there.
#[must_use]
pub fn unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` with every identifier of a person replaced by its mask; borrowed when there is none. For short names. On the
/// safe side: any 12 digits with a right check digit (a BIN apart) count as an IIN, any 9 digits or more beside a word
/// such as `iin` or `card` are masked.
#[must_use]
pub fn mask_identifiers(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    // The common name has no run of seven digits and no `@`.
    let mut run = 0;
    let worth = bytes.iter().any(|byte| {
        run = if digit(*byte) {
            run + 1
        } else if matches!(byte, b' ' | b'-' | b'(' | b')') {
            run
        } else {
            0
        };
        run >= 7 || *byte == b'@'
    });
    if !worth && !bytes.windows(2).any(|pair| pair.eq_ignore_ascii_case(b"KZ")) {
        return Cow::Borrowed(text);
    }
    let mut masked = String::new();
    let (mut done, mut at) = (0, 0);
    while at < bytes.len() {
        match identifier(bytes, at, done) {
            Some((kind, span)) => {
                masked.push_str(&text[done..span.start]);
                masked.push_str(&mask_value(kind, &bytes[span.clone()]));
                done = span.end;
                at = span.end;
            }
            None => at += 1,
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[done..]);
    Cow::Owned(masked)
}

/// `text` as [`mask_identifiers`] gives it, with the names of people that it holds replaced as well. For free text that a
/// person or a program writes: reasons, names of applications.
#[must_use]
pub fn mask_people(text: &str) -> Cow<'_, str> {
    let masked = mask_identifiers(text);
    let mut near = crate::fold::Folded::default();
    near.fold(masked.as_bytes());
    let mut out = String::new();
    let mut done = 0;
    crate::kinds::person_name::each(&near, |characters, _, _| {
        let (start, end) = (near.at[characters.start] as usize, near.at[characters.end] as usize);
        if let (true, Some(before), Some(name)) = (start >= done, masked.get(done..start), masked.get(start..end)) {
            out.push_str(before);
            out.push_str(&mask_value(Kind::PersonName, name.as_bytes()));
            done = end;
        }
    });
    if done == 0 {
        return masked;
    }
    out.push_str(masked.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Whether a name of a schema speaks of one person: holds an identifier, or a word of it is a name by itself
/// (`ivanov`, `Серікқызы`). A guess on the safe side; what announces a kind (`client_iin`) is no value.
#[must_use]
pub fn names_person(name: &str) -> bool {
    matches!(mask_identifiers(name), Cow::Owned(_)) || crate::kinds::person_name::in_word(name)
}

/// The identifier that starts at `at` (an e-mail: whose `@` stands there). Its span is ASCII.
fn identifier(bytes: &[u8], at: usize, floor: usize) -> Option<(Kind, Range<usize>)> {
    let rest = &bytes[at..];
    let after_digit = at > 0 && digit(bytes[at - 1]);
    match rest[0] {
        b'@' => email::around(bytes, at).filter(|span| span.start >= floor).map(|span| (Kind::Email, span)),
        b'K' | b'k' if rest.len() >= 20 && iban::valid(&rest[..20]) => Some((Kind::Iban, at..at + 20)),
        b'K' => iban::at_start(rest).map(|length| (Kind::Iban, at..at + length)),
        b'+' => phone::parse(rest).map(|number| (Kind::Phone, at..at + number.length)),
        byte if digit(byte) && !after_digit => {
            if let Some(digits) = card::grouped(rest).filter(|digits| card::fit(digits).is_some()) {
                return (digits.len() == 16).then_some((Kind::Card, at..at + 19));
            }
            let length = rest.iter().take_while(|byte| digit(**byte)).count();
            numeric(bytes, at, length)
                .or_else(|| {
                    phone::parse(rest)
                        .filter(|number| phone::line(&number.national) != phone::Line::Foreign)
                        .map(|number| (Kind::Phone, number.length))
                })
                .map(|(kind, length)| (kind, at..at + length))
        }
        _ => None,
    }
}

fn numeric(bytes: &[u8], at: usize, length: usize) -> Option<(Kind, usize)> {
    let run = &bytes[at..at + length];
    let kind = match iin::evidence(run, Date::DEFAULT) {
        iin::Evidence::Business => return None,
        iin::Evidence::None => None,
        _ => Some(Kind::Iin),
    };
    let kind = kind.or_else(|| card::fit(run).map(|_| Kind::Card));
    let kind = kind.or_else(|| {
        (length >= 9 && announced(bytes, at, at + length)).then_some(if length == 9 {
            Kind::IdCard
        } else {
            Kind::MistypedIin
        })
    });
    kind.map(|kind| (kind, length))
}

/// A word beside the digits names what they are: the nearest 24 bytes on either side.
fn announced(bytes: &[u8], start: usize, end: usize) -> bool {
    let near = [&bytes[start.saturating_sub(24)..start], &bytes[end..bytes.len().min(end + 24)]];
    near.iter().any(|side| {
        let mut folded = crate::fold::Folded::default();
        folded.fold(side);
        let mut found = false;
        crate::context::each(&folded.codes, |hit| {
            found |= matches!(hit.word, crate::context::Word::Of(kind) if kind.is_person());
        });
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay() {
        for name in
            ["app_web", "crm-api", "DBeaver 24.1", "PostgreSQL JDBC Driver", "", "қызмет", "job-20261122", "skz"]
        {
            assert!(matches!(mask_identifiers(name), Cow::Borrowed(_)), "{name}");
        }
    }

    #[test]
    fn an_address_goes_whatever_hangs_on_it() {
        for name in ["clerk@example.kz-web", "crm-clerk@example.kz", "clerk@mail.example.kz-2", "x clerk@example.kz."] {
            let shown = mask_identifiers(name);
            assert!(!shown.contains("clerk@") && !shown.contains("example"), "{shown}");
        }
        assert_eq!(mask_identifiers("root@localhost-1"), "root@localhost-1");
    }

    #[test]
    fn names_of_people_go_from_free_text() {
        assert_eq!(mask_people("asked by branch 7"), "asked by branch 7");
        let shown = mask_people("звонил Ахметов Нурлан Серикович, ИИН 110101193346, всё верно");
        assert!(!shown.contains("Ахметов") && !shown.contains("Серикович") && !shown.contains("193346"), "{shown}");
        assert!(shown.starts_with("звонил ") && shown.ends_with(", всё верно"), "{shown}");
    }

    #[test]
    fn names_of_schemas_are_told_from_names_of_people() {
        for name in ["borrowers", "full_name", "login", "admin", "prev", "gov_id", "july", "abbrev", "loan_2024", "иин"]
        {
            assert!(!names_person(name), "{name}");
        }
        for name in ["ivanov", "Petrova_2", "Серікқызы", "t_Ахметов", "АЙГУЛЬ", "x850830346939", "a@b.kz"]
        {
            assert!(names_person(name), "{name}");
        }
    }

    #[test]
    fn identifiers_go() {
        assert_eq!(mask_identifiers("user_850830346939"), "user_850830******");
        assert_eq!(mask_identifiers("110101193346"), "110101******");
        assert_eq!(mask_identifiers("a.b@example.kz"), "a***@***");
        assert_eq!(mask_identifiers("web for a.b@example.kz now"), "web for a***@*** now");
        assert_eq!(mask_identifiers("pay KZ699990000000000001"), "pay KZ69****************");
        assert_eq!(mask_identifiers("card 4111111111111111!"), "card 4111************!");
        assert_eq!(mask_identifiers("+7 700 000 00 01"), "+* *** *** ** **");
        assert_eq!(mask_identifiers("iin110101193347"), "iin110101******");
        assert_eq!(mask_identifiers("ИИН 110101193347"), "ИИН 110101******");
        assert_eq!(mask_identifiers("bin 750640692234"), "bin 750640692234");
    }
}
