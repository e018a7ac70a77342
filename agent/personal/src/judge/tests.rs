//! What the judge says of columns, good and bad.

use super::*;

fn best(name: &str, values: &[&str]) -> Option<(Kind, u8)> {
    let mut judge = ColumnJudge::new(name);
    values.iter().for_each(|value| judge.add(value.as_bytes()));
    judge.holdings().first().map(|holding| (holding.kind, holding.confidence))
}

fn sure(name: &str, values: &[&str]) -> Option<Kind> {
    best(name, values).filter(|(_, confidence)| *confidence >= 50).map(|(kind, _)| kind)
}

#[test]
fn few_values_and_odd_names() {
    assert_eq!(sure("a1", &["850830346939"]), Some(Kind::Iin));
    assert_eq!(sure("x", &["a.b@example.kz", "c@example.kz", "d@example.com"]), Some(Kind::Email));
    assert_eq!(sure("v7", &["Женат", "холост", "разведён"]), Some(Kind::Marital));
    assert_eq!(
        sure("f3", &["Ахметов Нұрлан", "Оспанова Әсем", "Ибраев Серік", "Касымов Олжас"]),
        Some(Kind::PersonName)
    );
    assert_eq!(sure("p", &["+77010000001", "+7 701 000 00 02", "87010000003"]), Some(Kind::Phone));
    assert_eq!(sure("ud_no", &["012345678", "998877665", "500600700"]), Some(Kind::IdCard));
    assert_eq!(sure("zp", &["350000.00", "120000", "87 000"]), Some(Kind::Salary));
}

#[test]
fn names_alone_and_names_that_promise_too_much() {
    assert_eq!(best("iin", &[]), Some((Kind::Iin, 60)));
    assert_eq!(best("ud", &[]), Some((Kind::IdCard, 25)));
    assert_eq!(sure("phone_model", &["Galaxy S24", "Redmi 12", "Pixel 9"]), None);
    assert_eq!(
        sure("iin_enc", &["gAAAAABkZ9Fh3m2PqLw8Yt5VxN0c1A==", "gAAAAABkZ9Fh3m2PqLw8Yt5VxN0c1B=="]),
        Some(Kind::Iin)
    );
    assert_eq!(sure("card", &["VISA", "MasterCard"]), None);
    assert_eq!(sure("org", &["склад", "офис"]), None);
}

#[test]
fn keys_inside_are_columns_of_their_own() {
    let documents: Vec<String> = (0..30)
        .map(|at| format!(r#"{{"k": "x{at}", "m": ["+7701000{at:04}"], "ф": {{"фио": "Ахметов Серік"}}}}"#))
        .collect();
    let mut judge = ColumnJudge::new("extra");
    documents.iter().for_each(|value| judge.add(value.as_bytes()));
    let kinds: Vec<Kind> = judge.holdings().iter().filter(|one| one.confidence >= 50).map(|one| one.kind).collect();
    assert!(kinds.contains(&Kind::Phone) && kinds.contains(&Kind::PersonName), "{kinds:?}");
}

#[test]
fn other_columns_are_none() {
    let sequence: Vec<String> = (0..40).map(|at| (850_830_346_900_u64 + at).to_string()).collect();
    let sequence: Vec<&str> = sequence.iter().map(String::as_str).collect();
    assert_eq!(sure("num", &sequence), None);
    let cities =
        ["Алматы", "Астана", "Шымкент", "Тараз", "Павлодар", "Семей", "Атырау", "Костанай", "Уральск", "Балхаш"];
    assert_eq!(sure("g", &cities), None);
    let streets = ["Сейфуллина", "Кунаева", "Жандосова", "Абая", "Розыбакиева", "Гагарина", "Валиханова", "Ауэзова"];
    assert_eq!(sure("s", &streets), None);
    let goods =
        ["Магазин", "Кофемашина", "Диван", "Утюг", "Пылесос", "Кефир", "Планшет", "Кабель", "Ноутбук", "Телевизор"];
    assert_eq!(sure("product_full_name", &goods), None);
    assert_eq!(sure("mac_address", &["0a:1b:2c:3d:4e:5f", "ff:ee:dd:cc:bb:aa", "ab:cd:ef:01:02:03"]), None);
    assert_eq!(sure("score", &["1", "2", "3", "4", "5"]), None);
    assert_eq!(sure("score", &["655", "712", "490", "505"]), Some(Kind::Solvency));
    assert_eq!(sure("server_ip", &["10.0.0.1", "10.2.0.7", "192.168.1.4"]), None);
    assert_eq!(sure("b", &["750640692234", "750640692234"]), None);
    assert_eq!(sure("empty", &["", " "]), None);
}

#[test]
fn hostile_values_do_not_harm() {
    let mut judge = ColumnJudge::new(&"x".repeat(5000));
    for value in [&b"\xff\xfe{\"\\u12"[..], b"[[[[[[", b"<a", b"{\"a\"", &[b'9'; 10_000], &[b'{'; 10_000]] {
        judge.add(value);
    }
    let many: String = (0..500).map(|at| format!("\"k{at}\": 1,")).collect();
    judge.add(format!("{{{many}}}").as_bytes());
    assert!(judge.keys.len() <= MOST_KEYS);
    assert!(judge.holdings().len() <= MOST_KEYS * 27);
}
