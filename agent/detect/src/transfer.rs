//! A connection that data left by: where to, how much, by whom, and what joins it with the reading of personal data.

use kuzet_event::{Count, Naming, Process, Timestamp, Transport};
use kuzet_place::Verdict;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;

/// What joins a connection with who read the data, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Joined {
    /// One and the same program, one that it started or that started it, or the reader's own connection.
    Process,
    /// Programs of one login session or one script.
    Session,
    /// Programs of one account.
    Account,
    /// The host that read, as a gateway tells it.
    Host,
}

impl Joined {
    /// Stable name, as it is serialised.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Joined::Process => "process",
            Joined::Session => "session",
            Joined::Account => "account",
            Joined::Host => "host",
        }
    }
}

/// A program on the way of the data, between the reading and the sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When it was started.
    pub at: Timestamp,
    /// Which.
    pub process: Arc<Process>,
}

/// The connection as far as it has come. Later detections of the same flow tell it anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// [`kuzet_event::Flow::id`].
    pub flow: u64,
    /// What carries it.
    pub transport: Transport,
    /// The other side began it.
    pub inbound: bool,
    /// The other side.
    pub to: Option<SocketAddr>,
    /// Name of the other side, and who says so.
    pub name: Option<(Arc<str>, Naming)>,
    /// Where the other side is.
    pub place: Verdict,
    /// The registered recipient that it is, if it is one.
    pub recipient: Option<Arc<str>>,
    /// Bytes sent so far.
    pub sent: Count,
    /// When it began, or was seen first.
    pub since: Timestamp,
    /// Latest record of it.
    pub until: Timestamp,
    /// Who sends.
    pub process: Option<Arc<Process>>,
    /// What joins it with the reading of personal data; `None`: nothing was read.
    pub joined: Option<Joined>,
    /// Programs between the two, in the order in which they were started; at most 8.
    pub steps: Vec<Step>,
}
