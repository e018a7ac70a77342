//! What looks like personal data and is none.

use super::hidden::{CITIES, FIRMS, GOODS, STREETS};
use super::{Type, Value, digits, pick};
use crate::support::Random;
use crate::support::people::card;

/// What looks like personal data, or does not, and is none: name, type, value.
pub(super) const DECOYS: &[(&str, Type, Value)] = &[
    ("order_no", Type::Integer, |_, at| (202_611_000_000 + at as u64).to_string()),
    ("seq_12", Type::Text, |_, at| (850_830_300_000_u64 + 7 * at as u64).to_string()),
    ("contract_no", Type::Text, |_, at| format!("8701{:07}", 1_000_000 + 3 * at)),
    ("ref_no", Type::Integer, |random, _| digits(random, 12)),
    ("bin", Type::Text, |random, _| {
        format!("{:02}{:02}4{}", random.below(24), 1 + random.below(12), digits(random, 7))
    }),
    ("kontragent", Type::Text, |random, _| format!("ТОО «{}»", pick(random, &FIRMS))),
    ("title", Type::Text, |random, _| format!("{} {}", pick(random, &GOODS), random.below(500))),
    ("name", Type::Text, |random, _| pick(random, &GOODS).to_owned()),
    ("city", Type::Text, |random, _| pick(random, &CITIES).to_owned()),
    ("ulica", Type::Text, |random, _| pick(random, &STREETS).to_owned()),
    ("status", Type::Text, |random, _| pick(random, &["new", "open", "closed", "overdue"]).to_owned()),
    ("amount", Type::Money, |random, _| format!("{}.{:02}", random.below(900_000), random.below(100))),
    ("qty", Type::Integer, |random, _| random.below(1000).to_string()),
    ("created_at", Type::Stamp, |random, _| {
        format!("2026-0{}-{:02} 10:{:02}:00", 1 + random.below(9), 1 + random.below(28), random.below(60))
    }),
    ("barcode", Type::Text, |random, _| format!("487{}", digits(random, 10))),
    ("guid", Type::Text, |random, _| {
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            random.below(1 << 32),
            random.below(1 << 16),
            random.below(1 << 12),
            random.below(1 << 12),
            random.below(1 << 48)
        )
    }),
    ("sha", Type::Text, |random, _| (0..4).map(|_| format!("{:016x}", random.bits())).collect()),
    ("iin_hash", Type::Text, |random, _| (0..4).map(|_| format!("{:016x}", random.bits())).collect()),
    ("phone_verified", Type::Flag, |random, _| random.below(2).to_string()),
    ("email_template", Type::Text, |random, _| format!("Здравствуйте! Ваш заказ № {} готов.", random.below(90_000))),
    ("phone_model", Type::Text, |random, _| {
        pick(random, &["Galaxy S24", "iPhone 15", "Redmi 12", "Pixel 9", "Nokia 3310"]).to_owned()
    }),
    ("card_type", Type::Text, |random, _| pick(random, &["VISA", "MASTERCARD", "UNIONPAY"]).to_owned()),
    ("address_id", Type::Integer, |random, _| random.below(5000).to_string()),
    ("stamp", Type::Text, |random, _| {
        format!(
            "2026{:02}{:02}{:02}{:02}",
            1 + random.below(12),
            1 + random.below(28),
            random.below(24),
            random.below(60)
        )
    }),
    ("ms", Type::Integer, |random, _| (1_790_000_000_000 + random.below(9_000_000_000)).to_string()),
    ("server_ip", Type::Text, |random, _| {
        format!("10.{}.{}.{}", random.below(4), random.below(256), random.below(256))
    }),
    ("url", Type::Text, |random, _| format!("https://example.kz/p/{}", random.below(9000))),
    ("description", Type::Text, |random, _| {
        format!(
            "{}: гарантия {} мес., доставка по городу {}",
            pick(random, &GOODS),
            random.below(24),
            pick(random, &CITIES)
        )
    }),
    ("invoice", Type::Text, |random, _| digits(random, 9)),
    ("n_doc", Type::Text, |_, at| format!("{:09}", 100_000_000 + at)),
    ("acct_gl", Type::Text, |random, _| format!("1010{}", digits(random, 16))),
    ("pos_ref", Type::Text, |random, _| digits(random, 16)),
    ("score", Type::Integer, |random, _| (1 + random.below(5)).to_string()),
    ("price", Type::Money, |random, _| format!("{}.00", 1000 * (1 + random.below(400)))),
    ("model", Type::Text, |random, _| {
        pick(random, &["Camry", "Sonata", "Лада Веста", "Cobalt", "Tucson", "Нива"]).to_owned()
    }),
    ("dolzhnost", Type::Text, |random, _| {
        pick(random, &["кассир", "менеджер", "эксперт", "юрист", "бухгалтер"]).to_owned()
    }),
    ("month", Type::Text, |random, _| pick(random, &["Январь", "Февраль", "Март", "Апрель", "Май", "Июнь"]).to_owned()),
    ("branch", Type::Text, |random, _| format!("Филиал {}", pick(random, &CITIES))),
    ("rate", Type::Money, |random, _| format!("{}.{}", random.below(45), random.below(10))),
    ("tag", Type::Text, |random, _| pick(random, &["vip", "promo", "test", "архив"]).to_owned()),
    ("settings", Type::Document, |random, _| {
        format!(
            "{{\"theme\": \"{}\", \"limit\": {}, \"uid\": \"{:016x}\"}}",
            pick(random, &["dark", "light"]),
            random.below(100),
            random.bits()
        )
    }),
    ("trace", Type::Text, |random, _| format!("{:032x}", u128::from(random.bits()) << 64 | u128::from(random.bits()))),
    ("lat", Type::Money, |random, _| format!("4{}.{:02}", random.below(10), random.below(100))),
    ("vin", Type::Text, |random, _| format!("XTA21{}", digits(random, 12))),
    ("sms_code", Type::Text, |random, _| digits(random, 6)),
    ("manager_login", Type::Text, |random, _| format!("user{:03}", random.below(40))),
    ("product_full_name", Type::Text, |random, _| {
        format!("{} {}", pick(random, &GOODS), pick(random, &["чёрный", "белый", "XL", "Pro"]))
    }),
    ("message", Type::Text, |random, _| {
        format!("request {} took {} ms, order 77{} done", random.below(1 << 30), random.below(900), digits(random, 9))
    }),
];

/// Decoys that no rule was ever changed for: they stand in the schemas of the seeds that are only measured.
pub(super) const HELD: &[(&str, Type, Value)] = &[
    ("track_no", Type::Text, |random, _| format!("RB{}KZ", digits(random, 9))),
    ("imei", Type::Text, |random, _| card("35", 15, random)),
    ("kbk", Type::Text, |random, _| digits(random, 6)),
    ("lekarstvo", Type::Text, |random, _| {
        pick(random, &["Аспирин", "Парацетамол", "Инсулин", "Корвалол", "Анальгин", "Но-шпа", "Активированный уголь"])
            .to_owned()
    }),
    ("strana", Type::Text, |random, _| {
        pick(random, &["Казахстан", "Россия", "Китай", "Узбекистан", "Кыргызстан", "Германия", "Грузия"]).to_owned()
    }),
    ("bank", Type::Text, |random, _| {
        pick(random, &["Halyk Bank", "Kaspi Bank", "Bereke Bank", "ForteBank", "Отбасы банк"]).to_owned()
    }),
    ("supplier", Type::Text, |random, _| {
        format!("ИП {}", pick(random, &["Строитель", "Мастер", "Ремонт 24", "Автодом", "Гранит"]))
    }),
    ("script", Type::Text, |random, _| {
        format!("SELECT * FROM t_{} WHERE id = {}", random.below(90), random.below(9999))
    }),
    ("file", Type::Text, |random, _| format!("report_{}_{}.xlsx", random.below(2030), digits(random, 8))),
    ("mac_address", Type::Text, |random, _| {
        (0..6).map(|_| format!("{:02x}", random.below(256))).collect::<Vec<_>>().join(":")
    }),
    ("wallet_address", Type::Text, |random, _| {
        format!("0x{:016x}{:016x}{:08x}", random.bits(), random.bits(), random.below(1 << 32))
    }),
    ("kurort", Type::Text, |random, _| {
        pick(random, &["Боровое", "Алаколь", "Чимбулак", "Сарыагаш", "Капчагай", "Баянаул"]).to_owned()
    }),
    ("order_ref", Type::Integer, |random, _| format!("87{}", digits(random, 9))),
    ("contract_sum_kzt", Type::Money, |random, _| format!("{}.00", 10_000 * (1 + random.below(300)))),
    ("plan_name", Type::Text, |random, _| {
        pick(random, &["Базовый", "Премиум", "Семейный", "Студенческий", "Золотой"]).to_owned()
    }),
    ("team", Type::Text, |random, _| {
        pick(random, &["Кайрат", "Тобол", "Ордабасы", "Актобе", "Астана", "Шахтёр", "Елимай"]).to_owned()
    }),
    ("payload", Type::Document, |random, at| {
        format!(
            "{{\"id\": {at}, \"sku\": \"{}\", \"tel\": \"1414\", \"t\": {}}}",
            digits(random, 12),
            random.below(1 << 40)
        )
    }),
    ("comment", Type::Text, |random, _| {
        pick(random, &["оплачено картой", "доставка завтра", "звонок клиенту", "адрес уточнить", "без замечаний"])
            .to_owned()
            + &format!(" #{}", random.below(90_000))
    }),
];
