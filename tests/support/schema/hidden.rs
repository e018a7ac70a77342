//! The personal data that a schema hides: people, and names of columns that say little or nothing.

use super::super::people::{self, card};
use super::{Type, Value, digits, pick};
use crate::support::Random;

const SURNAMES: [&str; 40] = [
    "Абдрахманов",
    "Алимбеков",
    "Байжанов",
    "Бекмұхамедов",
    "Горбунов",
    "Ким",
    "Цой",
    "Шевченко",
    "Исаев",
    "Төлегенов",
    "Жақсыбеков",
    "Кенжебаев",
    "Смағұлов",
    "Рахимов",
    "Юсупов",
    "Петренко",
    "Садуақасов",
    "Нұрпейісов",
    "Жақсылықов",
    "Мұратов",
    "Сүлейменов",
    "Тоқаев",
    "Ержанов",
    "Дүйсенов",
    "Волков",
    "Лебедев",
    "Ли",
    "Пак",
    "Шмидт",
    "Бейсенов",
    "Омаров",
    "Қуанышев",
    "Әбдіқадыров",
    "Сатыбалдиев",
    "Мырзахметов",
    "Искаков",
    "Ермеков",
    "Рыскулов",
    "Тайжанов",
    "Мельник",
];
const MEN: [&str; 20] = [
    "Әлихан",
    "Нұрсұлтан",
    "Санжар",
    "Ернар",
    "Диас",
    "Мирас",
    "Арсен",
    "Виталий",
    "Ринат",
    "Тимур",
    "Дәулет",
    "Антон",
    "Бекзат",
    "Ерасыл",
    "Мақсат",
    "Рустам",
    "Денис",
    "Жандос",
    "Айбек",
    "Сұлтан",
];
const WOMEN: [&str; 20] = [
    "Аружан",
    "Інкәр",
    "Айлин",
    "Оксана",
    "Наталья",
    "Гауһар",
    "Балжан",
    "Жансая",
    "Карина",
    "Дильназ",
    "Ақбота",
    "Меруерт",
    "Назерке",
    "Ұлжан",
    "Марина",
    "Перизат",
    "Сабина",
    "Толғанай",
    "Вера",
    "Айжан",
];
pub(super) const STREETS: [&str; 16] = [
    "Абая",
    "Сейфуллина",
    "Кунаева",
    "Жандосова",
    "Розыбакиева",
    "Гагарина",
    "Валиханова",
    "Ауэзова",
    "Момышулы",
    "Сатпаева",
    "Байтурсынова",
    "Назарбаева",
    "Панфилова",
    "Толе би",
    "Пушкина",
    "Райымбека",
];
pub(super) const CITIES: [&str; 24] = [
    "Алматы",
    "Астана",
    "Шымкент",
    "Қарағанды",
    "Ақтөбе",
    "Тараз",
    "Павлодар",
    "Өскемен",
    "Семей",
    "Атырау",
    "Қостанай",
    "Қызылорда",
    "Орал",
    "Петропавл",
    "Ақтау",
    "Теміртау",
    "Түркістан",
    "Көкшетау",
    "Талдықорған",
    "Екібастұз",
    "Рудный",
    "Жезқазған",
    "Сәтбаев",
    "Балқаш",
];
pub(super) const GOODS: [&str; 20] = [
    "Холодильник",
    "Телевизор",
    "Смартфон",
    "Ноутбук",
    "Пылесос",
    "Утюг",
    "Диван",
    "Велосипед",
    "Бензин АИ-95",
    "Магазин",
    "Кефир",
    "Молоко 3.2%",
    "Витамин C",
    "Кабель HDMI",
    "Наушники",
    "Планшет",
    "Кофемашина",
    "Samsung Galaxy A54",
    "Xiaomi Redmi 12",
    "iPhone 15",
];
pub(super) const FIRMS: [&str; 10] = [
    "Береке",
    "Алтын Дән",
    "КазТрансСервис",
    "Арай",
    "Самрук Логистик",
    "Жетысу",
    "Евразия Трейд",
    "Омега",
    "Нур-Строй",
    "Көктем",
];

/// Odd names: they say nothing.
pub(super) const ODD: [&str; 36] = [
    "f1",
    "f17",
    "attr_3",
    "pole7",
    "znach",
    "val_2",
    "kod2",
    "rekv",
    "dop_info",
    "x1",
    "data_1",
    "str_5",
    "num1",
    "ext_ref",
    "k_1",
    "field_12",
    "c9",
    "svoistvo",
    "параметр",
    "знач_1",
    "мән",
    "tirkeu",
    "prm",
    "info2",
    "obj",
    "s1",
    "zn",
    "a_2",
    "custom_field_4",
    "reserve1",
    "u_def_3",
    "txt",
    "сведения",
    "prim",
    "r14",
    "spravka",
];
pub(super) const TABLES: [&str; 20] = [
    "t",
    "spr",
    "tbl",
    "doc_hdr",
    "reg",
    "ab_ext",
    "zz",
    "журнал",
    "oper",
    "nastr",
    "ref",
    "ent",
    "obj",
    "lk",
    "sys_ext",
    "mtd",
    "pos",
    "ttl",
    "анықтама",
    "dwh_stg",
];

fn iin(random: &mut Random) -> String {
    loop {
        let (year, month, day) = (1950 + random.below(57), 1 + random.below(12), 1 + random.below(28));
        let male = random.below(2) == 0;
        let serial = random.below(10_000);
        if let Some(iin) = people::iin(year, month, day, male, serial) {
            return iin;
        }
    }
}

fn surname(random: &mut Random, woman: bool) -> String {
    let stem = pick(random, &SURNAMES);
    if woman && stem.ends_with('в') { format!("{stem}а") } else { stem.to_owned() }
}

fn full_name(random: &mut Random, _: usize) -> String {
    let woman = random.below(2) == 0;
    let first = pick(random, if woman { &WOMEN } else { &MEN });
    let father = pick(random, &["Серік", "Болат", "Марат", "Ермек", "Қайрат", "Талғат", "Асан"]);
    let surname = surname(random, woman);
    match random.below(5) {
        0 => format!("{surname} {first} {father}{}", if woman { "қызы" } else { "ұлы" }),
        1 | 2 => format!("{surname} {first} {father}{}", if woman { "овна" } else { "ович" }),
        3 => format!("{} {}", surname.to_uppercase(), first.to_uppercase()),
        _ => format!("{first} {surname}"),
    }
}

fn mobile(random: &mut Random) -> String {
    format!(
        "7{}{}",
        pick(random, &["701", "702", "705", "707", "747", "771", "775", "776", "777", "778"]),
        digits(random, 7)
    )
}

fn spelled(random: &mut Random, _: usize) -> String {
    let number = mobile(random);
    let (a, b, c, d) = (&number[1..4], &number[4..7], &number[7..9], &number[9..11]);
    match random.below(4) {
        0 => format!("+{number}"),
        1 => format!("8{a}{b}{c}{d}"),
        2 => format!("+7 ({a}) {b}-{c}-{d}"),
        _ => format!("8 {a} {b} {c} {d}"),
    }
}

fn home(random: &mut Random, _: usize) -> String {
    let (city, street) = (pick(random, &CITIES), pick(random, &STREETS));
    let (house, flat) = (1 + random.below(200), 1 + random.below(150));
    match random.below(3) {
        0 => format!("г. {city}, ул. {street}, д. {house}, кв. {flat}"),
        1 => format!("{city} қ., {street} көшесі, {house}-үй, {flat}-пәтер"),
        _ => format!("{city}, мкр. {}, дом {house}, кв. {flat}", 1 + random.below(12)),
    }
}

fn iban(random: &mut Random) -> String {
    let account = format!("{}{}", pick(random, &["125", "319", "722", "914", "998"]), digits(random, 13));
    let rest = format!("{account}203500").bytes().fold(0, |sum, digit| (sum * 10 + u64::from(digit - b'0')) % 97);
    format!("KZ{:02}{account}", 98 - rest)
}

/// A column of personal data: its category, its type, names, and its values.
pub(super) struct Hidden {
    pub(super) category: &'static str,
    pub(super) of: Type,
    /// Empty: any odd one. Kinds whose values prove nothing have an abbreviation at least.
    pub(super) names: &'static [&'static str],
    pub(super) value: Value,
}

/// Of these twelve are drawn; the first three stand in every schema.
pub(super) const HIDDEN: [Hidden; 18] = [
    Hidden { category: "iin", of: Type::Text, names: &[], value: |random, _| iin(random) },
    Hidden { category: "name", of: Type::Text, names: &[], value: full_name },
    Hidden { category: "phone_mobile", of: Type::Text, names: &[], value: spelled },
    Hidden {
        category: "iin",
        of: Type::Integer,
        names: &[],
        value: |random, _| iin(random).trim_start_matches('0').to_owned(),
    },
    Hidden { category: "phone_mobile", of: Type::Integer, names: &[], value: |random, _| mobile(random) },
    Hidden {
        category: "email",
        of: Type::Text,
        names: &[],
        value: |random, _| {
            format!(
                "{}{}@{}",
                pick(random, &["a.kim", "nurlan", "dias", "aru", "info.bek"]),
                random.below(9000),
                pick(random, &["mail.ru", "gmail.com", "example.kz"])
            )
        },
    },
    Hidden { category: "bank_account", of: Type::Text, names: &[], value: |random, _| iban(random) },
    Hidden { category: "bank_account", of: Type::Text, names: &[], value: |random, _| card("4400", 16, random) },
    Hidden { category: "address", of: Type::Text, names: &[], value: home },
    Hidden {
        category: "marital",
        of: Type::Text,
        names: &[],
        value: |random, _| pick(random, &["женат", "замужем", "холост", "разведен", "вдова", "не замужем"]).to_owned(),
    },
    Hidden {
        category: "iin",
        of: Type::Document,
        names: &[],
        value: |random, at| {
            format!(
                "{{\"v\": {at}, \"p\": {{\"q1\": \"{}\", \"st\": \"{}\"}}}}",
                iin(random),
                pick(random, &["ok", "new"])
            )
        },
    },
    Hidden {
        category: "phone_mobile",
        of: Type::List,
        names: &[],
        value: |random, _| format!("+{},+{}", mobile(random), mobile(random)),
    },
    Hidden {
        category: "phone_mobile",
        of: Type::Text,
        names: &[],
        value: |random, _| match random.below(5) {
            0 => format!("клиент просил перезвонить на {}, ждёт", spelled(random, 0)),
            _ => {
                pick(
                    random,
                    &["ждём оплату", "отказ", "документы получены", "повторный звонок завтра", "закрыто", "нет ответа"],
                )
                .to_owned()
                    + &format!(" {}", random.below(900))
            }
        },
    },
    Hidden {
        category: "name",
        of: Type::Text,
        names: &[],
        value: |random, _| {
            let woman = random.below(2) == 0;
            surname(random, woman)
        },
    },
    Hidden {
        category: "id_document",
        of: Type::Text,
        names: &["nud", "ud_no", "n_udl", "nomer_dok", "уд_лич"],
        value: |random, _| format!("0{}", digits(random, 8)),
    },
    Hidden {
        category: "salary",
        of: Type::Money,
        names: &["zp", "okl_sum", "doh_mes", "зп_мес"],
        value: |random, _| format!("{}.00", 85_000 + random.below(900) * 1000),
    },
    Hidden {
        category: "name",
        of: Type::Text,
        names: &[],
        value: |random, _| {
            format!(
                "{} {}",
                pick(random, &["AKHMETOV", "KIM", "SADYKOVA", "ISAEV", "OMAROVA", "BEKOV", "TULEGENOV"]),
                pick(random, &["NURLAN", "DIAS", "ARUZHAN", "MARINA", "TIMUR", "SABINA", "ASEL"])
            ) + ["", " S", " M"][random.below(3) as usize]
        },
    },
    Hidden {
        category: "iin",
        of: Type::Text,
        names: &[],
        value: |random, at| {
            format!("<r n=\"{at}\"><f7>{}</f7><d>2026-01-{:02}</d></r>", iin(random), 1 + random.below(28))
        },
    },
];
