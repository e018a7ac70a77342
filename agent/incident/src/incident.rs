//! The incident as the world sees it: JSON schema `kuzet.incident/1` (docs/schema/incident-1.json).
//!
//! Field names are those of ECS and OpenTelemetry where they have one, `kuzet.*` for ours. Everything follows from the
//! detections and acts alone, except [`Observed`], which holds what depends on when the agent looked.

use crate::{Evidence, IncidentId, Lifecycle, People, Transfers};
use kuzet_detect::{Family, Kind, Severity, StoreClass};
use kuzet_event::{Count, Outcome, System, Timestamp, Verb};
use serde::{Deserialize, Serialize};

/// Value of the field `schema`.
pub const SCHEMA: &str = "kuzet.incident/1";

/// Whether the story still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Story {
    /// A further detection joins it.
    #[default]
    Running,
    /// 15 minutes of silence or 24 hours: a further detection opens a new incident that follows this one.
    Ended,
}

/// Store of personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreInfo {
    /// Name.
    pub name: String,
    /// Class.
    pub class: StoreClass,
    /// People in it; `null` is unknown.
    pub persons: Count,
    /// Names decided, no catalogue.
    pub guessed: bool,
}

/// One kind of detection in the story.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KindCount {
    /// Kind.
    pub kind: Kind,
    /// Detector or rule.
    pub detector: String,
    /// Its gravest severity here.
    pub severity: Severity,
    /// Detections.
    pub count: u64,
}

/// A rule that the story was told by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleNote {
    /// Its name; stands where a detector's name stands.
    #[serde(rename = "rule.name")]
    pub name: String,
    /// Its id, a UUID as a rule.
    #[serde(rename = "rule.id")]
    pub id: String,
    /// What it finds.
    pub title: String,
    /// ATT&CK techniques.
    #[serde(rename = "threat.technique.id")]
    pub techniques: Vec<String>,
    /// What looks like it and is none.
    pub false_positives: Vec<String>,
    /// What to do first.
    pub responses: Vec<String>,
}

/// Rows moved by the story: at least `known`, and `unknown_parts` detections whose volume the log does not give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Sum of what the logs give.
    pub known: u64,
    /// Detections without a number: unknown is not zero.
    pub unknown_parts: u64,
    /// Rows of changes that failed or were rolled back; not in `known`.
    pub undone: u64,
    /// Rows of the same statements as the server's statistics or slow log count them; `null` when nothing measures. When
    /// they cover every statement without a number, `unknown_parts` is 0.
    #[serde(default)]
    pub measured: Count,
}

impl Rows {
    /// The larger of what was logged and what was measured: both are of the same statements.
    #[must_use]
    pub fn moved(&self) -> u64 {
        self.known.max(self.measured.known().unwrap_or(0))
    }
}

/// Position of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Where {
    /// Source by its configured name.
    #[serde(rename = "kuzet.source")]
    pub source: String,
    /// Identity of the file, 16 hex digits.
    pub file: String,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
}

/// One line of the timeline: one detection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Event that completed the detection.
    #[serde(rename = "@timestamp", with = "crate::time")]
    pub at: Timestamp,
    /// First event it stands for.
    #[serde(rename = "event.start", with = "crate::time")]
    pub since: Timestamp,
    /// Last event it stands for: detections that only go on are added to the line that began them.
    #[serde(rename = "event.end", with = "crate::time")]
    pub until: Timestamp,
    /// What.
    #[serde(rename = "kuzet.kind")]
    pub kind: Kind,
    /// Detector or rule.
    #[serde(rename = "kuzet.detector")]
    pub detector: String,
    /// How bad.
    #[serde(rename = "kuzet.severity")]
    pub severity: Severity,
    /// Why, with numbers and without raw values.
    #[serde(rename = "kuzet.reason")]
    pub reason: String,
    /// How it ended.
    #[serde(rename = "event.outcome")]
    pub outcome: Outcome,
    /// Where from.
    #[serde(rename = "source.address")]
    pub client: String,
    /// Program.
    #[serde(rename = "kuzet.program")]
    pub program: String,
    /// Database.
    #[serde(rename = "db.namespace")]
    pub database: String,
    /// Tables, at most 8.
    #[serde(rename = "db.collection.name")]
    pub relations: Vec<String>,
    /// What the statement does; `null` without a statement.
    #[serde(rename = "db.operation.name")]
    pub verb: Option<Verb>,
    /// Literal-free text, at most 240 bytes.
    #[serde(rename = "db.query.summary")]
    pub summary: Option<String>,
    /// Hash of the literal-free text, 16 hex digits.
    #[serde(rename = "kuzet.statement.fingerprint")]
    pub fingerprint: Option<String>,
    /// Rows; `null` is unknown.
    #[serde(rename = "db.response.returned_rows")]
    pub rows: Count,
    /// Events it stands for.
    #[serde(rename = "kuzet.events")]
    pub events: u64,
    /// Session, 16 hex digits; empty when unknown.
    #[serde(rename = "kuzet.session")]
    pub session: String,
    /// Record that completed it.
    #[serde(rename = "kuzet.place")]
    pub place: Where,
}

/// The story in lines, oldest first: its beginning and its latest part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Lines.
    pub entries: Vec<Entry>,
    /// Lines left out between the beginning and the latest part.
    pub dropped: u64,
}

/// Why two incidents belong together. Each rule holds in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkReason {
    /// This one goes on where that one's window closed: same actor, family and store.
    Follows,
    /// The other side of `follows`.
    FollowedBy,
    /// A server session takes part in both.
    SameSession,
    /// Same role from the same client, windows overlap (15 minutes of slack).
    SameActor,
    /// This one gave rights to the actor of that one, who acted within 24 hours after.
    GrantedTo,
    /// The other side of `granted_to`: the actor of this one got rights in that one.
    GrantedBy,
    /// A login story and another story come from the same network address, windows overlap (15 minutes of slack).
    SameClient,
    /// This one's connections are the way that the data of that one took; it is decided there.
    PartOf,
    /// The other side of `part_of`.
    TakesUp,
}

/// A related incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// Why.
    pub reason: LinkReason,
    /// Which.
    pub id: IncidentId,
}

/// What depends on when the agent looked: a comparison of two replays leaves this object out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Changes told so far; grows by one with every change.
    pub sequence: u64,
    /// When the agent folded the first detection.
    #[serde(with = "crate::time")]
    pub first_seen_at: Timestamp,
    /// When it folded the latest.
    #[serde(with = "crate::time")]
    pub last_seen_at: Timestamp,
    /// Detection delay of the first: seen − event, microseconds.
    pub delay_first_us: u64,
    /// Largest detection delay, microseconds.
    pub delay_max_us: u64,
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// [`SCHEMA`].
    pub schema: String,
    /// Stable name.
    #[serde(rename = "kuzet.incident.id")]
    pub id: IncidentId,
    /// One sentence: who did what where.
    #[serde(rename = "kuzet.headline")]
    pub headline: String,
    /// Family of kinds.
    #[serde(rename = "kuzet.family")]
    pub family: Family,
    /// Gravest detection that was not undone; when all failed, the gravest of those (the severity table has lowered it).
    #[serde(rename = "kuzet.severity")]
    pub severity: Severity,
    /// `success` when any part succeeded, else `unknown` when any part is unknown, else `failure`.
    #[serde(rename = "event.outcome")]
    pub outcome: Outcome,
    /// Kinds, gravest first.
    #[serde(rename = "kuzet.kinds")]
    pub kinds: Vec<KindCount>,
    /// Rules among its detectors, by name; at most 16.
    #[serde(rename = "kuzet.rules", default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleNote>,
    /// Clauses of the policy.
    #[serde(rename = "kuzet.clauses")]
    pub clauses: Vec<String>,
    /// First event.
    #[serde(rename = "event.start", with = "crate::time")]
    pub since: Timestamp,
    /// Last event so far.
    #[serde(rename = "event.end", with = "crate::time")]
    pub until: Timestamp,
    /// Whether the story still runs.
    #[serde(rename = "kuzet.story")]
    pub story: Story,
    /// Server software.
    #[serde(rename = "db.system.name")]
    pub system: System,
    /// Database role or account; empty when the records name none. A role is not a person.
    #[serde(rename = "user.name")]
    pub user: String,
    /// The person behind a shared role, as the application told; empty when it did not tell or the role is not shared.
    #[serde(rename = "user.effective.name", default, skip_serializing_if = "String::is_empty")]
    pub person: String,
    /// Clients, at most 16: addresses, host names, `local`, `unknown`.
    #[serde(rename = "source.address")]
    pub clients: Vec<String>,
    /// Those of them that are network addresses.
    #[serde(rename = "source.ip")]
    pub addresses: Vec<String>,
    /// Programs, at most 16.
    #[serde(rename = "kuzet.programs")]
    pub programs: Vec<String>,
    /// Databases, at most 16.
    #[serde(rename = "db.namespace")]
    pub databases: Vec<String>,
    /// Tables, at most 64.
    #[serde(rename = "db.collection.name")]
    pub relations: Vec<String>,
    /// Store of personal data; `null` when none is known.
    #[serde(rename = "kuzet.store")]
    pub store: Option<StoreInfo>,
    /// Categories of personal data (clause 2.1), in the store's order.
    #[serde(rename = "kuzet.categories")]
    pub categories: Vec<String>,
    /// Sources that told the story, at most 16.
    #[serde(rename = "kuzet.sources")]
    pub sources: Vec<String>,
    /// Events.
    #[serde(rename = "kuzet.events")]
    pub events: u64,
    /// Detections.
    #[serde(rename = "kuzet.detections")]
    pub detections: u64,
    /// Rows.
    #[serde(rename = "kuzet.rows")]
    pub rows: Rows,
    /// Distinct people affected.
    #[serde(rename = "kuzet.people")]
    pub people: People,
    /// Where the data went.
    #[serde(rename = "kuzet.transfers", default, skip_serializing_if = "Transfers::is_empty")]
    pub transfers: Transfers,
    /// Timeline.
    #[serde(rename = "kuzet.timeline")]
    pub timeline: Timeline,
    /// Where the proof lies, and what is missing.
    #[serde(rename = "kuzet.evidence")]
    pub evidence: Evidence,
    /// Related incidents, by reason and id; at most 32.
    #[serde(rename = "kuzet.links")]
    pub links: Vec<Link>,
    /// What people did with it.
    #[serde(rename = "kuzet.lifecycle")]
    pub lifecycle: Lifecycle,
    /// What depends on when the agent looked.
    #[serde(rename = "kuzet.observed")]
    pub observed: Observed,
}

impl Incident {
    /// Whether it is about files of a folder.
    #[must_use]
    pub fn is_of_files(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.name.starts_with("folder/"))
    }

    /// The JSON document; fields in the order of the struct.
    ///
    /// # Errors
    /// None in practice: every field can be serialised.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// From [`to_json`](Self::to_json).
    ///
    /// # Errors
    /// When the text is not an incident of this schema.
    pub fn from_json(text: &str) -> Result<Incident, serde_json::Error> {
        let incident: Incident = serde_json::from_str(text)?;
        if incident.schema == SCHEMA {
            Ok(incident)
        } else {
            Err(serde::de::Error::custom("another schema than kuzet.incident/1"))
        }
    }
}
