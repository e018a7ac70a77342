//! Events of files: what lies in folders, and what is done to them as to any other store.

use super::{Detectors, Met, account_key, bucket_micros, story_micros};
use crate::Detection;
use crate::account::Delta;
use crate::chain::Tools;
use crate::detectors::{Note, call_gathered};
use crate::folders::Folders;
use crate::hands::{Hand, Tally, is_archive};
use crate::hash;
use crate::policy::Doing;
use crate::resolve::{Identity, Template};
use crate::shelf::Shelf;
use crate::teller::{Observation, Teller, Touch};
use kuzet_event::{Count, Deed, Event, FileAct, Outcome};
use smallvec::smallvec;
use std::sync::Arc;

/// The process of Samba; its log says so, too.
const FILE_SERVER: &str = "smbd";
/// Who tells of deeds: a file server's log, the sensor; and how long one that was silent still does, in microseconds.
const SERVER: &[u8] = b"file server";
const SENSOR: &[u8] = b"sensor";
const TELLS: i64 = 600_000_000;

impl Detectors {
    /// Knowing which folders are watched, and what for.
    #[must_use]
    pub fn with_folders(mut self, folders: Folders) -> Detectors {
        let folders = Arc::new(folders);
        self.resolver.folders = Arc::clone(&folders);
        self.shared.folders = folders;
        self
    }

    /// A record of a file.
    pub(super) fn file(&mut self, event: &Event, detections: &mut Vec<Detection>) {
        let Some(act) = event.file.as_deref() else { return };
        if act.deed == Deed::Inspect {
            self.alone(event, false, false, false, detections);
            return;
        }
        let templates = self.resolver.touches(event);
        if self.is_told_better(event, &templates) {
            return;
        }
        let done = event.outcome != Outcome::Failure;
        if done {
            self.hand_over(event, act, detections);
        }
        if act.folder {
            return;
        }
        let who = self.resolver.identify(&event.actor);
        if templates.is_empty() && self.shared.canaries.met(event).is_some() {
            self.alone(event, false, false, false, detections);
        }
        for template in templates.iter() {
            let files = match done {
                true => {
                    let hand = self.shared.hands.entry(who.principal, &mut self.shared.clock).0;
                    hand.note(act, template.doing, template.store_hash, event.at.0, &self.thresholds)
                }
                false => Tally::default(),
            };
            let rows = if template.doing == Doing::Insert { Count::Known(0) } else { event.rows };
            let delta = Delta { events: 1, rows };
            let met = Met { same: false, ended: None, change_outcome: event.outcome, counts: smallvec![] };
            let note = Note { files, ..Note::default() };
            self.touch(event, who, &met, template, delta, rows, &note, detections);
        }
        if let Some(path) = archive(act).filter(|_| done) {
            self.gather(event, who, path, detections);
        }
    }

    /// Whether somebody tells this better, lately and in this store: what a file server's process does, the server's log tells
    /// with the client; what the audit daemon tells, the sensor tells of every file. Nothing is counted twice.
    fn is_told_better(&mut self, event: &Event, templates: &[Template]) -> bool {
        let Some(template) = templates.first() else { return false };
        let key = |who: &[u8]| hash::wide(&[who, &template.store_hash.to_be_bytes()]);
        let serves = |name: &str| name.rsplit('/').next() == Some(FILE_SERVER);
        let (own, better): (_, &[&[u8]]) = match (&event.process, &event.statement) {
            (None, None) if *event.actor.program == *FILE_SERVER => (Some(SERVER), &[]),
            (Some(process), _) if serves(&process.name) => (Some(SENSOR), &[SERVER]),
            (Some(_), _) => (Some(SENSOR), &[]),
            (None, Some(_)) if serves(&event.actor.program) => (None, &[SERVER, SENSOR]),
            (None, Some(_)) => (None, &[SENSOR]),
            (None, None) => (None, &[]),
        };
        let hands = &mut self.shared.hands;
        let since =
            |hands: &Shelf<u128, Hand>, who| hands.peek(key(who)).map(|hand| event.at.0.saturating_sub(hand.last));
        if let Some(who) = own
            && since(hands, who).is_none_or(|passed| passed >= TELLS / 10)
        {
            hands.entry(key(who), &mut self.shared.clock).0.last = event.at.0;
        }
        better.iter().any(|who| since(hands, who).is_some_and(|passed| passed.abs() <= TELLS))
    }

    /// Who makes an archive may have gathered what goes into it.
    fn gather(&mut self, event: &Event, who: Identity, path: &str, detections: &mut Vec<Detection>) {
        let Some(hand) = self.shared.hands.peek(who.principal) else { return };
        let Some((store, files)) = hand.gathered(event.at.0, &self.thresholds) else { return };
        let Some(store) = self.resolver.store_named(store).filter(|_| files >= self.thresholds.staging_files) else {
            return;
        };
        let template = Template::folder(store, Doing::Read);
        let (account, went) = self.accounts.entry(account_key(&template, who), &mut self.shared.clock);
        let bucket = account.advance(event.at, bucket_micros(&self.thresholds), story_micros(&self.thresholds));
        let rows = Count::Known(0);
        let mut touch = Touch::new(&template, Delta { events: 1, rows }, rows, bucket);
        let o = Observation {
            event,
            who,
            same: false,
            change_outcome: event.outcome,
            touches: true,
            denied: false,
            untraced: false,
        };
        let mut teller = Teller { thresholds: &self.thresholds, severities: &self.severities, out: detections };
        call_gathered(&o, &mut touch, account, &mut teller, (files, path));
        self.people = self.people.saturating_sub(went.map_or(0, |account| account.weight()));
    }

    /// What a reader of personal data writes to a file, the next one reads from it.
    fn hand_over(&mut self, event: &Event, act: &FileAct, detections: &mut Vec<Detection>) {
        let mut tools = Tools {
            resolver: &self.resolver,
            thresholds: &self.thresholds,
            severities: &self.severities,
            clock: &mut self.shared.clock,
            out: detections,
        };
        self.chain.handled(event, act, &mut self.flows, &mut tools);
    }
}

/// The path of an archive that a deed makes.
fn archive(act: &FileAct) -> Option<&str> {
    let made = match act.deed {
        Deed::Create | Deed::Write => &act.path,
        Deed::Rename => act.to.as_ref()?,
        _ => return None,
    };
    is_archive(&made.shown).then_some(&*made.shown)
}

#[cfg(test)]
pub(crate) mod tests;
