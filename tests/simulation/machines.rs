//! The programs of an ordinary microfinance organisation: self-service, scoring, reports, nightly jobs, monitoring.

use super::act::{BORROWERS, Day, Session, Statement, borrower, seat};
use super::calendar::{MINUTE, SECOND, at, is_worked, midnight, weekday};
use super::office::RENAMED;
use super::server::Server;

/// Columns that the dump tools name.
const COLUMNS: &str = "id, iin, full_name, phone, id_card_no, iban, salary, address, marital_status";

fn all_day(day: &mut Day, role: &str, program: &str, client: &'static str) -> Session {
    let begins = midnight(day.number) + SECOND;
    day.open(begins, &seat(role, program, client))
}

fn end(day: &mut Day, session: &Session) {
    day.close(at(day.number, 23, 59), session);
}

/// A time of the day when people are awake, mostly.
fn awake(day: &mut Day) -> i64 {
    let night = day.random.below(10) == 0;
    let (from, to) = if night {
        (at(day.number, 0, 1), at(day.number, 7, 0))
    } else {
        (at(day.number, 7, 0), at(day.number, 23, 50))
    };
    day.between(from, to)
}

/// Borrowers who look after their loans by themselves.
pub fn online(day: &mut Day) {
    let session = all_day(day, "online", "loan-core", "10.1.0.7");
    for _ in 0..day.about(450) {
        let now = awake(day);
        let number = day.random.below(BORROWERS as u64) as usize;
        let me = "SELECT id, iin, full_name, phone FROM borrowers WHERE iin = $1";
        day.say(now, &session, Statement::read(me, &["borrowers"], 1).with(&borrower(number).iin));
        let mine = "SELECT id, amount, due, status FROM loans WHERE borrower_id = $1 ORDER BY opened DESC";
        let rows = day.random.below(3);
        day.say(now + 40_000, &session, Statement::read(mine, &["loans"], rows).with(number + 1));
        if day.random.below(4) == 0 {
            let apply = "INSERT INTO applications (borrower_id, channel, requested) VALUES ($1, $2, $3)";
            let sum = 20_000 + day.random.below(60) * 5_000;
            let apply = Statement::write("INSERT", apply, &["applications"], 1).with(number + 1).with("web").with(sum);
            day.say(now + 90 * SECOND, &session, apply);
        }
        if day.random.below(25) == 0 {
            let join = "INSERT INTO borrowers (iin, full_name, phone) VALUES ($1, $2, $3)";
            let one = borrower(number);
            let join = Statement::write("INSERT", join, &["borrowers"], 1);
            day.say(now + 95 * SECOND, &session, join.with(&one.iin).with(&one.full_name).with(&one.phone));
        }
    }
    end(day, &session);
}

/// Scores of applications.
pub fn scoring(day: &mut Day) {
    let session = all_day(day, "scoring", "scoring-service", "10.1.0.8");
    for _ in 0..day.about(220) {
        let now = awake(day);
        let number = day.random.below(BORROWERS as u64) as usize;
        let who = "SELECT id, iin, salary, marital_status FROM borrowers WHERE id = $1";
        day.say(now, &session, Statement::read(who, &["borrowers"], 1).with(number + 1));
        let loans = "SELECT amount, opened, due, status FROM loans WHERE borrower_id = $1";
        let rows = day.random.below(4);
        day.say(now + 30_000, &session, Statement::read(loans, &["loans"], rows).with(number + 1));
        let set = "UPDATE applications SET score = $1 WHERE id = $2";
        let score = 300 + day.random.below(550);
        let set = Statement::write("UPDATE", set, &["applications"], 1).with(score).with(70_000 + number);
        day.say(now + SECOND, &session, set);
    }
    end(day, &session);
}

/// Role of the reports, before and after it got another name.
pub fn reporting(day: usize) -> &'static str {
    if day >= RENAMED { "bi_ro" } else { "report_ro" }
}

/// Reports on screens of the management.
pub fn reports(day: &mut Day) {
    if !is_worked(day.number) {
        return;
    }
    let seat = seat(reporting(day.number), "Metabase v0.49.6", "10.1.0.50");
    for hour in 8..20 {
        let begins = day.between(at(day.number, hour, 0), at(day.number, hour, 10));
        let totals = "SELECT status, count(*), sum(amount) FROM loans GROUP BY status";
        let late = "SELECT l.id, b.full_name, l.amount, l.due FROM loans l JOIN borrowers b ON b.id = l.borrower_id \
                    WHERE l.status = 'overdue' ORDER BY l.amount DESC LIMIT 100";
        let mut acts = vec![Statement::read(totals, &["loans"], 3)];
        if hour % 4 == 1 {
            acts.push(Statement::read(late, &["loans", "borrowers"], 100));
        }
        day.visit(begins, &seat, acts);
    }
}

/// The nightly load of the warehouse: what changed, and all of it on Sundays.
pub fn warehouse(day: &mut Day, server: Server) {
    let seat = seat("etl", "etl-nightly", "10.1.0.30");
    let full = weekday(day.number) == 6;
    let (people, loans) = (day.about(400), day.about(1_800));
    let since = super::calendar::date(midnight(day.number) - SECOND);
    let condition = if full { String::new() } else { format!(" WHERE updated_at >= '{since}'") };
    let (people, loans) = if full { (BORROWERS as u64, 24_000) } else { (people, loans) };
    let queries = [
        (format!("SELECT {COLUMNS} FROM borrowers{condition}"), &["borrowers"][..], people),
        (format!("SELECT id, borrower_id, amount, rate, due, status FROM loans{condition}"), &["loans"][..], loans),
    ];
    let acts = queries.map(|(text, tables, rows)| {
        if server.is_mariadb() {
            return Statement::read(text, tables, rows);
        }
        let text = format!("COPY ({text}) TO STDOUT");
        Statement { command: "COPY", ..Statement::read(text, tables, rows) }
    });
    let begins = day.between(at(day.number, 1, 10), at(day.number, 1, 14));
    day.visit(begins, &seat, acts);
}

/// What a dump tool says.
pub fn dump(server: Server) -> Vec<Statement> {
    let tables = [
        ("applications", &["applications"][..], "id, borrower_id, created_at, channel, requested, decision, score"),
        ("borrowers", &["borrowers"][..], COLUMNS),
        ("loans", &["loans"][..], "id, borrower_id, amount, rate, opened, due, status"),
        ("payments", &["payments"][..], "id, borrower_id, amount, paid_at"),
    ];
    let one = |(name, tables, columns): &(&str, &'static [&'static str], &str)| match server.is_mariadb() {
        true => Statement::read(format!("SELECT /*!40001 SQL_NO_CACHE */ * FROM `{name}`"), tables, 10_000),
        false => {
            let text = format!("COPY public.{name} ({columns}) TO stdout;");
            Statement { command: "COPY", ..Statement::read(text, tables, 10_000) }
        }
    };
    let mut acts = Vec::new();
    if !server.is_mariadb() {
        acts.push(Statement::read("SELECT pg_catalog.set_config('search_path', '', false);", &[], 1));
        acts.push(Statement::read("SELECT pg_catalog.pg_is_in_recovery()", &[], 1));
    }
    acts.extend(tables.iter().map(one));
    acts
}

/// Name of the dump tool.
pub fn dump_tool(server: Server) -> &'static str {
    if server.is_mariadb() { "mysqldump" } else { "pg_dump" }
}

/// The nightly backup.
pub fn backup(day: &mut Day, server: Server) {
    let seat = seat("backup", dump_tool(server), "10.1.0.40");
    let begins = day.between(at(day.number, 2, 0), at(day.number, 2, 1));
    day.visit(begins, &seat, dump(server));
}

/// The exporter of metrics.
pub fn monitoring(day: &mut Day) {
    let session = all_day(day, "monitor", "postgres_exporter", "10.1.0.70");
    for number in 0..288 {
        let now = midnight(day.number) + number * 5 * MINUTE + 10 * SECOND;
        let text = "SELECT datname, numbackends, xact_commit, blks_read FROM pg_stat_database";
        day.say(now.min(at(day.number, 23, 58)), &session, Statement::read(text, &[], 4));
    }
    end(day, &session);
}
