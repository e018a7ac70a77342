//! An incident in words for a terminal: who, what, how much, how many people, how sure, and what to do now.

use crate::files;
use crate::text::{clip, thousands};
use crate::{Incident, LinkReason, Method, Sent, State, Verdict};
use kuzet_detect::{Family, Joined, Kind, Severity};
use kuzet_event::{Count, Direction, Outcome};
use std::fmt::Write;

/// One sentence: `export of personal data in mfo.borrowers by intruder from 192.0.2.7`.
#[must_use]
pub fn headline(incident: &Incident) -> String {
    let mut text = match incident.kinds.first() {
        None => "incident".to_owned(),
        Some(first) => {
            let rule = incident.rules.iter().find(|rule| first.kind == Kind::Rule && rule.name == first.detector);
            rule.map_or_else(|| phrase(first.kind).to_owned(), |rule| clip(&rule.title, 120))
        }
    };
    if let Some(store) = &incident.store {
        let _ = write!(text, " in {}", store.name);
    }
    // What lies in a folder was put there by nobody that is known.
    if incident.family == Family::Holding {
        return text;
    }
    match (incident.person.as_str(), incident.user.as_str()) {
        (_, "") => {}
        ("", user) => {
            let _ = write!(text, " by {user}");
        }
        (person, user) => {
            let _ = write!(text, " by {person} through role {user}");
        }
    }
    match incident.clients.as_slice() {
        [] => {}
        [one] => {
            let _ = write!(text, " from {one}");
        }
        [one, rest @ ..] => {
            let _ = write!(text, " from {one} and {} more", rest.len());
        }
    }
    if incident.outcome == Outcome::Failure {
        text.push_str(" (failed)");
    }
    text
}

/// One line of a list.
#[must_use]
pub fn line(incident: &Incident) -> String {
    format!(
        "{}  {:<8}  {:<12}  {}  {:>18}  {}",
        incident.id,
        severity(incident.severity),
        state(incident),
        minutes(&incident.since.to_string()),
        people_short(incident),
        incident.headline,
    )
}

/// The whole incident.
#[must_use]
pub fn describe(incident: &Incident) -> String {
    let mut out = String::with_capacity(4096);
    let _ = writeln!(out, "{}  {}  {}", incident.id, severity(incident.severity), state(incident));
    let _ = writeln!(out, "{}", incident.headline);
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "  {name:<10} {value}");
        }
    };
    field("who", who(incident));
    field("from", if incident.family == Family::Holding { String::new() } else { incident.clients.join(", ") });
    field("with", incident.programs.join(", "));
    field("what", kinds(incident));
    field("where", place(incident));
    field("data", incident.categories.join(", "));
    field("when", format!("{} until {} (UTC)", incident.since, incident.until));
    let moved = if incident.is_of_files() { ("files", files::people(incident)) } else { ("rows", rows(incident)) };
    field(moved.0, moved.1);
    field("people", people(incident));
    field("clause", incident.clauses.join(", "));
    let lies = incident.family == Family::Holding;
    field("outcome", if lies { String::new() } else { outcome(incident.outcome).to_owned() });
    field("delay", delay(incident));
    evidence(&mut out, incident);
    transfers(&mut out, incident);
    timeline(&mut out, incident);
    rules(&mut out, incident);
    links(&mut out, incident);
    lifecycle(&mut out, incident);
    if incident.lifecycle.state != State::Closed {
        let _ = writeln!(out, "\nWhat to do now");
        for hint in hints(incident) {
            let _ = writeln!(out, "  - {hint}");
        }
    }
    out
}

pub(crate) fn phrase(kind: Kind) -> &'static str {
    match kind {
        Kind::PolicyViolation => "access to personal data against the policy",
        Kind::BulkRead => "bulk read of personal data",
        Kind::Export => "export of personal data",
        Kind::Enumeration => "people looked up one by one",
        Kind::Injection => "SQL injection",
        Kind::MassChange => "mass change of personal data",
        Kind::Destruction => "destruction of personal data",
        Kind::PrivilegeEscalation => "privileges raised",
        Kind::AuditTampering => "audit weakened",
        Kind::LoginBurst => "burst of failed logins",
        Kind::LoginAfterBurst => "login after a burst of failures",
        Kind::Copy => "copy of personal data under another name",
        Kind::DangerousFunction => "the database used past its tables",
        Kind::OutOfHours => "access to personal data outside working hours",
        Kind::FirstSeen => "first access to personal data",
        Kind::ServiceAccountByHand => "service account used by hand",
        Kind::StaleAccount => "stale account used again",
        Kind::Anomaly => "unlike the usual work",
        Kind::SightLost => "sight of the log lost",
        Kind::BlindedSession => "work that the log does not show",
        Kind::Canary => "canary touched",
        Kind::IdentityDocument => "picture of an identity document",
        Kind::MisplacedData => "personal data where none belongs",
        Kind::EncryptedFile => "encrypted file",
        Kind::Staging => "personal data packed together",
        Kind::MassEncryption => "files replaced as ransomware does",
        Kind::Rule => "a rule that matches",
        Kind::ForeignTransfer => "data sent out of Kazakhstan",
        Kind::ServiceTraffic => "a server or a database's stream sends out of Kazakhstan",
        Kind::ExposedService => "a database answers outside Kazakhstan",
        Kind::CovertChannel => "a covert channel",
        Kind::DataInClear => "personal data sent in clear",
        Kind::Exfiltration => "personal data read and sent out of Kazakhstan",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn state(incident: &Incident) -> &'static str {
    match (incident.lifecycle.state, incident.lifecycle.verdict) {
        (State::Open, _) => "open",
        (State::Acknowledged, _) => "acknowledged",
        (State::Closed, Some(Verdict::FalsePositive)) => "closed: false positive",
        (State::Closed, Some(Verdict::Authorised)) => "closed: authorised",
        (State::Closed, Some(Verdict::TakenUp)) => "closed: part of another incident",
        (State::Closed, _) => "closed: breach",
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "done",
        Outcome::Failure => "failed or undone",
        Outcome::Unknown => "unknown: the log does not say whether it took effect",
    }
}

/// `2026-11-22T16:22:30.784000Z` as `2026-11-22 16:22Z`.
fn minutes(time: &str) -> String {
    let minutes = time.rsplit_once(':').map_or(time, |(minutes, _)| minutes);
    format!("{}Z", minutes.replace('T', " "))
}

fn who(incident: &Incident) -> String {
    let system = incident.system.name();
    if incident.family == Family::Holding {
        return match incident.user.as_str() {
            "" => "the owner of the file is not known by name".to_owned(),
            user => format!("the file belongs to {user}; who put it there is not known by that"),
        };
    }
    match (incident.person.as_str(), incident.user.as_str()) {
        (_, "") if incident.is_of_files() => "nobody knows by which account".to_owned(),
        (_, "") => "the records name no role".to_owned(),
        ("", user) if incident.is_of_files() => {
            format!("account {user} (an account is not a person: find out who used it)")
        }
        ("", user) => format!("role {user} on {system} (a role is not a person: find out who used it)"),
        (person, user) => format!("{person} through role {user} on {system}, as the application told"),
    }
}

fn kinds(incident: &Incident) -> String {
    let parts: Vec<String> = incident
        .kinds
        .iter()
        .map(|one| format!("{} ({} × {}, {})", phrase(one.kind), one.count, one.detector, severity(one.severity)))
        .collect();
    parts.join("; ")
}

fn place(incident: &Incident) -> String {
    let mut parts = Vec::new();
    if let Some(store) = &incident.store {
        let guess = if store.guessed { ", guessed from names" } else { "" };
        let persons = store
            .persons
            .known()
            .map_or("number of people unknown".to_owned(), |persons| format!("{} people", thousands(persons)));
        parts.push(format!("store {} ({persons}{guess})", store.name));
    }
    if !incident.databases.is_empty() {
        parts.push(format!("database {}", incident.databases.join(", ")));
    }
    if !incident.relations.is_empty() {
        parts.push(format!("tables {}", incident.relations.join(", ")));
    }
    parts.push(format!("log {}", incident.sources.join(", ")));
    parts.join("; ")
}

fn rows(incident: &Incident) -> String {
    let rows = &incident.rows;
    let mut text = match (rows.moved(), rows.unknown_parts) {
        (0, 0) => String::new(),
        (known, 0) => format!("{} rows", thousands(known)),
        (0, parts) => format!("unknown; {} without a number in the log", counted(parts, "detection")),
        (known, parts) => {
            format!("≥ {} rows; {} with unknown volume", thousands(known), counted(parts, "detection"))
        }
    };
    if let Count::Known(measured) = rows.measured {
        let _ = write!(text, " ({} as the server measured)", thousands(measured));
    }
    if rows.undone > 0 {
        let _ = write!(text, "{}{} rows undone", if text.is_empty() { "" } else { "; " }, thousands(rows.undone));
    }
    text
}

pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

fn people_short(incident: &Incident) -> String {
    let people = &incident.people;
    match people.at_most {
        Count::Known(0) => "-".to_owned(),
        Count::Known(most) if most == people.at_least => format!("{} people", thousands(most)),
        Count::Known(most) => format!("{}–{} people", thousands(people.at_least), thousands(most)),
        Count::Unknown => format!("≥ {} people", thousands(people.at_least)),
    }
}

fn people(incident: &Incident) -> String {
    let people = &incident.people;
    if people.method == [Method::NoRecords] && incident.family == Family::Holding {
        return "nobody that is known: what lies there cannot be told, or names nobody".to_owned();
    }
    if people.method == [Method::NoRecords] {
        return "none: this kind of incident moves no records of people".to_owned();
    }
    let bounds = match people.at_most {
        Count::Known(most) if most == people.at_least => format!("{} affected", thousands(most)),
        Count::Known(most) => format!("at least {}, at most {}", thousands(people.at_least), thousands(most)),
        Count::Unknown => format!("at least {}, no upper bound known", thousands(people.at_least)),
    };
    let methods: Vec<String> = people.method.iter().map(|one| method(*one, incident)).collect();
    format!("{bounds}\n             ({})", methods.join("; "))
}

fn method(method: Method, incident: &Incident) -> String {
    let identified = thousands(incident.people.distinct_identified);
    let error = incident.people.standard_error.unwrap_or(0.0) * 100.0;
    match method {
        Method::IdentifiersExact if incident.is_of_files() => {
            format!("{identified} different people in the files, counted")
        }
        Method::RowCounts if incident.is_of_files() => "what the files hold bounds it from above".to_owned(),
        Method::NoUpperBound if incident.is_of_files() => "what some of the files hold is not known".to_owned(),
        Method::IdentifiersExact => format!("{identified} different identifiers in predicates and parameters, counted"),
        Method::IdentifiersEstimated => {
            format!("about {identified} different identifiers, HyperLogLog with standard error {error:.2} %")
        }
        Method::EstimatedForMemory => format!(
            "about {identified} different identifiers, HyperLogLog with standard error {error:.2} %, because all stories together held too many"
        ),
        Method::RowsMeasured => "rows measured by the server bound it from above".to_owned(),
        Method::RowCounts => "row counts of the log bound it from above".to_owned(),
        Method::StatementText => "what the statements ask for (single values, LIMIT) bounds it from above".to_owned(),
        Method::CatalogueSize => "the catalogue's number of people bounds it from above".to_owned(),
        Method::NoUpperBound => "the log hides the rows and the catalogue gives no number of people".to_owned(),
        Method::NoRecords => "no records moved".to_owned(),
    }
}

fn delay(incident: &Incident) -> String {
    let seconds = |micros: u64| format!("{}.{:03} s", micros / 1_000_000, micros / 1000 % 1000);
    let observed = &incident.observed;
    format!("{} from event to detection, at most {}", seconds(observed.delay_first_us), seconds(observed.delay_max_us))
}

fn evidence(out: &mut String, incident: &Incident) {
    let evidence = &incident.evidence;
    let how = if evidence.complete { "complete as far as this log can be" } else { "incomplete" };
    let _ = writeln!(out, "\nEvidence: {how}; {} in", counted(incident.detections, "detection"));
    for file in &evidence.files {
        let _ = writeln!(out, "  {} file {} bytes {}–{}", file.source, file.file, file.from, file.to);
    }
    if evidence.files_dropped > 0 {
        let _ = writeln!(out, "  and {} in more files", counted(evidence.files_dropped, "record"));
    }
    for limit in &evidence.limits {
        let _ = writeln!(out, "  ! {}", limit.text);
    }
}

/// Where the data went: each connection with the programs on the way to it.
fn transfers(out: &mut String, incident: &Incident) {
    let transfers = &incident.transfers;
    if transfers.is_empty() {
        return;
    }
    let how = match transfers.joined() {
        None => String::new(),
        Some(Joined::Process) => {
            "; the program that sends is the one that read, was started by it, or started it".to_owned()
        }
        Some(Joined::Session) => "; sent in the login session or script that read".to_owned(),
        Some(Joined::Account) => "; sent by the account that read".to_owned(),
        Some(Joined::Host) => "; sent by the host that read".to_owned(),
    };
    let _ = writeln!(out, "\nWhere it went{how}");
    for flow in &transfers.flows {
        let bytes = match flow.bytes {
            Count::Known(bytes) => format!("{} bytes", thousands(bytes)),
            Count::Unknown => "bytes unknown".to_owned(),
        };
        let who = if flow.direction == Direction::Inbound { ", who began the connection" } else { "" };
        let _ = writeln!(out, "  {}  {bytes} to {}{who}", flow.since, flow.to());
        if !flow.recipient.is_empty() {
            let _ = writeln!(out, "      registered recipient {}", flow.recipient);
        }
        for (word, program) in
            flow.steps.iter().map(|step| ("through", step)).chain(flow.process.iter().map(|p| ("by", p)))
        {
            let login = if program.login.is_empty() || program.login == program.user {
                String::new()
            } else {
                format!(", logged in as {}", program.login)
            };
            let path = if program.path.is_empty() { &program.name } else { &program.path };
            let _ = writeln!(out, "      {word} {path} [{}] of {}{login}", program.pid, program.user);
            if let Some(sha256) = &program.sha256 {
                let _ = writeln!(out, "        SHA-256 {sha256}");
            }
        }
    }
    if transfers.dropped > 0 {
        let _ = writeln!(out, "  and {} more", counted(transfers.dropped, "connection"));
    }
}

fn timeline(out: &mut String, incident: &Incident) {
    let timeline = &incident.timeline;
    let _ = writeln!(out, "\nTimeline");
    let head = if timeline.dropped > 0 { timeline.entries.len() / 2 } else { timeline.entries.len() };
    for (index, entry) in timeline.entries.iter().enumerate() {
        if index == head {
            let _ = writeln!(out, "  … {} left out …", counted(timeline.dropped, "line"));
        }
        let _ = writeln!(out, "  {}  {:<8}  {}", entry.at, severity(entry.severity), entry.reason);
        if let Some(summary) = &entry.summary {
            let _ = writeln!(out, "      {summary}");
        }
    }
}

fn rules(out: &mut String, incident: &Incident) {
    if incident.rules.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nRules");
    for rule in &incident.rules {
        let techniques =
            if rule.techniques.is_empty() { String::new() } else { format!(" ({})", rule.techniques.join(", ")) };
        let _ = writeln!(out, "  {}: {}{techniques}", rule.name, rule.title);
        for other in &rule.false_positives {
            let _ = writeln!(out, "      may be: {other}");
        }
    }
}

fn links(out: &mut String, incident: &Incident) {
    if incident.links.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nRelated");
    for link in &incident.links {
        let why = match link.reason {
            LinkReason::Follows => "goes on from",
            LinkReason::FollowedBy => "goes on in",
            LinkReason::SameSession => "same session as",
            LinkReason::SameActor => "same role and client as",
            LinkReason::GrantedTo => "gave rights to the actor of",
            LinkReason::GrantedBy => "its actor got rights in",
            LinkReason::SameClient => "same address as",
            LinkReason::PartOf => "part of",
            LinkReason::TakesUp => "takes up",
        };
        let _ = writeln!(out, "  {why} {}", link.id);
    }
}

fn lifecycle(out: &mut String, incident: &Incident) {
    for acted in &incident.lifecycle.acts {
        let what = match acted.act.kind {
            crate::ActKind::Ack => "acknowledged",
            crate::ActKind::Close { .. } => "closed",
        };
        let _ = writeln!(out, "\n{} {what} by {}: {}", acted.at, acted.act.by, acted.act.reason);
    }
}

/// How to end a connection.
fn cut(flow: &Sent) -> String {
    let block = match flow.address.as_str() {
        "" => "block the other side at the gateway".to_owned(),
        address => format!("block {address} at the gateway"),
    };
    match &flow.process {
        Some(program) => format!("kill -STOP {} keeps the program as evidence; {block}", program.pid),
        None => block,
    }
}

/// Who is asked.
fn asked(incident: &Incident, user: &str) -> String {
    match incident.person.as_str() {
        "" if incident.user.is_empty() && incident.is_of_files() => "whoever answers for the folder".to_owned(),
        "" if incident.is_of_files() => format!("whoever uses the account {user}"),
        "" => format!("the owner of {user}"),
        person => person.to_owned(),
    }
}

/// What to do, by family; the legal clock where people are affected.
fn hints(incident: &Incident) -> Vec<String> {
    let user = if incident.user.is_empty() { "the role" } else { &incident.user };
    let asked = asked(incident, user);
    let mut hints: Vec<String> = Vec::new();
    for response in incident.rules.iter().flat_map(|rule| &rule.responses).take(6) {
        if !hints.contains(response) {
            hints.push(response.clone());
        }
    }
    let stop = match incident.system {
        kuzet_event::System::Postgresql => format!(
            "end its sessions: SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'",
            quoted(user)
        ),
        system if system.speaks_mysql() => format!("end its sessions: KILL USER '{}'", quoted(user)),
        kuzet_event::System::Redis => format!("end its sessions: CLIENT KILL USER {}", quoted(user)),
        _ => format!("end the sessions of {user} and lock its account"),
    };
    match incident.family {
        Family::Access => {
            let what = if incident.system == kuzet_event::System::Linux { "account" } else { "role" };
            hints.push(format!("ask {asked} whether this was meant; if not, lock the {what}"));
            hints.push(stop);
            hints.push(match incident.transfers.flows.first() {
                None => "find where the result went: the client, its files, its outbound connections".to_owned(),
                Some(flow) => format!("cut off the way it went: {}", cut(flow)),
            });
        }
        Family::Change if incident.system == kuzet_event::System::Linux => {
            hints.push(stop);
            hints.extend(files::CHANGED.map(str::to_owned));
        }
        Family::Holding => hints.extend(files::held(incident, &asked)),
        Family::Change => {
            hints.push(stop);
            hints
                .push("keep the last backup and the write-ahead or binary log: do not let them rotate away".to_owned());
            hints.push("compare the tables with the backup before anybody restores".to_owned());
        }
        Family::Privilege => {
            hints.push(format!("revoke what {user} gave unless a change request covers it"));
            hints.push("look at what the receiving roles did since (related incidents)".to_owned());
        }
        Family::Audit => {
            hints.push(
                "restore the audit settings and reload; compare them with the configuration in version control"
                    .to_owned(),
            );
            hints.push("treat everything since as unseen: other sources must show what happened".to_owned());
        }
        Family::Login => {
            hints.push("block the address at the firewall if it is not yours".to_owned());
            hints.push(format!("change the password of {user} if a login succeeded, and look at what it did since"));
        }
        Family::Traffic => {
            if let Some(flow) = incident.transfers.flows.first() {
                hints.push(format!("cut it off: {}", cut(flow)));
            }
            hints.push(format!("ask {asked} what was sent and why; keep the files it was made of"));
            hints.push(
                "if the other side may have personal data, enter it into the register of recipients (docs/place.md)"
                    .to_owned(),
            );
        }
        Family::Sight => {
            hints.push(
                "find out why the log was cut, replaced or unreadable: kuzet doctor, file permissions, logrotate"
                    .to_owned(),
            );
            hints.push("keep rotated and backed-up copies of the log".to_owned());
        }
    }
    let affected = incident.people.at_most != Count::Known(0);
    if affected && incident.outcome != Outcome::Failure {
        hints.push("if this is a breach, the authority is to be told within one business day of its detection: tell the person responsible for personal data now".to_owned());
    }
    hints.push(format!("kuzet incidents ack {} when you take it", incident.id));
    hints
}

/// Safe between single quotes of SQL.
fn quoted(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control() && *letter != '\\').collect::<String>().replace('\'', "''")
}
