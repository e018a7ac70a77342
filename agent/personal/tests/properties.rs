//! What holds for any input: spans in bounds and in order, masks that hide, the same findings however the input comes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may; its helpers are no test functions")]

use kuzet_personal::{
    Classifier, ColumnVote, Date, Finding, Key, Kind, Scanner, Verdict, decode_text, identify, mask_identifiers,
    normalise, summarise,
};
use proptest::prelude::*;

/// Bytes of values, words and junk, so that findings are common.
fn material() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"850830346939",
        b"110101193346",
        "ИИН ".as_bytes(),
        "ЖСН: ".as_bytes(),
        b"4111 1111 1111 1111",
        b"KZ699990000000000001",
        b"+7 (700) 000-00-01",
        b"8 701 000 00 02",
        b"a.b@example.kz",
        "Ахметов Нурлан Серикович".as_bytes(),
        "г. Алматы, ул. Абая, д. 5".as_bytes(),
        "зарплата: 350 000".as_bytes(),
        "удостоверение № 012345678".as_bytes(),
        b"IDKAZ0000000011110101193346<<<\n1101018M3312315KAZ<<<<<<<<<<<6\nAUDANOV<<SERIK<<<<<<<<<<<<<<<<",
        b" ",
        b"\n",
        b", ",
        b"\xff\xd0",
        b"<<",
        b"9001013****7",
    ];
    let piece = prop_oneof![
        5 => prop::sample::select(pieces).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => "[0-9]{1,20}".prop_map(String::into_bytes),
        1 => "[а-яА-ЯәғқңөұүһіӘҒҚ ]{1,30}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn scan(classifier: &Classifier, bytes: &[u8]) -> Vec<Finding> {
    let mut found = Vec::new();
    classifier.scan(bytes, &mut found);
    found
}

fn streamed(classifier: &Classifier, bytes: &[u8], step: usize) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut take = |base: u64, found: &[Finding], _: &[u8]| {
        all.extend(found.iter().map(|finding| Finding {
            span: finding.span.start + base as usize..finding.span.end + base as usize,
            ..finding.clone()
        }));
    };
    let mut scanner = Scanner::new(classifier);
    // An input before this one leaves no trace.
    scanner.push(bytes, &mut |_, _, _| {});
    scanner.finish(&mut |_, _, _| {});
    for piece in bytes.chunks(step.max(1)) {
        scanner.push(piece, &mut take);
    }
    scanner.finish(&mut take);
    all
}

proptest! {
    #[test]
    fn findings_are_in_bounds_and_apart(bytes in material()) {
        for classifier in [Classifier::new(), Classifier::structured()] {
            let mut end = 0;
            for finding in scan(&classifier, &bytes) {
                prop_assert!(finding.span.start >= end && finding.span.start < finding.span.end);
                prop_assert!(finding.span.end <= bytes.len());
                prop_assert!((1..=100).contains(&finding.confidence));
                end = finding.span.end;
            }
        }
    }

    #[test]
    fn masks_show_no_more_than_allowed(bytes in material()) {
        for finding in scan(&Classifier::new(), &bytes) {
            let mask = finding.mask(&bytes);
            let shown = mask.chars().filter(|c| c.is_alphanumeric()).count();
            let allowed = match finding.kind {
                Kind::Iin | Kind::MistypedIin | Kind::MaskedIin | Kind::Bin => 6,
                Kind::Rnn | Kind::Card | Kind::Iban => 4,
                Kind::IdCard => 2,
                Kind::Passport | Kind::Email => 1,
                _ => 0,
            };
            prop_assert!(shown <= allowed, "{:?} {shown}", finding.kind);
        }
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..2000), name in ".{0,80}") {
        let _ = summarise(&bytes);
        let _ = decode_text(&bytes);
        let _ = mask_identifiers(&name);
        let key = Key::new([7; 32]);
        for kind in Kind::ALL {
            let _ = key.pseudonym(kind.domain(), normalise(kind, &bytes).as_bytes());
        }
        for length in 0..bytes.len().min(64) {
            let _ = identify(&bytes[..length], Some(&name));
        }
    }

    #[test]
    fn names_hold_no_identifier_after_masking(before in "[a-z_]{0,8}", after in "[a-z_]{0,8}") {
        let masked = mask_identifiers(&format!("{before} 850830346939 {after}")).into_owned();
        prop_assert!(!masked.contains("346939"), "{masked}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn pieces_give_what_the_whole_gives(bytes in material(), step in 1usize..150_000, shift in 0usize..3000) {
        // Long enough that the buffer turns over twice, with every offset against its edges.
        let mut whole = vec![b'.'; shift];
        while whole.len() < 200_000 {
            whole.extend_from_slice(&bytes);
            whole.extend_from_slice(b" . ");
        }
        for classifier in [Classifier::new(), Classifier::structured()] {
            prop_assert_eq!(streamed(&classifier, &whole, step), scan(&classifier, &whole));
        }
    }
}

/// A generator that needs no dependency (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(z ^ (z >> 31)) * u128::from(limit)) >> 64) as u64
    }
}

fn persons(text: &str) -> usize {
    let found = scan(&Classifier::new(), text.as_bytes());
    found.iter().filter(|finding| finding.kind.category().is_some()).count()
}

#[test]
fn random_numbers_are_rarely_people() {
    let mut random = Random(1);
    let total = 300_000;
    let mut text = String::new();
    for _ in 0..total {
        text.push_str(&format!("{:012}\n", random.below(1_000_000_000_000)));
    }
    let hits = persons(&text);
    assert!(hits * 1000 <= total, "{hits} of {total}");
}

#[test]
fn timestamps_are_nobody() {
    let mut text = String::new();
    for day in 1..=28 {
        for second in (0..86_400).step_by(173) {
            let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
            text.push_str(&format!("26{:02}{day:02}{h:02}{m:02}{s:02}\n", 1 + day % 12));
            text.push_str(&format!("{day:02}{:02}26{h:02}{m:02}{s:02} ", 1 + day % 12));
            text.push_str(&format!("{day:02}{:02}2026{h:02}{m:02}\n", 1 + day % 12));
            text.push_str(&format!("2026{:02}{day:02}{h:02}{m:02}\n", 1 + day % 12));
        }
    }
    assert_eq!(persons(&text), 0);
}

#[test]
fn columns_vote() {
    let mut random = Random(2);
    let mut vote = |name: Option<&str>, value: &mut dyn FnMut(&mut Random, u64) -> String| {
        let mut votes = ColumnVote::new(name);
        for index in 0..400 {
            votes.add(value(&mut random, index).as_bytes());
        }
        votes.verdict()
    };
    let mut strong = |random: &mut Random, _: u64| loop {
        let head = format!("{:02}{:02}{:02}3", 40 + random.below(59), 1 + random.below(12), 1 + random.below(28));
        let value = format!("{head}{:05}", random.below(100_000));
        if identify(value.as_bytes(), None) == Some(Kind::Iin) {
            return value;
        }
    };
    assert_eq!(vote(Some("c17"), &mut strong), Verdict::Column(Kind::Iin));
    assert_eq!(vote(None, &mut |random, _| format!("{:012}", random.below(1_000_000_000_000))), Verdict::Nothing);
    assert_eq!(vote(None, &mut |_, index| format!("{:012}", 850_830_346_000 + index)), Verdict::Nothing);
    assert_eq!(
        vote(None, &mut |random, _| format!("8701{:07}", random.below(10_000_000))),
        Verdict::Column(Kind::Phone)
    );
    assert_eq!(vote(None, &mut |_, index| format!("row {index}")), Verdict::Nothing);
    assert_eq!(ColumnVote::new(Some("iin")).verdict(), Verdict::Open);
}

#[test]
fn the_day_decides_who_is_born() {
    let text = b"iin? 101025536975";
    let young = Classifier::new().with_today(Date::new(2009, 1, 1).unwrap());
    let found = scan(&Classifier::structured(), text);
    assert_eq!(found.len(), 1);
    let mut none = Vec::new();
    young.scan(b"x 101025536975", &mut none);
    assert_eq!(none, []);
}
