//! Planted values, right and nearly right: all made by their rules, none taken from anyone.

use crate::random::Random;
use crate::words::{CARD_WORDS, DOMAINS, ENGLISH, GIVEN, PATRONYMICS, SURNAMES};

/// A value and what is true of it.
pub(crate) struct Plant {
    pub(crate) kind: &'static str,
    /// False for a near miss that must not be found.
    pub(crate) valid: bool,
    /// Words before it.
    pub(crate) context: &'static str,
    pub(crate) value: String,
}

/// The check digit of eleven digits; none has one when both passes give 10.
fn iin_check(digits: &str) -> Option<u32> {
    let values: Vec<u32> = digits.bytes().map(|byte| u32::from(byte - b'0')).collect();
    let pass = |shift: u32| {
        values.iter().zip(0u32..).map(|(value, index)| value * ((index + shift) % 11 + 1)).sum::<u32>() % 11
    };
    let first = values.iter().zip(1u32..).map(|(value, weight)| value * weight).sum::<u32>() % 11;
    let check = if first == 10 { pass(2) } else { first };
    (check < 10).then_some(check)
}

/// An IIN of someone born from 1940 to 2025, the number invented.
pub(crate) fn iin(random: &mut Random) -> String {
    loop {
        let year = random.range(40, 125);
        let century = if year >= 100 { random.range(5, 6) } else { random.range(3, 4) };
        let (month, day) = (random.range(1, 12), random.range(1, 28));
        let digits = format!("{:02}{month:02}{day:02}{century}{}", year % 100, random.digits(4));
        if let Some(check) = iin_check(&digits) {
            return format!("{digits}{check}");
        }
    }
}

/// A wrong check digit, a month from 13 to 19, or twelve digits inside fifteen.
pub(crate) fn iin_near(random: &mut Random) -> String {
    let mut digits = iin(random).into_bytes();
    match random.below(3) {
        0 => digits[11] = b'0' + (digits[11] - b'0' + 1 + random.below(9) as u8) % 10,
        1 => {
            digits[2] = b'1';
            digits[3] = b'3' + random.below(7) as u8;
        }
        _ => digits.extend_from_slice(random.digits(3).as_bytes()),
    }
    digits.into_iter().map(char::from).collect()
}

fn luhn_check(digits: &str) -> u32 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let value = u32::from(byte - b'0');
            match (index % 2, value) {
                (1, value) => value,
                (_, value) if value > 4 => value * 2 - 9,
                (_, value) => value * 2,
            }
        })
        .sum();
    (10 - sum % 10) % 10
}

/// A card number of sixteen digits, in one of three spellings.
pub(crate) fn card(random: &mut Random, valid: bool) -> String {
    let prefix = random.pick(&["4", "4400", "51", "53", "5169", "2200", "2202"]);
    let mut digits = format!("{prefix}{}", random.digits(15 - prefix.len()));
    let check = luhn_check(&digits);
    let check = if valid { check } else { (check + 1 + random.below(9) as u32) % 10 };
    digits.push_str(&check.to_string());
    let groups = [&digits[..4], &digits[4..8], &digits[8..12], &digits[12..]];
    match random.below(3) {
        0 => digits,
        1 => groups.join(" "),
        _ => groups.join("-"),
    }
}

/// A Kazakh IBAN with an invented account.
pub(crate) fn iban(random: &mut Random, valid: bool) -> String {
    let account: String =
        (0..16).map(|index| if index < 3 || random.chance(7, 10) { random.digit() } else { random.letter() }).collect();
    let rest = account.chars().chain("KZ00".chars()).fold(0, |rest, c| {
        let value = c.to_digit(36).unwrap_or(0);
        (if value > 9 { rest * 100 + value } else { rest * 10 + value }) % 97
    });
    let check = 98 - rest;
    let check = if valid { check } else { 2 + (check - 2 + 1 + random.below(90) as u32) % 96 };
    format!("KZ{check:02}{account}")
}

/// A mobile number of a Kazakh operator, or of a Russian area, in one of four spellings.
pub(crate) fn phone(random: &mut Random, valid: bool) -> String {
    let code = if valid {
        random.pick(&["700", "701", "702", "705", "707", "708", "747", "771", "775", "776", "777", "778"])
    } else {
        random.pick(&["495", "912", "343", "812"])
    };
    let number = random.digits(7);
    let (one, two, three) = (&number[..3], &number[3..5], &number[5..]);
    match random.below(4) {
        0 => format!("+7{code}{number}"),
        1 => format!("+7 {code} {one} {two} {three}"),
        2 => format!("+7 ({code}) {one}-{two}-{three}"),
        _ => format!("8 {code} {one}-{two}-{three}"),
    }
}

pub(crate) fn email(random: &mut Random, valid: bool) -> String {
    let (one, two, number) = (random.pick(ENGLISH), random.pick(ENGLISH), random.range(1, 999));
    let domain = if valid { random.pick(DOMAINS) } else { "localhost" };
    format!("{one}.{two}{number}@{domain}")
}

/// Surname, given name, patronymic; or two capitalised words that are nobody.
pub(crate) fn name(random: &mut Random, valid: bool) -> String {
    if valid {
        return format!("{} {} {}", random.pick(SURNAMES), random.pick(GIVEN), random.pick(PATRONYMICS));
    }
    let first = random.pick(&["Восточный", "Қызылорда", "Алматы", "Северный", "Астана"]);
    format!("{first} {}", random.pick(&["Казахстан", "Облысы", "Бюджет", "Проект"]))
}

/// One value of the seven structured kinds, seven of ten right.
pub(crate) fn plant(random: &mut Random) -> Plant {
    let valid = random.chance(7, 10);
    let give = |kind, context, value| Plant { kind, valid, context, value };
    match random.below(7) {
        0 => {
            let context = random.pick(&["ИИН ", "ЖСН: ", "iin=", "", " "]);
            give("iin", context, if valid { iin(random) } else { iin_near(random) })
        }
        1 => give("card", random.pick(&["карта ", "card: ", "", ""]), card(random, valid)),
        2 => give("iban", random.pick(&["ИИК ", "IBAN ", "счёт ", ""]), iban(random, valid)),
        3 => give("phone", random.pick(&["тел. ", "телефон: ", "phone ", ""]), phone(random, valid)),
        4 => give("email", random.pick(&["e-mail: ", "почта ", ""]), email(random, valid)),
        5 => {
            let context =
                if valid { random.pick(CARD_WORDS) } else { random.pick(&["заказ ", "артикул ", "ref "]) };
            give("id_card", context, format!("0{}", random.digits(8)))
        }
        _ => give("person_name", "", name(random, valid)),
    }
}
