//! Reads the access-policy file.

use super::days::Days;
use super::hours::{self, Hours};
use super::{ClientPattern, Doing, Job, Policy, Rule};
use crate::Diagnostic;
use crate::jobs::MOST_RUNS;
use crate::suppress::{self, MOST_NAMES};
use crate::toml_file::{self, Reader, Word};
use kuzet_event::Timestamp;
use std::net::IpAddr;
use std::ops::Range;
use toml::de::DeTable;

const KEYS: [&str; 23] = [
    "role",
    "roles",
    "client",
    "clients",
    "program",
    "programs",
    "person",
    "persons",
    "hours",
    "offset",
    "days",
    "job",
    "max_runs_per_day",
    "max_rows_per_day",
    "may",
    "store",
    "stores",
    "max_rows",
    "max_people_per_hour",
    "reason",
    "owner",
    "expires",
    "name",
];

/// Kazakhstan, the whole country since 2024-03-01.
const OFFSET: i32 = 5 * 3600;

impl Policy {
    /// Reads a policy file (docs/policy.md).
    ///
    /// # Errors
    /// Every fault of the file at once.
    pub fn parse(text: &str, file_name: &str) -> Result<Policy, Vec<Diagnostic>> {
        let mut reader = Reader::new(text, file_name);
        let root = reader.parse();
        reader.known_keys(&root, &["allow"], "the access policy");
        let tables = reader.tables(&root, "allow");
        if tables.is_empty() && reader.faults.is_empty() {
            let help = "write at least one [[allow]]; without a policy file the policy detector is off";
            reader.fault(0..0, toml_file::MISSING_KEY, "the policy allows nothing".to_owned(), help);
        }
        let mut policy = Policy { rules: Vec::new(), file: file_name.to_owned() };
        for (table, span) in tables {
            let rule = read_rule(&mut reader, text, table, &span, &policy);
            policy.rules.push(rule);
        }
        reader.finish(policy)
    }
}

fn read_rule(reader: &mut Reader<'_>, text: &str, table: &DeTable<'_>, span: &Range<usize>, before: &Policy) -> Rule {
    reader.known_keys(table, &KEYS, "[[allow]]");
    let roles = reader.strings(table, &["role", "roles"]).unwrap_or_default();
    if roles.is_empty() {
        let help = "name the database roles: role = [\"app\"]; \"*\" is every role";
        reader.fault(span.clone(), toml_file::MISSING_KEY, "the rule names no role".to_owned(), help);
    }
    let clients = reader.strings(table, &["client", "clients"]);
    let clients = clients.map(|words| words.iter().filter_map(|word| read_client(reader, word)).collect());
    let programs = reader.strings_or_empty(table, &["program", "programs"]);
    let persons = reader.strings(table, &["person", "persons"]);
    let offset = read_offset(reader, table);
    let (hours, days) = (reader.strings(table, &["hours"]), reader.strings(table, &["days"]));
    let when = hours.iter().chain(&days).flatten().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join(", ");
    let hours = hours.and_then(|words| read_hours(reader, &words, offset));
    let days = days.and_then(|words| read_days(reader, &words));
    let until = read_expiry(reader, text, table, offset);
    let job = read_job(reader, table, span, until, before);
    let max_people_per_hour = reader.number(table, "max_people_per_hour");
    let answered = table.contains_key("job");
    for key in ["reason", "owner", "name"].into_iter().filter(|key| !answered || *key == "name") {
        // For people who read the policy; looked at for its type only.
        let _word = reader.string(table, key);
    }
    let above = text.get(..span.start.min(text.len())).unwrap_or_default();
    Rule {
        line: above.matches('\n').count() + 1,
        roles: texts(roles),
        clients,
        programs: programs.map(texts),
        persons: persons.map(texts),
        hours,
        days,
        offset_seconds: offset,
        when,
        may: read_may(reader, table, span),
        stores: reader.strings(table, &["store", "stores"]).map(|words| {
            let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
            words.into_iter().map(|(word, span)| (word, line(span.start))).collect()
        }),
        max_rows: reader.number(table, "max_rows"),
        max_people_per_hour,
        until,
        job,
    }
}

/// What a rule with the key `job` must say beyond the others.
fn read_job(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    span: &Range<usize>,
    until: Option<Timestamp>,
    before: &Policy,
) -> Option<Job> {
    let Some(name) = reader.string(table, "job") else {
        for key in ["max_runs_per_day", "max_rows_per_day"].into_iter().filter(|key| table.contains_key(*key)) {
            let help = "name the job whose limit it is: job = \"nightly backup\"";
            reader.fault(span.clone(), toml_file::MISSING_KEY, format!("`{key}` without `job`"), help);
        }
        return None;
    };
    if before.jobs().count() >= MOST_NAMES {
        let message = format!("more than {MOST_NAMES} jobs");
        reader.fault(name.1, toml_file::BAD_VALUE, message, "declare what runs together as one job");
        return None;
    }
    let taken = before.jobs().any(|job| job.name == name.0);
    let name = suppress::read_name(reader, name, taken);
    if !table.contains_key("hours") {
        let help = "say when it runs: hours = \"01:00-05:00\"";
        reader.fault(span.clone(), toml_file::MISSING_KEY, "the job says no hours".to_owned(), help);
    }
    let (owner, _) = suppress::read_answers(reader, table, span, until)?;
    let max_runs_per_day = reader.number(table, "max_runs_per_day");
    if let Some(runs) = max_runs_per_day.filter(|runs| *runs > MOST_RUNS) {
        let message = format!("{runs} runs a day are too many to be told apart");
        let help = format!("at most {MOST_RUNS}; a role that is always there needs no job");
        reader.fault(span.clone(), toml_file::BAD_VALUE, message, &help);
    }
    Some(Job { name: name?, max_runs_per_day, max_rows_per_day: reader.number(table, "max_rows_per_day"), owner })
}

/// Offset from UTC of hours and of the last day.
pub(crate) fn read_offset(reader: &mut Reader<'_>, table: &DeTable<'_>) -> i32 {
    match reader.string(table, "offset") {
        None => OFFSET,
        Some((word, span)) => hours::offset(&word).unwrap_or_else(|| {
            let message = format!("`{word}` is no offset from UTC");
            reader.fault(span, toml_file::BAD_VALUE, message, "write it like \"+05:00\"");
            OFFSET
        }),
    }
}

pub(crate) fn texts(words: Vec<Word>) -> Vec<String> {
    words.into_iter().map(|(word, _)| word).collect()
}

fn read_may(reader: &mut Reader<'_>, table: &DeTable<'_>, span: &Range<usize>) -> u8 {
    let words = reader.strings(table, &["may"]);
    let known: Vec<&str> = Doing::ALL.iter().map(|(name, _)| *name).collect();
    if words.is_none() {
        let help = format!("say what is allowed: may = [\"read\"]; words: {}, all", known.join(", "));
        reader.fault(span.clone(), toml_file::MISSING_KEY, "the rule allows nothing".to_owned(), &help);
    }
    let mut may = 0;
    for (word, span) in words.unwrap_or_default() {
        match Doing::ALL.iter().find(|(name, _)| *name == word) {
            Some((_, doing)) => may |= 1 << *doing as u8,
            None if word == "all" => may = u8::MAX,
            None => {
                let help = match toml_file::nearest(&word, &known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("words: {}, all", known.join(", ")),
                };
                reader.fault(span, toml_file::BAD_VALUE, format!("unknown action `{word}`"), &help);
            }
        }
    }
    may
}

pub(crate) fn read_client(reader: &mut Reader<'_>, (word, span): &Word) -> Option<ClientPattern> {
    if word == "local" {
        return Some(ClientPattern::Local);
    }
    let (address, bits) = match word.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (word.as_str(), None),
    };
    let looks_numeric =
        word.contains('/') || word.contains(':') || word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let Ok(address) = address.parse::<IpAddr>() else {
        if looks_numeric {
            let message = format!("`{word}` is no address or network");
            reader.fault(
                span.clone(),
                toml_file::BAD_VALUE,
                message,
                "10.0.0.0/8, 127.0.0.1, ::1, local or a host name",
            );
            return None;
        }
        return Some(ClientPattern::Host(word.to_lowercase()));
    };
    let full = if address.is_ipv4() { 32 } else { 128 };
    match bits.map_or(Ok(full), str::parse::<u8>) {
        Ok(bits) if bits <= full => Some(ClientPattern::Net(address, bits)),
        _ => {
            let message = format!("`{word}` has no valid prefix length");
            reader.fault(span.clone(), toml_file::BAD_VALUE, message, &format!("from 0 to {full}"));
            None
        }
    }
}

fn read_hours(reader: &mut Reader<'_>, words: &[Word], offset: i32) -> Option<Hours> {
    let parts: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
    match Hours::parse(&parts, offset) {
        Ok(hours) => Some(hours),
        Err(message) => {
            let span = words.first().map_or(0..0, |(_, span)| span.clone());
            reader.fault(
                span,
                toml_file::BAD_VALUE,
                message,
                "write them like \"Mon-Fri 08:00-20:00, Sat 10:00-14:00\"",
            );
            None
        }
    }
}

fn read_days(reader: &mut Reader<'_>, words: &[Word]) -> Option<Days> {
    let parts: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
    match Days::parse(&parts) {
        Ok(days) => Some(days),
        Err(message) => {
            let span = words.first().map_or(0..0, |(_, span)| span.clone());
            let help = "write them like \"last 3 days\", \"first day\" or \"1-5, 20\"";
            reader.fault(span, toml_file::BAD_VALUE, message, help);
            None
        }
    }
}

pub(crate) fn read_expiry(reader: &mut Reader<'_>, text: &str, table: &DeTable<'_>, offset: i32) -> Option<Timestamp> {
    let value = table.get("expires")?;
    let word = match (value.get_ref().as_str(), value.get_ref().as_datetime()) {
        (Some(word), _) => word.to_owned(),
        (None, Some(_)) => text.get(value.span()).unwrap_or_default().to_owned(),
        (None, None) => String::new(),
    };
    let until = hours::until(&word, offset);
    if until.is_none() {
        let help = "a date, the last day on which the rule holds: expires = 2027-01-31";
        reader.fault(value.span(), toml_file::BAD_VALUE, "`expires` is no date".to_owned(), help);
    }
    until
}
