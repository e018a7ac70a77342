//! The catalogue: which tables of which database hold whose personal data.

use crate::toml_file::{self, Reader, glob};
use crate::{Diagnostic, Store, StoreClass};
use kuzet_event::{Count, System};
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::de::DeTable;

/// Codes of the categories of clause 2.1 of the policy, in its order.
pub const CATEGORIES: [&str; 15] = [
    "name",
    "email",
    "phone_mobile",
    "phone_other",
    "address",
    "bank_account",
    "id_document",
    "iin",
    "employer",
    "salary",
    "salary_date",
    "marital",
    "property",
    "solvency",
    "tech",
];

/// What the catalogue file says of one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The store as detections show it.
    pub(crate) store: Arc<Store>,
    /// Server software, if the store says.
    system: Option<System>,
    /// Source, if the store says.
    source: Option<String>,
    /// Its position in the configuration, and that of the same server's status; `None` while it is not bound.
    source_ids: Option<Vec<u16>>,
    /// Database, folded; `None` is any.
    database: Option<String>,
    /// Tables, folded.
    tables: Vec<TablePattern>,
    /// Columns, folded.
    columns: BTreeMap<String, Column>,
    /// Byte of the file where the entry begins, and where its last table ends.
    places: (usize, usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TablePattern {
    schema: Option<String>,
    name: String,
}

impl TablePattern {
    /// Whether a folded schema and name are meant. An unknown schema may be the one.
    fn matches(&self, schema: &str, name: &str) -> bool {
        let same_schema = self.schema.as_ref().is_none_or(|wanted| schema.is_empty() || glob(wanted, schema));
        same_schema && glob(&self.name, name)
    }
}

/// One column of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Codes of its categories.
    pub(crate) categories: Vec<Arc<str>>,
    /// Whether one value of it stands for one person.
    pub(crate) identifies: bool,
}

/// Where a relation is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot<'a> {
    pub(crate) system: System,
    pub(crate) source: u16,
    /// Database connected to; empty when unknown.
    pub(crate) database: &'a str,
    /// Schema (PostgreSQL) or database (MariaDB); empty when unknown.
    pub(crate) schema: &'a str,
    pub(crate) name: &'a str,
}

/// All stores of personal data that the organisation knows of, or the instruction to guess them by names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    pub(crate) entries: Vec<Entry>,
    /// Tables of which the owner says that they hold no personal data.
    none: Vec<TablePattern>,
    guess: bool,
}

/// What the file says of one store, for the one who compares it with the servers.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    entry: &'a Entry,
    /// Its place in the file's list.
    pub index: usize,
}

impl<'a> Known<'a> {
    /// The store.
    #[must_use]
    pub fn store(&self) -> &'a Arc<Store> {
        &self.entry.store
    }

    /// Whether its entry is about this database and, if `table` (schema and name) is given, about this table.
    #[must_use]
    pub fn covers(&self, system: System, database: &str, table: Option<(&str, &str)>) -> bool {
        let (schema, name) = table.unwrap_or_default();
        let spot = Spot {
            system,
            source: self.entry.source_ids.as_deref().and_then(|ids| ids.first()).copied().unwrap_or_default(),
            database,
            schema,
            name,
        };
        if table.is_some() { self.entry.covers(spot) } else { self.entry.is_about(spot) }
    }

    /// Categories of a column and whether it identifies; `None` when the file does not say.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<(&'a [Arc<str>], bool)> {
        self.entry.columns.get(&fold(name)).map(|column| (&*column.categories, column.identifies))
    }

    /// Names of its columns, folded.
    pub fn columns(&self) -> impl Iterator<Item = &'a str> {
        self.entry.columns.keys().map(String::as_str)
    }

    /// Its tables that are no patterns: schema, if the file says, and name, folded.
    pub fn tables(&self) -> impl Iterator<Item = (Option<&'a str>, &'a str)> {
        let plain = |text: &str| !text.contains(['*', '?']);
        let tables = self.entry.tables.iter().map(|table| (table.schema.as_deref(), table.name.as_str()));
        tables.filter(move |(schema, name)| plain(name) && schema.is_none_or(plain))
    }

    /// Byte of the file where the entry begins, and where the last name of its tables ends.
    #[must_use]
    pub fn places(&self) -> (usize, usize) {
        self.entry.places
    }
}

const STORE_KEYS: [&str; 10] =
    ["name", "system", "server", "source", "database", "tables", "class", "persons", "owner", "column"];

impl Catalogue {
    /// Without a file: names of tables and columns decide, and every store says that it is a guess.
    #[must_use]
    pub fn guess() -> Catalogue {
        Catalogue { entries: Vec::new(), none: Vec::new(), guess: true }
    }

    /// The entries of the file, in its order.
    pub fn known(&self) -> impl Iterator<Item = Known<'_>> {
        self.entries.iter().enumerate().map(|(index, entry)| Known { entry, index })
    }

    /// Whether the owner says that a table holds no personal data.
    #[must_use]
    pub fn denies(&self, schema: &str, name: &str) -> bool {
        self.none.iter().any(|table| table.matches(&fold(schema), &fold(name)))
    }

    /// Whether names decide because there is no file.
    #[must_use]
    pub fn is_guess(&self) -> bool {
        self.guess
    }

    /// The stores of the file, in its order.
    pub fn stores(&self) -> impl Iterator<Item = &Arc<Store>> {
        self.entries.iter().map(|entry| &entry.store)
    }

    /// Reads a catalogue file (docs/catalogue.md).
    ///
    /// # Errors
    /// Every fault of the file at once.
    pub fn parse(text: &str, file_name: &str) -> Result<Catalogue, Vec<Diagnostic>> {
        let mut reader = Reader::new(text, file_name);
        let root = reader.parse();
        reader.known_keys(&root, &["store", "not_personal"], "the catalogue");
        let none = reader.strings_or_empty(&root, &["not_personal"]).unwrap_or_default();
        let none = none.iter().map(|(word, _)| table_pattern(word)).collect();
        let mut entries: Vec<Entry> = Vec::new();
        let tables = reader.tables(&root, "store");
        if tables.is_empty() && reader.faults.is_empty() {
            let help = "describe each store with [[store]] name, tables; or give no catalogue to have names decide";
            reader.fault(0..0, toml_file::MISSING_KEY, "the catalogue names no store".to_owned(), help);
        }
        for (table, span) in tables {
            let Some(entry) = read_store(&mut reader, table, &span) else { continue };
            if entries.iter().any(|other| other.store.name == entry.store.name) {
                let message = format!("a second store is called `{}`", entry.store.name);
                reader.fault(span, toml_file::DUPLICATE, message, "give every store its own name");
            }
            entries.push(entry);
        }
        reader.finish(Catalogue { entries, none, guess: false })
    }

    /// Ties stores that name a source to its position in the configuration; a name that stands twice is the log and the
    /// status of one server. A store whose source is not in `names` is told as a fault; until this is called, sources are not looked at.
    pub fn bind_sources(&mut self, names: &[&str]) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        for entry in &mut self.entries {
            let Some(source) = &entry.source else { continue };
            let named = (0..u16::MAX).zip(names).filter(|(_, name)| *name == source).map(|(at, _)| at);
            let found: Vec<u16> = named.collect();
            let missing = found.is_empty();
            entry.source_ids = Some(found);
            if missing {
                faults.push(Diagnostic {
                    code: toml_file::UNDEFINED.to_owned(),
                    file: "catalogue".to_owned(),
                    line: 0,
                    column: 0,
                    message: format!("store `{}` names source `{source}`, which is not configured", entry.store.name),
                    help: match names {
                        [] => "configure a source of that name".to_owned(),
                        _ => format!("configured sources: {}", names.join(", ")),
                    },
                    warning: false,
                });
            }
        }
        faults
    }
}

impl Entry {
    /// Whether the relation at `spot` belongs to this store.
    pub(crate) fn covers(&self, spot: Spot<'_>) -> bool {
        let (schema, name) = (fold(spot.schema), fold(spot.name));
        self.is_about(spot) && self.tables.iter().any(|table| table.matches(&schema, &name))
    }

    /// Whether the server and the database are those of this store.
    fn is_about(&self, spot: Spot<'_>) -> bool {
        if self.system.is_some_and(|system| system != spot.system)
            || self.source_ids.as_ref().is_some_and(|sources| !sources.contains(&spot.source))
        {
            return false;
        }
        let schema = fold(spot.schema);
        let database = match spot.system {
            // What PostgreSQL calls a schema is a database there.
            system if system.speaks_mysql() && !schema.is_empty() => schema.clone(),
            _ => fold(spot.database),
        };
        // A record that does not tell the database may be about this one.
        self.database.as_ref().is_none_or(|wanted| database.is_empty() || glob(wanted, &database))
    }

    /// What the catalogue says of a column.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(name)
    }
}

/// Lower case, for names.
pub(crate) fn fold(name: &str) -> String {
    name.to_lowercase()
}

fn read_store(reader: &mut Reader<'_>, table: &DeTable<'_>, span: &std::ops::Range<usize>) -> Option<Entry> {
    reader.known_keys(table, &STORE_KEYS, "[[store]]");
    let name = reader.required(table, "name", span, "name the store: name = \"borrowers\"");
    let system = reader.string(table, "system").and_then(|(word, span)| match word.as_str() {
        "postgresql" | "postgres" => Some(System::Postgresql),
        "mariadb" => Some(System::Mariadb),
        "mysql" => Some(System::Mysql),
        "mongodb" => Some(System::Mongodb),
        "redis" => Some(System::Redis),
        "application" => Some(System::Application),
        _ => {
            let help = "postgresql, mariadb, mysql, mongodb, redis or application";
            reader.fault(span, toml_file::BAD_VALUE, format!("unknown system `{word}`"), help);
            None
        }
    });
    let source = reader.strings(table, &["source", "server"]).and_then(|words| words.into_iter().next());
    let database = reader.string(table, "database").map(|(word, _)| fold(&word));
    let tables = reader.strings(table, &["tables"]);
    if tables.as_ref().is_none_or(Vec::is_empty) {
        let help = "list the tables: tables = [\"public.borrowers\", \"loans*\"]";
        reader.fault(span.clone(), toml_file::MISSING_KEY, "the store names no table".to_owned(), help);
    }
    let class = match reader.string(table, "class") {
        None => StoreClass::Restricted,
        Some((word, span)) => match word.as_str() {
            "restricted" => StoreClass::Restricted,
            "public" => StoreClass::Public,
            _ => {
                reader.fault(span, toml_file::BAD_VALUE, format!("unknown class `{word}`"), "restricted or public");
                StoreClass::Restricted
            }
        },
    };
    let persons = reader.number(table, "persons").map_or(Count::Unknown, Count::Known);
    // Read for its type only: the owner is for people who read the catalogue.
    let _owner = reader.string(table, "owner");
    let columns = read_columns(reader, table);
    let mut categories: Vec<Arc<str>> = columns.values().flat_map(|column| column.categories.iter().cloned()).collect();
    sort_categories(&mut categories);
    let (name, _) = name?;
    Some(Entry {
        store: Arc::new(Store { name: Arc::from(name), class, persons, categories, guessed: false }),
        system,
        source: source.map(|(word, _)| word),
        source_ids: None,
        database,
        places: (span.start, tables.as_ref().and_then(|all| all.last()).map_or(span.end, |(_, word)| word.end)),
        tables: tables?.iter().map(|(word, _)| table_pattern(word)).collect(),
        columns,
    })
}

fn table_pattern(word: &str) -> TablePattern {
    let word = fold(word);
    match word.rsplit_once('.') {
        Some((schema, name)) => TablePattern { schema: Some(schema.to_owned()), name: name.to_owned() },
        None => TablePattern { schema: None, name: word },
    }
}

fn read_columns(reader: &mut Reader<'_>, table: &DeTable<'_>) -> BTreeMap<String, Column> {
    let mut columns = BTreeMap::new();
    for (column, span) in reader.tables(table, "column") {
        reader.known_keys(column, &["name", "category", "categories", "identifies"], "[[store.column]]");
        let name = reader.required(column, "name", &span, "name the column: name = \"iin\"");
        let words = reader.strings(column, &["category", "categories"]).unwrap_or_default();
        let mut categories = Vec::new();
        for (word, span) in words {
            if CATEGORIES.contains(&word.as_str()) {
                categories.push(Arc::from(word));
                continue;
            }
            let help = match toml_file::nearest(&word, &CATEGORIES) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("categories of clause 2.1: {}", CATEGORIES.join(", ")),
            };
            reader.fault(span, toml_file::BAD_VALUE, format!("unknown category `{word}`"), &help);
        }
        let identifies = reader.boolean(column, "identifies").unwrap_or(false);
        if let Some((name, span)) = name
            && columns.insert(fold(&name), Column { categories, identifies }).is_some()
        {
            let message = format!("column `{name}` is described twice");
            reader.fault(span, toml_file::DUPLICATE, message, "keep one of the two");
        }
    }
    columns
}

/// Sorts codes into the order of clause 2.1 and drops repeats.
pub(crate) fn sort_categories(categories: &mut Vec<Arc<str>>) {
    let place = |code: &str| CATEGORIES.iter().position(|known| *known == code).unwrap_or(CATEGORIES.len());
    categories.sort_by(|a, b| (place(a), a).cmp(&(place(b), b)));
    categories.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[store]]
name = "borrowers"
system = "postgresql"
database = "mfo"
tables = ["public.Borrowers", "loans*"]
class = "restricted"
persons = 10000
owner = "credit department"
[[store.column]]
name = "iin"
category = "iin"
identifies = true
[[store.column]]
name = "full_name"
category = "name"
"#;

    fn spot<'a>(database: &'a str, schema: &'a str, name: &'a str) -> Spot<'a> {
        Spot { system: System::Postgresql, source: 0, database, schema, name }
    }

    #[test]
    fn reads_a_store_and_finds_its_tables() {
        let catalogue = Catalogue::parse(GOOD, "catalogue.toml").unwrap();
        let entry = &catalogue.entries[0];
        assert_eq!(entry.store.persons, Count::Known(10_000));
        assert_eq!(entry.store.categories, [Arc::from("name"), Arc::from("iin")]);
        assert!(entry.column("iin").unwrap().identifies);
        for (database, schema, name, wanted) in [
            ("mfo", "public", "borrowers", true),
            ("mfo", "", "BORROWERS", true),
            ("", "", "loans_2024", true),
            ("mfo", "other", "borrowers", false),
            ("other", "public", "borrowers", false),
            ("mfo", "public", "borrowers2", false),
        ] {
            assert_eq!(entry.covers(spot(database, schema, name)), wanted, "{database}.{schema}.{name}");
        }
    }

    #[test]
    fn mariadb_calls_a_schema_a_database() {
        let text = "[[store]]\nname = \"b\"\ndatabase = \"mfo\"\ntables = [\"borrowers\"]\n";
        let catalogue = Catalogue::parse(text, "c").unwrap();
        let spot = |database, schema| Spot { system: System::Mariadb, source: 0, database, schema, name: "borrowers" };
        assert!(catalogue.entries[0].covers(spot("mfo", "")));
        assert!(catalogue.entries[0].covers(spot("other", "mfo")));
        assert!(!catalogue.entries[0].covers(spot("mfo", "other")));
    }

    #[test]
    fn tells_every_fault_at_once_with_its_place() {
        let text = "[[store]]\nname = \"a\"\ntabels = [\"x\"]\nclass = \"secret\"\npersons = \"many\"\n[[store.column]]\nname = \"iin\"\ncategory = \"inn\"\n";
        let faults = Catalogue::parse(text, "c.toml").unwrap_err();
        let seen: Vec<(&str, usize)> = faults.iter().map(|fault| (fault.code.as_str(), fault.line)).collect();
        assert_eq!(seen, [("KZ204", 1), ("KZ202", 3), ("KZ205", 4), ("KZ203", 5), ("KZ205", 8)]);
        assert!(faults[1].help.contains("tables"));
        assert_eq!((faults[2].line, faults[2].column), (4, 9));
        assert!(Catalogue::parse("[[store", "c").unwrap_err().iter().any(|fault| fault.code == "KZ201"));
        assert!(Catalogue::parse("", "c").is_err());
    }

    #[test]
    fn a_store_of_one_source_covers_no_other() {
        let text = "[[store]]\nname = \"b\"\nsource = \"replica\"\ntables = [\"borrowers\"]\n";
        let mut catalogue = Catalogue::parse(text, "c").unwrap();
        assert!(catalogue.entries[0].covers(spot("", "", "borrowers")));
        assert!(catalogue.bind_sources(&["main", "replica"]).is_empty());
        assert!(!catalogue.entries[0].covers(spot("", "", "borrowers")));
        assert_eq!(catalogue.bind_sources(&["main"])[0].code, "KZ207");
    }
}
