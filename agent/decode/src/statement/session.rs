//! What a statement does to one variable of its session: `SET app.user = 'clerk7'`, `set_config(…)`, `SET @app_user = …`,
//! and what ends it. For the person that an application tells; nothing of it is kept by the analyser.

use super::scan::{Form, Kind, Literal, Scan};
use super::view::View;
use crate::Parameters;
use kuzet_event::System;
use std::ops::Range;

/// One step of a session, in the order of the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The variable has this value: until the session ends, or `local`ly until the transaction does.
    Set {
        /// The value as the server takes it.
        value: Vec<u8>,
        /// Only for this transaction.
        local: bool,
    },
    /// The variable has no value that is known.
    Unset,
    /// A transaction begins.
    Begin,
    /// It ends.
    Commit,
    /// It ends and takes back what it set.
    Rollback,
}

/// Most statements of one text that are looked at.
const STATEMENTS: usize = 64;

/// The steps of `text` as far as they concern variables of these `names` (lower case, without `@`).
pub(crate) fn steps(
    text: &[u8],
    system: System,
    scan: &mut Scan,
    parameters: &Parameters,
    names: &[&str],
) -> Vec<Step> {
    scan.run::<true>(text);
    let reader = Reader {
        view: View { text, tokens: &scan.tokens, literals: &scan.literals, system },
        parameters,
        names,
        steps: Vec::new(),
    };
    reader.read()
}

struct Reader<'a> {
    view: View<'a>,
    parameters: &'a Parameters,
    names: &'a [&'a str],
    steps: Vec<Step>,
}

impl Reader<'_> {
    fn read(mut self) -> Vec<Step> {
        let (mut start, end) = (0, self.view.tokens.len());
        for _ in 0..STATEMENTS {
            let stop = (start..end).find(|at| self.view.op(*at, b';')).unwrap_or(end);
            self.statement(start..stop);
            start = stop + 1;
            if start >= end {
                break;
            }
        }
        self.steps
    }

    fn statement(&mut self, range: Range<usize>) {
        let view = self.view;
        let at = range.start;
        match view.keyword(at).as_str() {
            "SET" => self.set(range),
            "RESET" if view.is(at + 1, "ALL") || self.is_named(&view.path(at + 1).0) => self.steps.push(Step::Unset),
            "DISCARD" if view.is(at + 1, "ALL") => self.steps.push(Step::Unset),
            "BEGIN" | "START" => self.steps.push(Step::Begin),
            "COMMIT" | "END" => self.steps.push(Step::Commit),
            "PREPARE" if view.is(at + 1, "TRANSACTION") => self.steps.push(Step::Commit),
            "ROLLBACK" | "ABORT" if !range.clone().any(|at| view.is(at, "TO")) => self.steps.push(Step::Rollback),
            _ => {
                for at in range {
                    if view.is(at, "set_config") && view.op(at + 1, b'(') {
                        self.set_config(at + 2);
                    }
                }
            }
        }
    }

    fn is_named(&self, path: &[String]) -> bool {
        let name = path.join(".").to_ascii_lowercase();
        self.names.contains(&name.trim_start_matches('@'))
    }

    /// `SET [SESSION|LOCAL] name = value`, in MariaDB several of them.
    fn set(&mut self, range: Range<usize>) {
        let view = self.view;
        let local = view.is(range.start + 1, "LOCAL") && !view.system.speaks_mysql();
        for at in range.start + 1..range.end {
            let (path, mut sign) = view.path(at);
            if !self.is_named(&path) {
                continue;
            }
            if view.op(sign, b':') {
                sign += 1;
            }
            if view.op(sign, b'=') || view.is(sign, "TO") {
                self.value(sign + 1, local);
                if !view.system.speaks_mysql() {
                    return;
                }
            }
        }
    }

    /// The value at `at`; one that is no plain value is not known.
    fn value(&mut self, at: usize, local: bool) {
        let view = self.view;
        let ends = at + 1 >= view.tokens.len() || view.op(at + 1, b';') || view.op(at + 1, b',');
        let value = match view.kind(at) {
            Some(Kind::Literal) => view.literals_at(at).next().and_then(|literal| self.literal(literal)),
            Some(Kind::Word | Kind::Quoted) if !view.is(at, "DEFAULT") && !view.is(at, "NULL") => {
                view.name(at).map(String::into_bytes)
            }
            _ => None,
        };
        self.steps.push(match value {
            Some(value) if ends => Step::Set { value, local },
            _ => Step::Unset,
        });
    }

    /// `'name', 'value', local)`: the arguments at `at`, one list of literals.
    fn set_config(&mut self, at: usize) {
        let arguments: Vec<&Literal> = self.view.literals_at(at).take(3).collect();
        let Some(name) = arguments.first().and_then(|literal| self.literal(literal)) else { return };
        let name = String::from_utf8_lossy(&name).to_ascii_lowercase();
        if !self.names.contains(&name.as_str()) {
            return;
        }
        let text = |literal: &&Literal| self.view.text.get(literal.start as usize..literal.end as usize);
        let local = arguments.get(2).and_then(text).is_some_and(|word| word[..1].eq_ignore_ascii_case(b"t"));
        self.steps.push(match arguments.get(1).and_then(|literal| self.literal(literal)) {
            Some(value) => Step::Set { value, local },
            None => Step::Unset,
        });
    }

    fn literal(&self, literal: &Literal) -> Option<Vec<u8>> {
        match literal.form {
            Form::Parameter(number) => self.parameters.get(number as usize).map(<[u8]>::to_vec),
            Form::Word => None,
            _ => {
                let mut value = Vec::new();
                super::values::unescape(self.view.text, literal, self.view.system, &mut value);
                Some(value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::Seed;
    use super::*;

    fn told(system: System, text: &str) -> Vec<Step> {
        let mut parameters = Parameters::new();
        parameters.push(b"clerk9");
        steps(text.as_bytes(), system, &mut Scan::new(system, Seed(1, 1)), &parameters, &["app.user", "app_user"])
    }

    fn set(value: &str, local: bool) -> Step {
        Step::Set { value: value.as_bytes().to_vec(), local }
    }

    #[test]
    fn every_spelling_of_postgresql() {
        for (text, steps) in [
            ("SET app.user = 'clerk7'", vec![set("clerk7", false)]),
            ("/* x */ set SESSION App.User TO clerk7;", vec![set("clerk7", false)]),
            ("SET LOCAL app.user = 'o''neil'", vec![set("o'neil", true)]),
            ("SET app.user TO DEFAULT", vec![Step::Unset]),
            ("SET app.other = 'x'", vec![]),
            ("RESET app.user", vec![Step::Unset]),
            ("RESET ALL", vec![Step::Unset]),
            ("DISCARD ALL", vec![Step::Unset]),
            ("SELECT set_config('app.user', 'clerk7', true)", vec![set("clerk7", true)]),
            ("SELECT pg_catalog.set_config('app.user', $1, false), 1", vec![set("clerk9", false)]),
            ("SELECT set_config('app.user', $7, false)", vec![Step::Unset]),
            ("SELECT set_config('app.user', current_user, false)", vec![Step::Unset]),
            ("BEGIN; SET LOCAL app.user='a'; COMMIT", vec![Step::Begin, set("a", true), Step::Commit]),
            ("ROLLBACK TO SAVEPOINT s", vec![]),
            ("ROLLBACK", vec![Step::Rollback]),
            ("SELECT 'SET app.user = 1'", vec![]),
        ] {
            assert_eq!(told(System::Postgresql, text), steps, "{text}");
        }
    }

    #[test]
    fn every_spelling_of_mariadb() {
        for (text, steps) in [
            ("SET @app_user = 'clerk7'", vec![set("clerk7", false)]),
            ("SET @x := 1, @app_user := 'clerk7', @y = 2", vec![set("clerk7", false)]),
            ("SET @app_user = NULL", vec![Step::Unset]),
            ("SET @app_user = CONCAT('clerk', 7)", vec![Step::Unset]),
        ] {
            assert_eq!(told(System::Mariadb, text), steps, "{text}");
        }
    }
}
