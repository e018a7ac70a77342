//! Every vector of `data/kz-vectors.json` that concerns the classifier.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may; its helpers are no test functions")]

use kuzet_personal::{Classifier, Encoding, Finding, Kind, Reason, decode_text, identify};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("data/kz-vectors.json")).unwrap()
}

fn list(root: &Value, path: &str) -> Vec<Value> {
    root.pointer(path).unwrap_or_else(|| panic!("{path}")).as_array().unwrap().clone()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_owned()
}

fn scan(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    Classifier::new().scan(text.as_bytes(), &mut found);
    found
}

/// What is found in ` context value `, whole.
fn kind_of(context: &str, value: &str) -> Option<(Kind, Reason)> {
    let whole = format!("{context} {value} ;");
    let span = context.len() + 1..context.len() + 1 + value.len();
    scan(&whole).into_iter().find(|finding| finding.span == span).map(|finding| (finding.kind, finding.reason))
}

fn alone(value: &str) -> Option<Kind> {
    kind_of("", value).map(|(kind, _)| kind)
}

#[test]
fn iin_valid() {
    let root = vectors();
    for vector in list(&root, "/iin/valid_living_shape") {
        let value = text(&vector, "value");
        assert_eq!(kind_of("", &value), Some((Kind::Iin, Reason::Checksum)), "{value}");
        assert_eq!(kind_of("ЖСН", &value), Some((Kind::Iin, Reason::ChecksumAndContext)), "{value}");
        assert_eq!(identify(value.as_bytes(), None), Some(Kind::Iin));
    }
    for vector in list(&root, "/iin/valid_pre1900").iter().chain(&list(&root, "/iin/checksum_ok_but_weak")) {
        let value = text(vector, "value");
        assert_eq!(alone(&value), None, "{value}");
        for word in ["ИИН", "iin:", "ЖСН №", "\"client_iin\": ", "Жеке сәйкестендіру коды"]
        {
            assert_eq!(kind_of(word, &value).map(|found| found.0), Some(Kind::Iin), "{word} {value}");
        }
        assert_eq!(identify(value.as_bytes(), Some("iin")), Some(Kind::Iin));
    }
    for pair in list(&root, "/iin/blind_spot_digit11") {
        for side in ["a", "b"] {
            assert_eq!(identify(pair[side].as_str().unwrap().as_bytes(), Some("iin")), Some(Kind::Iin));
        }
    }
}

#[test]
fn iin_invalid() {
    let root = vectors();
    for vector in list(&root, "/iin/invalid") {
        let (value, reason) = (text(&vector, "value"), text(&vector, "reason"));
        assert_eq!(alone(&value), None, "{reason} {value}");
        let (announced, named) = (kind_of("ИИН", &value), identify(value.as_bytes(), Some("iin")));
        match reason.as_str() {
            "check_digit" => {
                assert_eq!(announced, Some((Kind::MistypedIin, Reason::BrokenChecksum)), "{value}");
                assert_eq!(named, Some(Kind::MistypedIin), "{value}");
            }
            // Since 2013 the digits need not be a date: behind its own word the check digit is enough.
            "date" => {
                assert_eq!(announced, Some((Kind::Iin, Reason::ChecksumAndContext)), "{value}");
                assert_eq!(named, Some(Kind::Iin), "{value}");
            }
            _ => {
                assert_ne!(announced.map(|found| found.0), Some(Kind::Iin), "{reason} {value}");
                assert_ne!(named, Some(Kind::Iin), "{reason} {value}");
            }
        }
    }
    for group in list(&root, "/iin/both_passes_10") {
        for value in list(&group, "/invalid_for_every_check_digit") {
            assert_eq!(alone(value.as_str().unwrap()), None);
            assert_eq!(identify(value.as_str().unwrap().as_bytes(), Some("iin")), Some(Kind::MistypedIin));
        }
    }
    for group in list(&root, "/iin/both_passes_10_published") {
        for digit in 0..10 {
            assert_eq!(alone(&format!("{}{digit}", text(&group, "prefix11"))), None);
        }
    }
}

#[test]
fn bin_is_no_person() {
    let root = vectors();
    for vector in list(&root, "/bin/valid").iter().chain(&list(&root, "/bin/published")) {
        let value = text(vector, "value");
        assert_eq!(identify(value.as_bytes(), None), Some(Kind::Bin), "{value}");
        assert_eq!(identify(value.as_bytes(), Some("iin")), Some(Kind::Bin), "{value}");
        assert_eq!(alone(&value), None, "{value}");
        assert_eq!(kind_of("БИН", &value).map(|found| found.0), Some(Kind::Bin), "{value}");
    }
    for vector in list(&root, "/bin/invalid") {
        let value = text(&vector, "value");
        assert_ne!(identify(value.as_bytes(), Some("bin")), Some(Kind::Bin), "{value}");
        assert_eq!(alone(&value), None, "{value}");
    }
}

#[test]
fn ibans() {
    let root = vectors();
    for vector in list(&root, "/iban/valid") {
        for spelling in ["value", "pretty"] {
            let value = text(&vector, spelling);
            assert_eq!(alone(&value), Some(Kind::Iban), "{value}");
            assert_eq!(identify(value.as_bytes(), None), Some(Kind::Iban), "{value}");
        }
    }
    for vector in list(&root, "/iban/invalid") {
        let value = text(&vector, "value");
        assert!(!scan(&value).iter().any(|finding| finding.kind == Kind::Iban), "{value}");
        assert_ne!(identify(value.as_bytes(), None), Some(Kind::Iban), "{value}");
    }
}

#[test]
fn cards() {
    let root = vectors();
    for value in list(&root, "/card/valid") {
        let value = value.as_str().unwrap();
        assert_eq!(alone(value), Some(Kind::Card), "{value}");
    }
    for vector in list(&root, "/card/invalid") {
        let value = text(&vector, "value");
        assert_eq!(kind_of("карта", &value), None, "{value}");
        assert_eq!(identify(value.as_bytes(), Some("card_no")), None, "{value}");
    }
}

#[test]
fn machine_readable_zones() {
    let root = vectors();
    let lines = |vector: &Value, end: &str| {
        let lines: Vec<String> = list(vector, "/lines").iter().map(|line| line.as_str().unwrap().to_owned()).collect();
        lines.join(end)
    };
    for vector in list(&root, "/mrz/valid").iter().chain(&list(&root, "/mrz/icao_9303_specimens")) {
        for end in ["\n", "\r\n", "\\n"] {
            let zone = lines(vector, end);
            let found = kind_of("scan:\n", &zone);
            let other = zone.contains("UTO");
            let reason = if other { Reason::OtherCountry } else { Reason::CheckDigits };
            assert_eq!(found, Some((Kind::Mrz, reason)), "{zone}");
        }
    }
    for vector in list(&root, "/mrz/invalid") {
        let zone = lines(&vector, "\n");
        let found: Vec<Finding> = scan(&zone).into_iter().filter(|finding| finding.kind == Kind::Mrz).collect();
        match vector["reason"].as_str().unwrap() {
            "not_KAZ_nationality" => assert_eq!(found[0].reason, Reason::OtherCountry, "{zone}"),
            // The second line of a passport stands by itself: its check digits hold whatever the first line lost.
            "line_length" if vector["type"] == "TD3" => assert_eq!(found[0].span.len(), 44, "{zone}"),
            _ => assert_eq!(found, [], "{zone}"),
        }
    }
}

#[test]
fn phones() {
    let root = vectors();
    for vector in list(&root, "/phone/valid") {
        let value = text(&vector, "value");
        let e164 = text(&vector, "e164");
        let kind = if e164.starts_with("+772") || e164.starts_with("+771") { Kind::PhoneOther } else { Kind::Phone };
        assert_eq!(kind_of("телефон", &value).map(|found| found.0), Some(kind), "{value}");
        assert_eq!(identify(value.as_bytes(), Some("phone")), Some(kind), "{value}");
        let normal = kuzet_personal::normalise(kind, value.as_bytes());
        assert_eq!(normal.as_bytes(), &e164.as_bytes()[1..], "{value}");
    }
    for vector in list(&root, "/phone/invalid") {
        assert_eq!(scan(&text(&vector, "value")), [], "{vector}");
    }
}

#[test]
fn encodings() {
    let root = vectors();
    let expected = [
        ("kz1048", Encoding::Kz1048),
        ("ptcp154", Encoding::Pt154),
        ("utf-16le_bom", Encoding::Utf16Le),
        ("cp1251", Encoding::Windows1251),
        ("koi8-r", Encoding::Koi8R),
        ("cp866", Encoding::Cp866),
    ];
    for (name, encoding) in expected {
        let vector = &root["encodings"][name];
        let hex = text(vector, "hex");
        let bytes: Vec<u8> =
            (0..hex.len() / 2).map(|index| u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).unwrap()).collect();
        let (detected, decoded) = decode_text(&bytes);
        assert_eq!(detected, encoding, "{name}");
        assert_eq!(decoded, text(vector, "text"), "{name}");
        assert!(scan(&decoded).iter().any(|finding| finding.kind == Kind::Iin), "{name}");
    }
}

#[test]
fn tables() {
    let root = vectors();
    for (name, encoding) in [("kz1048", Encoding::Kz1048), ("ptcp154", Encoding::Pt154)] {
        for (index, unit) in list(&root, &format!("/tables_0x80_0xff/{name}")).iter().enumerate() {
            let expected = unit.as_str().map_or(char::REPLACEMENT_CHARACTER, |unit| {
                char::from_u32(u32::from_str_radix(&unit[2..], 16).unwrap()).unwrap()
            });
            let byte = [0x80 + index as u8];
            let decoded = kuzet_personal::decode(&byte, encoding);
            assert_eq!(decoded.chars().next(), Some(expected), "{name} {index:x}");
        }
    }
}

#[test]
fn traps() {
    let root = vectors();
    for vector in list(&root, "/traps") {
        let value = text(&vector, "value");
        assert_eq!(scan(&value), [], "{vector}");
        assert_eq!(identify(value.as_bytes(), None), None, "{vector}");
    }
}
