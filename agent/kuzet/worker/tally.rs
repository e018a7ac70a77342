//! The counts of one file, in the worker: kinds, and people as keyed hashes. Values come in as findings and stay behind.

use super::MOST_PEOPLE;
use super::answer::{DOCUMENT, domains};
use super::wire::{Told, hex};
use kuzet_personal::{Encoding, Finding, Key, Kind, Summary};
use std::collections::HashSet;

/// Different people by one identifier.
struct Crowd {
    domain: &'static str,
    hashes: HashSet<u128>,
    /// There are more than are kept.
    more: bool,
}

/// The counts of one file.
pub(super) struct Tally {
    key: Key,
    /// Keyed hashes of the numbers that this host reserves.
    canaries: HashSet<u128>,
    summary: Summary,
    /// By IIN first.
    crowds: Vec<Crowd>,
    /// Canaries that were found.
    nobody: HashSet<u128>,
}

impl Tally {
    pub(super) fn new(key: Key, canaries: HashSet<u128>) -> Tally {
        let crowd = |domain| Crowd { domain, hashes: HashSet::new(), more: false };
        let crowds = domains().map(crowd).collect();
        Tally { key, canaries, summary: Summary::new(Encoding::Utf8), crowds, nobody: HashSet::new() }
    }

    /// Counts what was found in `text`.
    pub(super) fn take(&mut self, found: &[Finding], text: &[u8]) {
        for finding in found {
            self.summary.add(finding);
            // A mistyped number is nobody's.
            if finding.kind.is_person() && finding.kind != Kind::MistypedIin {
                let hash = finding.pseudonym(text, &self.key);
                self.person(finding.kind.domain(), hash);
            }
        }
    }

    /// The keyed hash of a value that names a person, and its name space: that of the IIN, or of documents.
    pub(super) fn pseudonym(&self, domain: &str, value: &[u8]) -> (&'static str, u128) {
        let iin = Kind::Iin.name();
        (if domain == iin { iin } else { DOCUMENT }, self.key.pseudonym(domain, value))
    }

    /// Counts one person, unless the number is nobody's.
    pub(super) fn person(&mut self, domain: &str, hash: u128) {
        if domain == Kind::Iin.name() && self.canaries.contains(&hash) {
            self.nobody.insert(hash);
            return;
        }
        let Some(crowd) = self.crowds.iter_mut().find(|crowd| crowd.domain == domain) else { return };
        if crowd.hashes.len() < MOST_PEOPLE {
            crowd.hashes.insert(hash);
        } else {
            crowd.more |= !crowd.hashes.contains(&hash);
        }
    }

    /// By which identifier the people are counted: by IIN, unless there is more than twice as much of another.
    fn best(&self) -> Option<&Crowd> {
        let people = self.crowds.first()?;
        // Of several with as many, the first.
        let most = self.crowds.iter().rev().max_by_key(|crowd| crowd.hashes.len())?;
        // Rows of canaries have more than their number; they are nobody's.
        let numbers = people.hashes.len() + self.nobody.len();
        let best = if most.hashes.len() > 2 * numbers { most } else { people };
        Some(best).filter(|best| !best.hashes.is_empty())
    }

    /// Writes the counts into `told` and begins anew.
    pub(super) fn tell(&mut self, told: &mut Told<'_>) {
        let counts =
            self.summary.iter().map(|(kind, of)| (kind.name().into(), [of.certain, of.strong, of.likely, of.weak]));
        told.kinds = counts.collect();
        told.canaries = u32::try_from(self.nobody.len()).unwrap_or(u32::MAX);
        if let Some(best) = self.best() {
            let mut hashes = String::with_capacity(32 * best.hashes.len());
            best.hashes.iter().for_each(|hash| hex(*hash, &mut hashes));
            told.people = (best.domain.into(), hashes.into(), best.more);
        }
        self.summary = Summary::new(Encoding::Utf8);
        for crowd in &mut self.crowds {
            // What one large file needed is not cleaned for each small one.
            if crowd.hashes.capacity() > 4096 {
                crowd.hashes = HashSet::new();
            } else {
                crowd.hashes.clear();
            }
            crowd.more = false;
        }
        self.nobody.clear();
    }
}
