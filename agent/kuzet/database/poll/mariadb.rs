//! What MariaDB and MySQL are asked: settings, plugins, sessions, rights, and the rows of each account where `userstat`
//! counts them.

use super::super::{Connection, DatabaseError, Row, Rows};
use super::record::{Records, literal};
use super::{Change, Compared};
use kuzet_decode::audit_effect;
use std::collections::{BTreeMap, HashMap};

const SETTINGS: &str = "SHOW GLOBAL VARIABLES";
const PLUGINS: &str = "SELECT PLUGIN_NAME, PLUGIN_STATUS FROM information_schema.PLUGINS";
const SESSIONS: &str = "SELECT ID, USER, HOST, DB, COMMAND, INFO, QUERY_ID FROM information_schema.PROCESSLIST";
/// MySQL numbers no queries.
const SESSIONS_MYSQL: &str = "SELECT ID, USER, HOST, DB, COMMAND, INFO, INFO FROM information_schema.PROCESSLIST";
const RIGHTS: &str = "SELECT GRANTEE, '*.*', PRIVILEGE_TYPE, IS_GRANTABLE FROM information_schema.USER_PRIVILEGES UNION ALL \
     SELECT GRANTEE, CONCAT('`', TABLE_SCHEMA, '`.*'), PRIVILEGE_TYPE, IS_GRANTABLE FROM information_schema.SCHEMA_PRIVILEGES";
const STATISTICS: &str = "SELECT USER, SELECT_COMMANDS, ROWS_SENT, BYTES_SENT FROM information_schema.USER_STATISTICS";

/// Most rows of an answer that are looked at.
const MOST: usize = 20_000;

/// What is remembered of the server.
#[derive(Default)]
pub(super) struct Watch {
    began: bool,
    settings: Compared,
    plugins: Compared,
    rights: Compared,
    sessions: HashMap<u64, String>,
    counts: Option<HashMap<String, [u64; 3]>>,
    since: i64,
}

impl Watch {
    pub(super) fn look(
        &mut self,
        connection: &mut Connection,
        records: &mut Records,
    ) -> Result<Option<String>, DatabaseError> {
        let mariadb = connection.version().contains("MariaDB");
        if !self.began {
            self.began = true;
            records.add("began", |_| {});
        }
        let counted = self.settings(&connection.query(SETTINGS, MOST)?, records);
        let plugins = connection.query(PLUGINS, MOST)?;
        let status = |row: Row<'_>| Some((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
        for Change { name, now, .. } in self.plugins.changes(plugins.iter().filter_map(status).collect()) {
            let verb = if now.as_deref() == Some("ACTIVE") { "INSTALL" } else { "UNINSTALL" };
            let library = if verb == "INSTALL" { " SONAME 'unknown'" } else { "" };
            records.change(&format!("{verb} PLUGIN {}{library}", quoted(&name)));
        }
        let sql = if mariadb { SESSIONS } else { SESSIONS_MYSQL };
        let (own, sessions) = (connection.id(), connection.query(sql, MOST)?);
        self.sessions(&sessions, own, records);
        for change in self.rights.changes(rights(&connection.query(RIGHTS, MOST)?)) {
            right(&change, records);
        }
        if mariadb && counted {
            self.statistics(&connection.query(STATISTICS, MOST)?, records);
            return Ok(None);
        }
        self.counts = None;
        Ok(None)
    }

    /// Whether `userstat` counts.
    fn settings(&mut self, rows: &Rows, records: &mut Records) -> bool {
        let mut counted = false;
        let mut audit = BTreeMap::new();
        for (name, value) in rows.iter().filter_map(|row| Some((row.text(0)?.to_lowercase(), row.text(1)?))) {
            counted |= name == "userstat" && value == "ON";
            if audit_effect(&name, None).is_some() {
                audit.insert(name, value.to_owned());
            }
        }
        for change in self.settings.changes(audit) {
            records.setting(&change.name, change.now.as_deref());
        }
        counted
    }

    /// Tells the sessions that are new or have begun a statement since the poll before.
    fn sessions(&mut self, rows: &Rows, own: u64, records: &mut Records) {
        let mut seen = HashMap::new();
        for row in rows.iter() {
            let text = |column| row.text(column).unwrap_or_default();
            let Some(id) = row.number(0).filter(|id| *id != own) else { continue };
            if text(1) == "system user" || text(1) == "event_scheduler" || text(4) == "Daemon" {
                continue;
            }
            if self.sessions.get(&id).is_none_or(|before| before != text(6)) {
                let (client, port) = client_of(text(2));
                records.add("session", |fields| {
                    fields.text("user", text(1));
                    fields.text("database", text(3));
                    fields.text("client", client);
                    if let Some(port) = port {
                        fields.number("port", port.into());
                    }
                    fields.text("session", &id.to_string());
                    fields.statement(text(5), usize::MAX);
                });
            }
            seen.insert(id, text(6).to_owned());
        }
        self.sessions = seen;
    }

    /// Rows sent to each account: of which tables is not known.
    fn statistics(&mut self, rows: &Rows, records: &mut Records) {
        let counts = |row: Row<'_>| [1, 2, 3].map(|column| row.number(column).unwrap_or(0));
        let now: HashMap<String, [u64; 3]> =
            rows.iter().filter_map(|row| Some((row.text(0)?.to_owned(), counts(row)))).collect();
        if let Some(before) = self.counts.replace(now) {
            for (user, counts) in self.counts.iter().flatten() {
                let earlier = before.get(user).copied().unwrap_or_default();
                let earlier = if counts[0] < earlier[0] { [0; 3] } else { earlier };
                if counts[0] > earlier[0] {
                    records.add("calls", |fields| {
                        fields.number("since", u64::try_from(self.since).unwrap_or(0));
                        fields.text("user", user);
                        fields.number("calls", counts[0] - earlier[0]);
                        fields.number("rows", counts[1].saturating_sub(earlier[1]));
                        fields.number("bytes", counts[2].saturating_sub(earlier[2]));
                    });
                }
            }
        }
        self.since = records.at();
    }
}

/// The client and its port: `127.0.0.1:45612`. A socket is `localhost`; with names of hosts resolved, the loopback address is
/// `localhost:45612`.
fn client_of(host: &str) -> (&str, Option<u16>) {
    let ported = host.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse().ok()?)));
    match ported {
        Some(("localhost", port)) => ("127.0.0.1", Some(port)),
        Some((name, port)) => (name, Some(port)),
        None if host == "localhost" => ("[local]", None),
        None => (host, None),
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Account and scope → rights, `!` behind them when they may be given on.
fn rights(rows: &Rows) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut given_on = BTreeMap::new();
    for row in rows.iter() {
        let (Some(account), Some(scope), Some(right)) = (row.text(0), row.text(1), row.text(2)) else { continue };
        let key = format!("{account}\n{scope}");
        found.entry(key.clone()).or_default().push(right);
        *given_on.entry(key).or_insert(false) |= row.text(3) == Some("YES");
    }
    let text = |(key, mut rights): (String, Vec<&str>)| {
        rights.sort_unstable();
        let mark = if given_on.get(&key) == Some(&true) { "!" } else { "" };
        (key, format!("{}{mark}", rights.join(", ")))
    };
    found.into_iter().map(text).collect()
}

fn right(change: &Change, records: &mut Records) {
    let Some((account, scope)) = change.name.split_once('\n') else { return };
    let parts = |text: &Option<String>| -> (Vec<String>, bool) {
        let text = text.as_deref().unwrap_or_default();
        let rights = text.trim_end_matches('!').split(", ").filter(|right| !right.is_empty());
        (rights.map(str::to_owned).collect(), text.ends_with('!'))
    };
    let ((before, _), (now, on)) = (parts(&change.before), parts(&change.now));
    let new: Vec<&str> = now.iter().filter(|one| !before.contains(one)).map(String::as_str).collect();
    let gone: Vec<&str> = before.iter().filter(|one| !now.contains(one)).map(String::as_str).collect();
    let account = account_of(account);
    if !new.is_empty() || (on && gone.is_empty()) {
        let rights = if new.is_empty() { "USAGE".to_owned() } else { new.join(", ") };
        let option = if on { " WITH GRANT OPTION" } else { "" };
        records.change(&format!("GRANT {rights} ON {scope} TO {account}{option}"));
    }
    if !gone.is_empty() {
        records.change(&format!("REVOKE {} ON {scope} FROM {account}", gone.join(", ")));
    }
}

/// `'analyst'@'%'` as the server writes it; the quotes inside are its own.
fn account_of(grantee: &str) -> String {
    let (user, host) = grantee.rsplit_once("'@'").unwrap_or((grantee, "%"));
    format!("{}@{}", literal(user.trim_start_matches('\'')), literal(host.trim_end_matches('\'')))
}

#[cfg(test)]
mod tests {
    use super::client_of;

    #[test]
    fn the_client_of_a_session_has_its_port_unless_it_came_through_the_socket() {
        assert_eq!(client_of("127.0.0.1:45612"), ("127.0.0.1", Some(45_612)));
        assert_eq!(client_of("::1:45612"), ("::1", Some(45_612)));
        assert_eq!(client_of("app.lan:45612"), ("app.lan", Some(45_612)));
        // Names resolved: a connection to the loopback address is no socket.
        assert_eq!(client_of("localhost:45612"), ("127.0.0.1", Some(45_612)));
        assert_eq!(client_of("localhost"), ("[local]", None));
        assert_eq!(client_of(""), ("", None));
    }
}
