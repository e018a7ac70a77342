//! What happens on a MariaDB host, good and bad: one function a scenario of tests/scenarios/expected.toml.

use super::attacks_postgresql::junk;
use super::mariadb::Mariadb;
use super::postgres::feed;
use crate::support::{Random, people, until};
use std::fmt::Write;
use std::process::Stdio;
use std::time::Duration;

/// A name of the table and what then happens.
pub type Scenario = (&'static str, fn(&Mariadb));

/// Every scenario.
pub const SCENARIOS: [Scenario; 13] = [
    ("app_normal", app_normal),
    ("bulk_select", bulk_select),
    ("outfile", outfile),
    ("mysqldump", mysqldump),
    ("enum_iin", enum_iin),
    ("mass_delete", mass_delete),
    ("grant_escalation", grant_escalation),
    ("failed_logins", failed_logins),
    ("audit_tamper", audit_tamper),
    ("sqli", sqli),
    ("prepared", prepared),
    ("big_stmt", big_stmt),
    ("kill_lock", kill_lock),
];

/// One session of `user` a statement, whatever comes of it.
fn sessions(server: &Mariadb, user: &str, statements: &[&str]) {
    for statement in statements {
        let mut command = server.client(user, &format!("{user}-pw"), "mfo");
        command.args(["-e", statement]).output().expect("mariadb runs");
    }
}

fn script(server: &Mariadb, user: &str, text: &str) {
    let output = feed(&mut server.client(user, &format!("{user}-pw"), "mfo"), text.as_bytes());
    assert!(output.status.success(), "mariadb: {}", String::from_utf8_lossy(&output.stderr));
}

fn app_normal(server: &Mariadb) {
    let (mut random, people, mut text) = (Random::new(1), people::people(60), String::new());
    for turn in 0..40 {
        let person = random.pick(&people);
        let _ = writeln!(text, "START TRANSACTION;");
        let _ = writeln!(text, "SELECT id, full_name, phone FROM borrowers WHERE iin='{}';", person.iin);
        let _ = writeln!(text, "SELECT id, amount, status FROM loans WHERE borrower_id={};", person.id);
        if turn % 8 == 0 {
            let _ = writeln!(text, "UPDATE applications SET decision='manual' WHERE id={};", turn + 1);
        }
        let _ = writeln!(text, "COMMIT;");
    }
    script(server, "app", &text);
}

fn bulk_select(server: &Mariadb) {
    let rich = "SELECT iin, phone, iban FROM mfo.borrowers WHERE salary > 100000 ORDER BY salary DESC";
    let packed = "SELECT GROUP_CONCAT(iin) FROM borrowers; SELECT JSON_ARRAYAGG(full_name) FROM borrowers";
    sessions(server, "analyst", &["SELECT * FROM borrowers", rich, packed]);
}

fn outfile(server: &Mariadb) {
    let file = server.out().join("stolen.csv");
    let dump = format!("SELECT * FROM borrowers INTO OUTFILE '{}' FIELDS TERMINATED BY ','", file.display());
    sessions(server, "dba", &[&dump]);
    assert!(file.exists(), "the server wrote no file");
    let _ = std::fs::remove_file(&file);
    sessions(server, "analyst", &[&dump]);
    let copy = "CREATE TABLE tmp_copy AS SELECT * FROM borrowers; DROP TABLE tmp_copy";
    sessions(server, "dba", &["SELECT LOAD_FILE('/etc/passwd')", copy]);
}

fn mysqldump(server: &Mariadb) {
    let output = server.tool("mariadb-dump", "dba", "dba-pw").arg("mfo").output().expect("mariadb-dump runs");
    assert!(output.status.success(), "mariadb-dump: {}", String::from_utf8_lossy(&output.stderr));
}

fn enum_iin(server: &Mariadb) {
    let mut text = String::new();
    for person in people::people(300) {
        let columns = "iin, full_name, phone, iban, salary";
        let _ = writeln!(text, "SELECT {columns} FROM borrowers WHERE iin='{}';", person.iin);
    }
    for guess in 0..40_u64 {
        let _ = writeln!(text, "SELECT * FROM borrowers WHERE iin='{:012}';", 900_101_300_000 + guess);
    }
    script(server, "app", &text);
}

fn mass_delete(server: &Mariadb) {
    let text = "START TRANSACTION; DELETE FROM applications; UPDATE borrowers SET salary=0; ROLLBACK; \
                CREATE TABLE t2 LIKE loans; INSERT INTO t2 SELECT * FROM loans; TRUNCATE t2; DROP TABLE t2";
    sessions(server, "dba", &[text]);
}

fn grant_escalation(server: &Mariadb) {
    let text = "GRANT ALL PRIVILEGES ON *.* TO intruder@'127.0.0.1' WITH GRANT OPTION; \
                CREATE USER backdoor@'%' IDENTIFIED BY 'S3cret!'; \
                SET PASSWORD FOR intruder@'127.0.0.1' = PASSWORD('n3w'); \
                ALTER USER intruder@'127.0.0.1' IDENTIFIED BY 'intruder-pw'; \
                REVOKE ALL PRIVILEGES, GRANT OPTION FROM intruder@'127.0.0.1'; DROP USER backdoor@'%'; \
                GRANT SELECT ON mfo.applications TO intruder@'127.0.0.1'";
    sessions(server, "dba", &[text]);
    sessions(server, "intruder", &["SELECT * FROM borrowers", "GRANT ALL ON *.* TO intruder@'127.0.0.1'"]);
}

fn failed_logins(server: &Mariadb) {
    let fail = |user: &str, password: &str, database: &str| {
        let output = server.client(user, password, database).args(["-e", "SELECT 1"]).output().expect("mariadb runs");
        assert!(!output.status.success(), "{user} got into {database}");
    };
    for attempt in 1..=8 {
        fail("app", &format!("wrong{attempt}"), "mfo");
    }
    fail("nosuch", "x", "mfo");
    fail("app", "app-pw", "nosuchdb");
    fail("x,y\n2026", "x", "mfo");
    junk(server.port());
}

fn audit_tamper(server: &Mariadb) {
    let statements = [
        "SET GLOBAL server_audit_excl_users='dba'",
        "SELECT COUNT(*) FROM borrowers",
        "SET GLOBAL server_audit_excl_users=''",
        "SET GLOBAL server_audit_events='CONNECT'",
        // Long enough to be no client that looks whether the server answers, where the log tells milliseconds.
        "SELECT COUNT(*), SLEEP(0.05) FROM loans",
        "SET GLOBAL server_audit_events='CONNECT,QUERY,TABLE'",
        "SET GLOBAL server_audit_query_log_limit=0",
        "SELECT 1 AS hidden_text",
        "SET GLOBAL server_audit_query_log_limit=1024",
        "SET GLOBAL server_audit_logging=OFF",
        "SELECT COUNT(*) FROM applications",
        "SET GLOBAL server_audit_logging=ON",
        "UNINSTALL PLUGIN server_audit",
        "UNINSTALL SONAME 'server_audit'",
        "SET SESSION sql_log_off=1; SELECT 3",
    ];
    sessions(server, "dba", &statements);
}

fn sqli(server: &Mariadb) {
    let statements = [
        "SELECT id, status FROM loans WHERE borrower_id = '1' UNION SELECT id, CONCAT(iin,':',full_name) FROM borrowers-- '",
        "SELECT id FROM loans WHERE id = 1 OR 1=1",
        "SELECT id FROM loans WHERE id=1 AND extractvalue(1,concat(0x7e,version()))",
        "SELECT id FROM loans WHERE id=1 AND SLEEP(0.1)",
        "SELECT table_name FROM information_schema.tables LIMIT 5",
        "SELECT 'multi\n\tline \\\\, \"quoted\" \\' apos, comma' AS x, 'қазақша тіл' -- note\nFROM borrowers WHERE id = 1",
        "SELECT * FROM borrowers WHERE iin = '",
        "SELECT /* ,'x',0 */ 1",
    ];
    sessions(server, "app", &statements);
}

fn prepared(server: &Mariadb) {
    let text = "PREPARE s FROM 'SELECT iin, full_name FROM borrowers WHERE id < ?'; SET @n = 3000; EXECUTE s USING @n; \
                DEALLOCATE PREPARE s";
    sessions(server, "app", &[text]);
}

/// A list of people that is longer than what the audit log keeps of a statement.
fn big_stmt(server: &Mariadb) {
    let people: Vec<String> = (1..=3000).map(|n| format!("'{:012}'", 900_101_300_000_u64 + n)).collect();
    script(server, "app", &format!("SELECT id FROM borrowers WHERE iin IN ({}, '0');", people.join(",")));
}

/// A read that is killed, and its account locked.
fn kill_lock(server: &Mariadb) {
    let mut long = server.client("analyst", "analyst-pw", "mfo");
    long.args(["-e", "SELECT SLEEP(20), b.* FROM borrowers b LIMIT 2"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = long.spawn().expect("mariadb runs");
    let running = "SELECT id FROM information_schema.processlist WHERE user = 'analyst' AND state = 'User sleep'";
    let id = until("the long statement", Duration::from_secs(10), || {
        Some(server.admin(running)).filter(|id| !id.is_empty())
    });
    server.admin(&format!("KILL CONNECTION {id}; ALTER USER analyst@'127.0.0.1' ACCOUNT LOCK"));
    assert!(!child.wait().expect("own child").success(), "the killed statement came to its end");
    let refused =
        server.client("analyst", "analyst-pw", "mfo").args(["-e", "SELECT 1"]).output().expect("mariadb runs");
    assert!(!refused.status.success(), "a locked account got in");
    server.admin("ALTER USER analyst@'127.0.0.1' ACCOUNT UNLOCK");
    sessions(server, "analyst", &["SELECT 1"]);
}
