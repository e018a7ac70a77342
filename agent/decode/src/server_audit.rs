//! MariaDB `server_audit` in file form.
//!
//! ```text
//! 20261122 16:27:58,vm,analyst,127.0.0.1,12,160,QUERY,mfo,'SELECT * FROM borrowers',0
//! time,host,user,client,connection,query,operation,database,object,code
//! ```
//!
//! Format: <https://mariadb.com/kb/en/mariadb-audit-plugin-log-format/>.
//!
//! **Each statement is told more than once.** For a statement on two tables the plugin writes a READ or WRITE record
//! for each table, then the QUERY record with the text and the code, all with the same connection and query number.
//! The table records become events with [`Event::relation`](kuzet_event::Event::relation) and without a statement; the
//! QUERY record becomes one with a statement and without a relation. All of them carry
//! [`statement_number`](kuzet_event::Event::statement_number), so a detector that counts statements counts each pair of
//! session and statement number once (0: unknown, each on its own).
//!
//! The format has no row counts, no zone and whole seconds only, and a name may break it: user and database are written
//! as they are, so a client can write what looks like a record before it is logged in. Hence
//! [`Trust::Forgeable`](kuzet_event::Trust::Forgeable) throughout.

/// What the log itself does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerAuditOptions {
    /// Seconds east of UTC of the server's clock; the log has no zone.
    pub utc_offset: i32,
    /// `server_audit_query_log_limit` of the server, bytes (1024 unless set): a statement of that length was cut.
    pub query_log_limit: usize,
}

impl Default for ServerAuditOptions {
    fn default() -> ServerAuditOptions {
        ServerAuditOptions { utc_offset: 0, query_log_limit: 1024 }
    }
}
