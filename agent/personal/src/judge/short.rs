//! Short and vague names of columns, which count only together with values that fit: `fam`, `zp`, `ud_no`.

use std::sync::LazyLock;

use crate::Kind;
use crate::column::Parted;
use crate::fold;

/// Parts of names as in `column.rs`; each may mean something else entirely.
const NAMES: &[(Kind, &[&str])] = &[
    (
        Kind::IdCard,
        &[
            "ud",
            "udl",
            "nud",
            "n_ud",
            "ud_no",
            "ud_num",
            "nomer_ud",
            "no_ud",
            "dok",
            "doc",
            "docs",
            "n_dok",
            "nomer_dok",
            "num_doc",
            "dokument",
            "document",
            "ser_nom",
            "id_no",
            "kuel",
            "kuelik",
            "уд",
            "удл",
            "нуд",
            "док",
            "документ",
            "ном_док",
            "лич_док",
            "lich_dok",
            "kimlik",
            "kuzhat",
            "qujat",
            "құжат",
        ],
    ),
    (
        Kind::PersonName,
        &[
            "fam",
            "im",
            "imja",
            "ima",
            "ot",
            "otch",
            "otchest",
            "name",
            "names",
            "nm",
            "sname",
            "fn",
            "ln",
            "naim",
            "person",
            "owner",
            "holder",
            "contact",
            "klient",
            "client",
            "zaemshik",
            "borrower",
            "fio2",
            "ism",
            "esim",
            "esimi",
            "famil",
            "ф",
            "и",
            "о",
            "фам",
            "отч",
            "лицо",
            "клиент",
            "есім",
            "есімі",
            "исполнитель",
            "директор",
        ],
    ),
    (
        Kind::Address,
        &[
            "adr",
            "addres",
            "propis",
            "prozh",
            "zhit",
            "mekenj",
            "meken",
            "reg",
            "place",
            "mesto",
            "live",
            "адр",
            "место",
            "прож",
            "мекен",
            "geo",
            "loc",
            "location",
        ],
    ),
    (
        Kind::Salary,
        &[
            "zp",
            "z_p",
            "zarpl",
            "zarp",
            "okl",
            "doh",
            "dohody",
            "sal",
            "inc",
            "earn",
            "earnings",
            "pay",
            "tabys",
            "zhalaky",
            "enbekaky",
            "зп",
            "з_п",
            "зарпл",
            "заработок",
            "табыс",
            "табыс_айына",
        ],
    ),
    (Kind::SalaryDate, &["zp_day", "day_zp", "den_zp", "zp_date", "data_zp", "дата_зп", "день_зп", "zp_dt", "dt_zp"]),
    (
        Kind::Employer,
        &[
            "rab",
            "rabota",
            "work",
            "job",
            "org",
            "organization",
            "organizatsiya",
            "mesto_rab",
            "company",
            "firma",
            "firm",
            "zhumys",
            "jumys",
            "раб",
            "работа",
            "место_раб",
            "жумыс",
            "орг",
            "organizacia",
            "workpl",
        ],
    ),
    (
        Kind::Marital,
        &[
            "sem_pol",
            "sempol",
            "sem_polozh",
            "sem_status",
            "semya",
            "semeinoe",
            "brak",
            "otbasy",
            "fam_status",
            "married",
            "marriage",
            "семья",
            "брак",
            "сем_пол",
            "отбасы",
            "семейное",
        ],
    ),
    (
        Kind::Property,
        &["sobstv", "sobstvennost", "nedv", "zhilye", "zhile", "housing", "menshik", "собств", "жилье", "недвиж"],
    ),
    (
        Kind::Solvency,
        &[
            "dolg",
            "dolgi",
            "pros",
            "prosr",
            "zadolzh",
            "ball",
            "skor",
            "skoring",
            "dti",
            "pti",
            "dlg",
            "долг",
            "долги",
            "балл",
            "скоринг",
            "проср",
            "karyz",
            "qaryz",
            "rating",
        ],
    ),
];

static NEEDLES: LazyLock<Vec<(Kind, Vec<u8>)>> = LazyLock::new(|| {
    let each = NAMES.iter().flat_map(|(kind, names)| names.iter().map(move |name| (*kind, *name)));
    each.map(|(kind, name)| {
        let mut needle = vec![b'_'];
        needle.extend(fold::codes(name));
        needle.push(b'_');
        (kind, needle)
    })
    .collect()
});

/// What a short name may mean; the last part speaks, and the longest there.
pub(super) fn kind(name: &str) -> Option<Kind> {
    // `pole_7` and `rab1` are `pole` and `rab` with a number.
    let parted = Parted::new(name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_'));
    let found = NEEDLES.iter().filter_map(|(kind, needle)| {
        let at = memchr::memmem::rfind(parted.codes(), needle)?;
        Some((at + needle.len(), needle.len(), std::cmp::Reverse(*kind)))
    });
    found.max().map(|(_, _, kind)| kind.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_whole_parts() {
        assert_eq!(kind("fam"), Some(Kind::PersonName));
        assert_eq!(kind("UD_NO"), Some(Kind::IdCard));
        assert_eq!(kind("rab1"), Some(Kind::Employer));
        assert_eq!(kind("client_zp"), Some(Kind::Salary));
        assert_eq!(kind("дата_зп"), Some(Kind::SalaryDate));
        for name in ["family", "image", "budget", "zpt", "", "7", "order_no"] {
            assert_eq!(kind(name), None, "{name}");
        }
    }

    #[test]
    fn no_short_name_is_a_full_one() {
        let known = |name: &&&str| crate::column_category(name).is_some();
        let twice: Vec<&&str> = NAMES.iter().flat_map(|(_, names)| names.iter().filter(known)).collect();
        assert!(twice.is_empty(), "{twice:?} stand in column.rs already");
    }
}
