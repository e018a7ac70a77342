//! Who touches which store: what is new there, who was silent for long, which account is used as never before.
//!
//! One small row a role, client or program of a store, and one a role. Only what was not refused and what the policy does
//! not forbid is learnt. Time is counted in whole hours, so that a row changes at most once an hour.

use crate::calendar::Calendar;
use crate::engine::Row;
use crate::hash::{self, Build};
use crate::resolve::Identity;
use crate::shelf::Shelf;
use crate::thresholds::Thresholds;
use crate::toml_file::glob;
use kuzet_event::{Actor, Client, Event};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Begins the rows.
pub(crate) const KNOWN_TAG: u8 = b'k';
const HOUR: i64 = 3_600_000_000;
/// Actors whose answer is kept within the hour.
const RECENT: usize = 4_096;
/// Programs that a person sits at.
const PROGRAMS: &str = include_str!("../../../rules/programs.txt");

/// Kinds of rows.
const STORE: u8 = 0;
const ROLE: u8 = 1;
const CLIENT: u8 = 2;
const PROGRAM: u8 = 3;
const ACCOUNT: u8 = 4;
/// In place of a store: when the name first touched any.
const ANYWHERE: u64 = 0;
const WORDS: [(u8, &str); 3] = [(ROLE, "role"), (CLIENT, "client"), (PROGRAM, "program")];

/// One row. What is as in a new one is not written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Entry {
    name: String,
    first: i64,
    last: i64,
    /// The end of the learning period was told.
    #[serde(skip_serializing_if = "crate::session::plain")]
    told: bool,
    /// The one program of an account, and whether there are more.
    #[serde(skip_serializing_if = "crate::session::plain")]
    program: u64,
    #[serde(skip_serializing_if = "crate::session::plain")]
    several: bool,
    /// A person sat at it.
    #[serde(skip_serializing_if = "crate::session::plain")]
    person: bool,
    /// When an account of one program was first used by hand.
    #[serde(skip_serializing_if = "crate::session::plain")]
    by_hand: i64,
}

/// How a service account is used otherwise than it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByHand {
    /// With a program that is not its own.
    Program,
    /// From a client that is not its own.
    Client,
    /// By a person, after one program alone.
    Learnt,
}

/// What is new about one touch.
#[derive(Clone, Debug, Default)]
pub(crate) struct News {
    /// Names that touch the store for the first time, bits of [`WORDS`].
    fresh: u8,
    /// Days for which the account touched nothing, if they are many.
    pub(crate) silent_days: Option<i64>,
    pub(crate) by_hand: Option<ByHand>,
    /// A person is behind it, as far as can be told.
    pub(crate) person: bool,
    /// Why nobody works at this time, if that person should not.
    pub(crate) off_hours: Option<String>,
    /// The learning period of the store is over: what is known of it.
    pub(crate) learnt: Option<String>,
}

impl News {
    /// Whether anything is there for the first time.
    pub(crate) fn any(&self) -> bool {
        self.fresh != 0
    }

    /// What is there for the first time and nobody foresaw, in words.
    pub(crate) fn fresh(&self, actor: &Actor, foreseen: Foreseen) -> Option<String> {
        if self.fresh & (1 << ROLE) != 0 && foreseen.role {
            // It comes from somewhere and with something.
            return None;
        }
        let unforeseen = |kind: u8| match kind {
            CLIENT => !foreseen.client,
            PROGRAM => !foreseen.program,
            _ => !foreseen.role,
        };
        let parts = WORDS.iter().filter(|(kind, _)| self.fresh & (1 << kind) != 0 && unforeseen(*kind));
        let parts: Vec<String> = parts.map(|(kind, word)| format!("{word} {}", name(actor, *kind))).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// What the policy or the configuration names, so that its first time was to be expected. A pattern that somebody new
/// fits too names no role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Foreseen {
    pub(crate) role: bool,
    pub(crate) client: bool,
    pub(crate) program: bool,
}

/// All rows.
pub(crate) struct Known {
    shelf: Shelf<(u8, u128, u64), Entry>,
    calendar: Calendar,
    /// Answers of this hour: nothing would change.
    recent: HashMap<(u128, u64), (i64, News), Build>,
}

/// The program that a person sits at, if `program` is one.
fn tool(program: &str) -> Option<&'static str> {
    let program = program.to_lowercase();
    PROGRAMS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).find(|tool| {
        program
            .strip_prefix(tool)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '_' | '-')))
    })
}

/// What `program` is without its version, its number among several and the script that is open in it: a new one of
/// these is no new program.
fn family(program: &str) -> String {
    if let Some(tool) = tool(program) {
        return tool.to_owned();
    }
    let version = |word: &str| {
        let word = word.strip_prefix('v').unwrap_or(word);
        word.starts_with(|first: char| first.is_ascii_digit())
            && word.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '.' | '-' | '+'))
    };
    let words = program.split([' ', '/']).filter(|word| !version(word));
    let words = words.map(|word| match word.rsplit_once('-') {
        Some((name, number)) if version(number) => name,
        _ => word,
    });
    words.collect::<Vec<&str>>().join(" ")
}

fn name(actor: &Actor, kind: u8) -> String {
    match kind {
        CLIENT => actor.client.to_string(),
        PROGRAM => actor.program.to_string(),
        _ if actor.person.is_empty() => actor.user.to_string(),
        _ => format!("{} ({})", actor.user, actor.person),
    }
}

fn hours(days: u64) -> i64 {
    i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(24)
}

impl Known {
    pub(crate) fn new(thresholds: &Thresholds) -> Known {
        let shelf = Shelf::new(KNOWN_TAG, thresholds.max_known);
        Known { shelf, calendar: Calendar::new(thresholds), recent: HashMap::default() }
    }

    /// What is new about `event` on a store, which is known from then on.
    pub(crate) fn meet(
        &mut self,
        event: &Event,
        who: Identity,
        store: (u64, &str),
        thresholds: &Thresholds,
        clock: &mut u64,
    ) -> News {
        let mut news = self.look(event, who, store, thresholds, clock);
        news.off_hours = if news.person { self.calendar.outside(event.at) } else { None };
        news
    }

    fn look(
        &mut self,
        event: &Event,
        who: Identity,
        (store, store_name): (u64, &str),
        thresholds: &Thresholds,
        clock: &mut u64,
    ) -> News {
        let hour = event.at.0.div_euclid(HOUR);
        let actor = &*event.actor;
        if actor.user.is_empty() {
            return News::default();
        }
        if let Some((known, news)) = self.recent.get(&(who.full, store))
            && *known == hour
        {
            return news.clone();
        }
        let learning = hours(thresholds.learning_days);
        let forgotten = self.shelf.evicted;
        let mut news = News::default();
        let began = self.shelf.peek((STORE, 0, store)).map_or(hour, |entry| entry.first);
        let over = hour >= began.saturating_add(learning);
        self.see((STORE, 0, store), hour, clock, || store_name.to_owned());
        for (kind, _) in WORDS {
            let unknown = match kind {
                CLIENT => actor.client == Client::Unknown,
                PROGRAM => actor.program.is_empty(),
                _ => false,
            };
            if unknown {
                continue;
            }
            let name = if kind == PROGRAM { family(&actor.program) } else { name(actor, kind) };
            let hash = hash::wide(&[actor.system.name().as_bytes(), name.as_bytes()]);
            let new = self.see((kind, hash, store), hour, clock, || name.chars().take(64).collect());
            // Who has just come to one store is no news at the next.
            let came = self.shelf.peek((kind, hash, ANYWHERE)).map_or(i64::MIN, |entry| entry.first);
            let told = hour < came.saturating_add(learning);
            self.see((kind, hash, ANYWHERE), hour, clock, String::new);
            news.fresh |= u8::from(new && over && !told) << kind;
        }
        if over && learning > 0 && self.shelf.peek((STORE, 0, store)).is_some_and(|entry| !entry.told) {
            news.learnt = Some(self.summary(store, began));
            if let Some(entry) = self.shelf.existing((STORE, 0, store), clock) {
                entry.told = true;
            }
        }
        self.account(actor, hour, thresholds, &mut news, clock);
        if self.shelf.evicted != forgotten {
            // A table this full may have forgotten what was just noted: the next event asks anew.
            return news;
        }
        if self.recent.len() >= RECENT {
            self.recent.clear();
        }
        // The same again is no news; who sits there is.
        let again = News { person: news.person, by_hand: news.by_hand, ..News::default() };
        self.recent.insert((who.full, store), (hour, again));
        news
    }

    /// Notes that a name was there; whether it is new.
    fn see(&mut self, key: (u8, u128, u64), hour: i64, clock: &mut u64, name: impl FnOnce() -> String) -> bool {
        match self.shelf.peek(key) {
            Some(entry) if entry.last >= hour => false,
            Some(_) => {
                self.shelf.entry(key, clock).0.last = hour;
                false
            }
            None => {
                *self.shelf.entry(key, clock).0 = Entry { name: name(), first: hour, last: hour, ..Entry::default() };
                // What was forgotten for it, or answered without it, is out of date.
                self.recent.clear();
                true
            }
        }
    }

    /// What the account as a whole is used for.
    fn account(&mut self, actor: &Actor, hour: i64, thresholds: &Thresholds, news: &mut News, clock: &mut u64) {
        let key = (ACCOUNT, hash::wide(&[actor.system.name().as_bytes(), actor.user.as_bytes()]), 0);
        let tool = tool(&actor.program).is_some();
        let program = if actor.program.is_empty() { 0 } else { hash::narrow(&family(&actor.program)) };
        let before = self.shelf.peek(key).map(|entry| entry.last);
        let stale = hours(thresholds.stale_days);
        if let Some(silent) =
            before.map(|last| hour.saturating_sub(last)).filter(|silent| *silent >= stale && stale > 0)
        {
            news.silent_days = Some(silent / 24);
        }
        self.see(key, hour, clock, || actor.user.chars().take(64).collect());
        let Some(entry) = self.shelf.peek(key) else { return };
        let declared = thresholds.service_accounts.iter().find(|service| glob(&service.role, &actor.user));
        let learning = hours(thresholds.learning_days);
        let (mut person, mut several, mut by_hand) = (entry.person, entry.several, entry.by_hand);
        let service = entry.program != 0 && !several && !person && hour >= entry.first.saturating_add(learning);
        if let Some(declared) = declared {
            news.by_hand = declared.misused(actor, tool);
        } else if tool && service {
            news.by_hand = Some(ByHand::Learnt);
            by_hand = if by_hand == 0 { hour } else { by_hand };
            // Who goes on for so long is used by hand.
            person = hour >= by_hand.saturating_add(learning.max(24));
        } else {
            person |= tool;
            several |= !tool && program != 0 && entry.program != 0 && entry.program != program;
        }
        let first_program = if entry.program == 0 && !tool { program } else { entry.program };
        if (person, several, by_hand, first_program) != (entry.person, entry.several, entry.by_hand, entry.program) {
            let entry = self.shelf.entry(key, clock).0;
            (entry.person, entry.several, entry.by_hand, entry.program) = (person, several, by_hand, first_program);
            self.recent.clear();
        }
        let declares = !thresholds.service_accounts.is_empty();
        // The role may be a program's; whoever the application names is a person.
        news.person =
            actor.person_is_told() || declared.is_none() && (declares || tool || person || !actor.person.is_empty());
    }

    /// What is known of a store, in one sentence.
    fn summary(&self, store: u64, began: i64) -> String {
        let mut parts = Vec::new();
        for (kind, word) in WORDS {
            let known = self.shelf.iter().filter(|((one, _, of), _)| *one == kind && *of == store);
            let mut names: Vec<&str> = known.map(|(_, entry)| entry.name.as_str()).collect();
            names.sort_unstable();
            let many = names.len();
            let shown: Vec<String> = names.iter().take(4).map(|name| name.chars().take(24).collect()).collect();
            let more = if many > 4 { format!(" and {} more", many - 4) } else { String::new() };
            parts.push(format!("{many} {word}{} ({}{more})", if many == 1 { "" } else { "s" }, shown.join(", ")));
        }
        let days = self.shelf.peek((STORE, 0, store)).map_or(0, |entry| (entry.last - began) / 24);
        format!("after {days} days {} are known; look them over, what is new is told from now on", parts.join(", "))
    }

    pub(crate) fn len(&self) -> usize {
        self.shelf.len()
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.shelf.evicted
    }

    pub(crate) fn changes(&mut self, rows: &mut Vec<Row>) {
        self.shelf.changes(rows);
    }

    /// Takes rows back; gives the highest clock among them.
    pub(crate) fn restore(&mut self, rows: &[(Vec<u8>, Vec<u8>)]) -> u64 {
        let rows = rows.iter().filter_map(|(key, value)| self.shelf.read(key, value)).collect();
        self.shelf.fill(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_known_by_the_beginning_of_their_name() {
        for tool in
            ["psql", "DBeaver 23.1 - Main", "pgAdmin 4 - DB:mfo", "mysql", "HeidiSQL", "Navicat", "DataGrip 2026"]
        {
            assert!(super::tool(tool).is_some(), "{tool}");
        }
        for other in ["", "mysqldump", "mysqld_exporter", "mysql-backup", "psql2x", "loan-core", "pg_dump"] {
            assert!(super::tool(other).is_none(), "{other}");
        }
        assert!(PROGRAMS.lines().filter(|line| !line.starts_with('#')).is_sorted());
    }

    #[test]
    fn a_program_is_the_same_in_each_version_and_with_each_script() {
        for (program, wanted) in [
            ("DBeaver 23.2.0 - SQLEditor <Script-7.sql>", "dbeaver"),
            ("DBeaver 24.0.1 - Main", "dbeaver"),
            ("pgAdmin 4 - DB:mfo", "pgadmin"),
            ("Metabase v0.49.6", "Metabase"),
            ("postgres_exporter/0.15.0", "postgres_exporter"),
            ("worker-3", "worker"),
            ("loan-core-2.4.1-rc1", "loan-core-2.4.1-rc1"),
            ("loan-core-2.4.1", "loan-core"),
            ("collection-desk/asel", "collection-desk asel"),
            ("1C:Enterprise", "1C:Enterprise"),
            ("", ""),
        ] {
            assert_eq!(family(program), wanted, "{program}");
        }
    }
}
