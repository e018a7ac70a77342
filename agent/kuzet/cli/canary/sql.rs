//! A row of nobody as SQL: what stands in each column, in the dialect of its server.

use kuzet_event::System;

/// A column of the table that takes the row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Column {
    /// Name.
    pub name: String,
    /// Type as the server calls it, lower case.
    pub sql_type: String,
    /// Must be given: not null and without a default.
    pub needed: bool,
    /// The primary key, alone.
    pub key: bool,
    /// PostgreSQL: `GENERATED ALWAYS AS IDENTITY`.
    pub always: bool,
    /// Code of its category, where the catalogue or its name says one.
    pub category: Option<String>,
}

/// Where the row goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub system: System,
    /// Empty where none is known.
    pub schema: String,
    pub name: String,
    pub columns: Vec<Column>,
}

/// Nobody.
pub(super) struct Person {
    pub iin: String,
    /// Random bits that follow from the host's key.
    pub bits: u128,
}

/// The statement, and the value of the primary key where the statement names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Insert {
    pub sql: String,
    pub key: Option<(String, String)>,
}

/// Given and family names, for a man and a woman each. Common ones, put together at random: of nobody.
const GIVEN: [(&str, &str); 12] = [
    ("Ерлан", "Айгерим"),
    ("Нурлан", "Динара"),
    ("Бауыржан", "Гульнара"),
    ("Дамир", "Асель"),
    ("Тимур", "Жанар"),
    ("Алмас", "Мадина"),
    ("Санжар", "Камила"),
    ("Арман", "Айжан"),
    ("Данияр", "Назерке"),
    ("Руслан", "Алия"),
    ("Аскар", "Салтанат"),
    ("Мирас", "Томирис"),
];
const FAMILY: [&str; 16] = [
    "Сейтказиев",
    "Бекмуратов",
    "Оспанкулов",
    "Жумадилов",
    "Тлеубердин",
    "Кенжетаев",
    "Абилкасымов",
    "Рахимбаев",
    "Утегенов",
    "Досмагамбетов",
    "Ермекбаев",
    "Шаймерденов",
    "Байжигитов",
    "Турсынбеков",
    "Мукашев",
    "Калдыбеков",
];

impl Person {
    fn woman(&self) -> bool {
        self.iin.as_bytes().get(6) == Some(&b'4')
    }

    fn pick(&self, from: u32, size: usize) -> usize {
        usize::try_from((self.bits >> from) % size.max(1) as u128).unwrap_or(0)
    }

    fn names(&self) -> (String, &'static str) {
        let (man, woman) = GIVEN[self.pick(8, GIVEN.len())];
        let family = FAMILY[self.pick(16, FAMILY.len())];
        if self.woman() { (format!("{family}а"), woman) } else { (family.to_owned(), man) }
    }

    pub(super) fn full_name(&self) -> String {
        let (family, given) = self.names();
        format!("{family} {given}")
    }

    /// Of a range that no operator gives out.
    pub(super) fn phone(&self) -> String {
        format!("+7700000{:04}", self.pick(24, 10_000))
    }

    /// As a reader takes the number: of 2000 to 2004, not of 1900 to 1904.
    pub(super) fn birth(&self) -> String {
        let digits = |from: usize| self.iin.get(from..from + 2).unwrap_or("01");
        format!("20{}-{}-{}", digits(0), digits(2), digits(4))
    }
}

fn text(value: &str) -> String {
    // No value of ours holds a quote or a backslash.
    format!("'{value}'")
}

fn is_number(sql_type: &str) -> bool {
    ["int", "serial", "numeric", "decimal", "float", "double", "real", "money"]
        .iter()
        .any(|word| sql_type.contains(word))
}

/// A name as the dialect quotes it.
pub(super) fn quoted(system: System, name: &str) -> String {
    match system {
        System::Postgresql => format!("\"{}\"", name.replace('"', "\"\"")),
        _ => format!("`{}`", name.replace('`', "``")),
    }
}

impl Table {
    pub(super) fn path(&self) -> String {
        let name = quoted(self.system, &self.name);
        if self.schema.is_empty() { name } else { format!("{}.{name}", quoted(self.system, &self.schema)) }
    }

    /// The column that holds the number.
    pub(super) fn iin(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.category.as_deref() == Some("iin"))
    }

    /// The statement that plants `person`.
    ///
    /// # Errors
    /// The column that must be given and for which nothing is known.
    pub(super) fn insert(&self, person: &Person) -> Result<Insert, String> {
        let (mut names, mut values, mut key, mut always) = (Vec::new(), Vec::new(), None, false);
        for column in &self.columns {
            let Some(value) = self.value(column, person)? else { continue };
            if column.key {
                key = Some((column.name.clone(), value.trim_matches('\'').to_owned()));
            }
            always |= column.always;
            names.push(quoted(self.system, &column.name));
            values.push(value);
        }
        let always = if always { " OVERRIDING SYSTEM VALUE" } else { "" };
        let sql = format!("INSERT INTO {} ({}){always} VALUES ({});", self.path(), names.join(", "), values.join(", "));
        Ok(Insert { sql, key })
    }

    /// What stands in a column; `None` leaves it to the server.
    fn value(&self, column: &Column, person: &Person) -> Result<Option<String>, String> {
        let kind = column.sql_type.as_str();
        let name = column.name.to_lowercase();
        let value = match column.category.as_deref() {
            Some("iin") if is_number(kind) => Some(person.iin.clone()),
            Some("iin") => Some(text(&person.iin)),
            Some("name") if name.contains("first") || name.contains("given") => Some(text(person.names().1)),
            Some("name") if name.contains("last") || name.contains("family") || name.contains("surname") => {
                Some(text(&person.names().0))
            }
            Some("name") if name.contains("middle") || name.contains("patronymic") => None,
            Some("name") => Some(text(&person.full_name())),
            Some("phone_mobile" | "phone_other") if is_number(kind) => {
                Some(person.phone().trim_start_matches('+').to_owned())
            }
            Some("phone_mobile" | "phone_other") => Some(text(&person.phone())),
            Some("email") => Some(text(&format!("client{}@example.kz", person.pick(40, 1_000_000)))),
            Some("salary") if is_number(kind) => Some(format!("{}", 180_000 + person.pick(48, 40) * 5_000)),
            _ if name.contains("birth") || name == "dob" => Some(text(&person.birth())),
            _ => None,
        };
        if value.is_some() {
            return Ok(value);
        }
        if column.key {
            return Ok(match kind {
                // Above what a table counts up to, so that no row of the future meets it.
                _ if kind.contains("smallint") || kind.contains("tinyint") => None,
                _ if is_number(kind) => Some(format!("{}", 2_000_000_000 + person.pick(56, 100_000_000))),
                _ if kind.contains("uuid") => Some(text(&uuid(person.bits))),
                _ => None,
            });
        }
        if !column.needed {
            return Ok(None);
        }
        Ok(Some(match kind {
            _ if kind.contains("bool") || kind == "tinyint(1)" => "false".to_owned(),
            _ if is_number(kind) => "0".to_owned(),
            _ if kind.contains("timestamp") || kind.contains("datetime") => text("2024-01-15 10:00:00"),
            _ if kind.contains("date") => text("2024-01-15"),
            _ if kind.contains("uuid") => text(&uuid(person.bits.rotate_left(64))),
            _ if kind.contains("json") => text("{}"),
            _ if kind.contains("char") || kind.contains("text") => text("-"),
            _ => return Err(column.name.clone()),
        }))
    }

    /// The statement that takes a row out again.
    pub(super) fn delete(&self, column: &str, iin: &str) -> String {
        format!("DELETE FROM {} WHERE {} = '{iin}';", self.path(), quoted(self.system, column))
    }
}

/// Of version 4 by its form.
fn uuid(bits: u128) -> String {
    let hex = format!("{:032x}", (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, sql_type: &str, needed: bool, category: Option<&str>) -> Column {
        let key = name == "id";
        let (name, sql_type) = (name.to_owned(), sql_type.to_owned());
        Column { name, sql_type, needed, key, always: false, category: category.map(str::to_owned) }
    }

    #[test]
    fn a_row_fits_its_table_in_both_dialects() {
        let columns = vec![
            column("id", "bigint", true, None),
            column("iin", "character", true, Some("iin")),
            column("full_name", "text", true, Some("name")),
            column("birth_date", "date", false, None),
            column("phone", "text", false, Some("phone_mobile")),
            column("iban", "text", false, Some("bank_account")),
            column("status", "text", true, None),
        ];
        let mut table =
            Table { system: System::Postgresql, schema: "public".to_owned(), name: "borrowers".to_owned(), columns };
        let person = Person { iin: "030517400015".to_owned(), bits: 0 };
        let insert = table.insert(&person).unwrap();
        assert_eq!(
            insert.sql,
            "INSERT INTO \"public\".\"borrowers\" (\"id\", \"iin\", \"full_name\", \"birth_date\", \"phone\", \"status\") VALUES \
             (2000000000, '030517400015', 'Сейтказиева Айгерим', '2003-05-17', '+77000000000', '-');"
        );
        assert_eq!(insert.key, Some(("id".to_owned(), "2000000000".to_owned())));
        table.columns[0].always = true;
        assert!(table.insert(&person).unwrap().sql.contains(") OVERRIDING SYSTEM VALUE VALUES ("));
        table.system = System::Mariadb;
        assert!(table.insert(&person).unwrap().sql.starts_with("INSERT INTO `public`.`borrowers` (`id`, `iin`"));
        assert_eq!(table.delete("iin", &person.iin), "DELETE FROM `public`.`borrowers` WHERE `iin` = '030517400015';");
        table.columns.push(column("shape", "geometry", true, None));
        assert_eq!(table.insert(&person), Err("shape".to_owned()));
        assert_eq!(uuid(u128::MAX).len(), 36);
    }
}
