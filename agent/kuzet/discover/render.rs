//! Stores as a person reads and edits them: TOML with the reasons beside it. Never a value.

use super::{Column, LISTED, Looked, Member, Relation, StoreFound, Survey};
use kuzet_incident::thousands;
use kuzet_personal::mask_identifiers;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// From here on a doubt is worth a comment, in percent.
const DOUBT: u8 = 25;

/// What a new file begins with.
const HEAD: &str =
    "# The catalogue of stores of personal data: docs/catalogue.md. Found by `kuzet discover`, kept by people: a later
# run adds what is new and leaves everything else as it is. Percentages say how sure the finding is, not how bad.
# Tables that hold no personal data although they seem to:
# not_personal = [\"public.cities\"]
";

/// A new catalogue file.
#[must_use]
pub fn catalogue(surveys: &[Survey], stores: &[StoreFound]) -> String {
    let mut text = HEAD.to_owned();
    for found in stores {
        text.push('\n');
        text.push_str(&store(&surveys[found.survey], found));
    }
    text
}

/// The entry of one store.
pub(super) fn store(survey: &Survey, found: &StoreFound) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "# {}: {}", found.name, about(survey, found));
    for member in &found.members {
        let _ = writeln!(text, "#   {}", line(survey, member));
    }
    let _ = writeln!(text, "[[store]]\nname = {}", quoted(&found.name));
    let _ = writeln!(text, "system = {}", quoted(survey.system.name()));
    if let Some(database) = database(survey, found) {
        let _ = writeln!(text, "database = {}", quoted(&pattern(database)));
    }
    text.push_str("tables = [\n");
    for table in tables(survey, found) {
        let _ = writeln!(text, "  {},", quoted(&table));
    }
    text.push_str("]\nclass = \"restricted\"\n");
    match found.persons {
        Some(persons) => {
            let _ = writeln!(text, "persons = {persons} # by the server's statistics");
        }
        None => text.push_str("# persons = the server has no statistics: how many people's data is here?\n"),
    }
    for (name, said) in columns(survey, found) {
        text.push_str(&column(&name, &said));
    }
    let doubts = doubts(survey, found);
    if !doubts.is_empty() {
        let _ = writeln!(text, "# Perhaps too (below {LISTED} %, not in the catalogue): {}", doubts.join("; "));
    }
    text
}

fn about(survey: &Survey, found: &StoreFound) -> String {
    let people = match found.persons {
        Some(persons) => format!("at most about {} people", thousands(persons)),
        None => "an unknown number of people".to_owned(),
    };
    let place = database(survey, found)
        .map_or_else(|| "several databases".to_owned(), |name| format!("database {}", clean(name)));
    format!("{people}, {} {}, {place}", survey.system.name(), clean(&survey.version))
}

/// The one database of a store; in MariaDB that is the schema, and a store may reach over several.
pub(super) fn database<'a>(survey: &'a Survey, found: &StoreFound) -> Option<&'a str> {
    if !survey.system.speaks_mysql() {
        return Some(&survey.database);
    }
    let mut schemas = found.members.iter().map(|member| survey.relations[member.relation].schema.as_str());
    let first = schemas.next()?;
    schemas.all(|schema| schema == first).then_some(first)
}

/// One relation in words.
fn line(survey: &Survey, member: &Member) -> String {
    let relation = &survey.relations[member.relation];
    let mut text = format!("{}: ", clean(&relation.title()));
    text.push_str(if member.why.is_empty() { relation.sort.name() } else { "" });
    text.push_str(&clean(&member.why));
    if let Some(rows) = relation.rows {
        let _ = write!(text, ", about {} rows", thousands(rows));
    }
    match &relation.looked {
        Looked::At(rows) => {
            let _ = write!(text, ", {} looked at", thousands(*rows as u64));
        }
        Looked::InParent => {}
        Looked::Not(why) => {
            let _ = write!(text, ", NOT looked at: {}", clean(why));
        }
    }
    if let Some(limited) = &relation.limited {
        let _ = write!(text, " ({})", clean(limited));
    }
    text
}

/// The tables of a store as the catalogue names them. Partitions that are called after their parent are one pattern, so
/// that next month's belongs to it too.
pub(super) fn tables(survey: &Survey, found: &StoreFound) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for member in &found.members {
        let relation = &survey.relations[member.relation];
        let plain = survey.system.speaks_mysql() && database(survey, found).is_some();
        let schema = if plain { String::new() } else { pattern(&relation.schema) + "." };
        let parent = relation.from.first().map(|from| &survey.relations[*from]);
        let name = match parent {
            Some(parent) if relation.looked == Looked::InParent && follows(survey, relation, parent) => {
                format!("{schema}{}_*", pattern(&parent.name))
            }
            _ => schema + &pattern(&relation.name),
        };
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// Whether a partition is called after its parent, and nothing else is.
fn follows(survey: &Survey, partition: &Relation, parent: &Relation) -> bool {
    let prefix = format!("{}_", parent.name);
    let kin = |relation: &&Relation| relation.schema == parent.schema && relation.name.starts_with(&prefix);
    partition.name.starts_with(&prefix)
        && survey.relations.iter().filter(kin).all(|relation| relation.looked == Looked::InParent)
}

/// What is said of one column name of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Categories, the surest first, each with its confidence and evidence.
    pub(super) categories: Vec<(&'static str, u8, String)>,
    pub(super) identifies: bool,
}

/// The columns that an entry has to list: those with personal data, those that identify, and those whose name would be
/// taken for either though they are not.
pub(super) fn columns(survey: &Survey, found: &StoreFound) -> Vec<(String, Said)> {
    let mut order: Vec<String> = Vec::new();
    let mut all: BTreeMap<String, (Said, bool)> = BTreeMap::new();
    for member in &found.members {
        let relation = &survey.relations[member.relation];
        for column in &relation.columns {
            let name = column.name.to_lowercase();
            if !all.contains_key(&name) {
                order.push(name.clone());
            }
            let (said, guessed) = all.entry(name).or_default();
            said.identifies |= column.identifies;
            *guessed |= misleads(column);
            for one in column.listed() {
                match said.categories.iter_mut().find(|known| known.0 == one.category) {
                    Some(known) if known.1 >= one.confidence => {}
                    Some(known) => *known = (one.category, one.confidence, one.evidence.clone()),
                    None => said.categories.push((one.category, one.confidence, one.evidence.clone())),
                }
            }
        }
    }
    let listed = order.into_iter().filter_map(|name| {
        let (said, misleads) = all.remove(&name)?;
        (misleads || said.identifies || !said.categories.is_empty()).then_some((name, said))
    });
    listed.collect()
}

/// Whether the agent would take the column for more than it is, by its name.
fn misleads(column: &Column) -> bool {
    let hint = kuzet_personal::column_category(&column.name);
    hint.is_some_and(|hint| !column.listed().any(|found| found.category == hint.category.code()))
}

/// The entry of one column.
pub(super) fn column(name: &str, said: &Said) -> String {
    let mut text = String::from("\n[[store.column]]\n");
    let evidence: Vec<String> = said
        .categories
        .iter()
        .map(|(category, confidence, why)| match said.categories.len() {
            1 => format!("{confidence} %: {}", clean(why)),
            _ => format!("{category} {confidence} %: {}", clean(why)),
        })
        .collect();
    let why = match (evidence.is_empty(), said.identifies) {
        (false, _) => evidence.join("; "),
        (true, true) => "stands for a person".to_owned(),
        (true, false) => "its name says more than it holds".to_owned(),
    };
    let _ = writeln!(text, "name = {} # {why}", quoted(name));
    match &*said.categories {
        [] => {}
        [(category, ..)] => {
            let _ = writeln!(text, "category = {}", quoted(category));
        }
        several => {
            let codes: Vec<String> = several.iter().map(|(category, ..)| quoted(category)).collect();
            let _ = writeln!(text, "categories = [{}]", codes.join(", "));
        }
    }
    if said.identifies {
        text.push_str("identifies = true\n");
    }
    text
}

fn doubts(survey: &Survey, found: &StoreFound) -> Vec<String> {
    let relations = found.members.iter().map(|member| &survey.relations[member.relation]);
    let mut all: Vec<String> = relations
        .flat_map(|relation| &relation.columns)
        .flat_map(|column| column.found.iter().map(move |found| (column, found)))
        .filter(|(_, found)| (DOUBT..LISTED).contains(&found.confidence))
        .map(|(column, found)| {
            format!("{}: {} {} %, {}", clean(&column.name), found.category, found.confidence, clean(&found.evidence))
        })
        .collect();
    all.dedup();
    all
}

/// A name as a pattern that matches it. Names that hold an identifier of a person are masked, and their mask matches too.
pub(super) fn pattern(name: &str) -> String {
    // A dot would part schema and table.
    mask_identifiers(name).replace('.', "?")
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(out, "\\u{:04X}", letter as u32);
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// Text for a comment: one line, nothing that hides, no identifiers.
fn clean(text: &str) -> String {
    let shown: String = text.chars().filter(|letter| !kuzet_personal::unseen(*letter)).collect();
    mask_identifiers(&shown).into_owned()
}
