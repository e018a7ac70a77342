//! What was found against what the catalogue says. What is new can be added; what a person wrote is never changed.

use super::render;
use super::{Member, StoreFound, Survey};
use kuzet_detect::{Catalogue, Diagnostic, Known};
use kuzet_event::Count;
use std::collections::{BTreeMap, BTreeSet};

/// A difference between the catalogue and what was found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// What sort of difference.
    pub kind: ChangeKind,
    /// Store of the catalogue.
    pub store: String,
    /// Table or column, masked.
    pub name: String,
    /// In words.
    pub what: String,
}

/// Sorts of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A store that the catalogue lacks.
    NewStore,
    /// A table that the catalogue lacks; its family is in it.
    NewTable,
    /// A column that the catalogue does not list.
    NewColumn,
    /// The catalogue says something else. It stays as it is.
    Differs,
    /// The catalogue names what was not found. It stays.
    NotFound,
}

impl ChangeKind {
    /// Whether writing would add it.
    #[must_use]
    pub fn is_new(self) -> bool {
        matches!(self, ChangeKind::NewStore | ChangeKind::NewTable | ChangeKind::NewColumn)
    }

    /// As a person says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::NewStore => "new store",
            ChangeKind::NewTable => "new table",
            ChangeKind::NewColumn => "new column",
            ChangeKind::Differs => "differs",
            ChangeKind::NotFound => "not found",
        }
    }
}

/// All differences, and the file with what is new in it.
#[derive(Clone, Debug)]
pub struct Difference {
    /// In the order of the stores.
    pub changes: Vec<Change>,
    /// The file as it would be written.
    pub text: String,
}

/// Compares `text`, the catalogue file `file`, with what was found.
///
/// # Errors
/// Faults of the file; or it is written in a way that nothing can be added to.
pub fn difference(
    text: &str,
    file: &str,
    surveys: &[Survey],
    stores: &[StoreFound],
) -> Result<Difference, Vec<Diagnostic>> {
    let catalogue = Catalogue::parse(text, file)?;
    let mut work =
        Work { catalogue: &catalogue, surveys, changes: Vec::new(), tables: BTreeMap::new(), columns: BTreeMap::new() };
    let mut appended = String::new();
    let mut names: BTreeSet<String> = catalogue.stores().map(|store| store.name.to_string()).collect();
    for found in stores {
        if work.known(found) {
            continue;
        }
        let mut found = found.clone();
        let plain = found.name.clone();
        let mut number = 2;
        while !names.insert(found.name.clone()) {
            found.name = format!("{plain}-{number}");
            number += 1;
        }
        let survey = &surveys[found.survey];
        let tables = render::tables(survey, &found).join(", ");
        work.tell(ChangeKind::NewStore, &found.name, &found.name, tables);
        appended.push('\n');
        appended.push_str(&render::store(survey, &found));
    }
    work.missing();
    let new = work.edited(text) + &appended;
    let changes = work.changes;
    if Catalogue::parse(&new, file).is_err() {
        let fault = Diagnostic {
            code: "KZ060".to_owned(),
            file: file.to_owned(),
            line: 0,
            column: 0,
            message: "what was found cannot be added to this file as it is written".to_owned(),
            help: "write each store as [[store]] with tables = [\"…\"]; or compare with a new file of your own"
                .to_owned(),
            warning: false,
        };
        return Err(vec![fault]);
    }
    Ok(Difference { changes, text: new })
}

struct Work<'a> {
    catalogue: &'a Catalogue,
    surveys: &'a [Survey],
    changes: Vec<Change>,
    /// What to add to the tables and the columns of the stores of the file.
    tables: BTreeMap<usize, Vec<String>>,
    columns: BTreeMap<usize, String>,
}

impl<'a> Work<'a> {
    fn tell(&mut self, kind: ChangeKind, store: &str, name: &str, what: String) {
        let name = kuzet_personal::mask_identifiers(name).into_owned();
        self.changes.push(Change { kind, store: store.to_owned(), name, what });
    }

    /// The first entry of the file that covers a member.
    fn entry(&self, survey: &Survey, member: &Member) -> Option<Known<'a>> {
        let relation = &survey.relations[member.relation];
        let table = Some((relation.schema.as_str(), relation.name.as_str()));
        self.catalogue.known().find(|known| known.covers(survey.system, &survey.database, table))
    }

    /// Compares a store that the file knows, at least in part; false when it knows nothing of it.
    fn known(&mut self, found: &StoreFound) -> bool {
        let survey = &self.surveys[found.survey];
        let entries: Vec<Option<Known<'a>>> = found.members.iter().map(|member| self.entry(survey, member)).collect();
        let Some(home) = entries.iter().flatten().next().copied() else { return false };
        // The owner may have parted one family into several stores: each is compared with its own part.
        let mut parts: BTreeMap<usize, (Known<'a>, Vec<Member>)> = BTreeMap::new();
        let mut strangers = Vec::new();
        for (member, entry) in found.members.iter().zip(&entries) {
            let known = entry.unwrap_or(home);
            parts.entry(known.index).or_insert_with(|| (known, Vec::new())).1.push(member.clone());
            if entry.is_none() {
                strangers.push(member.clone());
            }
        }
        let part = |members: Vec<Member>| StoreFound { members, ..found.clone() };
        for member in &strangers {
            let why = if member.why.is_empty() { "belongs to it".to_owned() } else { member.why.clone() };
            let title = survey.relations[member.relation].title();
            self.tell(ChangeKind::NewTable, &home.store().name, &title, why);
        }
        if !strangers.is_empty() {
            // In MariaDB the whole store decides whether tables are told with their schema.
            let new = render::tables(survey, &part(strangers));
            self.tables.entry(home.index).or_default().extend(new);
        }
        for (known, members) in parts.into_values() {
            self.columns(survey, known, &part(members));
        }
        self.persons(home, found);
        true
    }

    fn columns(&mut self, survey: &Survey, known: Known<'a>, found: &StoreFound) {
        for (name, said) in render::columns(survey, found) {
            let categories: Vec<&str> = said.categories.iter().map(|(category, ..)| *category).collect();
            match known.column(&name) {
                None => {
                    let what = if categories.is_empty() {
                        "a key or a misleading name".to_owned()
                    } else {
                        categories.join(", ")
                    };
                    self.tell(ChangeKind::NewColumn, &known.store().name, &name, what);
                    self.columns.entry(known.index).or_default().push_str(&render::column(&name, &said));
                }
                Some((listed, _)) => {
                    let more: Vec<&str> = categories
                        .into_iter()
                        .filter(|category| !listed.iter().any(|own| **own == **category))
                        .collect();
                    if !more.is_empty() {
                        let says = if listed.is_empty() { "nothing".to_owned() } else { listed.join(", ") };
                        let what = format!("the catalogue says {says}; found {}", more.join(", "));
                        self.tell(ChangeKind::Differs, &known.store().name, &name, what);
                    }
                }
            }
        }
    }

    fn persons(&mut self, known: Known<'a>, found: &StoreFound) {
        let (Some(persons), Count::Known(said)) = (found.persons, known.store().persons) else { return };
        if persons > said.saturating_add(said / 4) {
            let what = format!("the catalogue says persons = {said}; found up to about {persons}");
            self.tell(ChangeKind::Differs, &known.store().name, "persons", what);
        }
    }

    /// Tables of the file that none of the servers has that it is about.
    fn missing(&mut self) {
        for known in self.catalogue.known() {
            let about: Vec<&Survey> = self.surveys.iter().filter(|survey| is_about(known, survey)).collect();
            if about.is_empty() {
                continue;
            }
            for (schema, name) in known.tables() {
                let same = |survey: &&Survey| {
                    survey.relations.iter().any(|relation| {
                        relation.name.to_lowercase() == name
                            && schema.is_none_or(|schema| relation.schema.to_lowercase() == schema)
                    })
                };
                if !about.iter().any(same) {
                    let what = "none of the databases looked at has it, or this role does not see it".to_owned();
                    self.tell(ChangeKind::NotFound, &known.store().name, name, what);
                }
            }
        }
    }

    /// `text` with what is new in it, behind what is there.
    fn edited(&self, text: &str) -> String {
        let starts: Vec<usize> = self.catalogue.known().map(|known| known.places().0).collect();
        let mut inserts: Vec<(usize, String)> = Vec::new();
        for known in self.catalogue.known() {
            let (start, tables) = known.places();
            if let Some(new) = self.tables.get(&known.index) {
                let list: String = new.iter().map(|table| format!(", \"{}\"", table.escape_default())).collect();
                inserts.push((tables, list));
            }
            if let Some(columns) = self.columns.get(&known.index) {
                let end = starts.iter().copied().filter(|other| *other > start).min().unwrap_or(text.len());
                inserts.push((behind(text, start, end), columns.clone()));
            }
        }
        inserts.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let mut new = text.to_owned();
        for (at, piece) in inserts {
            if new.is_char_boundary(at) {
                new.insert_str(at, &piece);
            }
        }
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new
    }
}

fn is_about(known: Known<'_>, survey: &Survey) -> bool {
    if survey.system.speaks_mysql() {
        return survey.relations.iter().any(|relation| known.covers(survey.system, &relation.schema, None));
    }
    known.covers(survey.system, &survey.database, None)
}

/// Where the last line of an entry ends; comments behind it belong to the next one.
fn behind(text: &str, start: usize, end: usize) -> usize {
    let section = text.get(start..end).unwrap_or_default();
    let mut last = start;
    let mut at = start;
    for line in section.split_inclusive('\n') {
        at += line.len();
        let bare = line.trim();
        if !bare.is_empty() && !bare.starts_with('#') {
            last = at;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Found, Looked, Relation, Sort};
    use super::*;
    use kuzet_event::System;

    fn survey(names: &[&str]) -> Survey {
        let column = |(name, category, identifies): (&str, &'static str, bool)| Column {
            name: name.into(),
            found: vec![Found { category, confidence: 98, evidence: "name and 9 of 9 different values".into() }],
            identifies,
            ..Column::default()
        };
        let relation = |name: &&str| Relation {
            schema: "public".into(),
            name: (*name).into(),
            sort: Sort::Table,
            rows: Some(100),
            columns: vec![column(("iin", "iin", true)), column(("нм \"x\"", "name", false))],
            key: None,
            references: Vec::new(),
            from: Vec::new(),
            looked: Looked::At(100),
            limited: None,
        };
        let relations = names.iter().map(relation).collect();
        Survey { system: System::Postgresql, version: "15.1".into(), database: "mfo".into(), relations }
    }

    fn found(survey: usize, name: &str, relations: &[usize]) -> StoreFound {
        let member = |relation: &usize| Member { relation: *relation, why: String::new() };
        StoreFound { name: name.into(), survey, members: relations.iter().map(member).collect(), persons: Some(100) }
    }

    fn kinds(difference: &Difference) -> Vec<(ChangeKind, &str)> {
        difference.changes.iter().map(|change| (change.kind, change.name.as_str())).collect()
    }

    #[test]
    fn what_is_written_is_read_and_says_the_same() {
        let surveys = [survey(&["people", "copy"])];
        let stores = [found(0, "people", &[0, 1])];
        let text = render::catalogue(&surveys, &stores);
        let again = difference(&text, "c.toml", &surveys, &stores).unwrap();
        assert!(again.changes.is_empty(), "{:?}\n{text}", again.changes);
        assert_eq!(again.text, text);
    }

    #[test]
    fn what_is_new_is_added_and_the_rest_stays() {
        let owner = "# mine\n[[store]]\nname = \"b\" # ours\ntables = [\n  \"public.people\", # main\n]\npersons = 50\n\
                     [[store.column]]\nname = \"iin\"\ncategory = \"salary\"\n\n# the next\n[[store]]\nname = \"people\"\n\
                     tables = [\"public.gone\"]\n";
        let surveys = [survey(&["people", "copy", "others"])];
        let stores = [found(0, "people", &[0, 1]), found(0, "people", &[2])];
        let seen = difference(owner, "c.toml", &surveys, &stores).unwrap();
        assert_eq!(
            kinds(&seen),
            [
                (ChangeKind::NewTable, "public.copy"),
                (ChangeKind::Differs, "iin"),
                (ChangeKind::NewColumn, "нм \"x\""),
                (ChangeKind::Differs, "persons"),
                (ChangeKind::NewStore, "people-2"),
                (ChangeKind::NotFound, "gone"),
            ]
        );
        for kept in [
            "# mine\n",
            "name = \"b\" # ours",
            "# main",
            "persons = 50",
            "category = \"salary\"",
            "# the next\n[[store]]",
        ] {
            assert!(seen.text.contains(kept), "{kept} is gone from\n{}", seen.text);
        }
        let again = difference(&seen.text, "c.toml", &surveys, &stores).unwrap();
        assert!(again.changes.iter().all(|change| !change.kind.is_new()), "{:?}\n{}", again.changes, seen.text);
    }

    #[test]
    fn a_file_that_cannot_be_added_to_is_left_alone() {
        let surveys = [survey(&["people", "copy"])];
        let inline = "store = [{ name = \"b\", tables = [\"public.people\"] }]\n";
        let faults = difference(inline, "c.toml", &surveys, &[found(0, "people", &[0, 1])]).unwrap_err();
        assert_eq!(faults[0].code, "KZ060");
    }
}
