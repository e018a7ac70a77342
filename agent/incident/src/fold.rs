//! The folder: which detection joins which story, and what changed since it was last asked.

use crate::people::PeopleSet;
use crate::story::{Inner, Key, Novelty, Story};
use crate::{
    Act, ActError, ActKind, Incident, IncidentId, LimitCode, LinkReason, Program, Sketch, State, Verdict, link,
};
use kuzet_detect::{Detection, Family, Kind, Severity};
use kuzet_event::{Count, PersonKey, SourceId, Timestamp, Trust};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// What the folder has to know about a source, by its position in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// Configured name.
    pub name: Arc<str>,
    /// Whether its format protects records against forgery.
    pub trust: Trust,
}

/// Settings of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldConfig {
    /// Event-time silence that ends a story: 15 minutes.
    pub quiet: Duration,
    /// Longest story: 24 hours. Also how long an ended one stays in memory for links.
    pub longest: Duration,
    /// People counted one by one in a story: 100,000 (about 2.3 MB); more are estimated.
    pub exact_people: usize,
    /// People counted one by one in all stories together: 250,000 (about 6 MB); beyond that the largest is estimated.
    pub people_budget: usize,
    /// Stories in memory, running and ended: 256.
    pub stories: usize,
    /// First lines kept of a timeline: 32.
    pub timeline_head: usize,
    /// Latest lines kept of a timeline: 32.
    pub timeline_tail: usize,
    /// Sources, in the order of [`SourceId`].
    pub sources: Vec<SourceInfo>,
}

impl Default for FoldConfig {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(15 * 60),
            longest: Duration::from_secs(24 * 3600),
            exact_people: 100_000,
            people_budget: 250_000,
            stories: 256,
            timeline_head: 32,
            timeline_tail: 32,
            sources: Vec::new(),
        }
    }
}

/// What happened to an incident since the last time; the gravest of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// It left memory. For the store only: there is nothing to tell.
    Forgotten,
    /// New detections, numbers or links.
    Updated,
    /// Its window closed.
    Ended,
    /// A person took it.
    Acknowledged,
    /// A person decided it.
    Closed,
    /// It is new. One of the same id that was forgotten long ago (an old log read again) begins anew: what was recorded
    /// of it is replaced.
    Opened,
}

/// What the store has to record and a notifier may have to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What.
    pub what: What,
    /// The incident as it is now; its `observed.sequence` numbers the change.
    pub incident: Arc<Incident>,
    /// What the folder needs beside the incident to go on after a restart.
    pub state: Vec<u8>,
    /// Whether the story is in memory and has to be given to [`Folder::restore`].
    pub live: bool,
    /// People that were not recorded before.
    pub people: Vec<PersonKey>,
    /// Once there are too many people: the sketch, in whose place the recorded keys go.
    pub sketch: Option<Sketch>,
}

impl Change {
    /// Joins a later change of the same incident, where this one could not be recorded yet.
    pub fn absorb(&mut self, later: Change) {
        if later.what == What::Opened {
            *self = later;
            return;
        }
        self.what = self.what.max(later.what);
        (self.incident, self.state, self.live) = (later.incident, later.state, later.live);
        self.people.extend(later.people);
        if later.sketch.is_some() {
            self.people = Vec::new();
            self.sketch = later.sketch;
        }
    }
}

/// A story as the store kept it.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// The incident.
    pub incident: Incident,
    /// [`Change::state`].
    pub state: Vec<u8>,
    /// All people recorded for it.
    pub people: Vec<PersonKey>,
    /// Its sketch.
    pub sketch: Option<Sketch>,
}

/// A saved story could not be read back.
#[derive(Debug, thiserror::Error)]
#[error("saved state of incident {id} cannot be read: {why}")]
pub struct RestoreError {
    /// Which.
    pub id: IncidentId,
    /// What is wrong.
    pub why: String,
}

/// A gap that stories near it have to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GapSeen {
    /// Counts gaps, so that those of several stories can be put together after a restart.
    number: u64,
    source: SourceId,
    at: Timestamp,
    bytes: Count,
}

/// Gaps remembered for stories that open after them.
const GAPS: usize = 16;

/// Folds detections into incidents.
pub struct Folder {
    config: FoldConfig,
    unnamed: SourceInfo,
    stories: BTreeMap<u64, Story>,
    keys: HashMap<Key, Vec<u64>>,
    ids: BTreeMap<IncidentId, u64>,
    changed: BTreeMap<u64, What>,
    gaps: Vec<GapSeen>,
    forgotten: Vec<Change>,
    held: usize,
}

impl Folder {
    /// An empty folder.
    #[must_use]
    pub fn new(config: FoldConfig) -> Folder {
        Folder {
            config,
            unnamed: SourceInfo { name: Arc::from("unnamed"), trust: Trust::Structured },
            stories: BTreeMap::new(),
            keys: HashMap::new(),
            ids: BTreeMap::new(),
            changed: BTreeMap::new(),
            gaps: Vec::new(),
            forgotten: Vec::new(),
            held: 0,
        }
    }

    /// Corrects what is known of a source, once its format has been recognised.
    pub fn trust_source(&mut self, source: SourceId, trust: Trust) {
        if let Some(info) = self.config.sources.get_mut(usize::from(source.0)) {
            info.trust = trust;
        }
    }

    /// Goes on under another configuration; `renumber` gives the new number of a
    /// source.
    pub fn reconfigure(&mut self, config: FoldConfig, renumber: impl Fn(SourceId) -> SourceId) {
        self.config = config;
        let stories = self.stories.values_mut().flat_map(|story| &mut story.inner.gaps);
        for gap in self.gaps.iter_mut().chain(stories) {
            gap.source = renumber(gap.source);
        }
    }

    /// Takes a detection into its story, or opens one. `seen_at` is the wall clock, for the detection delay only.
    pub fn fold(&mut self, detection: &Detection, seen_at: Timestamp) {
        let source = self.config.sources.get(usize::from(detection.place.source.0)).unwrap_or(&self.unnamed).clone();
        let key = Key::of(detection, &source);
        let (serial, opened) = match self.running(&key, detection) {
            Some(serial) => (serial, false),
            // It only gives the numbers of a story, and the story is over.
            None if detection.measures => return,
            None => (self.open(&key, detection, seen_at), true),
        };
        let Some(story) = self.stories.get_mut(&serial) else { return };
        let before = story.people.held();
        let Novelty(new) = story.take(detection, &source, &self.config, seen_at);
        self.held = self.held + story.people.held() - before;
        // A late detection reopens a window that a tick had closed.
        story.incident.story = crate::Story::Running;
        self.mark(serial, if opened { What::Opened } else { What::Updated });
        if opened {
            self.apply_recent_gaps(serial);
        }
        if opened || new {
            self.link(serial);
        }
        if detection.kind == Kind::Exfiltration && detection.events > 0 {
            self.take_up(serial, detection.at);
        }
        self.keep_budget();
    }

    /// Traffic that was told before its reading was known is part of the reading's story now, and needs nobody's attention
    /// beside it, unless somebody gave it his already.
    fn take_up(&mut self, serial: u64, at: Timestamp) {
        let Some(whole) = self.stories.get(&serial).map(|story| &story.incident) else { return };
        let part = |story: &Story| {
            let incident = &story.incident;
            let idle = incident.family == Family::Traffic && incident.lifecycle.state == State::Open;
            idle && whole.transfers.cover(&incident.transfers)
        };
        let parts = self.stories.iter().filter(|(_, story)| part(story));
        let (parts, id): (Vec<u64>, _) = (parts.map(|(serial, _)| *serial).collect(), whole.id);
        let reason = "its connections are part of the incident that it is linked with".to_owned();
        let act = Act { kind: ActKind::Close { verdict: Verdict::TakenUp }, reason, by: "kuzet".to_owned() };
        for other in parts {
            let Some(story) = self.stories.get_mut(&other) else { continue };
            link::add(story, LinkReason::PartOf, id);
            let part = story.incident.id;
            // It is open: nothing refuses that.
            let _ = self.act(part, &act, at);
            if let Some(story) = self.stories.get_mut(&serial) {
                link::add(story, LinkReason::TakesUp, part);
            }
        }
    }

    /// Takes a detection that is to tell nothing by itself: where a story of its kind, actor and store runs, its numbers
    /// are part of it; otherwise it is gone.
    pub fn join(&mut self, detection: Detection, seen_at: Timestamp) {
        let source = self.config.sources.get(usize::from(detection.place.source.0)).unwrap_or(&self.unnamed);
        let key = Key::of(&detection, source);
        if self.running(&key, &detection).is_some() {
            let silent = Detection { reason: String::new(), severity: Severity::Low, ..detection };
            self.fold(&silent, seen_at);
        }
    }

    /// The story that the detection belongs to, by event time.
    fn running(&mut self, key: &Key, detection: &Detection) -> Option<u64> {
        let (quiet, longest) = (self.config.quiet, self.config.longest);
        let (since, at) = (detection.since.min(detection.at), detection.at);
        let mut found = None;
        let mut over = Vec::new();
        for serial in self.keys.get(key)? {
            let Some(story) = self.stories.get(serial) else { continue };
            let incident = &story.incident;
            if story.inner.settled || incident.lifecycle.state == State::Closed {
                continue;
            }
            let near = link::overlap((since, at), (incident.since, incident.until), quiet);
            if near && incident.until.max(at).since(incident.since.min(at)) <= longest {
                found = Some(*serial);
            } else if at > incident.until && incident.story == crate::Story::Running {
                over.push(*serial);
            }
        }
        for serial in over {
            self.end(serial);
        }
        found
    }

    fn open(&mut self, key: &Key, detection: &Detection, seen_at: Timestamp) -> u64 {
        self.make_room();
        let serial = self.next();
        let number = |time: Timestamp| time.0.to_le_bytes();
        let fingerprint = detection.statement.as_ref().map_or(0, |statement| statement.fingerprint);
        let mut who = key.user.to_string();
        if !key.person.is_empty() {
            who.extend(["\0", &key.person]);
        }
        let parts: [&[u8]; 9] = [
            key.system.name().as_bytes(),
            who.as_bytes(),
            &[key.family as u8, u8::from(key.store)],
            key.place.as_bytes(),
            &number(detection.since),
            &number(detection.at),
            detection.kind.name().as_bytes(),
            &detection.session.0.to_le_bytes(),
            &fingerprint.to_le_bytes(),
        ];
        let mut salt = 0;
        let mut id = IncidentId::of(&parts, salt);
        while self.ids.contains_key(&id) {
            salt += 1;
            id = IncidentId::of(&parts, salt);
        }
        let mut story = Story::open(id, serial, key, detection, seen_at);
        let earlier = self.keys.get(key).into_iter().flatten().filter_map(|serial| self.stories.get(serial));
        let last = earlier.max_by_key(|other| (other.incident.until, other.inner.serial));
        if let Some((before, before_id)) = last.map(|other| (other.inner.serial, other.incident.id)) {
            link::add(&mut story, LinkReason::Follows, before_id);
            if let Some(other) = self.stories.get_mut(&before)
                && link::add(other, LinkReason::FollowedBy, id)
            {
                self.mark(before, What::Updated);
            }
        }
        self.insert(story);
        serial
    }

    /// Position of the next story. Follows from the stories in memory alone: a counter of its own would start anew when a
    /// restart comes after the latest was forgotten.
    fn next(&self) -> u64 {
        self.stories.last_key_value().map_or(0, |(serial, _)| serial + 1)
    }

    fn insert(&mut self, story: Story) {
        let serial = story.inner.serial;
        self.ids.insert(story.incident.id, serial);
        self.keys.entry(story.key()).or_default().push(serial);
        self.held += story.people.held();
        self.stories.insert(serial, story);
    }

    fn mark(&mut self, serial: u64, what: What) {
        let slot = self.changed.entry(serial).or_insert(what);
        *slot = (*slot).max(what);
    }

    fn end(&mut self, serial: u64) {
        if let Some(story) = self.stories.get_mut(&serial)
            && story.incident.story == crate::Story::Running
        {
            story.incident.story = crate::Story::Ended;
            self.mark(serial, What::Ended);
        }
    }

    fn link(&mut self, serial: u64) {
        let Some(story) = self.stories.get(&serial) else { return };
        let id = story.incident.id;
        let mut found = Vec::new();
        for (other_serial, other) in &self.stories {
            if *other_serial != serial {
                for (mine, theirs) in link::reasons(story, other, self.config.quiet, self.config.longest) {
                    found.push((*other_serial, other.incident.id, mine, theirs));
                }
            }
        }
        for (other_serial, other_id, mine, theirs) in found {
            if let Some(story) = self.stories.get_mut(&serial) {
                link::add(story, mine, other_id);
            }
            if let Some(other) = self.stories.get_mut(&other_serial)
                && link::add(other, theirs, id)
            {
                self.mark(other_serial, What::Updated);
            }
        }
    }

    /// Bytes of `source` were lost; every story that runs about that time says so. `at` is event time as near as known.
    pub fn gap(&mut self, source: SourceId, at: Timestamp, bytes: Count) {
        if self.gaps.len() >= GAPS {
            self.gaps.remove(0);
        }
        let number = self.gaps.last().map_or(0, |gap| gap.number + 1);
        let gap = GapSeen { number, source, at, bytes };
        self.gaps.push(gap);
        let serials: Vec<u64> = self.stories.keys().copied().collect();
        for serial in serials {
            self.apply_gap(serial, gap);
        }
    }

    fn apply_recent_gaps(&mut self, serial: u64) {
        for gap in self.gaps.clone() {
            self.apply_gap(serial, gap);
        }
    }

    fn apply_gap(&mut self, serial: u64, gap: GapSeen) {
        let name = self.config.sources.get(usize::from(gap.source.0)).unwrap_or(&self.unnamed).name.clone();
        let quiet = self.config.quiet;
        let Some(story) = self.stories.get_mut(&serial) else { return };
        let window = (story.incident.since, story.incident.until);
        let told = story.incident.sources.iter().any(|source| **source == *name);
        if told && link::overlap(window, (gap.at, gap.at), quiet) {
            story.incident.evidence.limit(LimitCode::Gap, &name, gap.bytes.known().unwrap_or(0));
            self.mark(serial, What::Updated);
        }
    }

    /// Closes windows that are silent. `now` is the event time up to which every source has been read (the clock, where
    /// all are at their end): it must not run ahead of records that are still to come.
    pub fn tick(&mut self, now: Timestamp) {
        let (quiet, longest) = (self.config.quiet, self.config.longest);
        let mut over = Vec::new();
        let mut gone = Vec::new();
        for (serial, story) in &mut self.stories {
            let incident = &story.incident;
            let silent = now.since(incident.until);
            if incident.story == crate::Story::Running && (silent > quiet || now.since(incident.since) > longest) {
                over.push(*serial);
            }
            if silent > quiet * 2 && !story.inner.settled {
                story.refresh();
                self.held -= story.people.held();
                story.inner.settled = true;
                self.changed.entry(*serial).or_insert(What::Updated);
            }
            if silent > longest {
                gone.push(*serial);
            }
        }
        for serial in over {
            self.end(serial);
        }
        for serial in gone {
            self.forget(serial);
        }
    }

    fn forget(&mut self, serial: u64) {
        let what = self.changed.remove(&serial).unwrap_or(What::Forgotten);
        if let Some(mut change) = self.change(serial, what) {
            change.live = false;
            self.forgotten.push(change);
        }
        let Some(story) = self.stories.remove(&serial) else { return };
        if !story.inner.settled {
            self.held -= story.people.held();
        }
        self.ids.remove(&story.incident.id);
        let key = story.key();
        if let Some(list) = self.keys.get_mut(&key) {
            list.retain(|one| *one != serial);
            if list.is_empty() {
                self.keys.remove(&key);
            }
        }
    }

    /// Too many stories: the ended one that was silent longest goes; if all run, the one silent longest is cut short.
    fn make_room(&mut self) {
        while self.stories.len() >= self.config.stories.max(1) {
            let oldest = |(serial, story): &(&u64, &Story)| {
                (story.incident.story == crate::Story::Running, story.incident.until, **serial)
            };
            let Some(serial) = self.stories.iter().min_by_key(oldest).map(|(serial, _)| *serial) else { return };
            if let Some(story) = self.stories.get_mut(&serial)
                && story.incident.story == crate::Story::Running
            {
                story.incident.evidence.limit(LimitCode::WindowCutShort, "", 0);
                self.end(serial);
            }
            self.forget(serial);
        }
    }

    /// Too many people one by one: the largest set becomes a sketch.
    fn keep_budget(&mut self) {
        while self.held > self.config.people_budget {
            let largest = |(serial, story): &(&u64, &mut Story)| (story.people.held(), std::cmp::Reverse(**serial));
            let unsettled = self.stories.iter_mut().filter(|(_, story)| !story.inner.settled);
            let Some((serial, story)) = unsettled.max_by_key(largest) else { return };
            self.held -= story.people.held();
            story.spill();
            let serial = *serial;
            self.mark(serial, What::Updated);
        }
    }

    /// What a person did.
    ///
    /// # Errors
    /// [`ActError::Unknown`] when the incident is not in memory ([`adopt`](Self::adopt) it from the store first),
    /// [`ActError::Closed`] when it is closed.
    pub fn act(&mut self, id: IncidentId, act: &Act, at: Timestamp) -> Result<(), ActError> {
        let serial = *self.ids.get(&id).ok_or(ActError::Unknown)?;
        let story = self.stories.get_mut(&serial).ok_or(ActError::Unknown)?;
        story.incident.lifecycle.apply(act, at)?;
        let closed = story.incident.lifecycle.state == State::Closed;
        if closed {
            // A verdict covers what was seen; anything later is a new incident and is told again.
            story.incident.story = crate::Story::Ended;
        }
        self.mark(serial, if closed { What::Closed } else { What::Acknowledged });
        Ok(())
    }

    /// Notes in every incident that tells of `program` what its file is. It decides nothing: a replay, which cannot know it,
    /// gives the same incidents without it.
    pub fn hashed(&mut self, program: &Program, sha256: &str) {
        let open = |story: &&mut Story| story.incident.lifecycle.state != State::Closed;
        for story in self.stories.values_mut().filter(open) {
            if story.incident.transfers.hashed(program, sha256) {
                self.changed.entry(story.inner.serial).or_insert(What::Updated);
            }
        }
    }

    /// What changed since the last call, one change an incident, in the order in which the incidents were opened.
    pub fn changes(&mut self) -> Vec<Change> {
        let mut changes = std::mem::take(&mut self.forgotten);
        let forgot = !changes.is_empty();
        for (serial, what) in std::mem::take(&mut self.changed) {
            changes.extend(self.change(serial, what));
        }
        if forgot {
            // A gap is remembered as long as a story that is recorded with it: no restart makes a difference.
            self.gaps.retain(|gap| self.stories.values().any(|story| story.inner.gaps.contains(gap)));
        }
        changes
    }

    fn change(&mut self, serial: u64, what: What) -> Option<Change> {
        let story = self.stories.get_mut(&serial)?;
        story.refresh();
        story.incident.observed.sequence += 1;
        let people = story.people.take_fresh();
        let sketch = story.people.take_sketch();
        if story.inner.settled {
            story.people = PeopleSet::default();
        }
        story.inner.gaps.clone_from(&self.gaps);
        let state = serde_json::to_vec(&story.inner).unwrap_or_default();
        Some(Change { what, incident: Arc::new(story.incident.clone()), state, live: true, people, sketch })
    }

    /// Incidents in memory, in the order in which they were opened; numbers as of the last [`changes`](Self::changes).
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.stories.values().map(|story| &story.incident)
    }

    /// Puts back what the store kept ([`Change::live`]), before anything is folded.
    ///
    /// # Errors
    /// [`RestoreError`] for a story whose state is damaged; the others are in place.
    pub fn restore(&mut self, saved: Vec<Saved>) -> Result<(), RestoreError> {
        let mut result = Ok(());
        for one in saved {
            if let Err(error) = self.put_back(one, false) {
                result = Err(error);
            }
        }
        result
    }

    /// Takes an old incident from the store into memory, so that it can be acted on. Nothing joins it.
    ///
    /// # Errors
    /// [`RestoreError`] when its state is damaged.
    pub fn adopt(&mut self, saved: Saved) -> Result<(), RestoreError> {
        if self.ids.contains_key(&saved.incident.id) {
            return Ok(());
        }
        self.make_room();
        self.put_back(saved, true)
    }

    fn put_back(&mut self, saved: Saved, settled: bool) -> Result<(), RestoreError> {
        let id = saved.incident.id;
        let mut inner: Inner =
            serde_json::from_slice(&saved.state).map_err(|error| RestoreError { id, why: error.to_string() })?;
        if !settled {
            for gap in inner.gaps.iter().copied() {
                if let Err(index) = self.gaps.binary_search_by_key(&gap.number, |other| other.number) {
                    self.gaps.insert(index, gap);
                }
            }
            let surplus = self.gaps.len().saturating_sub(GAPS);
            self.gaps.drain(..surplus);
        }
        inner.settled |= settled;
        if settled || self.stories.contains_key(&inner.serial) {
            inner.serial = self.next();
        }
        let people = if inner.settled { PeopleSet::default() } else { PeopleSet::restore(&saved.people, saved.sketch) };
        self.insert(Story::restore(saved.incident, inner, people));
        Ok(())
    }
}
