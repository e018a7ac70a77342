//! What `kuzet doctor --fix` prints is pasted into the real servers: they take every command, and more is seen.

use super::mariadb::Mariadb;
use super::postgres::{Mode, Postgres};
use crate::support::agent::{Setup, json_lines};
use crate::support::until;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// The commands for the server's client, of the one source that is configured.
fn commands(setup: &Setup) -> String {
    let output = setup.run(&["doctor", "--fix"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let own = text.split("# ==== ").find(|part| part.starts_with("watched ")).expect("commands for the source");
    let mut sql = false;
    let taken = own.lines().filter(|line| {
        sql = line.starts_with("-- == ") || sql && !line.starts_with("# == ");
        sql
    });
    taken.map(|line| format!("{line}\n")).collect()
}

/// Coverage, and the codes of what is left.
fn seen(setup: &Setup) -> (f64, Vec<String>) {
    let told = json_lines(&setup.run(&["doctor", "--json"]).stdout).remove(0);
    let source = &told["sources"][0];
    let codes = source["limits"].as_array().expect("limits").iter();
    let open = codes.filter(|limit| limit["compensated"].is_null()).filter_map(|limit| limit["code"].as_str());
    (source["coverage"].as_f64().expect("a coverage"), open.map(str::to_owned).collect())
}

fn database(url: &str, directory: &Path) -> String {
    let password = directory.join("kuzet.password");
    std::fs::write(&password, "kuzet-pw\n").expect("a scratch file");
    std::fs::set_permissions(&password, PermissionsExt::from_mode(0o600)).expect("own file");
    format!("[[database]]\nname = \"asked\"\nurl = \"{url}\"\npassword_file = {password:?}\nsource = \"watched\"\n")
}

/// Pastes what is printed and waits until none of `codes` is left; gives the coverage before and after.
fn mended(setup: &Setup, paste: impl Fn(&str), codes: &[&str]) -> (f64, f64) {
    let (before, open) = seen(setup);
    for code in codes {
        assert!(open.iter().any(|one| one == code), "{code} is not told: {open:?}");
    }
    paste(&commands(setup));
    let after = until("what was told is mended", Duration::from_secs(20), || {
        let (after, open) = seen(setup);
        codes.iter().all(|code| !open.iter().any(|one| one == code)).then_some(after)
    });
    (before, after)
}

#[test]
fn what_is_printed_mends_postgresql() {
    let server = Postgres::start(Mode::PgauditRows);
    server.admin("mfo", "CREATE ROLE kuzet LOGIN PASSWORD 'kuzet-pw'");
    server.admin("mfo", "GRANT pg_monitor TO kuzet");
    for weak in ["pgaudit.log = 'write'", "pgaudit.log_parameter = off", "log_connections = off"] {
        server.admin("mfo", &format!("ALTER SYSTEM SET {weak}"));
    }
    server.admin("mfo", "SELECT pg_reload_conf()");
    let url = format!("postgresql://kuzet@127.0.0.1:{}/mfo", server.port());
    let setup = Setup::new("mended").source("watched", "postgresql_jsonlog", &server.log("json"), "");
    let setup = setup.with(&database(&url, server.path()));
    setup.write();
    let paste = |sql: &str| {
        server.admin("mfo", sql);
    };
    let (before, after) = mended(&setup, paste, &["PG05", "PG06", "PG08", "PG15"]);
    assert!(before < 0.6 && after > 0.9, "{before} → {after}");
    assert_eq!(server.admin("mfo", "SHOW pgaudit.log_rows"), "off");
}

#[test]
fn what_is_printed_mends_mariadb() {
    let server = Mariadb::start();
    server.admin("CREATE USER kuzet@'127.0.0.1' IDENTIFIED BY 'kuzet-pw'; GRANT PROCESS ON *.* TO kuzet@'127.0.0.1'");
    server.admin("SET GLOBAL server_audit_events = 'CONNECT'; SET GLOBAL server_audit_excl_users = 'dba'");
    let url = format!("mariadb://kuzet@127.0.0.1:{}", server.port());
    let setup = Setup::new("mended").source("watched", "mariadb_server_audit", &server.log(), "");
    let setup = setup.with(&database(&url, server.path()));
    setup.write();
    let paste = |sql: &str| {
        server.admin(sql);
    };
    let (before, after) = mended(&setup, paste, &["MY04", "MY05", "MY09"]);
    assert!(after - before > 0.3, "{before} → {after}");
    assert_eq!(server.admin("SELECT @@server_audit_events, @@server_audit_excl_users"), "CONNECT,QUERY,TABLE");
}
