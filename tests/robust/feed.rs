//! Log records as the servers write them, with any content, in every format.

use std::fmt::Write;

/// One record of PostgreSQL.
#[derive(Clone, Debug)]
pub struct Record {
    /// Microseconds since 1970.
    pub at: i64,
    pub user: String,
    pub program: String,
    /// Process id; sessions differ by it.
    pub process: u32,
    /// Line of the session.
    pub line: u64,
    pub severity: &'static str,
    pub code: &'static str,
    pub message: String,
    pub detail: String,
    /// Statement that failed.
    pub statement: String,
}

impl Record {
    /// A record of severity LOG.
    pub fn log(at: i64, user: &str, process: u32, line: u64, message: String) -> Record {
        let (user, program) = (user.to_owned(), "psql".to_owned());
        let (detail, statement) = (String::new(), String::new());
        Record { at, user, program, process, line, severity: "LOG", code: "00000", message, detail, statement }
    }

    /// A pgaudit session record of a statement that read `rows` rows of `object`.
    pub fn audit(at: i64, user: &str, process: u32, line: u64, audited: &Audited<'_>) -> Record {
        let Audited { class, command, object, text, parameters, rows } = audited;
        let kind = if object.is_empty() { "" } else { "TABLE" };
        let message = format!(
            "AUDIT: SESSION,{line},1,{class},{command},{kind},{object},{},{},{rows}",
            quoted(text),
            quoted(parameters)
        );
        Record::log(at, user, process, line, message)
    }

    fn stamp(&self) -> String {
        stamp(self.at, "%Y-%m-%d %H:%M:%S%.3f")
    }

    fn session(&self) -> String {
        format!("6b0316c6.{:x}", self.process)
    }

    /// As csvlog.
    pub fn csv(&self) -> String {
        let text =
            |value: &str| if value.is_empty() { String::new() } else { format!("\"{}\"", value.replace('"', "\"\"")) };
        format!(
            "{} UTC,{},\"mfo\",{},\"127.0.0.1:46096\",{},{},\"SELECT\",2026-11-22 16:22:30 UTC,3/343,0,{},{},{},{},,,,,{},,,{},\
             \"client backend\",,0\n",
            self.stamp(),
            text(&self.user),
            self.process,
            self.session(),
            self.line,
            self.severity,
            self.code,
            text(&self.message),
            text(&self.detail),
            text(&self.statement),
            text(&self.program)
        )
    }

    /// As jsonlog.
    pub fn json(&self) -> String {
        let mut object = serde_json::json!({
            "timestamp": format!("{} UTC", self.stamp()), "user": self.user, "dbname": "mfo", "pid": self.process,
            "remote_host": "127.0.0.1", "remote_port": 46096, "session_id": self.session(), "line_num": self.line,
            "ps": "SELECT", "session_start": "2026-11-22 16:22:30 UTC", "vxid": "3/343", "txid": 0,
            "error_severity": self.severity, "state_code": self.code, "message": self.message,
            "application_name": self.program, "backend_type": "client backend", "query_id": 0
        });
        for (key, value) in [("detail", &self.detail), ("statement", &self.statement)] {
            if !value.is_empty() {
                object[key] = value.as_str().into();
            }
        }
        format!("{object}\n")
    }

    /// As stderr with the prefix of the lab.
    pub fn stderr(&self) -> String {
        let prefix = format!(
            "{} UTC [{}] {}@mfo/{} 127.0.0.1 {}:{} 3/343/0 0 ",
            self.stamp(),
            self.process,
            self.user,
            self.program,
            self.session(),
            self.line
        );
        let lines = |text: &str| text.replace('\n', "\n\t");
        let mut out = format!("{prefix}{}:  {}\n", self.severity, lines(&self.message));
        for (name, value) in [("DETAIL", &self.detail), ("STATEMENT", &self.statement)] {
            if !value.is_empty() {
                let _ = writeln!(out, "{prefix}{name}:  {}", lines(value));
            }
        }
        out
    }
}

/// What pgaudit says of one statement.
pub struct Audited<'a> {
    pub class: &'a str,
    pub command: &'a str,
    pub object: &'a str,
    pub text: &'a str,
    pub parameters: &'a str,
    pub rows: u64,
}

/// A CSV field of pgaudit: in quotes when it must be.
fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A line of server_audit.
pub fn server_audit(
    at: i64,
    user: &str,
    connection: u32,
    query: u64,
    operation: &str,
    object: &str,
    code: u32,
) -> String {
    let object = match operation {
        "QUERY" => format!("'{}'", object.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n")),
        _ => object.to_owned(),
    };
    format!(
        "{},vm,{user},127.0.0.1,{connection},{query},{operation},mfo,{object},{code}\n",
        stamp(at, "%Y%m%d %H:%M:%S")
    )
}

fn stamp(at: i64, format: &str) -> String {
    jiff::Timestamp::from_microsecond(at).expect("a time").strftime(format).to_string()
}

/// Now, in microseconds since 1970, by the clock of the file system (tests do not ask the system for the time).
pub fn now() -> i64 {
    let scratch = crate::support::Scratch::new("now");
    let touched = scratch.join("touched");
    std::fs::write(&touched, "x").expect("a scratch file");
    let modified = std::fs::metadata(&touched).and_then(|metadata| metadata.modified()).expect("a time");
    modified.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros() as i64
}
