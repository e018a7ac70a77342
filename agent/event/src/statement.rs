//! The literal-free shape of a statement: parsed once per shape, shared by every record that has it.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a statement does (`db.operation.name`). For several statements in one text: the gravest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Not understood; still an event.
    Unknown,
    /// SELECT, TABLE, VALUES, SHOW of data, cursor declaration, FETCH.
    Select,
    /// INSERT, REPLACE, COPY FROM, LOAD DATA.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// MERGE or INSERT … ON CONFLICT/ON DUPLICATE KEY UPDATE.
    Merge,
    /// TRUNCATE.
    Truncate,
    /// COPY … TO, SELECT … INTO OUTFILE/DUMPFILE.
    Copy,
    /// DROP of a table, schema, database or view.
    Drop,
    /// CREATE TABLE AS, SELECT INTO: a copy of data under a new name.
    CreateCopy,
    /// Other definition: CREATE, ALTER of tables, views, functions, extensions, plugins.
    Define,
    /// GRANT, REVOKE, CREATE/ALTER/DROP ROLE or USER, SET PASSWORD, policies, ownership.
    Role,
    /// SET, RESET, ALTER SYSTEM, SET GLOBAL, set_config.
    Setting,
    /// BEGIN, START TRANSACTION, SAVEPOINT.
    Begin,
    /// COMMIT, RELEASE.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// DO, CALL, function definitions executed.
    Execute,
    /// Anything else of no interest here: SHOW, EXPLAIN without ANALYZE, DISCARD, LISTEN.
    Other,
}

impl Verb {
    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verb::Unknown => "unknown",
            Verb::Select => "select",
            Verb::Insert => "insert",
            Verb::Update => "update",
            Verb::Delete => "delete",
            Verb::Merge => "merge",
            Verb::Truncate => "truncate",
            Verb::Copy => "copy",
            Verb::Drop => "drop",
            Verb::CreateCopy => "create_copy",
            Verb::Define => "define",
            Verb::Role => "role",
            Verb::Setting => "setting",
            Verb::Begin => "begin",
            Verb::Commit => "commit",
            Verb::Rollback => "rollback",
            Verb::Execute => "execute",
            Verb::Other => "other",
        }
    }
}

/// How a statement touches a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Rows are read.
    Read,
    /// Rows or the relation itself are changed.
    Write,
}

/// A table, view or other relation (`db.collection.name`). Names are folded as the server folds them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relation {
    /// Schema (PostgreSQL) or database (MariaDB); empty when the text does not say.
    pub schema: Arc<str>,
    /// Name without qualifier.
    pub name: Arc<str>,
    /// Read or written.
    pub access: Access,
}

/// A form in which data leaves in bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Export {
    /// COPY … TO STDOUT.
    ToClient,
    /// COPY … TO 'file', INTO OUTFILE/DUMPFILE, lo_export.
    ToFile,
    /// COPY … TO PROGRAM.
    ToProgram,
    /// DECLARE CURSOR / FETCH: volume is hidden from the log.
    Cursor,
    /// What pg_dump, mysqldump/mariadb-dump send: LOCK TABLE … ACCESS SHARE, SELECT /*!40001 SQL_NO_CACHE */ ….
    Dump,
}

impl Export {
    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Export::ToClient => "to_client",
            Export::ToFile => "to_file",
            Export::ToProgram => "to_program",
            Export::Cursor => "cursor",
            Export::Dump => "dump",
        }
    }
}

/// A property of a statement that detectors ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Flag {
    /// `SELECT *` or `TABLE t`.
    SelectsAll,
    /// No WHERE at all on a SELECT, UPDATE or DELETE of a relation.
    Unfiltered,
    /// Only aggregates without GROUP BY: one row out (count, sum).
    Aggregate,
    /// Aggregates that carry many people in one row: json_agg, string_agg, array_agg, xmlagg, GROUP_CONCAT, query_to_xml.
    PackedAggregate,
    /// UNION with a relation other than the first one's, or with constants in the manner of an injection.
    UnionProbe,
    /// A condition that is always true: `OR 1=1`, `OR 'a'='a'`.
    Tautology,
    /// Several statements in one text.
    Stacked,
    /// pg_sleep, SLEEP, BENCHMARK, WAITFOR.
    TimeDelay,
    /// Reads catalogues of users, passwords or tables (pg_shadow, pg_authid, mysql.user, information_schema.tables).
    CatalogProbe,
    /// extractvalue, updatexml and other error-based extraction.
    ErrorProbe,
    /// Ends in a comment that cuts the rest (`--`, `#`) after a quote or condition.
    CommentCut,
    /// Reads or writes server files or runs programs: pg_read_file, lo_import, LOAD_FILE, COPY FROM PROGRAM.
    ServerFile,
    /// Weakens or switches off an audit setting, plugin or extension.
    WeakensAudit,
    /// Restores or strengthens an audit setting.
    RestoresAudit,
    /// Raises privileges: superuser, membership in a powerful role, ALL PRIVILEGES, WITH GRANT OPTION, a new login role.
    Escalates,
    /// Text was cut by the server (server_audit_query_log_limit, track_activity_query_size).
    Truncated,
    /// The grammar could not parse it: facts come from the lexer only.
    Unparsed,
    /// Has at least one predicate that compares a column with a single value (`=`, `IN`).
    Pointed,
    /// Runs a program on the server: COPY … PROGRAM, sys_exec.
    ServerProgram,
    /// Large objects, which no grant on a table covers: lo_from_bytea, lo_get, lo_import, lo_export.
    LargeObject,
    /// Makes the server speak to another one: dblink, foreign data wrappers, FEDERATED, CONNECT, SPIDER.
    RemoteServer,
    /// Replication slots, publications, subscriptions, base backups: every row goes out beside the tables' grants.
    Replication,
    /// Code that no longer asks the database: native functions, untrusted languages, plugins, libraries.
    NativeCode,
    /// A whole schema or database in one value: schema_to_xml, database_to_xml.
    WholeSchema,
    /// A relation of this session only: CREATE TEMP TABLE, SELECT INTO TEMP.
    Temporary,
    /// Gives relations new names; they stand in pairs, old and new.
    Renames,
    /// A column of keys or identifiers is compared with a range: `id < 3000`, `iin <> ''`, `id BETWEEN 1 AND 999`.
    KeyRange,
}

impl Flag {
    /// Every flag, for lists.
    pub const ALL: [Flag; 27] = [
        Flag::SelectsAll,
        Flag::Unfiltered,
        Flag::Aggregate,
        Flag::PackedAggregate,
        Flag::UnionProbe,
        Flag::Tautology,
        Flag::Stacked,
        Flag::TimeDelay,
        Flag::CatalogProbe,
        Flag::ErrorProbe,
        Flag::CommentCut,
        Flag::ServerFile,
        Flag::WeakensAudit,
        Flag::RestoresAudit,
        Flag::Escalates,
        Flag::Truncated,
        Flag::Unparsed,
        Flag::Pointed,
        Flag::ServerProgram,
        Flag::LargeObject,
        Flag::RemoteServer,
        Flag::Replication,
        Flag::NativeCode,
        Flag::WholeSchema,
        Flag::Temporary,
        Flag::Renames,
        Flag::KeyRange,
    ];

    /// Stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Flag::SelectsAll => "selects_all",
            Flag::Unfiltered => "unfiltered",
            Flag::Aggregate => "aggregate",
            Flag::PackedAggregate => "packed_aggregate",
            Flag::UnionProbe => "union_probe",
            Flag::Tautology => "tautology",
            Flag::Stacked => "stacked",
            Flag::TimeDelay => "time_delay",
            Flag::CatalogProbe => "catalog_probe",
            Flag::ErrorProbe => "error_probe",
            Flag::CommentCut => "comment_cut",
            Flag::ServerFile => "server_file",
            Flag::WeakensAudit => "weakens_audit",
            Flag::RestoresAudit => "restores_audit",
            Flag::Escalates => "escalates",
            Flag::Truncated => "truncated",
            Flag::Unparsed => "unparsed",
            Flag::Pointed => "pointed",
            Flag::ServerProgram => "server_program",
            Flag::LargeObject => "large_object",
            Flag::RemoteServer => "remote_server",
            Flag::Replication => "replication",
            Flag::NativeCode => "native_code",
            Flag::WholeSchema => "whole_schema",
            Flag::Temporary => "temporary",
            Flag::Renames => "renames",
            Flag::KeyRange => "key_range",
        }
    }
}

/// A set of [`Flag`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flags(u32);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);

    /// With `flag` added.
    #[must_use]
    pub const fn with(self, flag: Flag) -> Flags {
        Flags(self.0 | 1 << flag as u32)
    }

    /// Adds `flag`.
    pub fn insert(&mut self, flag: Flag) {
        self.0 |= 1 << flag as u32;
    }

    /// Whether `flag` is in the set.
    #[must_use]
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u32) != 0
    }
}

/// A change of a setting: `SET pgaudit.log = 'none'`, `parameter "pgaudit.log" changed to "none"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Setting {
    /// Name, lower case.
    pub name: Arc<str>,
    /// New value; `None` when it was reset, removed or is secret. Identifiers inside are masked, at most 64 bytes.
    pub value: Option<Arc<str>>,
    /// Whether it reaches beyond the session (ALTER SYSTEM, SET GLOBAL, ALTER ROLE … SET, configuration file).
    pub global: bool,
}

/// What was done to roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleVerb {
    /// GRANT privileges or membership.
    Grant,
    /// REVOKE.
    Revoke,
    /// CREATE ROLE/USER.
    Create,
    /// ALTER ROLE/USER, SET PASSWORD, ownership, SET ROLE, row security policies.
    Alter,
    /// DROP ROLE/USER.
    Drop,
}

impl RoleVerb {
    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RoleVerb::Grant => "grant",
            RoleVerb::Revoke => "revoke",
            RoleVerb::Create => "create",
            RoleVerb::Alter => "alter",
            RoleVerb::Drop => "drop",
        }
    }
}

/// A change of roles or privileges.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleChange {
    /// What was done.
    pub verb: RoleVerb,
    /// Privileges, attributes or roles given or taken, upper case words (`SUPERUSER`, `ALL`, `SELECT`) or role names.
    pub rights: Vec<Arc<str>>,
    /// Roles that gain or lose them.
    pub grantees: Vec<Arc<str>>,
}

/// Facts of one statement shape. Two texts that differ only in literals share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Statement {
    /// Hash of the literal-free text (`kuzet.statement.fingerprint`); stable across runs and machines.
    pub fingerprint: u64,
    /// Literal-free text (`db.query.summary`), at most 512 bytes: `SELECT iin FROM borrowers WHERE iin = ?`.
    pub summary: Arc<str>,
    /// What it does.
    pub verb: Verb,
    /// Relations it names, in order of appearance, without repeats; at most 64.
    pub relations: Vec<Relation>,
    /// Columns it returns or writes, lower case, without qualifier; at most 256. Empty with [`Flag::SelectsAll`].
    pub columns: Vec<Arc<str>>,
    /// Columns it compares with values; [`Identifier::column`](crate::Identifier) points here.
    pub predicate_columns: Vec<Arc<str>>,
    /// Form of export, if it is one.
    pub export: Option<Export>,
    /// Properties.
    pub flags: Flags,
    /// Upper bound of rows from LIMIT/FETCH FIRST when it stands in the text as a number.
    pub limit: Option<u64>,
    /// Settings it changes.
    pub settings: Vec<Setting>,
    /// Roles it changes.
    pub role: Option<RoleChange>,
    /// Functions and procedures that it calls (read) or defines (written), other than well-known ones; at most 32.
    pub routines: Vec<Relation>,
}
