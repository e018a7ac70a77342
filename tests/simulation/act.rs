//! What people and programs do at a database, whichever server they do it at.

use crate::support::Random;
use crate::support::people::{Person, people};
use std::sync::{Arc, OnceLock};

/// Rows of the table of borrowers.
pub const BORROWERS: usize = 10_000;

/// Who sits where.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Database role.
    pub role: String,
    /// What the client says it is.
    pub program: String,
    /// Address; empty: the server's own socket.
    pub client: &'static str,
}

/// A seat.
pub fn seat(role: &str, program: &str, client: &'static str) -> Arc<Seat> {
    Arc::new(Seat { role: role.to_owned(), program: program.to_owned(), client })
}

/// Class of pgaudit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Read,
    Write,
    Define,
    Role,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// With `$1` where a parameter stands.
    pub text: String,
    pub parameters: Vec<String>,
    /// Tables that it touches.
    pub tables: &'static [&'static str],
    pub class: Class,
    /// First word, as pgaudit has it.
    pub command: &'static str,
    pub rows: u64,
    /// SQLSTATE and message, if the server refused it.
    pub error: Option<(&'static str, String)>,
}

impl Statement {
    /// A SELECT.
    pub fn read(text: impl Into<String>, tables: &'static [&'static str], rows: u64) -> Statement {
        let text = text.into();
        Statement { text, parameters: Vec::new(), tables, class: Class::Read, command: "SELECT", rows, error: None }
    }

    /// A change of rows.
    pub fn write(
        command: &'static str,
        text: impl Into<String>,
        tables: &'static [&'static str],
        rows: u64,
    ) -> Statement {
        Statement { class: Class::Write, command, ..Statement::read(text, tables, rows) }
    }

    /// A definition.
    pub fn define(command: &'static str, text: impl Into<String>) -> Statement {
        Statement { class: Class::Define, command, ..Statement::read(text, &[], 0) }
    }

    /// A change of roles.
    pub fn role(command: &'static str, text: impl Into<String>) -> Statement {
        Statement { class: Class::Role, command, ..Statement::read(text, &[], 0) }
    }

    /// The same with the value of a parameter.
    pub fn with(mut self, value: impl ToString) -> Statement {
        self.parameters.push(value.to_string());
        self
    }

    /// The same with a comment as sqlcommenter writes it.
    pub fn tagged(mut self, user: &str) -> Statement {
        self.text.push_str(&format!(" /*user='{user}'*/"));
        self
    }

    /// With the values in the text, as clients without parameters send it.
    pub fn inlined(&self) -> String {
        let mut text = self.text.clone();
        for (number, value) in self.parameters.iter().enumerate().rev() {
            let number = format!("${}", number + 1);
            let plain = value.len() < 10 && value.bytes().all(|byte| byte.is_ascii_digit());
            text = text.replace(&number, &if plain { value.clone() } else { format!("'{value}'") });
        }
        text
    }
}

/// What happens at one moment of one session.
#[derive(Clone, Debug)]
pub enum Act {
    Login,
    /// A login that fails for the password.
    Refused,
    Say(Statement),
    Logout,
    /// Records that the server wrote and somebody took away.
    Cut(u32),
}

/// One act of one session.
#[derive(Clone, Debug)]
pub struct Op {
    pub at: i64,
    /// Number of the session, never used again.
    pub session: u64,
    pub seat: Arc<Seat>,
    pub act: Act,
}

/// A session that is open.
#[derive(Clone, Debug)]
pub struct Session(u64, Arc<Seat>);

/// What happens on one day, in any order.
pub struct Day {
    /// Counted from 0.
    pub number: usize,
    pub ops: Vec<Op>,
    pub random: Random,
    sessions: u64,
}

impl Day {
    /// A day; days of the same seed and `sort` are the same.
    pub fn new(number: usize, seed: u64, sort: u64) -> Day {
        let day = number as u64 + 1;
        let mut random = Random::new(seed ^ (day << 20) ^ (sort << 40));
        random.bits();
        Day { number, ops: Vec::new(), random, sessions: (sort << 40) | (day << 20) }
    }

    fn push(&mut self, at: i64, session: &Session, act: Act) {
        self.ops.push(Op { at, session: session.0, seat: Arc::clone(&session.1), act });
    }

    /// Opens a session.
    pub fn open(&mut self, at: i64, seat: &Arc<Seat>) -> Session {
        self.sessions += 1;
        let session = Session(self.sessions, Arc::clone(seat));
        self.push(at, &session, Act::Login);
        session
    }

    /// Runs a statement.
    pub fn say(&mut self, at: i64, session: &Session, statement: Statement) {
        self.push(at, session, Act::Say(statement));
    }

    /// Ends a session.
    pub fn close(&mut self, at: i64, session: &Session) {
        self.push(at, session, Act::Logout);
    }

    /// Loses `records` of a session.
    pub fn cut(&mut self, at: i64, session: &Session, records: u32) {
        self.push(at, session, Act::Cut(records));
    }

    /// Fails to log in.
    pub fn refused(&mut self, at: i64, seat: &Arc<Seat>) {
        self.sessions += 1;
        self.push(at, &Session(self.sessions, Arc::clone(seat)), Act::Refused);
    }

    /// One session for some statements, a few seconds apart.
    pub fn visit(&mut self, at: i64, seat: &Arc<Seat>, statements: impl IntoIterator<Item = Statement>) -> i64 {
        let session = self.open(at, seat);
        let mut now = at + 50_000;
        for statement in statements {
            self.say(now, &session, statement);
            now += 3_000_000 + self.random.below(20_000_000) as i64;
        }
        self.close(now, &session);
        now
    }

    /// A time between `from` and `to`.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.random.below((to - from).unsigned_abs().max(1)) as i64
    }

    /// About `mean`, give or take a third.
    pub fn about(&mut self, mean: u64) -> u64 {
        mean * 2 / 3 + self.random.below(mean * 2 / 3 + 1)
    }
}

/// A borrower.
pub fn borrower(number: usize) -> &'static Person {
    static ALL: OnceLock<Vec<Person>> = OnceLock::new();
    &ALL.get_or_init(|| people(BORROWERS))[number % BORROWERS]
}
