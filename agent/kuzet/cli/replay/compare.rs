//! `kuzet replay --since`: what a changed policy, catalogue, suppression or set of rules would have made of the logs that are still
//! there: which incidents are new, gone or changed.

use super::{Failure, Options, REPLAY_KEY, output, run, watch_canaries, written};
use crate::clock::{self, Clock};
use crate::config::{Config, Content};
use crate::core::Core;
use crate::store::{Filter, Reader};
use crate::{setup, state};
use anyhow::{Context, anyhow};
use kuzet_detect::Severity;
use kuzet_event::{Count, Timestamp};
use kuzet_incident::Incident;
use kuzet_personal::Key;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// `kuzet.replay-difference/1` (docs/schema/replay-difference-1.json).
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    since: String,
    /// What `then` is: `configuration` (in force, replayed) or `recorded` (by the agent).
    then: &'static str,
    files: usize,
    /// Records that were not understood.
    lost: u64,
    same: usize,
    new: usize,
    gone: usize,
    changed: usize,
    differences: Vec<Difference>,
}

/// One incident that is not as it was.
#[derive(Serialize)]
struct Difference {
    what: &'static str,
    who: String,
    store: Option<String>,
    then: Option<Shown>,
    now: Option<Shown>,
}

/// What of an incident is compared.
#[derive(Serialize, PartialEq, Eq)]
struct Shown {
    id: String,
    since: String,
    severity: Severity,
    kinds: Vec<&'static str>,
    events: u64,
    rows: Count,
    people_at_least: u64,
    /// Names of the rules that hit.
    rules: Vec<String>,
}

impl Shown {
    fn of(incident: &Incident) -> Shown {
        Shown {
            id: incident.id.to_string(),
            since: incident.since.to_string(),
            severity: incident.severity,
            kinds: incident.kinds.iter().map(|one| one.kind.name()).collect(),
            events: incident.events,
            rows: match incident.rows.unknown_parts {
                0 => Count::Known(incident.rows.moved()),
                _ => Count::Unknown,
            },
            people_at_least: incident.people.at_least,
            rules: incident.rules.iter().map(|rule| rule.name.clone()).collect(),
        }
    }

    /// As it stands in a cell of the table.
    fn cell(&self) -> String {
        let severity = crate::metrics::severity_name(self.severity);
        let rules = if self.rules.is_empty() { String::new() } else { format!(" ({})", self.rules.join(", ")) };
        format!("{severity}: {}{rules}, {} events, {} rows", self.kinds.join(", "), self.events, self.rows)
    }

    /// Whether people would see the same: ids and first moments may differ by what a story began with.
    fn same(&self, other: &Shown) -> bool {
        (self.severity, &self.kinds, self.events, self.rows, self.people_at_least, &self.rules)
            == (other.severity, &other.kinds, other.events, other.rows, other.people_at_least, &other.rules)
    }
}

pub(super) fn compare(config: &Config, since: &str, options: &Options) -> Result<ExitCode, Failure> {
    let now = clock::System.wall();
    let since = moment(since, now)
        .ok_or_else(|| anyhow!("\"{since}\" is no time; write 2d, 36h, 90m, 2026-11-20 or 2026-11-20T08:00+05:00"))?;
    let mut candidate = config.clone();
    let changes = options.change(&mut candidate);
    if !options.rules.is_empty() {
        // As a reload does: a set with a broken rule would not come into force.
        candidate.rules.load()?.whole()?;
    }

    let logs = logs(config, since);
    let files = logs.iter().map(|(_, files)| files.len()).sum();
    for source in config.sources.iter().filter(|source| source.stream.is_some()) {
        output::note(&format!("source {} is no file: what came through it is not there any more", source.name));
    }
    let ((after, lost), then) = (incidents(&candidate, &logs, since, options)?, changes);
    let (before, then) = match then {
        true => (incidents(config, &logs, since, options)?.0, "configuration"),
        false => (recorded(config, since)?, "recorded"),
    };
    let report = report(before, after, (since, then, files, lost));
    if options.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(ExitCode::from(u8::from(lost > 0)))
}

/// `2d`, `36h`, `90m` before `now`; a day; a moment.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let back = |unit: char, seconds: u64| {
        let number = text.strip_suffix(unit)?.parse::<u64>().ok()?;
        let micros = i64::try_from(Duration::from_secs(number.checked_mul(seconds)?).as_micros()).ok()?;
        Some(Timestamp(now.0.saturating_sub(micros)))
    };
    let day = || {
        let day: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
        let offset = jiff::tz::Offset::from_seconds(crate::config::KAZAKHSTAN_OFFSET).ok()?;
        Some(Timestamp(offset.to_timestamp(day.at(0, 0, 0, 0)).ok()?.as_microsecond()))
    };
    let exact = || Some(Timestamp(text.parse::<jiff::Timestamp>().ok()?.as_microsecond()));
    back('d', 86_400).or_else(|| back('h', 3_600)).or_else(|| back('m', 60)).or_else(day).or_else(exact)
}

/// Files of every configured source that were written since, oldest first.
fn logs(config: &Config, since: Timestamp) -> Vec<(usize, Vec<PathBuf>)> {
    let of = |(index, source): (usize, &crate::config::SourceConfig)| {
        let found = source.paths.iter().filter_map(|one| glob::glob(one).ok()).flatten().filter_map(Result::ok);
        let mut files: Vec<(Timestamp, PathBuf)> =
            found.filter_map(|file| Some((written(std::slice::from_ref(&file))?, file))).collect();
        files.retain(|(written, _)| *written >= since);
        files.sort();
        files.dedup();
        (index, files.into_iter().map(|(_, file)| file).collect())
    };
    config.sources.iter().enumerate().map(of).collect()
}

/// The incidents that reach into the time since, of all sources, and how many records were not understood.
fn incidents(
    config: &Config,
    logs: &[(usize, Vec<PathBuf>)],
    since: Timestamp,
    options: &Options,
) -> Result<(Vec<Incident>, u64), Failure> {
    let content = Content::load(config)?;
    let host = state::key_if_any(&config.state)?;
    let key = host.clone().unwrap_or_else(|| Key::new(REPLAY_KEY));
    let (mut found, mut lost) = (Vec::new(), 0);
    for (index, files) in logs.iter().filter(|(_, files)| !files.is_empty()) {
        let mut feeds = setup::feeds(config, &key);
        let mut feed = feeds.swap_remove(*index);
        feed.options.latest = written(files);
        let parts =
            setup::parts(vec![feed], content.clone(), config.thresholds.clone(), &config.fold, Box::new(|_| {}));
        let mut core = Core::new(parts);
        watch_canaries(&mut core, &config.state, host.as_ref());
        let (told, _) = run(&mut core, files, !options.json)?;
        found.extend(told.incidents().filter(|incident| incident.until >= since).cloned());
        lost += core.status().iter().map(|status| status.tally.lost).sum::<u64>();
    }
    Ok((found, lost))
}

/// The incidents that the agent recorded.
fn recorded(config: &Config, since: Timestamp) -> Result<Vec<Incident>, Failure> {
    let filter = Filter { since: Some(since), ..Filter::default() };
    let read = || Reader::open(&config.state)?.incidents(&filter);
    let help = "nothing to compare with: name a file that differs (--policy, --rules, --suppressions, --catalogue), or let the agent run";
    Ok(read().context(help)?)
}

/// Whose it is and where: incidents of the same key at overlapping times are the same one.
fn same_story(one: &Incident, other: &Incident) -> bool {
    let store = |incident: &Incident| incident.store.as_ref().map(|store| store.name.clone());
    one.id == other.id
        || (one.system, &one.user, &one.person, one.family) == (other.system, &other.user, &other.person, other.family)
            && store(one) == store(other)
            && one.since <= other.until
            && other.since <= one.until
}

fn report(mut before: Vec<Incident>, mut after: Vec<Incident>, about: (Timestamp, &'static str, usize, u64)) -> Report {
    let (since, then, files, lost) = about;
    let order = |one: &Incident, other: &Incident| (one.since, one.id).cmp(&(other.since, other.id));
    before.sort_by(order);
    after.sort_by(order);
    let mut report = Report {
        schema: "kuzet.replay-difference/1",
        since: since.to_string(),
        then,
        files,
        lost,
        same: 0,
        new: 0,
        gone: 0,
        changed: 0,
        differences: Vec::new(),
    };
    for now in &after {
        let then = before.iter().position(|then| same_story(then, now)).map(|at| before.remove(at));
        let shown = Shown::of(now);
        let (what, then) = match then.as_ref().map(Shown::of) {
            Some(then) if then.same(&shown) => {
                report.same += 1;
                continue;
            }
            Some(then) => ("changed", Some(then)),
            None => ("new", None),
        };
        *(if what == "new" { &mut report.new } else { &mut report.changed }) += 1;
        report.differences.push(difference(what, now, then, Some(shown)));
    }
    report.gone = before.len();
    report.differences.extend(before.iter().map(|then| difference("gone", then, Some(Shown::of(then)), None)));
    report
}

fn difference(what: &'static str, of: &Incident, then: Option<Shown>, now: Option<Shown>) -> Difference {
    let who = match (of.user.as_str(), of.person.as_str()) {
        ("", _) => "the server".to_owned(),
        (user, "") => user.to_owned(),
        (user, person) => format!("{person} through {user}"),
    };
    Difference { what, who, store: of.store.as_ref().map(|store| store.name.clone()), then, now }
}

fn print(report: &Report) {
    let cell = |shown: &Option<Shown>| shown.as_ref().map_or_else(|| "-".to_owned(), Shown::cell);
    let since =
        |one: &Difference| one.now.as_ref().or(one.then.as_ref()).map_or_else(String::new, |it| it.since.clone());
    let rows: Vec<Vec<String>> = report
        .differences
        .iter()
        .map(|one| {
            let store = one.store.clone().unwrap_or_else(|| "-".to_owned());
            vec![one.what.to_owned(), since(one), one.who.clone(), store, cell(&one.then), cell(&one.now)]
        })
        .collect();
    if !rows.is_empty() {
        let then = if report.then == "recorded" { "as recorded" } else { "as configured" };
        output::table(&["", "since", "who", "store", then, "now"], &rows).iter().for_each(|line| output::line(line));
    }
    let Report { same, new, gone, changed, files, .. } = report;
    output::line(&format!(
        "{new} new, {gone} gone, {changed} changed, {same} the same; {files} files since {}",
        report.since
    ));
    if report.lost > 0 {
        output::line(&format!("{} records were not understood", report.lost));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_from_what_people_write() {
        let now = Timestamp(1_795_364_550_000_000);
        let at = |text| moment(text, now).map(|at| at.to_string());
        assert_eq!(at("2d").as_deref(), Some("2026-11-20T16:22:30.000000Z"));
        assert_eq!(at("36h"), at("2160m"));
        assert_eq!(at("2026-11-20").as_deref(), Some("2026-11-19T19:00:00.000000Z"));
        assert_eq!(at("2026-11-20T08:00+05:00").as_deref(), Some("2026-11-20T03:00:00.000000Z"));
        for bad in ["", "d", "2w", "-1d", "yesterday", "99999999999999999999d"] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }
}
