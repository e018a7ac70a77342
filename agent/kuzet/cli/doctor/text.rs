//! The doctor's report for people: how much is seen, what not, and what to change.

use super::super::output;
use crate::examine::{Pooled, Report, Unwatched, Watched};
use crate::sight::{Limit, Seen, State};

fn wrapped(first: &str, text: &str) -> Vec<String> {
    output::wrap(first, text, output::width().map_or(output::WIDTH, |width| width.min(output::WIDTH)))
}

/// The report for people.
pub(in crate::cli) fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for source in &report.sources {
        watched(source, &mut lines);
    }
    lines.extend(report.pools.iter().flat_map(shared));
    for server in &report.unwatched {
        ignored(server, &mut lines);
    }
    lines.extend(report.declared.iter().flat_map(|one| wrapped("declared ", &one.line())));
    let learnt = report.baselines.iter().flat_map(|learning| learning.lines());
    lines.extend(learnt.flat_map(|line| wrapped("learns   ", &line)));
    for one in &report.limits {
        lines.extend(wrapped("note     ", &format!("[{}] {}", one.code, one.message)));
        lines.extend(wrapped("         fix: ", &one.fix));
    }
    if let Some(coverage) = report.coverage {
        lines.push(format!("coverage {} of what should be seen of all servers", percent(coverage)));
    }
    lines
}

fn watched(source: &Watched, lines: &mut Vec<String>) {
    let seen = match source.sights.is_empty() {
        true => "for rules".to_owned(),
        false => format!("{} is seen", percent(source.coverage)),
    };
    lines.push(format!("watches  {} ({}): {seen}", source.name, source.format));
    lines.extend(source.follows.iter().map(|path| format!("    {path}")));
    if let Some(first) = &source.with {
        lines.push(format!("    a log of the same server as {first}"));
        return;
    }
    if let Some(from) = &source.settings_from {
        lines.push(format!("    settings from {from}"));
    }
    for (state, title) in [
        (State::Seen, "    seen         "),
        (State::Compensated, "    compensated  "),
        (State::Unknown, "    unknown      "),
        (State::NotSeen, "    not seen     "),
    ] {
        let list: Vec<&str> = source.sights.iter().filter(|seen| seen.state == state).map(name).collect();
        if !list.is_empty() {
            lines.extend(wrapped(title, &list.join(", ")));
        }
    }
    lines.extend(source.limits.iter().flat_map(limit));
}

fn shared(pool: &Pooled) -> Vec<String> {
    let of: Vec<&str> = pool.system.into_iter().chain(pool.source.as_deref()).collect();
    let of = if of.is_empty() { String::new() } else { format!(" ({})", of.join(", ")) };
    let persons = match pool.state {
        State::Seen => format!("its persons are told by {}", pool.person_from.join(", ")),
        _ => format!("its persons are not told [{}]", pool.code),
    };
    let pooler = if pool.pgbouncer { "a log of PgBouncer is followed" } else { "no log of PgBouncer is followed" };
    wrapped("shares   ", &format!("role {}{of}: {persons}; {pooler}", pool.role))
}

fn name(seen: &Seen) -> &'static str {
    seen.sight.name()
}

fn ignored(server: &Unwatched, lines: &mut Vec<String>) {
    let state = if server.running { "running" } else { "installed, not running" };
    lines.push(format!("ignores  {} in {} ({state})", server.system, server.data_directory));
    lines.extend(server.limits.iter().flat_map(limit));
}

fn limit(limit: &Limit) -> Vec<String> {
    let mut lines = wrapped("    - ", &format!("[{}] {}", limit.code, limit.message));
    match limit.compensated {
        Some(by) => lines.extend(wrapped("      told by: ", by)),
        None => lines.extend(wrapped("      fix: ", &limit.fix)),
    }
    lines
}

/// Rounded down: 100 % is all of it.
fn percent(share: f64) -> String {
    format!("{} %", (share * 100.0 + 1e-6).floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_down() {
        assert_eq!((percent(0.999), percent(1.0), percent(0.57)), ("99 %".into(), "100 %".into(), "57 %".into()));
    }
}
