//! Hits of rules → hits of correlations: sliding windows over event time, one for each group, in bounded memory.
//!
//! - A window is closed at both ends: two hits exactly one timespan apart are in one window. It is looked at with every
//!   hit, not between hits.
//! - A hit may be out of order by [`Limits::lateness`] against the latest hit of its group; it is put in its place and
//!   every window that holds it is looked at. What is later is counted in [`Correlator::late`] and not used.
//! - A correlation fires when its condition becomes true for a group. While it stays true it fires again once a
//!   timespan, when the window shares no hit with the one that was told; it is armed anew when it was false at a hit.
//! - An event is counted once by a correlation, however many of its rules it matches. A field that is absent is a value
//!   of its own in `group-by`, and no value to be counted or added. A field that is a list is each of its values.
//! - A temporal correlation sees another correlation that it stands on for as long as that one holds; one that counts
//!   sees each time that it fires. Fields are those of the event that completed it, as Sigma wants.

mod keys;
pub(crate) mod resolve;
mod table;
mod tell;
mod window;

pub use tell::{Correlated, GroupValue};

use crate::correlation::{Correlation, CorrelationKind};
use crate::event::Event;
use crate::matcher::Hit;
use crate::set::{Bound, Part, Resolved, RuleId, RuleSet};
use keys::{Combination, Key};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use table::{Kept, Table};
use window::Shape;

/// One row of state: a key, and the value that now stands under it (`None`: the row is gone).
pub type Row = (Vec<u8>, Option<Vec<u8>>);

/// Bounds of what is kept and waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most groups of one correlation.
    pub groups: usize,
    /// Most entries (24 bytes each) of all groups of one correlation.
    pub entries: usize,
    /// How far, in microseconds, a hit may be behind the latest hit of its group.
    pub lateness: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { groups: 10_000, entries: 200_000, lateness: 60_000_000 }
    }
}

/// All correlations of a set with their state.
#[derive(Debug)]
pub struct Correlator {
    set: Arc<RuleSet>,
    key: Key,
    limits: Limits,
    shapes: Vec<Shape>,
    tables: Vec<Table>,
    /// For each rule, and each correlation: the correlations that stand on it, and as which part.
    of_rules: Vec<Vec<(usize, usize)>>,
    of_correlations: Vec<Vec<(usize, usize)>>,
    /// Grows with every use of any group.
    clock: u64,
    late: u64,
    crowded: u64,
    /// Rows of correlations that are not in the set any more.
    gone: Vec<Vec<u8>>,
}

/// What an event brings to one group of a correlation.
struct Arrival<'a> {
    bound: &'a Bound,
    leaf: RuleId,
    group: Combination,
    parts: Vec<usize>,
}

impl Correlator {
    /// Correlations without a past; values are kept as hashes with `key`.
    pub fn new(set: Arc<RuleSet>, key: [u8; 32], limits: Limits) -> Self {
        let limits = Limits { lateness: limits.lateness.max(0), ..limits };
        let mut of_rules = vec![Vec::new(); set.rules().len()];
        let mut of_correlations = vec![Vec::new(); set.correlations().len()];
        let (mut shapes, mut tables) = (Vec::new(), Vec::new());
        let mut equal: HashMap<u64, u64> = HashMap::new();
        for (at, resolved) in set.correlations().iter().enumerate() {
            for (part, on) in resolved.parts.iter().enumerate() {
                match on {
                    Part::Rule(rule) => of_rules[rule.index()].push((at, part)),
                    Part::Correlation(other) => of_correlations[*other].push((at, part)),
                }
            }
            shapes.push(Shape::new(&resolved.correlation, limits.lateness));
            let identity = identity(&resolved.correlation);
            let before = equal.entry(identity).or_default();
            tables.push(Table::new(identity.wrapping_add(*before)));
            *before += 1;
        }
        let (key, gone) = (Key::new(key), Vec::new());
        Self { set, key, limits, shapes, tables, of_rules, of_correlations, clock: 0, late: 0, crowded: 0, gone }
    }

    /// Whether a correlation counts the hits of a rule.
    pub fn counts(&self, rule: RuleId) -> bool {
        self.of_rules.get(rule.index()).is_some_and(|of| !of.is_empty())
    }

    /// Appends the correlations that `hits` of `event` at `at`, in microseconds, complete, in the order of the set.
    /// Those that only feed others give no alert of their own and are not among them.
    pub fn observe<E: Event + ?Sized>(&mut self, hits: &[Hit], event: &E, at: i64, found: &mut Vec<Correlated>) {
        let mut signals: BTreeSet<(usize, usize, RuleId)> = BTreeSet::new();
        for hit in hits {
            let of = self.of_rules.get(hit.rule.index()).into_iter().flatten();
            signals.extend(of.map(|(correlation, part)| (*correlation, *part, hit.rule)));
        }
        // A correlation stands on earlier ones only: what it feeds comes behind it.
        while let Some(&(correlation, ..)) = signals.first() {
            let behind = signals.split_off(&(correlation + 1, 0, RuleId(0)));
            let of = std::mem::replace(&mut signals, behind);
            self.correlate(correlation, &of, event, at, &mut signals, found);
        }
    }

    fn correlate<E: Event + ?Sized>(
        &mut self,
        correlation: usize,
        of: &BTreeSet<(usize, usize, RuleId)>,
        event: &E,
        at: i64,
        signals: &mut BTreeSet<(usize, usize, RuleId)>,
        found: &mut Vec<Correlated>,
    ) {
        let set = self.set.clone();
        let (Some(resolved), Some(shape)) = (set.correlations().get(correlation), self.shapes.get(correlation)) else {
            return;
        };
        for (group, arrival) in arrivals(&self.key, resolved, of, event, &mut self.crowded) {
            let whats = self.whats(resolved, &arrival, event);
            let bounds = (self.limits.groups, self.limits.entries);
            let Some(table) = self.tables.get_mut(correlation) else { continue };
            let seen = table.with(group, shape, &mut self.clock, bounds, |window| window.push(shape, at, &whats));
            let seen = match seen {
                Ok(Some(seen)) => seen,
                Ok(None) => continue,
                Err(()) => {
                    self.late += 1;
                    continue;
                }
            };
            for &(other, part) in &self.of_correlations[correlation] {
                let temporal = set.correlations()[other].correlation.kind.is_temporal();
                if seen.crossing || temporal {
                    signals.insert((other, part, arrival.leaf));
                }
            }
            if seen.crossing && !resolved.correlation.meta.silent {
                found.extend(tell::tell(&set, correlation, &seen, arrival.bound, &arrival.group));
            }
        }
    }

    /// What the window of a group takes in.
    fn whats<E: Event + ?Sized>(&self, resolved: &Resolved, arrival: &Arrival<'_>, event: &E) -> Vec<u64> {
        let fields = &arrival.bound.fields;
        match resolved.correlation.kind {
            CorrelationKind::EventCount => arrival.parts.iter().take(1).map(|part| *part as u64).collect(),
            CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => {
                arrival.parts.iter().map(|part| *part as u64).collect()
            }
            CorrelationKind::ValueCount => {
                // Values of several fields count together, and only where each is there.
                let (values, _) = self.key.combinations(event, fields);
                let whole = values.into_iter().filter(|values| values.iter().all(Option::is_some));
                #[allow(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
                whole.map(|values| self.key.join(&values) as u64).collect()
            }
            CorrelationKind::ValueSum | CorrelationKind::ValueAvg | CorrelationKind::ValuePercentile => {
                keys::numbers(event, fields)
            }
        }
    }

    /// State that changed since the last call, in the order of its keys. Written in one transaction with the checkpoint
    /// of the events before it and given back to [`restore`](Self::restore), it makes a restart invisible.
    pub fn changes(&mut self) -> Vec<Row> {
        let mut rows: Vec<Row> = std::mem::take(&mut self.gone).into_iter().map(|key| (key, None)).collect();
        for table in &mut self.tables {
            table.changes(&mut rows);
        }
        rows.sort_unstable();
        rows
    }

    /// Takes back rows that [`changes`](Self::changes) gave; those of correlations that are gone will go too, and what
    /// is no row is ignored.
    pub fn restore(&mut self, rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) {
        let at: HashMap<u64, usize> = self.tables.iter().enumerate().map(|(at, table)| (table.identity, at)).collect();
        let mut groups: Vec<Vec<_>> = self.tables.iter().map(|_| Vec::new()).collect();
        for (key, value) in rows {
            match Kept::read(&key, &value) {
                Some(Kept::Group(identity, group, touched, window)) if at.contains_key(&identity) => {
                    self.clock = self.clock.max(touched);
                    groups[at[&identity]].push((touched, group, window));
                }
                Some(Kept::Latest(identity, latest)) if at.contains_key(&identity) => {
                    self.tables[at[&identity]].met_at(latest);
                }
                Some(_) => self.gone.push(key),
                None => {}
            }
        }
        for (table, groups) in self.tables.iter_mut().zip(groups) {
            table.fill(groups, (self.limits.groups, self.limits.entries));
        }
    }

    /// Takes over from the correlator of the set before: a correlation that is the same keeps its groups, what it asks
    /// for may have changed.
    pub fn take_over(&mut self, old: Self) {
        let mut tables: HashMap<u64, Table> = old.tables.into_iter().map(|table| (table.identity, table)).collect();
        for table in &mut self.tables {
            if let Some(before) = tables.remove(&table.identity) {
                *table = before;
            }
        }
        self.gone.extend(old.gone);
        self.gone.extend(tables.values().flat_map(Table::keys));
        (self.clock, self.late, self.crowded) = (old.clock, old.late, old.crowded);
    }

    /// How many groups are held now.
    pub fn held(&self) -> usize {
        self.tables.iter().map(Table::len).sum()
    }

    /// How many entries, of 24 bytes each, their windows hold.
    pub fn entries(&self) -> usize {
        self.tables.iter().map(Table::entries).sum()
    }

    /// How many groups were forgotten because memory is bounded.
    pub fn evicted(&self) -> u64 {
        self.tables.iter().map(|table| table.evicted).sum()
    }

    /// How many hits were not correlated because they came too late.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// How many groups an event was not added to because a list in it has too many values.
    pub fn crowded(&self) -> u64 {
        self.crowded
    }
}

/// The groups that an event belongs to, and by which parts of the correlation.
fn arrivals<'a, E: Event + ?Sized>(
    key: &Key,
    resolved: &'a Resolved,
    of: &BTreeSet<(usize, usize, RuleId)>,
    event: &E,
    crowded: &mut u64,
) -> BTreeMap<u128, Arrival<'a>> {
    let mut arrivals: BTreeMap<u128, Arrival<'a>> = BTreeMap::new();
    for &(_, part, leaf) in of {
        let Some(bound) = resolved.bound.get(part).and_then(|leaves| leaves.get(&leaf)) else { continue };
        let (groups, more) = key.combinations(event, &bound.group_by);
        *crowded += more as u64;
        for group in groups {
            let fresh = |group| Arrival { bound, leaf, group, parts: Vec::new() };
            let arrival = arrivals.entry(key.join(&group)).or_insert_with(|| fresh(group));
            if !arrival.parts.contains(&part) {
                arrival.parts.push(part);
            }
        }
    }
    arrivals
}

/// What a correlation is: the same as before while it counts the same things in the same windows.
fn identity(correlation: &Correlation) -> u64 {
    let mut text = vec![correlation.kind.name().to_owned(), correlation.timespan.to_string()];
    let meta = &correlation.meta;
    text.extend(meta.id.iter().chain(&meta.name).take(1).cloned());
    if text.len() == 2 {
        text.push(meta.title.clone());
    }
    text.push(correlation.percentile.to_string());
    for list in [&correlation.group_by, &correlation.fields] {
        text.push(list.len().to_string());
        text.extend(list.iter().cloned());
    }
    text.extend(correlation.rules.iter().map(|(reference, _)| reference.clone()));
    for alias in &correlation.aliases {
        text.push(alias.name.clone());
        text.extend(alias.fields.iter().flat_map(|(rule, field)| [rule.clone(), field.clone()]));
    }
    let hash = blake3::hash(text.join("\0").as_bytes());
    let (first, _) = hash.as_bytes().split_first_chunk().unwrap_or((&[0; 8], &[]));
    u64::from_be_bytes(*first)
}
