//! What a detector says about one event or a window of them.

use crate::Transfer;
use kuzet_event::{Actor, Count, Outcome, PersonKey, Place, Relation, SessionId, Statement, Timestamp, Witness};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Kinds of what can be wrong; the list that metrics, severity table and docs walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The access policy does not allow what was done.
    PolicyViolation,
    /// Many rows of personal data read.
    BulkRead,
    /// Personal data exported: COPY, OUTFILE, dump, cursor.
    Export,
    /// People looked up one by one in numbers.
    Enumeration,
    /// A statement in the manner of an injection.
    Injection,
    /// Many rows changed.
    MassChange,
    /// Rows or relations destroyed: mass DELETE, TRUNCATE, DROP.
    Destruction,
    /// Privileges raised.
    PrivilegeEscalation,
    /// Audit weakened or tampered with.
    AuditTampering,
    /// Many failed logins.
    LoginBurst,
    /// A login that succeeded after a burst of failures.
    LoginAfterBurst,
    /// Personal data copied under another name.
    Copy,
    /// Files, programs, other servers, replication or native code reached past the tables.
    DangerousFunction,
    /// Touched outside working hours.
    OutOfHours,
    /// A role, client or program touches a store for the first time.
    FirstSeen,
    /// A service account used by a person, or from elsewhere.
    ServiceAccountByHand,
    /// An account that was silent for long is used again.
    StaleAccount,
    /// Unlike what the principal and its peers do.
    Anomaly,
    /// Sight lost: a gap in the log, an unreadable source.
    SightLost,
    /// The server counts statements or sessions that its log does not show.
    BlindedSession,
    /// A number or a row that belongs to nobody was asked for.
    Canary,
    /// A Sigma rule matches, and names no other kind.
    Rule,
    /// Data sent out of Kazakhstan to somebody who is no registered recipient.
    ForeignTransfer,
    /// An account of a server, or a program that reads databases whole, sends out of Kazakhstan.
    ServiceTraffic,
    /// A database answers somebody outside Kazakhstan.
    ExposedService,
    /// Traffic that hides what it carries: a tunnel, a beacon, data in names or echoes.
    CovertChannel,
    /// Personal data was read, and whoever read it sends out of Kazakhstan.
    Exfiltration,
    /// Personal data in what is sent in clear, to nobody registered.
    DataInClear,
    /// A picture of an identity document lies in a folder.
    IdentityDocument,
    /// Personal data lies in a folder that is to hold none, or where every account may read it.
    MisplacedData,
    /// A file lies in a folder that is encrypted: what it carries cannot be told.
    EncryptedFile,
    /// Files with personal data gathered into an archive.
    Staging,
    /// Many files replaced by others of one strange name: what ransomware does.
    MassEncryption,
}

impl Kind {
    /// Every kind, for lists.
    pub const ALL: [Kind; 33] = [
        Kind::PolicyViolation,
        Kind::BulkRead,
        Kind::Export,
        Kind::Enumeration,
        Kind::Injection,
        Kind::MassChange,
        Kind::Destruction,
        Kind::PrivilegeEscalation,
        Kind::AuditTampering,
        Kind::LoginBurst,
        Kind::LoginAfterBurst,
        Kind::Copy,
        Kind::DangerousFunction,
        Kind::OutOfHours,
        Kind::FirstSeen,
        Kind::ServiceAccountByHand,
        Kind::StaleAccount,
        Kind::Anomaly,
        Kind::SightLost,
        Kind::BlindedSession,
        Kind::Canary,
        Kind::Rule,
        Kind::ForeignTransfer,
        Kind::ServiceTraffic,
        Kind::ExposedService,
        Kind::CovertChannel,
        Kind::Exfiltration,
        Kind::DataInClear,
        Kind::IdentityDocument,
        Kind::MisplacedData,
        Kind::EncryptedFile,
        Kind::Staging,
        Kind::MassEncryption,
    ];

    /// Stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::PolicyViolation => "policy_violation",
            Kind::BulkRead => "bulk_read",
            Kind::Export => "export",
            Kind::Enumeration => "enumeration",
            Kind::Injection => "injection",
            Kind::MassChange => "mass_change",
            Kind::Destruction => "destruction",
            Kind::PrivilegeEscalation => "privilege_escalation",
            Kind::AuditTampering => "audit_tampering",
            Kind::LoginBurst => "login_burst",
            Kind::LoginAfterBurst => "login_after_burst",
            Kind::Copy => "copy",
            Kind::DangerousFunction => "dangerous_function",
            Kind::OutOfHours => "out_of_hours",
            Kind::FirstSeen => "first_seen",
            Kind::ServiceAccountByHand => "service_account_by_hand",
            Kind::StaleAccount => "stale_account",
            Kind::Anomaly => "anomaly",
            Kind::SightLost => "sight_lost",
            Kind::BlindedSession => "blinded_session",
            Kind::Canary => "canary",
            Kind::Rule => "rule",
            Kind::ForeignTransfer => "foreign_transfer",
            Kind::ServiceTraffic => "service_traffic",
            Kind::ExposedService => "exposed_service",
            Kind::CovertChannel => "covert_channel",
            Kind::Exfiltration => "exfiltration",
            Kind::DataInClear => "data_in_clear",
            Kind::IdentityDocument => "identity_document",
            Kind::MisplacedData => "misplaced_data",
            Kind::EncryptedFile => "encrypted_file",
            Kind::Staging => "staging",
            Kind::MassEncryption => "mass_encryption",
        }
    }

    /// The family: detections of one family, principal and store are one story.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Kind::PolicyViolation
            | Kind::BulkRead
            | Kind::Export
            | Kind::Enumeration
            | Kind::Canary
            | Kind::Injection
            | Kind::Copy
            | Kind::DangerousFunction
            | Kind::OutOfHours
            | Kind::FirstSeen
            | Kind::ServiceAccountByHand
            | Kind::StaleAccount
            | Kind::Anomaly
            | Kind::Rule
            | Kind::Exfiltration
            | Kind::Staging => Family::Access,
            Kind::MassChange | Kind::Destruction | Kind::MassEncryption => Family::Change,
            Kind::PrivilegeEscalation => Family::Privilege,
            Kind::AuditTampering | Kind::BlindedSession => Family::Audit,
            Kind::LoginBurst | Kind::LoginAfterBurst => Family::Login,
            Kind::SightLost => Family::Sight,
            Kind::ForeignTransfer
            | Kind::ServiceTraffic
            | Kind::ExposedService
            | Kind::CovertChannel
            | Kind::DataInClear => Family::Traffic,
            Kind::IdentityDocument | Kind::MisplacedData | Kind::EncryptedFile => Family::Holding,
        }
    }
}

/// Families of kinds (design: "kind family" of the folding key).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Personal data read by someone who should not, or in numbers.
    Access,
    /// Personal data changed or destroyed.
    Change,
    /// Privileges.
    Privilege,
    /// The audit trail itself.
    Audit,
    /// Logins.
    Login,
    /// The agent's own sight.
    Sight,
    /// Outbound traffic.
    Traffic,
    /// What lies in folders.
    Holding,
}

/// How bad. Decided by the table `rules/severity.toml`, never in code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For the record.
    Low,
    /// To be looked at this day.
    Medium,
    /// To be looked at now.
    High,
    /// Wake someone.
    Critical,
}

/// Class of a store, from the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreClass {
    /// Restricted-access personal data (Order 179/НҚ).
    #[default]
    Restricted,
    /// Publicly accessible personal data.
    Public,
}

/// A store of personal data, as the catalogue (or a guess from names) describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Name: from the catalogue, or `postgresql/mfo` for a guess.
    pub name: Arc<str>,
    /// Class.
    pub class: StoreClass,
    /// How many people's data it holds.
    pub persons: Count,
    /// Codes of the categories of clause 2.1 it holds, in the policy's order (`name`, `iin`, `phone_mobile`, …).
    pub categories: Vec<Arc<str>>,
    /// Whether names decided, because no catalogue covers it.
    pub guessed: bool,
}

/// What a rule says of itself; its hits carry it into the incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its `id`.
    pub id: Arc<str>,
    /// Its stable short name; stands where a detector's name stands.
    pub name: Arc<str>,
    /// Its `title`.
    pub title: Arc<str>,
    /// Clause of the policy that it serves (`5.5`).
    pub clause: Arc<str>,
    /// ATT&CK techniques (`T1048`).
    pub techniques: Vec<Arc<str>>,
    /// What may look like it and is none.
    pub false_positives: Vec<Arc<str>>,
    /// What to do first.
    pub responses: Vec<Arc<str>>,
}

/// One detection. `rows` and `people` are what *this* detection adds, so that a folder can sum them.
#[derive(Clone, Debug)]
pub struct Detection {
    /// Stable name of the detector.
    pub detector: &'static str,
    /// The rule, where the detector has rules.
    pub rule: Option<Arc<Rule>>,
    /// What.
    pub kind: Kind,
    /// How bad.
    pub severity: Severity,
    /// Clause of the policy that the detector serves (`5.5`).
    pub clause: &'static str,
    /// First event it stands for.
    pub since: Timestamp,
    /// Event that completed it.
    pub at: Timestamp,
    /// Record that completed it.
    pub place: Place,
    /// Who.
    pub actor: Arc<Actor>,
    /// Session.
    pub session: SessionId,
    /// Store of personal data, where one is known.
    pub store: Option<Arc<Store>>,
    /// Relations touched.
    pub relations: Vec<Relation>,
    /// Codes of the categories read or changed; empty when only the store is known.
    pub categories: Vec<Arc<str>>,
    /// Outcome. A change whose transaction's end is not seen is [`Outcome::Unknown`].
    pub outcome: Outcome,
    /// Shape of the statement.
    pub statement: Option<Arc<Statement>>,
    /// The kind of record that told it. What was measured is compared with what was logged, never added to it.
    pub witness: Witness,
    /// It opens no story: it only gives the measured numbers of one that is open.
    pub measures: bool,
    /// Events it stands for and that no earlier detection of the same story stood for.
    pub events: u64,
    /// Rows that those events moved.
    pub rows: Count,
    /// Upper bound of people where `rows` is unknown or hides them (COPY, cursor, packed aggregate): the store's
    /// persons; unknown when the store's are.
    pub people_at_most: Count,
    /// Keyed hashes of the people that those events name.
    pub people: Vec<PersonKey>,
    /// The connection that data left by, as far as it has come.
    pub transfer: Option<Arc<Transfer>>,
    /// Why, in one English sentence with the numbers, without a raw value. Empty when it only adds to a story that an
    /// earlier detection of the same kind told: its counts, people and outcome belong there, its words are said.
    pub reason: String,
}

impl Detection {
    /// Stable name of the rule, or of the detector where it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.rule.as_ref().map_or(self.detector, |rule| &rule.name)
    }

    /// Clause of the policy that the rule, or else the detector, serves.
    #[must_use]
    pub fn clause(&self) -> &str {
        self.rule.as_ref().map_or(self.clause, |rule| &rule.clause)
    }
}
