//! Says which incidents an attack explains, which attacks were found in time, and what is left: false alarms.

use super::attack::Attack;
use super::calendar::{MINUTE, OFFSET};
use super::run::{Outcome, Plan, Told};
use kuzet_detect::Severity;
use kuzet_event::Timestamp;
use kuzet_incident::Incident;
use std::fmt::Write;

/// What became of an attack.
pub struct Found<'a> {
    pub attack: &'a Attack,
    /// Minutes from the beginning until it was told; `None`: it was not.
    pub after: Option<i64>,
    pub kinds: Vec<String>,
}

impl Found<'_> {
    /// Found within its stated time.
    pub fn in_time(&self) -> bool {
        self.after.is_some_and(|after| after <= self.attack.within)
    }
}

/// A run against its attacks.
pub struct Report<'a> {
    pub found: Vec<Found<'a>>,
    /// To be looked at, and explained by nothing.
    pub alarms: Vec<&'a Told>,
    /// Low ones.
    pub low: usize,
}

fn kinds(incident: &Incident) -> Vec<String> {
    let mut kinds: Vec<String> = incident.kinds.iter().map(|kind| kind.kind.name().to_owned()).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// Whether `attack` explains `incident`.
fn explains(attack: &Attack, incident: &Incident) -> bool {
    let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
    fits(&attack.role, &incident.user)
        && fits(&attack.person, &incident.person)
        && (attack.client.is_empty()
            || incident.addresses.iter().chain(&incident.clients).any(|one| *one == attack.client))
        && incident.until.0 >= attack.begins()
        && incident.since.0 <= attack.ends()
}

/// Holds a run against its attacks.
pub fn report<'a>(outcome: &'a Outcome, attacks: &'a [Attack]) -> Report<'a> {
    let grave = |told: &&Told| told.incident.severity >= Severity::Medium;
    let found = attacks.iter().map(|attack| {
        let of = outcome.told.iter().filter(grave).filter(|told| explains(attack, &told.incident));
        let expected = |told: &&Told| {
            let store = told.incident.store.as_ref().map_or("", |store| store.name.as_str());
            let there = attack.store.is_empty() || attack.store == store;
            there && (attack.kinds.is_empty() || kinds(&told.incident).iter().any(|kind| attack.kinds.contains(kind)))
        };
        let of: Vec<&Told> = of.filter(expected).collect();
        let first = of.iter().filter_map(|told| told.at).filter(|at| at.0 >= attack.begins()).min();
        let mut kinds: Vec<String> = of.iter().flat_map(|told| kinds(&told.incident)).collect();
        kinds.sort();
        kinds.dedup();
        let after = first.map(|first| (first.0 - attack.begins() + MINUTE - 1) / MINUTE);
        Found { attack, after, kinds }
    });
    let alarms = outcome.told.iter().filter(grave);
    let alarms = alarms.filter(|told| !attacks.iter().any(|attack| explains(attack, &told.incident)));
    let low = outcome.told.iter().filter(|told| told.incident.severity < Severity::Medium).count();
    Report { found: found.collect(), alarms: alarms.collect(), low }
}

fn local(at: Timestamp) -> String {
    let (_, month, day, hour, minute, ..) = Timestamp(at.0 + OFFSET).civil(0);
    format!("{day:02}.{month:02} {hour:02}:{minute:02}")
}

/// One incident in one line.
pub fn line(told: &Told) -> String {
    let incident = &told.incident;
    let reason = incident.timeline.entries.first().map_or("", |entry| entry.reason.as_str());
    let person = if incident.person.is_empty() { String::new() } else { format!(" ({})", incident.person) };
    let store = incident.store.as_ref().map_or("", |store| store.name.as_str());
    let (kinds, severity) = (kinds(incident).join(", "), format!("{:?}", incident.severity).to_lowercase());
    format!("{} {severity} {}{person} {store}: {kinds}; {reason}", local(incident.since), incident.user)
}

impl Report<'_> {
    /// Attacks found within their time.
    pub fn found_in_time(&self) -> usize {
        self.found.iter().filter(|found| found.in_time()).count()
    }

    /// The table, in Markdown.
    pub fn table(&self, plan: Plan, outcome: &Outcome) -> String {
        let mut text = String::new();
        let weeks = plan.days as f64 / 7.0;
        let rate = self.alarms.len() as f64 / weeks;
        let _ = writeln!(text, "### {}, seed {}, {} days\n", plan.server.name(), plan.seed, plan.days);
        let _ = writeln!(
            text,
            "{} records, {} events, {:.1} s of CPU, {} restarts. False alarms: {} ({rate:.2} a week), {} low.\n",
            outcome.records,
            outcome.events,
            outcome.cpu.as_secs_f64(),
            plan.restarts,
            self.alarms.len(),
            self.low,
        );
        for told in &self.alarms {
            let _ = writeln!(text, "- {}", line(told));
        }
        if self.found.is_empty() {
            return text;
        }
        let (found, all) = (self.found_in_time(), self.found.len());
        let _ = writeln!(text, "\nFound in time: {found} of {all}.\n");
        text.push_str("| attack | told | after, minutes | stated | by |\n|---|---|---|---|---|\n");
        for found in &self.found {
            let told = if found.in_time() {
                "yes"
            } else if found.after.is_some() {
                "**late**"
            } else {
                "**no**"
            };
            let after = found.after.map_or_else(String::new, |after| after.to_string());
            let (what, within) = (&found.attack.what, found.attack.within);
            let _ = writeln!(text, "| {what} | {told} | {after} | {within} | {} |", found.kinds.join(", "));
        }
        text
    }
}
