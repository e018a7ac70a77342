//! What is known of a file afterwards, read from a line that may be hostile: names become members of closed lists, or there is no
//! answer.

use super::wire::{Scanned, Told, numbers};
use super::{MOST_PEOPLE, MOST_SCANS};
use kuzet_event::PersonKey;
use kuzet_idscan::{Confidence, Kind as Document, Side, Sign};
use kuzet_personal::{Kind, Sureness};

/// How much of a file was looked at. None says that there is nothing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All that can be looked at.
    Inspected,
    /// Some of it; [`Answer::missed`] tells why not the rest.
    Partly,
    /// Nothing; [`Answer::missed`] tells why.
    NotInspected,
    /// Its content is what was known already.
    Same,
    /// The worker did not survive it, or did not make sense.
    Unreadable(Trouble),
}

impl Verdict {
    /// Stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Inspected => "inspected",
            Verdict::Partly => "partly",
            Verdict::NotInspected => "not_inspected",
            Verdict::Same => "same",
            Verdict::Unreadable(_) => "unreadable",
        }
    }
}

/// What came between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The worker ended.
    Crashed,
    /// It took too long.
    Timeout,
    /// It said something that it cannot say.
    Garbled,
}

impl Trouble {
    /// Every trouble.
    pub const ALL: [Trouble; 3] = [Trouble::Crashed, Trouble::Timeout, Trouble::Garbled];

    /// Stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Trouble::Crashed => "crashed",
            Trouble::Timeout => "timeout",
            Trouble::Garbled => "garbled",
        }
    }
}

/// The people of a file, counted by the identifier that tells them best.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// Name space of the keyed hashes: `iin`, or another where a file holds more than twice as many of it; empty where there are
    /// none.
    pub by: &'static str,
    /// Keyed hashes, each once.
    pub hashes: Vec<PersonKey>,
    /// There are more than could be told.
    pub at_least: bool,
}

/// An identity document in a picture: never a letter of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityScan {
    /// What it is.
    pub kind: &'static str,
    /// Issuing state, three letters (ICAO 9303); empty where it was not read.
    pub state: String,
    /// Which side.
    pub side: &'static str,
    /// How sure.
    pub confidence: &'static str,
    /// Check digits that hold.
    pub checks: u8,
    /// Page or picture of the file, from 1.
    pub page: u32,
    /// Signs that it was made from paper.
    pub signs: Vec<&'static str>,
}

/// What is inside a file: counts and keyed hashes, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How much was looked at.
    pub verdict: Verdict,
    /// What it is; empty where that was not told.
    pub format: &'static str,
    /// Bytes of it that were read.
    pub bytes: u64,
    /// Keyed digest of its content, if it was wanted and all of it was read.
    pub digest: Option<u128>,
    /// Why something was not looked at, and how often.
    pub missed: Vec<(&'static str, u32)>,
    /// What was found, by kind.
    pub kinds: Vec<(Kind, Sureness)>,
    /// Whose.
    pub people: People,
    /// Different reserved numbers of this host; not among the people.
    pub canaries: u32,
    /// Identity documents in pictures.
    pub documents: Vec<IdentityScan>,
    /// It is encrypted, wholly or in part.
    pub encrypted: bool,
    /// It holds macros.
    pub macros: bool,
}

impl Answer {
    /// Nothing is known, because the worker did not survive it.
    #[must_use]
    pub fn unreadable(trouble: Trouble) -> Answer {
        Answer::nothing(Verdict::Unreadable(trouble), trouble.name())
    }

    /// Nothing is known, because it could not be opened.
    #[must_use]
    pub fn unopened() -> Answer {
        Answer::nothing(Verdict::NotInspected, OPEN)
    }

    fn nothing(verdict: Verdict, why: &'static str) -> Answer {
        Answer {
            verdict,
            format: "",
            bytes: 0,
            digest: None,
            missed: vec![(why, 1)],
            kinds: Vec::new(),
            people: People::default(),
            canaries: 0,
            documents: Vec::new(),
            encrypted: false,
            macros: false,
        }
    }

    /// Whether personal data, an identity document or a canary was found.
    #[must_use]
    pub fn found(&self) -> bool {
        self.canaries > 0 || !self.documents.is_empty() || self.kinds.iter().any(|(kind, _)| kind.category().is_some())
    }

    /// Reads a line of the worker.
    pub(super) fn parse(line: &[u8]) -> Option<Answer> {
        let told: Told<'_> = serde_json::from_slice(line).ok()?;
        let verdict = match &*told.verdict {
            "inspected" => Verdict::Inspected,
            "partly" => Verdict::Partly,
            "not_inspected" => Verdict::NotInspected,
            "same" => Verdict::Same,
            _ => return None,
        };
        let by = domain(&told.people.0)?;
        let hashes = numbers(&told.people.1).filter(|hashes| hashes.len() <= MOST_PEOPLE)?;
        let mut seen = 0;
        let mut kinds = Vec::with_capacity(told.kinds.len());
        for (name, [certain, strong, likely, weak]) in &told.kinds {
            let kind = Kind::from_name(name)?;
            // Each once, in their order.
            if (kind as usize) < seen {
                return None;
            }
            seen = kind as usize + 1;
            kinds.push((kind, Sureness { certain: *certain, strong: *strong, likely: *likely, weak: *weak }));
        }
        if told.documents.len() > MOST_SCANS || told.missed.len() > MOST_REASONS {
            return None;
        }
        Some(Answer {
            verdict,
            format: format(&told.format)?,
            bytes: told.bytes,
            digest: numbers(&told.digest)?.first().copied(),
            missed: told.missed.iter().map(|(why, times)| Some((reason(why)?, *times))).collect::<Option<_>>()?,
            kinds,
            people: People { by, hashes: hashes.into_iter().map(PersonKey).collect(), at_least: told.people.2 },
            canaries: told.canaries,
            documents: told.documents.iter().map(scan).collect::<Option<_>>()?,
            encrypted: told.encrypted,
            macros: told.macros,
        })
    }
}

/// More reasons than there are.
const MOST_REASONS: usize = 64;

/// The name space of documents without an IIN in their zone.
pub(super) const DOCUMENT: &str = "document";

/// The name spaces of keyed hashes of people: that of the IIN first.
pub(super) fn domains() -> impl DoubleEndedIterator<Item = &'static str> {
    let own = |kind: &Kind| kind.is_person() && kind.domain() == kind.name();
    Kind::ALL.into_iter().filter(own).map(Kind::name).chain([DOCUMENT])
}

/// The name space that is called `name`; an empty name is none.
fn domain(name: &str) -> Option<&'static str> {
    domains().chain([""]).find(|known| *known == name)
}

fn format(name: &str) -> Option<&'static str> {
    kuzet_document::Format::all().map(kuzet_document::Format::name).chain([""]).find(|known| *known == name)
}

/// Reasons of this room, beside those of the crates.
pub(super) const READ: &str = "read";

/// Why the agent could not open a file.
const OPEN: &str = "open";

/// Why a worker did not look at something.
fn told() -> impl Iterator<Item = &'static str> {
    kuzet_document::Why::ALL.into_iter().map(kuzet_document::Why::name).chain([READ])
}

/// Every reason why something was not inspected.
pub fn reasons() -> impl Iterator<Item = &'static str> {
    told().chain([OPEN]).chain(Trouble::ALL.map(Trouble::name))
}

fn reason(name: &str) -> Option<&'static str> {
    told().find(|known| *known == name)
}

/// The name of a side.
pub(super) fn side(side: Side) -> &'static str {
    match side {
        Side::Front => "front",
        Side::Back => "back",
        Side::DataPage => "data_page",
    }
}

/// The name of a confidence.
pub(super) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Probable => "probable",
        Confidence::Certain => "certain",
    }
}

fn scan(told: &Scanned<'_>) -> Option<IdentityScan> {
    fn known<T>(all: &[T], name: impl Fn(&T) -> &'static str, wanted: &str) -> Option<&'static str> {
        all.iter().map(name).find(|known| *known == wanted)
    }
    let kinds = Document::ALL;
    let signs = [Sign::Sheet, Sign::OneBit, Sign::Several, Sign::Machine];
    let state =
        (told.state.len() <= 3 && told.state.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(&told.state)?;
    if told.signs.len() > signs.len() {
        return None;
    }
    Some(IdentityScan {
        kind: known(&kinds, |kind| kind.name(), &told.kind)?,
        state: state.clone().into_owned(),
        side: known(&[Side::Front, Side::Back, Side::DataPage], |of| side(*of), &told.side)?,
        confidence: known(&[Confidence::Probable, Confidence::Certain], |of| confidence(*of), &told.confidence)?,
        checks: told.checks,
        page: told.page,
        signs: told.signs.iter().map(|sign| known(&signs, |sign| sign.name(), sign)).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"verdict":"partly","format":"text","bytes":7,"digest":"","missed":[["unknown",1]],
        "kinds":[["iin",[1,0,0,0]],["phone",[0,2,0,0]]],"people":["iin","00000000000000000000000000000001",false],
        "canaries":0,"documents":[],"encrypted":false,"macros":false}"#;

    #[test]
    fn an_answer_is_of_closed_lists_or_none() {
        let answer = Answer::parse(GOOD.as_bytes()).unwrap();
        assert_eq!((answer.verdict, answer.format, answer.missed[0]), (Verdict::Partly, "text", ("unknown", 1)));
        assert_eq!((answer.people.by, answer.people.hashes[0].0, answer.kinds.len()), ("iin", 1, 2));
        assert!(answer.found());
        for (what, other) in [
            ("\"partly\"", "\"clean\""),
            ("\"text\"", "\"900101300001\""),
            ("\"unknown\"", "\"because 900101300001\""),
            ("\"iin\",[", "\"iin 900101300001\",["),
            ("\"iin\",\"0", "\"name\",\"0"),
            ("00000001\"", "0000001\""),
            ("[\"phone\"", "[\"iin\""),
            ("\"macros\":false", "\"macros\":false,\"value\":\"900101300001\""),
            ("\"bytes\":7", "\"bytes\":-7"),
        ] {
            assert!(GOOD.contains(what), "{what}");
            assert_eq!(Answer::parse(GOOD.replacen(what, other, 1).as_bytes()), None, "{other}");
        }
    }
}
