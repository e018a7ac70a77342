//! Invented borrowers of a microfinance organisation. SOURCE: made by this file from a fixed seed; nobody exists.

use super::Random;
use std::collections::HashSet;
use std::fmt::Write;

/// One borrower.
#[derive(Clone, Debug)]
pub struct Person {
    /// Row number from 1.
    pub id: usize,
    /// Individual identification number with a valid check digit.
    pub iin: String,
    /// Surname and first name.
    pub full_name: String,
    /// Mobile phone, `+77…`.
    pub phone: String,
    /// Identity card number.
    pub id_card: String,
    /// Account with valid check digits (ISO 7064 MOD 97-10).
    pub iban: String,
    /// Tenge a month.
    pub salary: u64,
    /// Address.
    pub address: String,
    /// Marital status.
    pub marital: &'static str,
}

const FEMALE: [&str; 8] = ["Айгүл", "Дина", "Мадина", "Әсем", "Жанар", "Гүлнар", "Сәуле", "Томирис"];
const MALE: [&str; 8] = ["Нұрлан", "Ержан", "Асқар", "Данияр", "Бауыржан", "Қанат", "Серік", "Олжас"];
const SURNAMES: [&str; 8] =
    ["Ахметов", "Оспанов", "Сейтқалиев", "Жұмабаев", "Ибраев", "Қасымов", "Тілеуов", "Нұрғалиев"];
const CITIES: [&str; 6] = ["Алматы", "Астана", "Шымкент", "Қарағанды", "Ақтөбе", "Тараз"];
const STREETS: [&str; 5] = ["Абай", "Достық", "Республика", "Желтоқсан", "Төле би"];
const MARITAL: [&str; 4] = ["married", "single", "divorced", "widowed"];
const PREFIXES: [&str; 10] = ["01", "02", "05", "07", "47", "71", "75", "76", "77", "78"];

/// IIN of someone born on `year`-`month`-`day`; `None` for the serials that have no check digit.
pub fn iin(year: u64, month: u64, day: u64, male: bool, serial: u64) -> Option<String> {
    let century = if year < 2000 { 3 } else { 5 } + u64::from(!male);
    let mut text = format!("{:02}{month:02}{day:02}{century}{serial:04}", year % 100);
    let pass = |shift: u64| {
        text.bytes().zip(0..).map(|(digit, at)| u64::from(digit - b'0') * ((at + shift) % 11 + 1)).sum::<u64>() % 11
    };
    let check = if pass(0) < 10 { pass(0) } else { pass(2) };
    if check == 10 {
        return None;
    }
    let _ = write!(text, "{check}");
    Some(text)
}

fn iban(random: &mut Random) -> String {
    let bank = random.pick(&[125, 319, 722, 914, 998]);
    let account = format!("{bank:03}{:013}", random.below(10_000_000_000_000));
    let remainder = format!("{account}203500").bytes().fold(0, |sum, digit| (sum * 10 + u64::from(digit - b'0')) % 97);
    format!("KZ{:02}{account}", 98 - remainder)
}

/// `count` borrowers, always the same ones.
pub fn people(count: usize) -> Vec<Person> {
    let mut random = Random::new(20_261_122);
    let mut seen = HashSet::new();
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let male = random.below(2) == 0;
        let (year, month, day) = (1955 + random.below(52), 1 + random.below(12), 1 + random.below(28));
        let Some(iin) = iin(year, month, day, male, random.below(10_000)) else { continue };
        if !seen.insert(iin.clone()) {
            continue;
        }
        let first = random.pick(if male { &MALE } else { &FEMALE });
        let surname = random.pick(&SURNAMES);
        all.push(Person {
            id: all.len() + 1,
            iin,
            full_name: format!("{surname}{} {first}", if male { "" } else { "а" }),
            phone: format!("+77{}{:07}", random.pick(&PREFIXES), random.below(10_000_000)),
            id_card: format!("{:09}", 100_000_000 + random.below(900_000_000)),
            iban: iban(&mut random),
            salary: 85_000 + random.below(865) * 1000,
            address: format!(
                "{}, {} к-сі {}, {}-пәтер",
                random.pick(&CITIES),
                random.pick(&STREETS),
                1 + random.below(199),
                1 + random.below(119)
            ),
            marital: MARITAL[random.below(4) as usize],
        });
    }
    all
}

/// A payment card number of `length` digits starting with `prefix`, with a valid Luhn digit.
pub fn card(prefix: &str, length: usize, random: &mut Random) -> String {
    let mut digits = prefix.to_owned();
    while digits.len() + 1 < length {
        let _ = write!(digits, "{}", random.below(10));
    }
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (u32::from(digit - b'0'), at % 2) {
            (digit, 0) => digit * 2 / 10 + digit * 2 % 10,
            (digit, _) => digit,
        })
        .sum();
    let _ = write!(digits, "{}", (10 - sum % 10) % 10);
    digits
}

/// Tables `borrowers`, `loans` and `applications` as CSV with a header and `\n` lines, in the order they are loaded.
pub fn tables(people: &[Person]) -> [(&'static str, String); 3] {
    let mut random = Random::new(20_261_123);
    let count = people.len() as u64;
    let mut borrowers = "id,iin,full_name,phone,id_card_no,iban,salary,address,marital_status\n".to_owned();
    let mut loans = "id,borrower_id,amount,rate,opened,due,status\n".to_owned();
    let mut applications = "id,borrower_id,created_at,channel,requested,decision,score\n".to_owned();
    for p in people {
        let _ = writeln!(
            borrowers,
            "{},{},{},{},{},{},{},\"{}\",{}",
            p.id, p.iin, p.full_name, p.phone, p.id_card, p.iban, p.salary, p.address, p.marital
        );
        let (opened, day) = (1 + random.below(6), 1 + random.below(28));
        let _ = writeln!(
            loans,
            "{},{},{},{}.{},2026-{opened:02}-{day:02},2026-{:02}-{day:02},{}",
            p.id,
            1 + random.below(count),
            10_000 + random.below(598) * 5000,
            18 + random.below(28),
            random.below(10),
            opened + 6,
            random.pick(&["open", "closed", "overdue"])
        );
        let _ = writeln!(
            applications,
            "{},{},2026-{:02}-{:02} 10:{:02}:00,{},{},{},{}",
            p.id,
            1 + random.below(count),
            1 + random.below(10),
            1 + random.below(28),
            random.below(60),
            random.pick(&["web", "mobile", "branch"]),
            10_000 + random.below(398) * 5000,
            random.pick(&["approved", "rejected", "manual"]),
            300 + random.below(550)
        );
    }
    [("borrowers", borrowers), ("loans", loans), ("applications", applications)]
}

#[test]
fn people_are_valid_and_always_the_same() {
    assert_eq!(iin(1990, 1, 1, true, 1234).map(|iin| iin.len()), Some(12));
    let all = people(200);
    assert_eq!(all.len(), people(200).len());
    assert_eq!(all[199].iin, people(200)[199].iin);
    for person in &all {
        let digits = person.iban[4..].to_owned() + "2035" + &person.iban[2..4];
        assert_eq!(digits.bytes().fold(0, |sum, digit| (sum * 10 + u64::from(digit - b'0')) % 97), 1);
    }
    assert_eq!(card("4400", 16, &mut Random::new(1)).len(), 16);
}
