//! The people of an ordinary microfinance organisation at work: clerks, collectors, analysts, accounting, administrators.

use super::act::{BORROWERS, Day, Seat, Session, Statement, borrower, seat};
use super::calendar::{HOUR, MINUTE, SECOND, at, date, is_month_end, is_saturday, is_worked, weekday};
use super::server::Server;
use std::sync::Arc;

/// The evening on which a new version of the application goes live.
pub const RELEASE: usize = 15;
/// First day of the second analyst.
pub const SECOND_ANALYST: usize = 16;
/// The day on which the reporting role gets another name.
pub const RENAMED: usize = 20;
/// First day of the thirteenth clerk.
const NEW_CLERK: usize = 9;
/// Days of leave of clerk 5.
const LEAVE: std::ops::RangeInclusive<usize> = 4..=17;
/// Days of the regulator's audit.
const AUDIT: std::ops::RangeInclusive<usize> = 22..=23;
/// Collectors.
pub const COLLECTORS: [&str; 3] = ["asel", "marat", "dina"];

const CLIENT: &str = "SELECT id, iin, full_name, phone, address FROM borrowers WHERE iin = $1";
const CLIENT_NEW: &str = "SELECT b.id, b.iin, b.full_name, b.phone, b.address, c.given_at FROM borrowers b LEFT JOIN \
                          consents c ON c.borrower_id = b.id WHERE b.iin = $1";
const LOANS: &str = "SELECT id, amount, rate, opened, due, status FROM loans WHERE borrower_id = $1";

/// The pool of the application: connections of each of its servers, open all day.
pub struct Pool(Vec<Session>);

impl Pool {
    /// Opens it in the morning.
    pub fn open(day: &mut Day) -> Pool {
        let mut servers = vec!["10.1.0.11", "10.1.0.12"];
        if day.number > RELEASE {
            servers.push("10.1.0.17");
        }
        let mut sessions = Vec::new();
        for client in servers {
            for _ in 0..3 {
                let seat = seat("app", "crm-web", client);
                let begins = at(day.number, 0, 0) + sessions.len() as i64 * SECOND;
                sessions.push(day.open(begins, &seat));
            }
        }
        Pool(sessions)
    }

    /// Ends it at night.
    pub fn close(self, day: &mut Day) {
        for session in &self.0 {
            day.close(at(day.number, 24, 0) - SECOND, session);
        }
    }

    /// The connection that the next request gets.
    pub fn any(&self, day: &mut Day) -> Session {
        day.random.pick(&self.0).clone()
    }
}

/// What a clerk's screen asks when a client is opened.
pub fn look(number: usize, clerk: &str, release: bool) -> Statement {
    let tables: &[&str] = if release { &["borrowers", "consents"] } else { &["borrowers"] };
    Statement::read(if release { CLIENT_NEW } else { CLIENT }, tables, 1).with(&borrower(number).iin).tagged(clerk)
}

/// A clerk serves one client.
pub fn serve(day: &mut Day, pool: &Pool, now: i64, clerk: &str, number: usize) {
    let session = pool.any(day);
    let release = day.number > RELEASE;
    let mut now = now;
    let mut next = |day: &mut Day, statement: Statement| {
        day.say(now, &session, statement.tagged(clerk));
        now += 2 * SECOND + day.random.below(40_000_000) as i64;
    };
    let tables: &[&str] = if release { &["borrowers", "consents"] } else { &["borrowers"] };
    let find = if release { CLIENT_NEW } else { CLIENT };
    if day.random.below(40) == 0 {
        let mut typed = borrower(number).iin.clone();
        typed.replace_range(6..8, "99");
        next(day, Statement::read(find, tables, 0).with(typed));
    }
    if day.random.below(6) == 0 {
        let by_phone = "SELECT id, iin, full_name, phone, address FROM borrowers WHERE phone = $1";
        next(day, Statement::read(by_phone, &["borrowers"], 1).with(&borrower(number).phone));
    } else {
        next(day, Statement::read(find, tables, 1).with(&borrower(number).iin));
    }
    let loans = day.random.below(4);
    next(day, Statement::read(LOANS, &["loans"], loans).with(number + 1));
    if day.random.below(10) < 6 {
        let text = "SELECT id, created_at, channel, requested, decision FROM applications WHERE borrower_id = $1";
        let rows = 1 + day.random.below(2);
        next(day, Statement::read(text, &["applications"], rows).with(number + 1));
    }
    if day.random.below(10) < 3 {
        let text = "INSERT INTO applications (borrower_id, channel, requested) VALUES ($1, $2, $3)";
        let sum = 10_000 + day.random.below(90) * 5_000;
        next(day, Statement::write("INSERT", text, &["applications"], 1).with(number + 1).with("branch").with(sum));
    }
    if day.random.below(10) < 2 {
        let text = "UPDATE applications SET decision = $1 WHERE id = $2";
        next(day, Statement::write("UPDATE", text, &["applications"], 1).with("approved").with(70_000 + number));
    }
    if day.random.below(12) == 0 {
        let text = "UPDATE borrowers SET phone = $1 WHERE id = $2";
        let update = Statement::write("UPDATE", text, &["borrowers"], 1);
        next(day, update.with(&borrower(number).phone).with(number + 1));
    }
}

/// All clerks of a day.
pub fn clerks(day: &mut Day, pool: &Pool) {
    let count = if day.number >= NEW_CLERK { 13 } else { 12 };
    for number in 1..=count {
        let away = number == 5 && LEAVE.contains(&day.number);
        let works = is_worked(day.number) || is_saturday(day.number) && number <= 4;
        if away || !works {
            continue;
        }
        let clerk = format!("clerk{number:02}");
        let level = 24 + 8 * (number as u64 % 12) + if is_month_end(day.number) { 15 } else { 0 };
        let (from, lunch, to) = if number % 2 == 0 { ((8, 30), 13, (17, 30)) } else { ((10, 0), 14, (19, 0)) };
        let morning = (at(day.number, from.0, from.1), at(day.number, lunch, 0));
        let to = if is_saturday(day.number) { (15, 0) } else { to };
        let afternoon = (at(day.number, lunch + 1, 0), at(day.number, to.0, to.1));
        for client in 0..day.about(level) {
            let (from, to) = if client % 2 == 0 { morning } else { afternoon };
            if from >= to {
                continue;
            }
            let now = day.between(from, to);
            let who = day.random.below(BORROWERS as u64) as usize;
            serve(day, pool, now, &clerk, who);
        }
        // The list of applications that wait, looked at every hour.
        for hour in 0..8 {
            let now = morning.0 + hour * HOUR + day.random.below(600) as i64 * SECOND;
            let text = "SELECT a.id, b.full_name, a.requested FROM applications a JOIN borrowers b ON b.id = \
                        a.borrower_id WHERE a.decision = 'manual' ORDER BY a.created_at LIMIT 50";
            let rows = 8 + day.random.below(43);
            let session = pool.any(day);
            day.say(now, &session, Statement::read(text, &["applications", "borrowers"], rows).tagged(&clerk));
        }
    }
}

/// A collector's seat.
pub fn collector(name: &str) -> Arc<Seat> {
    seat("collect", &format!("collection-desk/{name}"), "10.1.1.30")
}

/// One client of a collector.
pub fn call(day: &mut Day, session: &Session, now: i64, number: usize) {
    let text = "SELECT b.full_name, b.phone, b.address, l.amount, l.due FROM borrowers b JOIN loans l ON l.borrower_id = \
                b.id WHERE b.id = $1";
    day.say(now, session, Statement::read(text, &["borrowers", "loans"], 1).with(number + 1));
    let text = "INSERT INTO calls (borrower_id, result) VALUES ($1, $2)";
    let later = now + 60 * SECOND;
    day.say(later, session, Statement::write("INSERT", text, &["calls"], 1).with(number + 1).with("promised"));
}

/// The collection department: lists in the morning, calls all day. `factor` is how much more than usual each one does.
pub fn collectors(day: &mut Day, factor: impl Fn(&str) -> u64) {
    if !is_worked(day.number) {
        return;
    }
    for name in COLLECTORS {
        let seat = collector(name);
        let begins = day.between(at(day.number, 8, 40), at(day.number, 8, 55));
        let session = day.open(begins, &seat);
        let mean = if is_month_end(day.number) { 700 } else { 330 };
        let rows = day.about(mean);
        let text = "SELECT b.id, b.full_name, b.phone, l.amount, l.due FROM borrowers b JOIN loans l ON l.borrower_id = \
                    b.id WHERE l.status = 'overdue' AND l.due < $1 ORDER BY l.due";
        let list = Statement::read(text, &["borrowers", "loans"], rows).with(date(begins));
        day.say(begins + MINUTE, &session, list);
        for _ in 0..day.about(65) * factor(name) {
            let now = day.between(at(day.number, 9, 0), at(day.number, 18, 0));
            let who = day.random.below(BORROWERS as u64) as usize;
            call(day, &session, now, who);
        }
        day.close(at(day.number, 18, 10), &session);
    }
}

/// An analyst's seat: DBeaver tells which script is open, and is updated now and then.
pub fn analyst(name: &str, day: usize, script: u64) -> Arc<Seat> {
    let version = if day >= RENAMED { "23.3.1" } else { "23.2.0" };
    let client = if name == "analyst_bek" { "10.1.2.22" } else { "10.1.2.21" };
    seat(name, &format!("DBeaver {version} - SQLEditor <Script-{script}.sql>"), client)
}

/// Reports that change from day to day.
pub fn analysts(day: &mut Day) {
    if !is_worked(day.number) {
        return;
    }
    let names: &[&str] = if day.number >= SECOND_ANALYST { &["analyst_aru", "analyst_bek"] } else { &["analyst_aru"] };
    for name in names {
        for visit in 0..2 + day.random.below(3) {
            let script = 1 + day.number as u64 / 2 + visit;
            let seat = analyst(name, day.number, script);
            let begins = day.between(at(day.number, 9, 10), at(day.number, 17, 30));
            if visit == 0 && day.random.below(4) == 0 {
                // A password mistyped once or twice.
                day.refused(begins - 20 * SECOND, &seat);
                if day.random.below(2) == 0 {
                    day.refused(begins - 10 * SECOND, &seat);
                }
            }
            let reports: Vec<Statement> = (0..2 + day.random.below(4)).map(|_| report(day)).collect();
            day.visit(begins, &seat, reports);
        }
        if weekday(day.number) == 3 {
            let cohort = "SELECT l.id, l.amount, l.status, b.salary, b.marital_status FROM loans l JOIN borrowers b ON \
                          b.id = l.borrower_id WHERE l.opened >= $1 AND l.opened < $2";
            let rows = 1_500 + day.random.below(1_000);
            let (seat, begins) = (analyst(name, day.number, 2), at(day.number, 11, 20));
            let cohort = Statement::read(cohort, &["loans", "borrowers"], rows).with("2026-05-01").with("2026-07-01");
            day.visit(begins, &seat, [cohort]);
        }
    }
}

fn report(day: &mut Day) -> Statement {
    let measures = ["count(*)", "sum(amount)", "avg(amount)", "max(rate)", "avg(rate)", "count(DISTINCT borrower_id)"];
    let groups = ["status", "opened", "due", "rate", "status, opened", "status, rate"];
    let conditions = ["opened >= $1", "due < $1", "opened < $1 AND status = 'open'", "due >= $1 AND rate > 30"];
    let (measure, group) = (*day.random.pick(&measures), *day.random.pick(&groups));
    let condition = *day.random.pick(&conditions);
    let day_of = date(at(day.number, 0, 0) - (7 + day.random.below(120) as i64) * 24 * HOUR);
    match day.random.below(6) {
        0 => Statement::read(format!("SELECT * FROM loans WHERE {condition} LIMIT 200"), &["loans"], 200).with(day_of),
        1 => {
            let text = format!(
                "SELECT channel, decision, {measure} FROM applications JOIN loans USING (borrower_id) \
                                WHERE {condition} GROUP BY 1, 2"
            );
            Statement::read(text, &["applications", "loans"], 9).with(day_of)
        }
        _ => {
            let text = format!("SELECT {group}, {measure} FROM loans WHERE {condition} GROUP BY {group} ORDER BY 1");
            let rows = 3 + day.random.below(60);
            Statement::read(text, &["loans"], rows).with(day_of)
        }
    }
}

/// Accounting: payments of the day, and the register of the month.
pub fn accounting(day: &mut Day) {
    let closing = is_month_end(day.number) || matches!(day.number, 19 | 21);
    if !is_worked(day.number) && !closing {
        return;
    }
    let seat = seat("accounting", "1C:Enterprise", "10.1.3.5");
    for hour in [10, 15] {
        let text = "SELECT id, borrower_id, amount, paid_at FROM payments WHERE paid_at >= $1";
        let rows = day.about(300);
        let begins = day.between(at(day.number, hour, 0), at(day.number, hour, 50));
        if hour == 10 && day.number % 9 == 3 {
            day.refused(begins - 30 * SECOND, &seat);
        }
        day.visit(begins, &seat, [Statement::read(text, &["payments"], rows).with(date(begins))]);
    }
    if closing {
        let text = "SELECT p.id, b.iin, b.full_name, p.amount, p.paid_at FROM payments p JOIN borrowers b ON b.id = \
                    p.borrower_id WHERE p.paid_at >= $1";
        let rows = 2_800 + day.random.below(600);
        let begins = day.between(at(day.number, 16, 0), at(day.number, 19, 30));
        day.visit(begins, &seat, [Statement::read(text, &["payments", "borrowers"], rows).with("2026-10-01")]);
    }
}

/// The administrator's seat.
pub fn administrator() -> Arc<Seat> {
    seat("dba_omarov", "psql", "10.1.9.4")
}

/// Administrators: statistics, indexes, a look into a table, accounts of new people, a release.
pub fn administrators(day: &mut Day, server: Server) {
    let seat = administrator();
    if is_worked(day.number) {
        for _ in 0..1 + day.random.below(3) {
            let mut acts = vec![
                Statement::read("SELECT relname, n_live_tup, n_dead_tup FROM pg_stat_user_tables", &[], 31),
                Statement::read("SELECT count(*) FROM loans", &["loans"], 1),
            ];
            if day.random.below(4) == 0 {
                let id = 60_000 + day.random.below(9_000);
                acts.push(Statement::read("SELECT * FROM applications WHERE id = $1", &["applications"], 1).with(id));
            }
            let begins = day.between(at(day.number, 9, 0), at(day.number, 18, 0));
            day.visit(begins, &seat, acts);
        }
    }
    let mariadb = server.is_mariadb();
    if weekday(day.number) == 6 {
        let how = if mariadb { "" } else { "CONCURRENTLY " };
        let text = format!("CREATE INDEX {how}loans_due_{} ON loans (due)", day.number);
        day.visit(at(day.number, 10, 30), &seat, [Statement::define("CREATE INDEX", text)]);
    }
    if day.number == SECOND_ANALYST {
        let mut acts = Vec::new();
        if mariadb {
            acts.push(Statement::role("CREATE USER", "CREATE USER analyst_bek@'10.1.2.%' IDENTIFIED BY *****"));
            for table in ["borrowers", "loans", "applications"] {
                acts.push(Statement::role("GRANT", format!("GRANT SELECT ON mfo.{table} TO analyst_bek@'10.1.2.%'")));
            }
        } else {
            acts.push(Statement::role("CREATE ROLE", "CREATE ROLE analyst_bek LOGIN PASSWORD <REDACTED>"));
            acts.push(Statement::role("GRANT", "GRANT SELECT ON borrowers, loans, applications TO analyst_bek"));
        }
        day.visit(at(day.number, 8, 50), &seat, acts);
    }
    if day.number == RENAMED {
        let rename = if mariadb {
            Statement::role("RENAME USER", "RENAME USER report_ro@'10.1.0.50' TO bi_ro@'10.1.0.50'")
        } else {
            Statement::role("ALTER ROLE", "ALTER ROLE report_ro RENAME TO bi_ro")
        };
        day.visit(at(day.number, 7, 30), &seat, [rename]);
    }
    if day.number == RELEASE {
        release(day);
    }
    if AUDIT.contains(&day.number) {
        regulator(day);
    }
}

fn release(day: &mut Day) {
    let seat = seat("deploy", "flyway", "10.1.0.60");
    let fill = "UPDATE applications SET channel = 'branch' WHERE channel IS NULL";
    let acts = [
        Statement::define("CREATE TABLE", "CREATE TABLE consents (borrower_id bigint, given_at timestamptz)"),
        Statement::define("ALTER TABLE", "ALTER TABLE applications ADD COLUMN source text"),
        Statement::write("UPDATE", fill, &["applications"], 870),
        Statement::define("CREATE INDEX", "CREATE INDEX applications_source ON applications (source)"),
    ];
    day.visit(at(day.number, 21, 0), &seat, acts);
}

fn regulator(day: &mut Day) {
    let seat = seat("regulator", "psql", "10.1.4.2");
    for hour in [10, 12, 15] {
        let sample = "SELECT b.iin, b.full_name, l.amount, l.rate, l.opened FROM borrowers b JOIN loans l ON \
                      l.borrower_id = b.id WHERE l.opened >= $1 ORDER BY l.opened LIMIT 200";
        let rate = "SELECT id, rate, amount FROM loans WHERE rate > 46";
        let all = "SELECT b.iin, l.id, l.amount, l.rate FROM borrowers b JOIN loans l ON l.borrower_id = b.id WHERE \
                   l.opened >= $1 AND l.opened < $2";
        let mut acts = vec![
            Statement::read(sample, &["borrowers", "loans"], 200).with("2026-06-01"),
            Statement::read(rate, &["loans"], 12),
        ];
        if hour == 15 {
            acts.push(Statement::read(all, &["borrowers", "loans"], 1_840).with("2026-07-01").with("2026-08-01"));
        }
        let begins = day.between(at(day.number, hour, 0), at(day.number, hour, 40));
        day.visit(begins, &seat, acts);
    }
}
