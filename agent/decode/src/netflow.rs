//! Flows that a router exports: NetFlow version 5 and 9, IPFIX (RFC 7011); one datagram a line, as the listener writes it.
//!
//! ```text
//! netflow 1795406937395000 10.0.0.1:55123 0005000100…
//! ```
//!
//! The time is that of its receipt, in microseconds since 1970; behind the exporter's address stands the datagram as hexadecimal digits.
//! What an exporter sent and nobody received is known by its sequence numbers and counted as lost, and so is each set of
//! data whose template is not known (yet).

mod fields;
mod running;
mod template;

use crate::account::Lines;
use crate::gateway::Gateway;
use crate::postgres::Verdict;
use crate::recent::hash;
use crate::times::number;
use crate::{Chunk, Decoded, Decoder};
use fields::{Clock, Seen};
use kuzet_event::{Event, Place, Timestamp, Trust};
use lru::LruCache;
use running::Running;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use template::{Kind, Template};

/// Exporters, each with its observation domains, that are followed.
const DOMAINS: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// Templates of one domain that are kept.
const TEMPLATES: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// A sequence that jumps further began anew.
const JUMP: u32 = 1 << 20;
/// An exporter's clock that is further off is not believed.
const DAY: i64 = 86_400_000_000;
/// Largest snapshots, in bytes: of the templates, and with running flows.
const SNAPSHOT: (usize, usize) = (32 << 10, 60 << 10);

/// Decoder of one listener's datagrams.
pub(crate) struct Netflow {
    domains: LruCache<u64, Domain>,
    running: Running,
    gateway: Gateway,
    lines: Lines,
    datagram: Vec<u8>,
}

/// What is known of one exporter's observation domain.
struct Domain {
    templates: LruCache<u16, Template>,
    last: Option<Step>,
    /// When its clock of milliseconds began.
    started: Option<i64>,
    /// One packet of so many is counted.
    sampling: u64,
}

/// The number of a message, and by how much it may make the numbers rise: IPFIX counts records, but not everybody those of
/// options, and some those of the message itself, not of the ones before it.
#[derive(Clone, Copy)]
struct Step {
    sequence: u32,
    least: u32,
    most: u32,
}

impl Default for Domain {
    fn default() -> Domain {
        Domain { templates: LruCache::new(TEMPLATES), last: None, started: None, sampling: 1 }
    }
}

impl Domain {
    /// How many are missing before the message that came now; `whole`: all that it counts is known. What comes late was
    /// counted as missing.
    fn missing(&mut self, step: Step, whole: bool) -> u64 {
        let Some(last) = self.last else {
            self.last = whole.then_some(step);
            return 0;
        };
        let ahead = step.sequence.wrapping_sub(last.sequence);
        if ahead != 0 && ahead.wrapping_neg() < JUMP {
            return 0;
        }
        self.last = whole.then_some(step);
        let fits = |step: Step| (step.least..=step.most).contains(&ahead);
        if ahead >= JUMP || fits(last) || whole && fits(step) {
            return 0;
        }
        u64::from(ahead.saturating_sub(last.most))
    }
}

/// What came of one datagram.
#[derive(Default)]
struct Outcome {
    /// Records of flows that gave events, or whose only fault is to say nothing of an address.
    understood: u64,
    /// Templates, options.
    beside: u64,
    /// Sets without a template, and what is missing before it.
    missed: u64,
}

/// The head that all versions have in their own way, and what is behind it.
struct Message<'a> {
    version: u16,
    domain: u32,
    sequence: u32,
    /// Milliseconds since the exporter started.
    uptime: Option<u32>,
    /// When it was sent, by its own clock.
    sent: i64,
    rest: &'a [u8],
}

/// Big-endian number of the first bytes, which are taken off.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<u64> {
    let (head, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(head.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn take16(rest: &mut &[u8]) -> Option<u16> {
    take::<2>(rest).and_then(|number| u16::try_from(number).ok())
}

fn take32(rest: &mut &[u8]) -> Option<u32> {
    take::<4>(rest).and_then(|number| u32::try_from(number).ok())
}

impl<'a> Message<'a> {
    /// Of version 9 and IPFIX.
    fn read(version: u16, mut rest: &'a [u8]) -> Option<Message<'a>> {
        let count = take16(&mut rest)?;
        let uptime = if version == 9 { Some(take32(&mut rest)?) } else { None };
        let sent = i64::from(take32(&mut rest)?) * 1_000_000;
        let (sequence, domain) = (take32(&mut rest)?, take32(&mut rest)?);
        if version == 10 {
            // IPFIX tells its length; what is behind it is of nobody.
            rest = rest.get(..usize::from(count).checked_sub(16)?)?;
        }
        Some(Message { version, domain, sequence, uptime, sent, rest })
    }
}

impl Netflow {
    pub(crate) fn new() -> Netflow {
        Netflow {
            domains: LruCache::new(DOMAINS),
            running: Running::default(),
            gateway: Gateway::new(),
            lines: Lines::default(),
            datagram: Vec::new(),
        }
    }

    /// The datagram of a line; gives what was missed beside the verdict on it.
    fn line(&mut self, line: &[u8], place: Place, events: &mut Vec<Event>) -> (Verdict, u64) {
        let mut datagram = std::mem::take(&mut self.datagram);
        datagram.clear();
        let outcome = head(line).and_then(|(received, exporter, text)| {
            bytes(text, &mut datagram)?;
            self.datagram(&datagram, received, exporter, place, events)
        });
        self.datagram = datagram;
        match outcome {
            Some(Outcome { understood: 1.., missed, .. }) => (Verdict::Handled, missed),
            Some(Outcome { beside: 1.., missed, .. }) => (Verdict::Suppressed, missed),
            // It is itself one of those that are missed.
            Some(Outcome { missed, .. }) => (Verdict::Lost, missed.saturating_sub(1)),
            None => (Verdict::Lost, 0),
        }
    }

    fn datagram(
        &mut self,
        mut rest: &[u8],
        received: i64,
        exporter: SocketAddr,
        place: Place,
        events: &mut Vec<Event>,
    ) -> Option<Outcome> {
        let version = take16(&mut rest)?;
        let key = |domain: u32| hash(format!("{version} {} {domain}", exporter.ip()).as_bytes());
        if version == 5 {
            let (engine, records) = fields::version5(rest)?;
            let key = key(engine.domain);
            let domain = self.domains.get_or_insert_mut(key, Domain::default);
            let clock = Clock::new(engine.sent, received, Some(engine.uptime), None);
            let count = records.len() as u32;
            let missed = domain.missing(Step { sequence: engine.sequence, least: count, most: count }, true);
            let mut outcome = Outcome { missed, ..Outcome::default() };
            for record in records {
                outcome.understood += 1;
                let seen = Seen::version5(record, &clock, engine.sampling);
                events.push(tell(&mut self.running, &mut self.gateway, &seen, key, place));
            }
            return Some(outcome);
        }
        let message = if matches!(version, 9 | 10) { Message::read(version, rest)? } else { return None };
        let key = key(message.domain);
        // A domain with its templates leaves the cache while it works, so that the other parts can be lent as well.
        let mut domain = self.domains.pop(&key).unwrap_or_default();
        let outcome = self.sets(&message, &mut domain, (key, received), place, events);
        self.domains.put(key, domain);
        outcome
    }

    fn sets(
        &mut self,
        message: &Message<'_>,
        domain: &mut Domain,
        (key, received): (u64, i64),
        place: Place,
        events: &mut Vec<Event>,
    ) -> Option<Outcome> {
        let (mut outcome, mut rest, mut whole) = (Outcome::default(), message.rest, true);
        let (mut records, mut about) = (0u32, 0u32);
        while rest.len() >= 4 {
            let (id, length) = (take16(&mut rest)?, take16(&mut rest)?);
            let Some((mut set, behind)) =
                usize::from(length).checked_sub(4).and_then(|length| rest.split_at_checked(length))
            else {
                (whole, outcome.missed) = (false, outcome.missed + 1);
                break;
            };
            rest = behind;
            if let Some(kind) = Kind::of(message.version, id) {
                while let Some((id, template)) = template::read(kind, &mut set) {
                    outcome.beside += 1;
                    match template {
                        Some(template) => drop(domain.templates.put(id, template)),
                        None => drop(domain.templates.pop(&id)),
                    }
                }
                continue;
            }
            if id < 256 {
                continue;
            }
            let clock = Clock::new(message.sent, received, message.uptime, domain.started);
            let Some(template) = domain.templates.get(&id) else {
                (whole, outcome.missed) = (false, outcome.missed + 1);
                continue;
            };
            let (mut sampling, mut started) = (domain.sampling, domain.started);
            while let Some(found) = template.record(&mut set, &clock) {
                *(if template.options { &mut about } else { &mut records }) += 1;
                if template.options {
                    outcome.beside += 1;
                    sampling = found.sampling.unwrap_or(sampling);
                    started = found.started.or(started);
                } else if let Some(seen) = found.seen(&clock, domain.sampling) {
                    outcome.understood += 1;
                    events.push(tell(&mut self.running, &mut self.gateway, &seen, key, place));
                } else {
                    outcome.beside += 1;
                }
            }
            (domain.sampling, domain.started) = (sampling, started);
        }
        // Version 9 numbers its messages, IPFIX the records of data in them.
        let (least, most) = if message.version == 9 { (1, 1) } else { (records, records + about) };
        let step = Step { sequence: message.sequence, least, most };
        outcome.missed += domain.missing(step, whole || message.version == 9);
        Some(outcome)
    }
}

fn tell(running: &mut Running, gateway: &mut Gateway, seen: &Seen, exporter: u64, place: Place) -> Event {
    let flow = running.add(seen, exporter);
    let mut event = gateway.event(flow, Timestamp(seen.ended), place);
    event.trust = Trust::Forgeable;
    event
}

/// Time of receipt, exporter, datagram.
fn head(line: &[u8]) -> Option<(i64, SocketAddr, &[u8])> {
    let mut words = line.strip_prefix(b"netflow ")?.split(|byte| *byte == b' ');
    let (received, exporter, text) = (words.next()?, words.next()?, words.next()?);
    let received = number(received).filter(|_| matches!(received.len(), 1..=17))?;
    Some((received, std::str::from_utf8(exporter).ok()?.parse().ok()?, text))
}

impl Decoder for Netflow {
    fn decode(&mut self, chunk: Chunk<'_>, events: &mut Vec<Event>) -> Decoded {
        let (mut lines, mut missed) = (std::mem::take(&mut self.lines), 0);
        let mut decoded = lines.decode(chunk, |line, place| {
            let (verdict, more) = self.line(line.trim_ascii_end(), place, events);
            missed += more;
            verdict
        });
        self.lines = lines;
        decoded.tally.seen += missed;
        decoded.tally.lost += missed;
        decoded
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = vec![u8::from(!self.lines.snapshot().is_empty())];
        for (key, domain) in &self.domains {
            let mut one = Vec::new();
            one.extend_from_slice(&key.to_le_bytes());
            one.push(u8::from(domain.last.is_some()));
            let last = domain.last.unwrap_or(Step { sequence: 0, least: 0, most: 0 });
            for number in [last.sequence, last.least, last.most] {
                one.extend_from_slice(&u64::from(number).to_le_bytes());
            }
            one.extend_from_slice(&domain.started.unwrap_or(i64::MIN).to_le_bytes());
            one.extend_from_slice(&domain.sampling.to_le_bytes());
            let templates = one.len();
            one.extend_from_slice(&[0; 2]);
            let mut count = 0u16;
            for (id, template) in &domain.templates {
                if out.len() + one.len() + 5 + template.size() > SNAPSHOT.0 {
                    break;
                }
                one.extend_from_slice(&id.to_le_bytes());
                template.write(&mut one);
                count += 1;
            }
            one[templates..templates + 2].copy_from_slice(&count.to_le_bytes());
            if out.len() + 1 + one.len() > SNAPSHOT.0 {
                break;
            }
            out.push(1);
            out.extend_from_slice(&one);
        }
        out.push(0);
        self.running.snapshot(&mut out, SNAPSHOT.1);
        out
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let [skipping @ 0..2, rest @ ..] = snapshot else { return };
        self.lines.restore(if *skipping == 1 { &[1] } else { &[] });
        let (mut rest, mut domains) = (rest, Vec::new());
        while let [1, behind @ ..] = rest {
            rest = behind;
            let Some(domain) = restore_domain(&mut rest) else { return };
            domains.push(domain);
        }
        for (key, domain) in domains.into_iter().rev() {
            self.domains.put(key, domain);
        }
        if let [0, rest @ ..] = rest {
            self.running.restore(rest);
        }
    }
}

/// A number of a snapshot.
fn little(rest: &mut &[u8]) -> Option<u64> {
    let (head, behind) = rest.split_first_chunk::<8>()?;
    *rest = behind;
    Some(u64::from_le_bytes(*head))
}

fn restore_domain(rest: &mut &[u8]) -> Option<(u64, Domain)> {
    let key = little(rest)?;
    let told = take::<1>(rest)? == 1;
    let mut number = || little(rest).and_then(|number| u32::try_from(number).ok());
    let step = Step { sequence: number()?, least: number()?, most: number()? };
    let mut domain = Domain { last: told.then_some(step), ..Domain::default() };
    domain.started = Some(little(rest)?.cast_signed()).filter(|started| *started != i64::MIN);
    domain.sampling = little(rest)?.max(1);
    let mut templates = Vec::new();
    let (count, behind) = rest.split_first_chunk::<2>()?;
    *rest = behind;
    for _ in 0..u16::from_le_bytes(*count) {
        let (id, behind) = rest.split_first_chunk::<2>()?;
        *rest = behind;
        templates.push((u16::from_le_bytes(*id), Template::restore(rest)?));
    }
    for (id, template) in templates.into_iter().rev() {
        domain.templates.put(id, template);
    }
    Some((key, domain))
}

/// Appends the bytes that the digits of `text` stand for.
fn bytes(text: &[u8], to: &mut Vec<u8>) -> Option<()> {
    let (pairs, rest) = text.as_chunks::<2>();
    let value = |[high, low]: &[u8; 2]| DIGITS[usize::from(*high)] << 4 | DIGITS[usize::from(*low)];
    to.extend(pairs.iter().map(|pair| value(pair) as u8));
    // What is no digit has bits above those of a byte.
    let all = pairs.iter().fold(0, |all, [high, low]| all | DIGITS[usize::from(*high)] | DIGITS[usize::from(*low)]);
    (rest.is_empty() && all < 16).then_some(())
}

/// The value of each digit, 256 for what is none.
const DIGITS: [u16; 256] = {
    let mut digits = [256; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u16;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u16;
        value += 1;
    }
    digits
};

/// Whether `line` could be a datagram.
pub(crate) fn recognises(line: &[u8]) -> bool {
    head(&line[..line.len().min(96)]).is_some()
}
