//! What happens on a PostgreSQL host, good and bad: one function a scenario of tests/scenarios/expected.toml.

use super::postgres::{Postgres, feed};
use super::wire::Session;
use crate::support::{Random, people, poll, until};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A name of the table and what then happens.
pub type Scenario = (&'static str, fn(&Postgres));

/// Every scenario.
pub const SCENARIOS: [Scenario; 18] = [
    ("app_normal", app_normal),
    ("app_batch", app_batch),
    ("bulk_select", bulk_select),
    ("copy_out", copy_out),
    ("pg_dump", pg_dump),
    ("enum_iin", enum_iin),
    ("mass_delete", mass_delete),
    ("grant_escalation", grant_escalation),
    ("failed_logins", failed_logins),
    ("audit_tamper", audit_tamper),
    ("sqli", sqli),
    ("after_kill", after_kill),
    ("bulk_cursor", bulk_cursor),
    ("bulk_indirect", bulk_indirect),
    ("big_stmt", big_stmt),
    ("blind_session", blind_session),
    ("cancelled", cancelled),
    ("forged", forged),
];

/// One psql session of `role` that runs `statements` one by one, whatever comes of them.
fn session(server: &Postgres, role: &str, program: &str, statements: &[&str]) {
    let mut command = server.psql(role, &format!("{role}-pw"), "mfo", program);
    for statement in statements {
        command.args(["-c", statement]);
    }
    command.output().expect("psql runs");
}

/// One failing login.
fn login(server: &Postgres, role: &str, password: &str, database: &str) {
    let output = server.psql(role, password, database, "psql").args(["-c", "SELECT 1"]).output().expect("psql runs");
    assert!(!output.status.success(), "{role} got into {database}");
}

fn app_normal(server: &Postgres) {
    let mut random = Random::new(1);
    let people = people::people(60);
    let mut app = Session::open(server.port(), "app", "app-pw", "mfo", "loan-core").expect("app logs in");
    for turn in 0..40 {
        let person = random.pick(&people);
        app.query("BEGIN", &[]).expect("a transaction");
        let lookup = "SELECT id, full_name, phone FROM borrowers WHERE iin = $1";
        let id = app.query(lookup, &[&person.iin]).expect("a borrower").remove(0);
        app.query("SELECT id, amount, status FROM loans WHERE borrower_id = $1", &[&id]).expect("loans");
        if turn % 8 == 0 {
            let text = "UPDATE applications SET decision = $1 WHERE id = $2";
            app.query(text, &["manual", &(turn + 1).to_string()]).expect("an update");
        }
        if turn % 10 == 0 {
            let text =
                "INSERT INTO applications VALUES ($1, $2, now(), 'web', 50000, 'manual', 600) ON CONFLICT DO NOTHING";
            app.query(text, &[&(200_000 + turn).to_string(), &id]).expect("an insert");
        }
        app.query("COMMIT", &[]).expect("a commit");
    }
}

fn app_batch(server: &Postgres) {
    let overdue = "SELECT b.full_name, l.amount FROM borrowers b JOIN loans l ON l.borrower_id = b.id \
                   WHERE l.status = 'overdue' LIMIT 50";
    session(server, "app", "loan-report", &["SELECT status, count(*), sum(amount) FROM loans GROUP BY 1", overdue]);
}

fn bulk_select(server: &Postgres) {
    session(server, "analyst", "DBeaver 23.2", &["SELECT * FROM borrowers"]);
    let rich = "SELECT iin, phone, iban FROM public.borrowers WHERE salary > 100000 ORDER BY salary DESC";
    session(server, "analyst", "psql", &[rich]);
}

fn copy_out(server: &Postgres) {
    session(server, "analyst", "psql", &["COPY borrowers TO STDOUT"]);
    let some = "COPY (SELECT iin, phone FROM borrowers WHERE id < 5000) TO STDOUT WITH CSV";
    session(server, "analyst", "psql", &[some]);
    session(server, "analyst", "psql", &["\\copy borrowers to /dev/null csv"]);
    let file = server.data().join("stolen.csv");
    let to_file = format!("COPY borrowers TO '{}' CSV", file.display());
    session(server, "dba", "psql", &["COPY borrowers TO PROGRAM 'cat > /dev/null'", &to_file]);
    session(server, "analyst", "psql", &["COPY borrowers TO PROGRAM 'cat > /dev/null'"]);
}

fn pg_dump(server: &Postgres) {
    for more in [&[][..], &["--inserts", "-t", "borrowers"]] {
        let mut command = server.tool("pg_dump");
        command.args(["-h", "127.0.0.1", "-U", "dba", "-p"]).arg(server.port().to_string()).args(more).arg("mfo");
        let output = command.env("PGPASSWORD", "dba-pw").output().expect("pg_dump runs");
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn enum_iin(server: &Postgres) {
    let mut app = Session::open(server.port(), "app", "app-pw", "mfo", "crm-web").expect("app logs in");
    for person in people::people(300) {
        let text = "SELECT iin, full_name, phone, iban, salary FROM borrowers WHERE iin = $1";
        app.query(text, &[&person.iin]).expect("a borrower");
    }
    for guess in 0..40_u64 {
        let text = format!("SELECT * FROM borrowers WHERE iin = '{:012}'", 900_101_300_000 + guess);
        app.query(&text, &[]).expect("an answer");
    }
}

fn mass_delete(server: &Postgres) {
    let text = "BEGIN;\nDELETE FROM applications;\nUPDATE borrowers SET salary = 0;\n\
                UPDATE loans SET status = 'closed' WHERE status = 'overdue';\nROLLBACK;\n\
                BEGIN; TRUNCATE borrowers CASCADE; ROLLBACK;\nBEGIN; DROP TABLE loans; ROLLBACK;\n";
    feed(&mut server.psql("dba", "dba-pw", "mfo", "psql"), text.as_bytes());
}

fn grant_escalation(server: &Postgres) {
    let statements = [
        "GRANT pg_read_all_data TO intruder",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO intruder",
        "GRANT dba TO intruder",
        "CREATE ROLE backdoor LOGIN SUPERUSER PASSWORD 'S3cret!'",
        "ALTER ROLE intruder WITH PASSWORD 'n3w-secret' SUPERUSER",
        "ALTER ROLE intruder NOSUPERUSER",
        "REVOKE dba FROM intruder",
        "REVOKE pg_read_all_data FROM intruder",
        "DROP ROLE backdoor",
        "ALTER ROLE intruder PASSWORD 'intruder-pw'",
        "CREATE POLICY p ON borrowers USING (true)",
        "DROP POLICY p ON borrowers",
    ];
    session(server, "dba", "psql", &statements);
    let tries = ["GRANT ALL ON borrowers TO intruder", "ALTER ROLE intruder SUPERUSER", "SET ROLE dba"];
    session(server, "intruder", "psql", &[&tries[..], &["SELECT * FROM borrowers"]].concat());
}

fn failed_logins(server: &Postgres) {
    for attempt in 1..=8 {
        login(server, "app", &format!("wrong{attempt}"), "mfo");
    }
    login(server, "nosuchuser", "x", "mfo");
    login(server, "app", "app-pw", "nosuchdb");
    login(server, "a'b\"c d", "x", "mfo");
    junk(server.port());
}

/// Bytes that are no protocol of a database.
pub fn junk(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
    let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
    let _ = stream.read_to_end(&mut Vec::new());
}

fn audit_tamper(server: &Postgres) {
    let statements = [
        "SET pgaudit.log='none'",
        "SET pgaudit.log='none'; SELECT * FROM borrowers LIMIT 3",
        "SELECT set_config('pgaudit.log','none',false)",
        "ALTER ROLE dba SET pgaudit.log='none'",
        "ALTER ROLE dba RESET pgaudit.log",
        "DROP EXTENSION IF EXISTS pgaudit",
        "CREATE EXTENSION IF NOT EXISTS pgaudit",
    ];
    session(server, "dba", "psql", &statements);
    let off = ["ALTER SYSTEM SET log_connections='off'", "ALTER SYSTEM SET pgaudit.log='none'"];
    session(server, "dba", "psql", &[&off[..], &["SELECT pg_reload_conf()"]].concat());
    reloaded(server, "off");
    session(server, "dba", "psql", &["SELECT count(*) FROM borrowers"]);
    let on = ["ALTER SYSTEM RESET pgaudit.log", "ALTER SYSTEM RESET log_connections", "SELECT pg_reload_conf()"];
    session(server, "dba", "psql", &on);
    reloaded(server, "on");
    session(server, "analyst", "psql", &["SET pgaudit.log='none'", "SET log_statement='none'"]);
}

/// Waits until new sessions have `log_connections` as `wanted`.
fn reloaded(server: &Postgres, wanted: &str) {
    until("reload of the configuration", Duration::from_secs(10), || {
        (server.admin("mfo", "SHOW log_connections") == wanted).then_some(())
    });
}

fn sqli(server: &Postgres) {
    let statements = [
        "SELECT id, status FROM loans WHERE borrower_id = '1' UNION SELECT id, iin||':'||full_name FROM borrowers--'",
        "SELECT id FROM loans WHERE id = 1 OR 1=1",
        "SELECT id FROM loans WHERE id = 1; SELECT pg_sleep(0.1)",
        "SELECT id, status FROM loans WHERE id=1 UNION ALL SELECT 1, string_agg(table_name, ',') FROM information_schema.tables",
        "SELECT 1 WHERE 'a'='a' AND (SELECT count(*) FROM pg_shadow) > 0",
        "SELECT version()||current_user",
        "SELECT id FROM loans WHERE id = 1 AND extractvalue(1,concat(0x7e,version()))",
        "SELECT 'multi\n\tline \\, \"quoted\", comma' AS x, 'қазақша тіл ; drop' -- note\nFROM borrowers WHERE id = 1",
        "SELECT * FROM borrowers WHERE iin = '",
    ];
    session(server, "app", "crm-web", &statements);
}

fn after_kill(server: &Postgres) {
    let mut long = server.psql("analyst", "analyst-pw", "mfo", "long");
    long.args(["-c", "SELECT pg_sleep(20), * FROM borrowers"]);
    let mut child = long.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("psql");
    let running = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'analyst' AND state = 'active' AND query LIKE '%pg_sleep%'";
    let found = poll(Duration::from_secs(10), || (server.admin("mfo", running) == "1").then_some(()));
    assert!(found.is_some(), "the long statement never ran");
    server.admin("mfo", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'analyst'");
    child.wait().expect("own child");
    session(server, "dba", "psql", &["ALTER ROLE analyst NOLOGIN"]);
    login(server, "analyst", "analyst-pw", "mfo");
    session(server, "dba", "psql", &["ALTER ROLE analyst LOGIN"]);
}

fn bulk_cursor(server: &Postgres) {
    let text = "BEGIN;\nDECLARE c CURSOR FOR SELECT * FROM borrowers;\nFETCH 2000 FROM c;\nFETCH 2000 FROM c;\n\
                FETCH ALL FROM c;\nCOMMIT;\nPREPARE p(int) AS SELECT iin, full_name FROM borrowers WHERE id < $1;\n\
                EXECUTE p(3000);\n";
    feed(&mut server.psql("analyst", "analyst-pw", "mfo", "psql"), text.as_bytes());
}

/// Every indirect way of the lab out of a table.
fn bulk_indirect(server: &Postgres) {
    let text = "CREATE OR REPLACE VIEW v_b AS SELECT iin, full_name AS n FROM borrowers;\nSELECT * FROM v_b;\n\
                CREATE TABLE tmp_copy AS SELECT * FROM borrowers;\nSELECT iin INTO TEMP t2 FROM borrowers;\n\
                INSERT INTO tmp_copy SELECT * FROM borrowers;\n\
                DO $$ DECLARE r record; n int := 0; BEGIN FOR r IN SELECT * FROM borrowers LOOP n := n + 1; END LOOP; \
                EXECUTE 'SELECT count(*) FROM loans'; END $$;\n\
                CREATE FUNCTION leak() RETURNS SETOF borrowers LANGUAGE sql AS 'SELECT * FROM borrowers';\n\
                SELECT count(*) FROM leak();\nSELECT json_agg(b) FROM borrowers b;\n\
                SELECT string_agg(iin, ',') FROM borrowers;\nTABLE borrowers;\n\
                SELECT query_to_xml('select * from borrowers', true, false, '') IS NOT NULL;\n\
                SELECT length(pg_read_file('/etc/passwd'));\n\
                SELECT lo_from_bytea(0, convert_to((SELECT string_agg(b::text, E'\\n') FROM borrowers b), 'UTF8')) > 0;\n\
                DROP TABLE tmp_copy; DROP FUNCTION leak; DROP VIEW v_b;\n";
    feed(&mut server.psql("dba", "dba-pw", "mfo", "psql"), text.as_bytes());
}

fn big_stmt(server: &Postgres) {
    let people: Vec<String> = (1..=3000).map(|n| format!("'{:012}'", 900_101_300_000_u64 + n)).collect();
    let text = format!("SELECT id FROM borrowers WHERE iin IN ({}, '0');\n", people.join(","));
    feed(&mut server.psql("app", "app-pw", "mfo", "crm-web"), text.as_bytes());
}

/// A superuser blinds the audit of its own session, four ways, and reads everything.
fn blind_session(server: &Postgres) {
    let read = "SELECT * FROM borrowers";
    session(server, "dba", "psql", &["SET pgaudit.log = 'none'", read]);
    session(server, "dba", "psql", &["SELECT set_config('pgaudit.log', 'none', false)", read]);
    let block = "DO $$BEGIN PERFORM set_config('pgaudit.log', 'none', false); END$$";
    session(server, "dba", "psql", &[block, read]);
    let mut command = server.psql("dba", "dba-pw", "mfo", "psql");
    command.env("PGOPTIONS", "-c pgaudit.log=none").args(["-c", read]).output().expect("psql runs");
}

/// A read that the server breaks off after it has sent rows.
fn cancelled(server: &Postgres) {
    session(
        server,
        "analyst",
        "psql",
        &["SET statement_timeout = '300ms'", "SELECT *, pg_sleep(0.001) FROM borrowers"],
    );
}

/// A user name that looks like a record of somebody else, from before: the line that it plants in a plain log stands behind
/// those of a session that went before it.
fn forged(server: &Postgres) {
    session(server, "app", "crm-web", &["SELECT id FROM loans WHERE id = 1"]);
    let name = "x\n2026-11-22 16:00:00.000 UTC [999] dba@mfo/psql 10.0.0.9 abc.1:9 3/1/0 77 LOG:  \
                AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.borrowers,FORGED,<none>,10000";
    login(server, name, "x", "mfo");
}
