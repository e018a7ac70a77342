//! The list of log formats: names for the configuration, recognition by content, decoders.

use crate::Decoder;
use crate::access_json::AccessJson;
use crate::access_log::AccessLog;
use crate::csvlog::Csvlog;
use crate::haproxy::Haproxy;
use crate::inventory::Inventory;
use crate::jsonlog::Jsonlog;
use crate::linux_audit::{Laurel, LinuxAudit};
use crate::mapped::{Mapped, Mapping};
use crate::minio_audit::MinioAudit;
use crate::mongodb::{MongodbAudit, MongodbLog};
use crate::mysql::{audit::AuditLog, audit_csv, audit_json, audit_xml, error::Errors, general::General, slow::Slow};
use crate::netflow::Netflow;
use crate::persons::Pool;
use crate::pgbouncer::Pgbouncer;
use crate::redis::Redis;
use crate::s3_access::S3Access;
use crate::samba::Samba;
use crate::sensor::Sensor;
use crate::server_audit::ServerAudit;
use crate::squid::Squid;
use crate::status::Status;
use crate::stderr::Stderr;
use crate::suricata_eve::SuricataEve;
use crate::zeek::Zeek;
use kuzet_event::{System, Timestamp, Trust};
use kuzet_personal::Key;
use std::sync::Arc;

/// A log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// PostgreSQL `log_destination = 'jsonlog'` (15 and later).
    PostgresqlJsonlog,
    /// PostgreSQL `log_destination = 'csvlog'`.
    PostgresqlCsvlog,
    /// PostgreSQL `log_destination = 'stderr'` with any `log_line_prefix`.
    PostgresqlStderr,
    /// MariaDB `server_audit_output_type = 'file'`.
    MariadbServerAudit,
    /// MariaDB's and MySQL's `general_log`.
    MariadbGeneralLog,
    /// MariaDB's and MySQL's `slow_query_log`.
    MariadbSlowLog,
    /// MariaDB's and MySQL's `log_error`.
    MariadbErrorLog,
    /// Audit log of MySQL Enterprise or Percona Server as JSON.
    MysqlAuditJson,
    /// The same as XML, old style or new.
    MysqlAuditXml,
    /// Percona Server's as CSV.
    MysqlAuditCsv,
    /// MongoDB audit log in JSON form.
    MongodbAudit,
    /// MongoDB structured log (4.4 and later).
    MongodbLog,
    /// Redis MONITOR and ACL LOG, as the agent's own connection writes them down.
    Redis,
    /// PgBouncer's own log.
    Pgbouncer,
    /// Syslog lines with other formats inside.
    Syslog,
    /// `journalctl -o json` with other formats inside.
    Journald,
    /// An application's own journal, by a mapping of the configuration.
    Mapped,
    /// Access logs of nginx and Apache: common and combined log format.
    WebAccessLog,
    /// Access logs as JSON, with the variables of nginx for keys.
    WebAccessJson,
    /// HAProxy's HTTP log.
    HaproxyHttp,
    /// Squid's native access log.
    SquidAccess,
    /// Samba's vfs_full_audit in Samba's own log; in syslog it is found inside.
    SambaFullAudit,
    /// MinIO's audit log.
    MinioAudit,
    /// Server access log of Amazon S3.
    S3Access,
    /// Raw log of the Linux audit daemon.
    LinuxAudit,
    /// The same as Laurel writes it.
    LinuxLaurel,
    /// What the kernel told the agent's sensor.
    Sensor,
    /// What the agent's inspections found in files.
    Inventory,
    /// Zeek's conn, ssl, quic, http and dns, with tabs or as JSON.
    Zeek,
    /// Suricata's EVE log.
    SuricataEve,
    /// NetFlow version 5 and 9, IPFIX, as the listener writes datagrams down.
    Netflow,
    /// What the agent asked a PostgreSQL server.
    PostgresqlStatus,
    /// What the agent asked a MariaDB or MySQL server.
    MariadbStatus,
}

/// What is known of a format before any record is read.
pub struct FormatInfo {
    /// The format.
    pub format: Format,
    /// Name in configuration, metrics and output.
    pub name: &'static str,
    /// Server software.
    pub system: System,
    /// Whether a client could forge records.
    pub trust: Trust,
    /// Whether a line could be the first one of a record.
    pub(crate) recognises: fn(&[u8]) -> bool,
    /// Whether its records, one a line and with a time of their own, are looked for inside syslog and the journal.
    pub(crate) nests: bool,
}

/// Every format, in the order in which a line is tried.
pub const FORMATS: &[FormatInfo] = &[
    // It begins as jsonlog does.
    FormatInfo {
        format: Format::SuricataEve,
        name: "suricata_eve",
        system: System::Network,
        trust: Trust::Structured,
        recognises: crate::suricata_eve::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::PostgresqlJsonlog,
        name: "postgresql_jsonlog",
        system: System::Postgresql,
        trust: Trust::Structured,
        recognises: crate::jsonlog::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::PostgresqlCsvlog,
        name: "postgresql_csvlog",
        system: System::Postgresql,
        trust: Trust::Structured,
        recognises: crate::csvlog::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::PostgresqlStderr,
        name: "postgresql_stderr",
        system: System::Postgresql,
        trust: Trust::Forgeable,
        recognises: crate::stderr::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::MariadbServerAudit,
        name: "mariadb_server_audit",
        system: System::Mariadb,
        trust: Trust::Forgeable,
        recognises: crate::server_audit::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::MariadbGeneralLog,
        name: "mariadb_general_log",
        system: System::Mariadb,
        trust: Trust::Forgeable,
        recognises: crate::mysql::general::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::MariadbSlowLog,
        name: "mariadb_slow_log",
        system: System::Mariadb,
        trust: Trust::Forgeable,
        recognises: crate::mysql::slow::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::MariadbErrorLog,
        name: "mariadb_error_log",
        system: System::Mariadb,
        trust: Trust::Forgeable,
        recognises: crate::mysql::error::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::MysqlAuditJson,
        name: "mysql_audit_json",
        system: System::Mysql,
        trust: Trust::Structured,
        recognises: crate::mysql::audit_json::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::MysqlAuditXml,
        name: "mysql_audit_xml",
        system: System::Mysql,
        trust: Trust::Structured,
        recognises: crate::mysql::audit_xml::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::MysqlAuditCsv,
        name: "mysql_audit_csv",
        system: System::Mysql,
        trust: Trust::Structured,
        recognises: crate::mysql::audit_csv::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::MongodbAudit,
        name: "mongodb_audit",
        system: System::Mongodb,
        trust: Trust::Structured,
        recognises: crate::mongodb::recognises_audit,
        nests: true,
    },
    FormatInfo {
        format: Format::MongodbLog,
        name: "mongodb_log",
        system: System::Mongodb,
        trust: Trust::Structured,
        recognises: crate::mongodb::recognises_log,
        nests: true,
    },
    FormatInfo {
        format: Format::Redis,
        name: "redis",
        system: System::Redis,
        trust: Trust::Structured,
        recognises: crate::redis::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::Pgbouncer,
        name: "pgbouncer",
        system: System::Postgresql,
        trust: Trust::Forgeable,
        recognises: crate::pgbouncer::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::SambaFullAudit,
        name: "samba_full_audit",
        system: System::Linux,
        trust: Trust::Forgeable,
        recognises: crate::samba::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::MinioAudit,
        name: "minio_audit",
        system: System::Application,
        trust: Trust::Structured,
        recognises: crate::minio_audit::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::S3Access,
        name: "s3_access",
        system: System::Application,
        trust: Trust::Structured,
        recognises: crate::s3_access::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::WebAccessLog,
        name: "web_access_log",
        system: System::Web,
        trust: Trust::Structured,
        recognises: crate::access_log::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::WebAccessJson,
        name: "web_access_json",
        system: System::Web,
        trust: Trust::Structured,
        recognises: crate::access_json::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::HaproxyHttp,
        name: "haproxy_http",
        system: System::Web,
        trust: Trust::Structured,
        recognises: crate::haproxy::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::SquidAccess,
        name: "squid_access",
        system: System::Proxy,
        trust: Trust::Structured,
        recognises: crate::squid::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::LinuxAudit,
        name: "linux_audit",
        system: System::Linux,
        trust: Trust::Structured,
        recognises: crate::linux_audit::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::LinuxLaurel,
        name: "linux_laurel",
        system: System::Linux,
        trust: Trust::Structured,
        recognises: crate::linux_audit::recognises_laurel,
        nests: true,
    },
    FormatInfo {
        format: Format::Zeek,
        name: "zeek",
        system: System::Network,
        trust: Trust::Structured,
        recognises: crate::zeek::recognises,
        nests: true,
    },
    FormatInfo {
        format: Format::Syslog,
        name: "syslog",
        system: System::Postgresql,
        trust: Trust::Forgeable,
        recognises: crate::syslog::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::Journald,
        name: "journald",
        system: System::Postgresql,
        trust: Trust::Forgeable,
        recognises: crate::journald::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::Mapped,
        name: "mapped",
        system: System::Application,
        trust: Trust::Structured,
        recognises: |_| false,
        nests: false,
    },
    FormatInfo {
        format: Format::Sensor,
        name: "sensor",
        system: System::Linux,
        trust: Trust::Structured,
        recognises: crate::sensor::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::Inventory,
        name: "inventory",
        system: System::Linux,
        trust: Trust::Structured,
        recognises: crate::inventory::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::Netflow,
        name: "netflow",
        system: System::Network,
        trust: Trust::Forgeable,
        recognises: crate::netflow::recognises,
        nests: false,
    },
    FormatInfo {
        format: Format::PostgresqlStatus,
        name: "postgresql_status",
        system: System::Postgresql,
        trust: Trust::Structured,
        recognises: crate::status::recognises_postgresql,
        nests: false,
    },
    FormatInfo {
        format: Format::MariadbStatus,
        name: "mariadb_status",
        system: System::Mariadb,
        trust: Trust::Structured,
        recognises: crate::status::recognises_mariadb,
        nests: false,
    },
];

/// What a decoder needs to know besides the bytes.
#[derive(Clone)]
pub struct DecodeOptions {
    /// Hashes identifying values.
    pub key: Key,
    /// PostgreSQL's `log_line_prefix`, for stderr. Without it the well-known prefixes are tried on every line.
    pub log_line_prefix: Option<String>,
    /// Offset in seconds east of UTC for times that carry no zone (MariaDB) or an abbreviation that is not known
    /// (PostgreSQL writes the server's own, such as `+05` or `MSK`).
    pub timezone: i32,
    /// MariaDB's `server_audit_query_log_limit`: a statement that fills so many bytes was cut.
    pub query_log_limit: usize,
    /// Nothing in the log is later than this, give or take a day: says the year of the first syslog stamp without one.
    /// Each further stamp takes the year that brings it nearest to the one before, so a new year is no matter. Without
    /// it such records are lost until one with a year came by.
    pub latest: Option<Timestamp>,
    /// What the fields of a mapped journal mean.
    pub mapping: Option<Arc<Mapping>>,
    /// Roles that many people share, the first that fits counts.
    pub pools: Arc<[Arc<Pool>]>,
}

impl DecodeOptions {
    /// Options with nothing set but the key; times without a zone are UTC.
    #[must_use]
    pub fn new(key: Key) -> DecodeOptions {
        DecodeOptions {
            key,
            log_line_prefix: None,
            timezone: 0,
            query_log_limit: 1024,
            latest: None,
            mapping: None,
            pools: Arc::from([]),
        }
    }
}

impl Format {
    /// Row of [`FORMATS`].
    #[must_use]
    pub fn info(self) -> &'static FormatInfo {
        // Every variant has a row (tested); the first row stands in so that this cannot fail.
        FORMATS.iter().find(|info| info.format == self).unwrap_or(&FORMATS[0])
    }

    /// Name in configuration, metrics and output.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The format of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Format> {
        FORMATS.iter().find(|info| info.name == name).map(|info| info.format)
    }

    /// A decoder for one file.
    #[must_use]
    pub fn decoder(self, options: &DecodeOptions) -> Box<dyn Decoder> {
        match self {
            Format::PostgresqlJsonlog => Box::new(Jsonlog::new(options)),
            Format::PostgresqlCsvlog => Box::new(Csvlog::new(options)),
            Format::PostgresqlStderr => Box::new(Stderr::new(options)),
            Format::MariadbServerAudit => Box::new(ServerAudit::new(options)),
            Format::MariadbGeneralLog => Box::new(General::new(options)),
            Format::MariadbSlowLog => Box::new(Slow::new(options)),
            Format::MariadbErrorLog => Box::new(Errors::new(options)),
            Format::MysqlAuditJson => Box::new(AuditLog::new(options, &audit_json::FORM)),
            Format::MysqlAuditXml => Box::new(AuditLog::new(options, &audit_xml::FORM)),
            Format::MysqlAuditCsv => Box::new(AuditLog::new(options, &audit_csv::FORM)),
            Format::MongodbAudit => Box::new(MongodbAudit::new(options)),
            Format::MongodbLog => Box::new(MongodbLog::new(options)),
            Format::Redis => Box::new(Redis::new(options)),
            Format::Pgbouncer => Box::new(Pgbouncer::new(options)),
            Format::Syslog => Box::new(crate::syslog::decoder(options)),
            Format::Journald => Box::new(crate::journald::decoder(options)),
            Format::Mapped => Box::new(Mapped::new(options)),
            Format::WebAccessLog => Box::new(AccessLog::new(options)),
            Format::WebAccessJson => Box::new(AccessJson::new(options)),
            Format::HaproxyHttp => Box::new(Haproxy::new(options)),
            Format::SquidAccess => Box::new(Squid::new(options)),
            Format::SambaFullAudit => Box::new(Samba::new(options)),
            Format::MinioAudit => Box::new(MinioAudit::new(options)),
            Format::S3Access => Box::new(S3Access::new(options)),
            Format::LinuxAudit => Box::new(LinuxAudit::new(options)),
            Format::LinuxLaurel => Box::new(Laurel::new(options)),
            Format::Sensor => Box::new(Sensor::new(options)),
            Format::Inventory => Box::new(Inventory::new(options)),
            Format::Netflow => Box::new(Netflow::new()),
            Format::Zeek => Box::new(Zeek::new(options)),
            Format::SuricataEve => Box::new(SuricataEve::new(options)),
            Format::PostgresqlStatus => Box::new(Status::new(System::Postgresql, options)),
            Format::MariadbStatus => Box::new(Status::new(System::Mariadb, options)),
        }
    }
}

/// The format of a file by its first bytes (64 KiB are plenty): that of the first line which could begin a record. A file
/// may begin in the middle of a record, so up to 64 lines are looked at.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    bytes
        .split(|byte| *byte == b'\n')
        .take(64)
        .find_map(|line| FORMATS.iter().find(|info| (info.recognises)(line)).map(|info| info.format))
}
