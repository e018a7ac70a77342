//! What PostgreSQL is asked, from version 12 on: statistics of statements, sessions, settings, roles, extensions and slots.
//!
//! The statements hold no literal where that can be helped: their text in pg_stat_statements is theirs letter by letter,
//! and they are left out there when the agent's own role ran them. Nobody else's text can pass for them.

use super::super::{Connection, DatabaseError, Rows};
use super::record::{Records, identifier, literal};
use super::{Change, Compared};
use kuzet_decode::audit_effect;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const STARTED: &str = "SELECT pg_postmaster_start_time(), current_user, pg_conf_load_time()";
const SESSIONS: &str = "SELECT pid, extract(epoch FROM backend_start), usename, datname, client_addr, client_hostname, \
     application_name, backend_type, query_start, query FROM pg_stat_activity";
const SETTINGS: &str = "SELECT name, setting FROM pg_settings";
const ROLE_SETTINGS: &str = "SELECT r.rolname, d.datname, unnest(s.setconfig) FROM pg_db_role_setting s \
     LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase";
const ROLES: &str = "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin \
     FROM pg_roles";
const MEMBERS: &str = "SELECT g.rolname, m.rolname, a.admin_option FROM pg_auth_members a \
     JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member";
const EXTENSIONS: &str =
    "SELECT e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace";
const SLOTS: &str = "SELECT slot_name, slot_type, plugin FROM pg_replication_slots";
const OWN: [&str; 8] = [STARTED, SESSIONS, SETTINGS, ROLE_SETTINGS, ROLES, MEMBERS, EXTENSIONS, SLOTS];

/// Most rows of an answer that are looked at.
const MOST: usize = 20_000;
/// Most texts of statements that are kept, and the longest kept.
const TEXTS: usize = 2_000;
const LONGEST_KEPT: usize = 4_096;
/// Most cursors remembered, and declarations of one.
const CURSORS: usize = 256;
const DECLARED: usize = 64;

/// Attributes of a role, in the order of [`ROLES`].
const ATTRIBUTES: [&str; 6] = ["SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS", "LOGIN"];

/// Role, database, query, level.
type Id = (u64, u64, String, bool);

/// A statement of the statistics.
#[derive(Clone)]
struct Text {
    user: String,
    database: String,
    text: String,
}

/// What is remembered of the server.
#[derive(Default)]
pub(super) struct Watch {
    started: String,
    role: String,
    loaded: String,
    session: u64,
    began: bool,
    query_size: usize,
    counts: Option<HashMap<Id, (u64, u64)>>,
    info: Option<(u64, String)>,
    since: i64,
    texts: HashMap<Id, Text>,
    cursors: BTreeMap<(String, String, String), Vec<String>>,
    sessions: HashMap<String, String>,
    settings: Compared,
    role_settings: Compared,
    roles: Compared,
    members: Compared,
    extensions: Compared,
    slots: Compared,
}

/// Who is connected as a role to a database: client and program, while they are the same for all sessions.
type Connected = HashMap<(String, String), Option<(String, String)>>;

impl Watch {
    pub(super) fn look(
        &mut self,
        connection: &mut Connection,
        records: &mut Records,
    ) -> Result<Option<String>, DatabaseError> {
        let [mut started, mut role, mut loaded] = place(connection)?;
        if loaded != self.loaded && self.started == started && connection.id() == self.session {
            // Some settings are taken over by new sessions only.
            connection.reopen()?;
            [started, role, loaded] = place(connection)?;
        }
        (self.role, self.loaded, self.session) = (role, loaded, connection.id());
        if self.started != started {
            // A crash loses the statistics and a stop keeps them: either way they are compared with anew.
            (self.started, self.counts, self.info) = (started, None, None);
            self.sessions.clear();
        }
        if !self.began {
            self.began = true;
            records.add("began", |_| {});
        }
        self.settings(&connection.query(SETTINGS, MOST)?, records);
        let extensions = connection.query(EXTENSIONS, MOST)?;
        self.definitions(connection, &extensions, records)?;
        let connected = self.sessions(&connection.query(SESSIONS, MOST)?, connection.id(), records);
        let schema = extensions.iter().find(|row| row.text(0) == Some("pg_stat_statements"));
        match schema.and_then(|row| row.text(1)) {
            Some(schema) => self.statistics(connection, &identifier(schema), &connected, records),
            None => Ok(Some(
                "no pg_stat_statements in this database: rows of COPY, cursors and dumps stay unknown; \
                 CREATE EXTENSION pg_stat_statements, with it in shared_preload_libraries"
                    .to_owned(),
            )),
        }
    }

    fn settings(&mut self, rows: &Rows, records: &mut Records) {
        let pairs = rows.iter().filter_map(|row| Some((row.text(0)?, row.text(1)?)));
        let mut audit = BTreeMap::new();
        for (name, value) in pairs {
            if name == "track_activity_query_size" {
                self.query_size = value.parse().unwrap_or(0);
            }
            if audit_effect(name, None).is_some() {
                audit.insert(name.to_owned(), value.to_owned());
            }
        }
        for change in self.settings.changes(audit) {
            records.setting(&change.name, change.now.as_deref());
        }
    }

    /// Settings of roles and databases, roles, memberships, extensions, slots.
    fn definitions(
        &mut self,
        connection: &mut Connection,
        extensions: &Rows,
        records: &mut Records,
    ) -> Result<(), DatabaseError> {
        for change in self.role_settings.changes(role_settings(&connection.query(ROLE_SETTINGS, MOST)?)) {
            let setting = change.name.rsplit_once(' ').map_or("", |(_, setting)| setting);
            if audit_effect(setting.trim_matches('"'), None).is_some() {
                let head = change.name.strip_suffix(setting).unwrap_or_default();
                records.change(&match change.now {
                    Some(value) => format!("{head}SET {setting} = {}", literal(&value)),
                    None => format!("{head}RESET {setting}"),
                });
            }
        }
        for change in self.roles.changes(roles(&connection.query(ROLES, MOST)?)) {
            role_change(&change, records);
        }
        for Change { name, now, .. } in self.members.changes(members(&connection.query(MEMBERS, MOST)?)) {
            let (granted, member) = name.split_once('\n').unwrap_or_default();
            let (granted, member) = (identifier(granted), identifier(member));
            records.change(&match now.as_deref() {
                Some("t") => format!("GRANT {granted} TO {member} WITH ADMIN OPTION"),
                Some(_) => format!("GRANT {granted} TO {member}"),
                None => format!("REVOKE {granted} FROM {member}"),
            });
        }
        let name = |row: super::super::Row<'_>| row.text(0).unwrap_or_default().to_owned();
        let now = extensions.iter().map(|row| (name(row), String::new())).collect();
        for Change { name, now, .. } in self.extensions.changes(now) {
            let verb = if now.is_some() { "CREATE" } else { "DROP" };
            records.change(&format!("{verb} EXTENSION {}", identifier(&name)));
        }
        let slots = connection.query(SLOTS, MOST)?;
        let kind = |row: super::super::Row<'_>| row.text(1).unwrap_or_default().to_owned();
        for Change { name, now, .. } in self.slots.changes(slots.iter().map(|row| (name(row), kind(row))).collect()) {
            let name = literal(&name);
            records.change(&match now.as_deref() {
                Some("logical") => format!("SELECT pg_create_logical_replication_slot({name}, 'unknown')"),
                Some(_) => format!("SELECT pg_create_physical_replication_slot({name})"),
                None => format!("SELECT pg_drop_replication_slot({name})"),
            });
        }
        Ok(())
    }

    /// Tells the sessions that are new or have begun a statement since the poll before.
    fn sessions(&mut self, rows: &Rows, own: u64, records: &mut Records) -> Connected {
        let mut connected = Connected::new();
        let mut seen = HashMap::new();
        for row in rows.iter().filter(|row| row.number(0) != Some(own)) {
            let text = |column| row.text(column).unwrap_or_default();
            if !matches!(text(7), "client backend" | "walsender") {
                continue;
            }
            // Whole seconds of the start and the process id, in hexadecimal: %c of log_line_prefix.
            let seconds = text(1).split('.').next().and_then(|whole| whole.parse::<u64>().ok());
            let (Some(seconds), Some(pid)) = (seconds, row.number(0)) else { continue };
            let session = format!("{seconds:x}.{pid:x}");
            let client = [text(5), text(4)].into_iter().find(|text| !text.is_empty()).unwrap_or("[local]");
            let key = (text(2).to_owned(), text(3).to_owned());
            let mine = Some((client.to_owned(), text(6).to_owned()));
            let known = connected.entry(key).or_insert_with(|| mine.clone());
            if *known != mine {
                *known = None;
            }
            if self.sessions.get(&session).is_none_or(|before| before != text(8)) {
                let longest = self.query_size.saturating_sub(1);
                records.add("session", |fields| {
                    for (name, value) in [("user", 2), ("database", 3), ("program", 6)] {
                        fields.text(name, text(value));
                    }
                    fields.text("client", client);
                    fields.text("session", &session);
                    fields.statement(text(9), if longest == 0 { usize::MAX } else { longest });
                });
            }
            seen.insert(session, text(8).to_owned());
        }
        self.sessions = seen;
        connected
    }

    fn statistics(
        &mut self,
        connection: &mut Connection,
        schema: &str,
        connected: &Connected,
        records: &mut Records,
    ) -> Result<Option<String>, DatabaseError> {
        let version = connection.version().split(|c: char| !c.is_ascii_digit()).next();
        let modern = version.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 14);
        let level = if modern { "toplevel" } else { "true" };
        // Without the texts: they stand in a file that the server would read.
        let own = [counts_text(schema, level), info_text(schema), texts_text(schema, level, &[])];
        let rows = connection.query(&own[0], MOST)?;
        let mut now = HashMap::with_capacity(rows.len());
        for row in rows.iter() {
            let (Some(user), Some(database), Some(query)) = (row.number(0), row.number(1), row.text(2)) else {
                continue;
            };
            let id = (user, database, query.to_owned(), row.text(3) == Some("t"));
            now.insert(id, (row.number(4).unwrap_or(0), row.number(5).unwrap_or(0)));
        }
        self.wiped(connection, schema, modern, &now, records)?;
        let Some(before) = self.counts.replace(now) else {
            self.since = records.at();
            return Ok(None);
        };
        let mut risen = Vec::new();
        for (id, (calls, rows)) in self.counts.iter().flatten() {
            let (calls_before, rows_before) = before.get(id).copied().unwrap_or_default();
            // Fewer than before: forgotten and begun anew.
            let fresh = calls < &calls_before;
            let (calls_before, rows_before) = if fresh { (0, 0) } else { (calls_before, rows_before) };
            // What a function runs inside reaches the client through the statement that calls it.
            if *calls > calls_before && id.3 {
                risen.push((id.clone(), calls - calls_before, rows.saturating_sub(rows_before)));
            }
        }
        let problem = self.fetch(connection, schema, level, &risen)?;
        self.tell(risen, &own, connected, records);
        self.since = records.at();
        Ok(problem)
    }

    /// Statistics that were thrown away. Those that the server itself forgets for want of room are counted by it.
    fn wiped(
        &mut self,
        connection: &mut Connection,
        schema: &str,
        modern: bool,
        now: &HashMap<Id, (u64, u64)>,
        records: &mut Records,
    ) -> Result<(), DatabaseError> {
        let Some(before) = &self.counts else {
            self.info = if modern { Some(info(connection, schema)?) } else { None };
            return Ok(());
        };
        let gone = before.keys().filter(|id| !now.contains_key(*id)).count();
        if !modern {
            if gone > 0 && now.len() * 2 < before.len() {
                records.change("SELECT pg_stat_statements_reset()");
            }
            return Ok(());
        }
        let info = info(connection, schema)?;
        let wiped = match &self.info {
            Some((forgotten, reset)) => *reset != info.1 || (gone > 0 && *forgotten == info.0),
            None => false,
        };
        if wiped {
            records.change("SELECT pg_stat_statements_reset()");
        }
        self.info = Some(info);
        Ok(())
    }

    /// Texts of the statements that are not known yet.
    fn fetch(
        &mut self,
        connection: &mut Connection,
        schema: &str,
        level: &str,
        risen: &[(Id, u64, u64)],
    ) -> Result<Option<String>, DatabaseError> {
        if self.texts.len() > TEXTS {
            self.texts.clear();
        }
        let unknown: BTreeSet<&str> =
            risen.iter().filter(|(id, ..)| !self.texts.contains_key(id)).map(|(id, ..)| id.2.as_str()).collect();
        let numbers: Vec<&str> = unknown.into_iter().filter(|id| id.parse::<i64>().is_ok()).take(500).collect();
        if numbers.is_empty() {
            return Ok(None);
        }
        let mut hidden = false;
        for row in connection.query(&texts_text(schema, level, &numbers), MOST)?.iter() {
            let (Some(user), Some(database), Some(query)) = (row.number(0), row.number(1), row.text(2)) else {
                continue;
            };
            let text = |column| row.text(column).unwrap_or_default().to_owned();
            hidden |= row.text(6) == Some("<insufficient privilege>");
            let known = Text { user: text(4), database: text(5), text: text(6) };
            self.texts.insert((user, database, query.to_owned(), row.text(3) == Some("t")), known);
        }
        let help = "the role may not see the statements of others: GRANT pg_monitor (or pg_read_all_stats) TO it";
        Ok(hidden.then(|| help.to_owned()))
    }

    /// Tells statements that ran, declarations of cursors before what was fetched from them.
    fn tell(&mut self, risen: Vec<(Id, u64, u64)>, own: &[String], connected: &Connected, records: &mut Records) {
        let mut list: Vec<(Id, Text, u64, u64)> = Vec::new();
        for (id, calls, rows) in risen {
            let Some(text) = self.texts.get(&id).cloned() else { continue };
            let own = text.user == self.role && is_own(&text.text, own);
            if text.text.len() > LONGEST_KEPT {
                self.texts.remove(&id);
            }
            if !own {
                list.push((id, text, calls, rows));
            }
        }
        list.sort_by_cached_key(|(id, text, ..)| {
            (cursor(&text.text).map_or(1, |(declares, _)| u8::from(!declares)), id.2.clone())
        });
        let mut declared_now = BTreeSet::new();
        for (_, text, calls, rows) in list {
            let mut declared = Vec::new();
            if let Some((declares, name)) = cursor(&text.text) {
                let key = (text.user.clone(), text.database.clone(), name);
                if declares {
                    self.declare(key, &text.text, &mut declared_now);
                } else {
                    declared = self.cursors.get(&key).cloned().unwrap_or_default();
                }
            }
            let who = connected.get(&(text.user.clone(), text.database.clone())).cloned().flatten();
            records.add("calls", |fields| {
                fields.number("since", u64::try_from(self.since).unwrap_or(0));
                fields.text("user", &text.user);
                fields.text("database", &text.database);
                if let Some((client, program)) = &who {
                    fields.text("client", client);
                    fields.text("program", program);
                }
                fields.statement(&text.text, usize::MAX);
                fields.number("calls", calls);
                fields.number("rows", rows);
                if !declared.is_empty() {
                    fields.texts("declared", &declared);
                }
            });
        }
    }

    /// Remembers what a cursor reads. Several declarations within one poll all count; later ones take their place.
    fn declare(&mut self, key: (String, String, String), text: &str, now: &mut BTreeSet<(String, String, String)>) {
        if self.cursors.len() >= CURSORS && !self.cursors.contains_key(&key) {
            self.cursors.pop_first();
        }
        let list = self.cursors.entry(key.clone()).or_default();
        if now.insert(key) {
            list.clear();
        }
        if list.len() < DECLARED && text.len() <= LONGEST_KEPT {
            list.push(text.to_owned());
        }
    }
}

/// Start of the server, own role, and when the configuration was read.
fn place(connection: &mut Connection) -> Result<[String; 3], DatabaseError> {
    let rows = connection.query(STARTED, 1)?;
    let row = rows.iter().next();
    Ok([0, 1, 2].map(|column| row.and_then(|row| row.text(column)).unwrap_or_default().to_owned()))
}

fn info(connection: &mut Connection, schema: &str) -> Result<(u64, String), DatabaseError> {
    let rows = connection.query(&info_text(schema), 1)?;
    let row = rows.iter().next();
    let reset = row.and_then(|row| row.text(1)).unwrap_or_default().to_owned();
    Ok((row.and_then(|row| row.number(0)).unwrap_or(0), reset))
}

fn info_text(schema: &str) -> String {
    format!("SELECT dealloc, stats_reset FROM {schema}.pg_stat_statements_info")
}

fn counts_text(schema: &str, level: &str) -> String {
    format!("SELECT userid, dbid, queryid, {level}, calls, rows FROM {schema}.pg_stat_statements(false)")
}

/// One literal, so that the statistics know one shape of it.
fn texts_text(schema: &str, level: &str, numbers: &[&str]) -> String {
    format!(
        "SELECT s.userid, s.dbid, s.queryid, {level}, r.rolname, d.datname, s.query \
         FROM {schema}.pg_stat_statements(true) s LEFT JOIN pg_roles r ON r.oid = s.userid \
         LEFT JOIN pg_database d ON d.oid = s.dbid WHERE s.queryid = ANY ('{{{}}}')",
        numbers.join(",")
    )
}

/// Whether a text of the statistics is one that a poll sends, to the letter but for its literals.
fn is_own(text: &str, own: &[String]) -> bool {
    let text = shape(text);
    // To the grammar the unit is a literal.
    let sessions = SESSIONS.replacen("epoch", "$1", 1);
    let others = own.iter().map(String::as_str).chain([sessions.as_str()]);
    OWN.into_iter().chain(others).any(|one| shape(one) == text)
}

/// The text with `?` for every literal and parameter.
fn shape(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
        let end = match first {
            '\'' => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            _ => word.max(first.len_utf8()),
        };
        let literal = matches!(first, '\'' | '$' | '0'..='9') || matches!(&rest[..end], "true" | "false");
        shape.push_str(if literal { "?" } else { &rest[..end] });
        rest = &rest[end..];
    }
    shape
}

/// Whether a statement declares a cursor or moves one, and which.
fn cursor(text: &str) -> Option<(bool, String)> {
    let mut words = text.trim_end_matches([';', ' ', '\n']).split_whitespace();
    let first = words.next()?;
    let (declares, name) = match first.to_ascii_uppercase().as_str() {
        "DECLARE" => (true, words.next()?),
        "FETCH" | "MOVE" => (false, words.next_back()?),
        _ => return None,
    };
    let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    Some((declares, bare.map_or_else(|| name.to_ascii_lowercase(), str::to_owned)))
}

/// `ALTER ROLE "x" IN DATABASE "y" "setting"` → value.
fn role_settings(rows: &Rows) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for row in rows.iter() {
        let Some((name, value)) = row.text(2).and_then(|text| text.split_once('=')) else { continue };
        let head = match (row.text(0), row.text(1)) {
            (Some(role), Some(database)) => {
                format!("ALTER ROLE {} IN DATABASE {} ", identifier(role), identifier(database))
            }
            (Some(role), None) => format!("ALTER ROLE {} ", identifier(role)),
            (None, Some(database)) => format!("ALTER DATABASE {} ", identifier(database)),
            (None, None) => "ALTER ROLE ALL ".to_owned(),
        };
        found.insert(format!("{head}{name}"), value.to_owned());
    }
    found
}

fn roles(rows: &Rows) -> BTreeMap<String, String> {
    let attributes =
        |row: super::super::Row<'_>| (1..=ATTRIBUTES.len()).map(|at| row.text(at).unwrap_or("f")).collect();
    rows.iter().filter_map(|row| Some((row.text(0)?.to_owned(), attributes(row)))).collect()
}

fn members(rows: &Rows) -> BTreeMap<String, String> {
    let pair = |row: super::super::Row<'_>| Some(format!("{}\n{}", row.text(0)?, row.text(1)?));
    rows.iter().filter_map(|row| Some((pair(row)?, row.text(2).unwrap_or("f").to_owned()))).collect()
}

fn role_change(change: &Change, records: &mut Records) {
    let name = identifier(&change.name);
    let Some(now) = &change.now else { return records.change(&format!("DROP ROLE {name}")) };
    let before = change.before.as_deref().unwrap_or("ffffff");
    let words: Vec<String> = ATTRIBUTES
        .iter()
        .zip(before.bytes().zip(now.bytes()))
        .filter(|(_, (before, now))| before != now)
        .map(|(word, (_, now))| if now == b't' { (*word).to_owned() } else { format!("NO{word}") })
        .collect();
    let verb = if change.before.is_some() { "ALTER" } else { "CREATE" };
    records.change(format!("{verb} ROLE {name} {}", words.join(" ")).trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_told_apart() {
        let of = |text: &str| cursor(text);
        assert_eq!(of("DECLARE c CURSOR FOR SELECT 1"), Some((true, "c".into())));
        assert_eq!(of("FETCH 100 FROM C;"), Some((false, "c".into())));
        assert_eq!(of("fetch all in \"My\""), Some((false, "My".into())));
        assert_eq!(of("SELECT 1"), None);
    }

    #[test]
    fn only_the_polls_own_texts_are_left_out() {
        let own = [counts_text("public", "toplevel"), info_text("public"), texts_text("public", "toplevel", &["7"])];
        let is_own = |text: &str| is_own(text, &own);
        assert!(is_own(SESSIONS) && is_own(&SESSIONS.replacen("epoch", "$1", 1)));
        assert!(is_own("SELECT dealloc, stats_reset FROM public.pg_stat_statements_info"));
        assert!(is_own(&own[0].replace("false", "$1")));
        assert!(is_own(&own[2].replace("true", "$1").replace("'{7}'", "$2")));
        for other in [
            "SELECT userid, dbid, queryid, iin FROM borrowers UNION SELECT 1 FROM pg_stat_statements(false)",
            "SELECT userid, dbid, queryid, iin FROM borrowers, pg_stat_statements",
            &own[0].replace("calls", "iin"),
            &format!("{}, borrowers", own[0]),
            "'",
            "",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }
}
