//! What is said of an address: a verdict, and what it rests on.

use crate::{Country, Date};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// Where an address is registered, as far as the residency of personal data is concerned. Not a word on what is lawful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// In Kazakhstan.
    Domestic,
    /// Abroad, in a country that the operator listed as one that protects personal data.
    ForeignListed {
        /// The country.
        country: Country,
    },
    /// Abroad, in another country.
    ForeignUnlisted {
        /// The country, if the data tell more than "not in Kazakhstan".
        country: Option<Country>,
    },
    /// It cannot be told.
    Unknown(Reason),
    /// Of no country: this host or a network that the Internet does not route. A tunnel may lead anywhere from there.
    Local(Scope),
}

/// Why it cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The address answers from many places, or from the edge of a content network.
    Anycast,
    /// For examples in documents; nobody has it.
    Documentation,
    /// Given to nobody, or for tests and protocols.
    Reserved,
}

/// Kinds of local addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// RFC 1918, fc00::/7.
    Private,
    /// 100.64.0.0/10: between a provider and its customers (CGNAT); overlay networks use it as well.
    Shared,
    /// This host.
    Loopback,
    /// One link.
    LinkLocal,
    /// A group.
    Multicast,
    /// Everybody on the link.
    Broadcast,
    /// No address.
    Unspecified,
}

impl Verdict {
    /// Stable word for output and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Domestic => "domestic",
            Verdict::ForeignListed { .. } => "foreign-listed",
            Verdict::ForeignUnlisted { .. } => "foreign-unlisted",
            Verdict::Unknown(_) => "unknown",
            Verdict::Local(_) => "local",
        }
    }

    /// What narrows the word: why it is unknown, what kind of local.
    #[must_use]
    pub fn detail(self) -> Option<&'static str> {
        match self {
            Verdict::Unknown(Reason::Anycast) => Some("anycast"),
            Verdict::Unknown(Reason::Documentation) => Some("documentation"),
            Verdict::Unknown(Reason::Reserved) => Some("reserved"),
            Verdict::Local(Scope::Private) => Some("private"),
            Verdict::Local(Scope::Shared) => Some("shared"),
            Verdict::Local(Scope::Loopback) => Some("loopback"),
            Verdict::Local(Scope::LinkLocal) => Some("link-local"),
            Verdict::Local(Scope::Multicast) => Some("multicast"),
            Verdict::Local(Scope::Broadcast) => Some("broadcast"),
            Verdict::Local(Scope::Unspecified) => Some("unspecified"),
            Verdict::Domestic | Verdict::ForeignListed { .. } | Verdict::ForeignUnlisted { .. } => None,
        }
    }

    /// The country, where one is known.
    #[must_use]
    pub fn country(self) -> Option<Country> {
        match self {
            Verdict::Domestic => Some(Country::HOME),
            Verdict::ForeignListed { country } => Some(country),
            Verdict::ForeignUnlisted { country } => country,
            Verdict::Unknown(_) | Verdict::Local(_) => None,
        }
    }

    /// Whether the address is abroad for certain. What is unknown is not counted as foreign.
    #[must_use]
    pub fn is_foreign(self) -> bool {
        matches!(self, Verdict::ForeignListed { .. } | Verdict::ForeignUnlisted { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.detail() {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

/// Data that answers rest on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Who says so.
    pub name: String,
    /// Of which day.
    pub date: Date,
}

/// A verdict with what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'p> {
    /// What is said.
    pub verdict: Verdict,
    /// First and last address for which the same holds.
    pub block: (IpAddr, IpAddr),
    /// The IPv4 address inside an IPv6 address that decided.
    pub inside: Option<Ipv4Addr>,
    /// Who runs the prefix, where that is why the place is unknown.
    pub operator: Option<&'p str>,
    /// The data that say so; of an address that no block covers, the blocks of Kazakhstan; none for special ranges.
    pub source: Option<&'p Source>,
}
