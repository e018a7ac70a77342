//! Counts of what a text holds, for people who ask "what is in this file" and must not see it.

use crate::{Classifier, Encoding, Finding, Kind, decode_text};

/// Findings of one kind by how sure they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sureness {
    /// 95 % and more.
    pub certain: u64,
    /// 80–94 %.
    pub strong: u64,
    /// 60–79 %.
    pub likely: u64,
    /// Less than 60 %.
    pub weak: u64,
}

impl Sureness {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u64 {
        self.certain + self.strong + self.likely + self.weak
    }

    fn add(&mut self, confidence: u8) {
        match confidence {
            95.. => self.certain += 1,
            80.. => self.strong += 1,
            60.. => self.likely += 1,
            _ => self.weak += 1,
        }
    }
}

/// What a text holds, in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The encoding it was read in.
    pub encoding: Encoding,
    counts: [Sureness; Kind::ALL.len()],
}

impl Summary {
    /// Nothing found yet, in a text of this encoding.
    #[must_use]
    pub fn new(encoding: Encoding) -> Summary {
        Summary { encoding, counts: [Sureness::default(); Kind::ALL.len()] }
    }

    /// Counts a finding.
    pub fn add(&mut self, finding: &Finding) {
        self.counts[finding.kind as usize].add(finding.confidence);
    }

    /// Findings of a kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> Sureness {
        self.counts[kind as usize]
    }

    /// The kinds that were found, in their fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, Sureness)> + '_ {
        Kind::ALL.into_iter().map(|kind| (kind, self.count(kind))).filter(|(_, count)| count.total() > 0)
    }

    /// Whether any finding is personal data: a business number is not.
    #[must_use]
    pub fn personal(&self) -> bool {
        self.iter().any(|(kind, _)| kind.category().is_some())
    }
}

/// Decodes `bytes`, scans all kinds and counts. For texts that fit in memory; for bigger ones feed a
/// [`Scanner`](crate::Scanner) and [`add`](Summary::add).
#[must_use]
pub fn summarise(bytes: &[u8]) -> Summary {
    let (encoding, text) = decode_text(bytes);
    let mut summary = Summary::new(encoding);
    let mut found = Vec::new();
    Classifier::new().scan(text.as_bytes(), &mut found);
    found.iter().for_each(|finding| summary.add(finding));
    summary
}
