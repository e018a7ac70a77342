//! Which relations are one store: what is made of another (views, partitions, copies) holds the same people, and so does
//! what points at them.

use super::{Column, Found, LISTED, Looked, Relation, Sort, Survey};
use std::collections::{BTreeMap, BTreeSet};

/// A store as it was found.
#[derive(Clone, Debug)]
pub struct StoreFound {
    /// After its main table; unique in one run.
    pub name: String,
    /// Position of its survey.
    pub survey: usize,
    /// Its relations, the main one first.
    pub members: Vec<Member>,
    /// People it holds, by statistics of the server, rounded up.
    pub persons: Option<u64>,
}

/// A relation of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Position in the survey.
    pub relation: usize,
    /// Why it belongs here, in words; empty for the main one.
    pub why: String,
}

/// Words of names that copies have.
const COPIES: [&str; 14] = [
    "copy", "bak", "backup", "tmp", "temp", "old", "arch", "archive", "test", "dump", "export", "snap", "backup2",
    "_20",
];
/// Fewest shared columns of a copy, and their share of all columns of both, in percent.
const COLUMNS: usize = 3;
const ALIKE: usize = 80;
/// Views of views that are followed.
const DEEPEST: usize = 4;
/// Fewest values of people that two tables share.
const SHARED: usize = 5;

/// Groups the personal relations of `surveys` into stores. Relations that were not looked at inherit what is known of
/// those they come from, which is why the surveys change.
pub fn stores(surveys: &mut [Survey]) -> Vec<StoreFound> {
    let mut all = Vec::new();
    for (at, survey) in surveys.iter_mut().enumerate() {
        keys(&mut survey.relations);
        // A view of a view is listed before or behind it.
        for _ in 0..DEEPEST {
            inherit(&mut survey.relations);
        }
        all.extend(families(&survey.relations, at));
    }
    let mut taken = BTreeSet::new();
    for store in &mut all {
        let survey = &surveys[store.survey];
        let main = &survey.relations[store.members[0].relation];
        let plain = |name: &str| kuzet_personal::mask_identifiers(name).replace('*', "x");
        let (name, title) = (plain(&main.name), plain(&main.title()));
        let whole = format!("{}/{}.{title}", survey.system.name(), plain(&survey.database));
        // Two servers may hold the same.
        let names = [name, title, whole.clone()].into_iter().chain((2u32..).map(|number| format!("{whole}-{number}")));
        store.name = names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
        taken.insert(store.name.clone());
    }
    all
}

/// Views, partitions and copies have what the tables they come from have, under the same names.
fn inherit(relations: &mut [Relation]) {
    for at in 0..relations.len() {
        for from in relations[at].from.clone() {
            let why = if relations[at].sort == Sort::Partition { "as in its parent" } else { "as in" };
            hand_down(relations, from, at, why);
        }
        if let Looked::Not(_) = relations[at].looked
            && let Some(original) = (0..relations.len()).find(|other| alike(relations, *other, at))
        {
            hand_down(relations, original, at, "as in what looks like the original,");
        }
    }
}

fn hand_down(relations: &mut [Relation], from: usize, to: usize, why: &str) {
    let given: Vec<(String, bool, Vec<Found>)> = relations[from]
        .columns
        .iter()
        .filter(|column| column.listed().next().is_some() || column.identifies)
        .map(|column| (column.name.clone(), column.identifies, column.listed().cloned().collect()))
        .collect();
    let title = relations[from].title();
    for (name, identifies, found) in given {
        let Some(column) = relations[to].columns.iter_mut().find(|column| column.name == name) else { continue };
        column.identifies |= identifies;
        // What was seen in its own rows goes before.
        if column.seen > 0 {
            continue;
        }
        for one in found {
            column.found.retain(|own| own.category != one.category || own.confidence >= LISTED);
            if !column.found.iter().any(|own| own.category == one.category) {
                let evidence = format!("{why} {title}");
                column.found.push(Found { category: one.category, confidence: one.confidence.min(90), evidence });
            }
        }
        column.found.sort_by_key(|found| std::cmp::Reverse(found.confidence));
    }
}

/// The key of a table of people stands for a person, there and where others point at it. Keys that say so by their names
/// (`borrower_id`, `id` of `borrowers`) count anyway and are not marked: `id` is also the name of other things.
fn keys(relations: &mut [Relation]) {
    for at in 0..relations.len() {
        let named = by_name(relations, at);
        relations[at].references.extend(named);
    }
    for at in 0..relations.len() {
        let Some(key) = relations[at].key.clone() else { continue };
        if !of_people(&relations[at]) {
            continue;
        }
        let pointing: Vec<(usize, String)> = relations
            .iter()
            .enumerate()
            .flat_map(|(other, relation)| {
                relation.references.iter().map(move |(column, to)| (other, column.clone(), *to))
            })
            .filter_map(|(other, column, to)| (to == at).then_some((other, column)))
            .collect();
        for (relation, column) in pointing.into_iter().chain([(at, key)]) {
            let relation = &mut relations[relation];
            let named = kuzet_detect::person_key(&column, &relation.name);
            if let Some(column) = relation.columns.iter_mut().find(|known| known.name == column) {
                column.identifies |= !named;
            }
        }
    }
}

/// References that nobody declared: `borrower_id` beside a table `borrowers` or `borrower` of the same schema.
fn by_name(relations: &[Relation], at: usize) -> Vec<(String, usize)> {
    let own = &relations[at];
    let undeclared = own.columns.iter().filter(|column| {
        kuzet_detect::person_key(&column.name, &own.name)
            && own.references.iter().all(|(known, _)| *known != column.name)
    });
    let target = |column: &Column| {
        let who = column.name.to_lowercase().strip_suffix("_id")?.to_owned();
        let named = |other: &Relation| {
            let name = other.name.to_lowercase();
            other.schema == own.schema && (name == who || name == format!("{who}s"))
        };
        let to = relations.iter().position(named).filter(|to| *to != at)?;
        Some((column.name.clone(), to))
    };
    undeclared.filter_map(target).collect()
}

/// Whether a value of the column stands for a person, by what was found or by its name.
fn stands(relation: &Relation, column: &str) -> bool {
    relation.column(column).is_some_and(|column| column.identifies) || kuzet_detect::person_key(column, &relation.name)
}

/// One row stands for one person: a column that identifies has a value of its own in nearly every row.
fn of_people(relation: &Relation) -> bool {
    let own = |column: &Column| {
        let strong =
            column.listed().any(|found| matches!(found.category, "iin" | "id_document" | "phone_mobile" | "email"));
        column.identifies && strong && column.unique.is_some_and(|unique| unique >= 95)
    };
    relation.sort != Sort::View && relation.columns.iter().any(own)
}

/// Whether two relations have the same columns, nearly.
fn alike(relations: &[Relation], original: usize, copy: usize) -> bool {
    if original == copy || relations[original].sort == Sort::Partition || relations[copy].sort == Sort::Partition {
        return false;
    }
    let names =
        |at: usize| -> BTreeSet<&str> { relations[at].columns.iter().map(|column| column.name.as_str()).collect() };
    let (one, two) = (names(original), names(copy));
    let shared = one.intersection(&two).count();
    let personal = relations[original]
        .columns
        .iter()
        .any(|column| two.contains(column.name.as_str()) && column.listed().next().is_some());
    personal && shared >= COLUMNS && shared * 100 >= one.union(&two).count() * ALIKE
}

/// People whom both hold: values of columns that identify.
fn shared_people(one: &Relation, two: &Relation) -> usize {
    let marks = |relation: &Relation| -> BTreeSet<u64> {
        relation.columns.iter().flat_map(|column| column.marks.iter().copied()).collect()
    };
    marks(one).intersection(&marks(two)).count()
}

/// Relations on the way to be stores: everyone knows its family, and why it is in it.
struct Kin<'a> {
    relations: &'a [Relation],
    family: Vec<Option<usize>>,
    why: Vec<String>,
}

impl Kin<'_> {
    fn members(&self, family: usize) -> impl Iterator<Item = usize> {
        (0..self.relations.len()).filter(move |at| self.family[*at] == Some(family))
    }

    /// Puts the family of `child` into that of `parent`, unless it is there.
    fn join(&mut self, child: usize, parent: usize, why: String) {
        let (Some(own), Some(family)) = (self.family[child], self.family[parent]) else { return };
        if own == family {
            return;
        }
        if self.why[child].is_empty() {
            self.why[child] = why;
        }
        for at in self.members(own).collect::<Vec<_>>() {
            self.family[at] = Some(family);
        }
    }

    /// Whether what the catalogue would say of a column of one is untrue for a column of the other.
    fn at_odds(&self, one: usize, two: usize) -> bool {
        let (Some(one), Some(two)) = (self.family[one], self.family[two]) else { return true };
        let columns = |family: usize| {
            let mut all: BTreeMap<&str, (BTreeSet<&str>, bool)> = BTreeMap::new();
            for column in self.members(family).flat_map(|at| &self.relations[at].columns) {
                let (categories, identifies) = all.entry(&column.name).or_default();
                categories.extend(column.listed().map(|found| found.category));
                *identifies |= column.identifies;
            }
            all
        };
        let (one, two) = (columns(one), columns(two));
        one.iter().any(|(name, own)| two.get(name).is_some_and(|other| own != other))
    }
}

fn families(relations: &[Relation], survey: usize) -> Vec<StoreFound> {
    let points = |relation: &Relation| relation.columns.iter().any(|column| stands(relation, &column.name));
    let belongs = |relation: &Relation| relation.personal() || points(relation);
    let family = (0..relations.len()).map(|at| belongs(&relations[at]).then_some(at)).collect();
    let mut kin = Kin { relations, family, why: vec![String::new(); relations.len()] };
    for (at, relation) in relations.iter().enumerate() {
        for from in &relation.from {
            let of = format!("{} of {}", relation.sort.name(), relations[*from].title());
            kin.join(at, *from, of);
        }
    }
    for (copy, original, why) in copies(relations, &kin.family) {
        kin.join(copy, original, format!("{why} {}", relations[original].title()));
    }
    for (at, relation) in relations.iter().enumerate() {
        for (column, to) in &relation.references {
            if stands(relation, column) && !kin.at_odds(at, *to) {
                kin.join(at, *to, format!("{column} points at {}", relations[*to].title()));
            }
        }
    }
    let mut by_family: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..relations.len() {
        if let Some(family) = kin.family[at] {
            by_family.entry(family).or_default().push(at);
        }
    }
    by_family
        .into_values()
        // A table that only points at people of no store, a key without a person.
        .filter(|members| members.iter().any(|at| relations[*at].personal()))
        .map(|mut members| {
            members.sort_by_key(|at| (!kin.why[*at].is_empty(), *at));
            let persons = members.iter().filter_map(|at| persons(&relations[*at])).max().map(round_up);
            let member = |at: &usize| Member { relation: *at, why: kin.why[*at].clone() };
            StoreFound { name: String::new(), survey, members: members.iter().map(member).collect(), persons }
        })
        .collect()
}

/// Pairs of a copy and its original, with the reason.
fn copies(relations: &[Relation], family: &[Option<usize>]) -> Vec<(usize, usize, &'static str)> {
    let plain = |at: &usize| family[*at].is_some() && matches!(relations[*at].sort, Sort::Table | Sort::Partitioned);
    let like_a_copy = |at: usize| {
        let name = relations[at].name.to_lowercase();
        COPIES.iter().any(|word| name.contains(word))
    };
    let members: Vec<usize> = (0..relations.len()).filter(plain).collect();
    let mut found = Vec::new();
    for (index, one) in members.iter().enumerate() {
        for two in &members[index + 1..] {
            let people = shared_people(&relations[*one], &relations[*two]);
            let same = alike(relations, *one, *two) || alike(relations, *two, *one);
            // Two tables that happen to have the same columns, as schemas have, are copies when one is called so or
            // when the people are the same.
            let copy = same && (people >= SHARED || like_a_copy(*one) || like_a_copy(*two));
            if !copy {
                continue;
            }
            let rows = |at: usize| relations[at].rows.unwrap_or(0);
            let swap = like_a_copy(*one) && !like_a_copy(*two)
                || like_a_copy(*one) == like_a_copy(*two) && rows(*one) < rows(*two);
            let (copy, original) = if swap { (*one, *two) } else { (*two, *one) };
            let why = if people >= SHARED {
                "looks like a copy (same columns, same people) of"
            } else {
                "looks like a copy (same columns) of"
            };
            found.push((copy, original, why));
        }
    }
    found
}

/// How many people a relation tells of at most, as far as statistics know.
fn persons(relation: &Relation) -> Option<u64> {
    let rows = relation.rows?;
    let people = relation.columns.iter().filter(|column| stands(relation, &column.name));
    let mut known = people.filter_map(|column| column.distinct);
    let least = known.next().map(|first| known.fold(first, u64::max));
    Some(least.map_or(rows, |distinct| distinct.min(rows)))
}

/// Two digits, upwards: an estimate is no count, and the number is an upper bound.
fn round_up(number: u64) -> u64 {
    let mut unit = 1;
    while number / unit >= 100 {
        unit *= 10;
    }
    number.div_ceil(unit) * unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use kuzet_event::System;

    fn column(name: &str, category: Option<&'static str>, identifies: bool) -> Column {
        let found = category.map(|category| Found { category, confidence: 90, evidence: "e".into() });
        let unique = identifies.then_some(100);
        Column { name: name.into(), found: found.into_iter().collect(), identifies, unique, ..Column::default() }
    }

    fn relation(name: &str, columns: Vec<Column>) -> Relation {
        Relation {
            schema: "public".into(),
            name: name.into(),
            sort: Sort::Table,
            rows: Some(1234),
            columns,
            key: None,
            references: Vec::new(),
            from: Vec::new(),
            looked: Looked::At(10),
            limited: None,
        }
    }

    fn found(relations: Vec<Relation>) -> (Vec<StoreFound>, Survey) {
        let survey = Survey { system: System::Postgresql, version: "15".into(), database: "mfo".into(), relations };
        let mut surveys = vec![survey];
        let stores = stores(&mut surveys);
        (stores, surveys.remove(0))
    }

    fn people() -> Relation {
        let columns = vec![
            column("id", None, false),
            column("k7", Some("iin"), true),
            column("nm", Some("name"), false),
            column("zp", Some("salary"), false),
        ];
        Relation { key: Some("id".into()), ..relation("t_1", columns) }
    }

    #[test]
    fn what_points_at_people_is_of_their_store() {
        let mut loans = relation("t_2", vec![column("n", None, false), column("t1", None, false)]);
        loans.references.push(("t1".into(), 0));
        let (stores, survey) = found(vec![people(), loans, relation("cities", vec![column("id", None, false)])]);
        assert_eq!(stores.len(), 1);
        assert_eq!((stores[0].name.as_str(), stores[0].persons), ("t_1", Some(1300)));
        assert_eq!(stores[0].members[1], Member { relation: 1, why: "t1 points at public.t_1".into() });
        assert!(survey.relations[1].columns[1].identifies && survey.relations[0].columns[0].identifies);
        assert!(!survey.relations[2].columns[0].identifies);
    }

    #[test]
    fn a_column_that_means_something_else_makes_its_own_store() {
        let mut loans = relation(
            "t_2",
            vec![column("id", None, false), column("t1", None, false), column("x", Some("email"), true)],
        );
        loans.references.push(("t1".into(), 0));
        let (stores, _) = found(vec![people(), loans]);
        assert_eq!(stores.iter().map(|store| store.name.as_str()).collect::<Vec<_>>(), ["t_1", "t_2"]);
    }

    #[test]
    fn views_and_copies_follow_their_table() {
        let names = ["id", "k7", "nm", "zp"];
        let bare = || names.iter().map(|name| column(name, None, false)).collect::<Vec<_>>();
        let view = Relation {
            sort: Sort::View,
            from: vec![0],
            looked: Looked::Not("timeout".into()),
            ..relation("v", bare())
        };
        let copy = Relation { looked: Looked::Not("no right to read it".into()), ..relation("tmp_x", bare()) };
        let (stores, survey) = found(vec![people(), view, copy]);
        assert_eq!(stores.len(), 1);
        let why: Vec<&str> = stores[0].members.iter().map(|member| member.why.as_str()).collect();
        assert_eq!(why, ["", "view of public.t_1", "looks like a copy (same columns) of public.t_1"]);
        assert_eq!(survey.relations[1].columns[1].found[0].evidence, "as in public.t_1");
        assert!(survey.relations[2].columns[1].identifies);
    }

    #[test]
    fn estimates_are_rounded_up() {
        assert_eq!([0, 7, 99, 100, 101, 10_000, 10_001].map(round_up), [0, 7, 99, 100, 110, 10_000, 11_000]);
    }
}
