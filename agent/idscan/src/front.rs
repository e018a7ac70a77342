//! Documents without a machine-readable zone: their name in letters larger than those of the labels below it.

use crate::check::is_iin;
use crate::components::Letter;
use crate::document::{Confidence, Document, Kind, Side};
use crate::label::{self, Label, Means, Tongue};
use crate::lines::Line;
use crate::net::Net;
use crate::rows;
use crate::said::Said;
use crate::state::State;
use crate::strip::Part;
use crate::view::View;

/// Lines looked at to tell which way is up, and by how much one way must be surer to ask no more.
const PROBES: usize = 3;
const SURER: f32 = 1.2;
/// By less than this neither way is surer.
const UNSURE: f32 = 1.08;
/// Letters of a line that are read at once; of a longer one first the beginning.
const SHORT: usize = 13;
/// Pieces of a line that can be a name, and a label.
const NAME: std::ops::RangeInclusive<usize> = 6..=55;
const LABEL: std::ops::RangeInclusive<usize> = 4..=55;
/// Points of strips read for a name, and for the labels of one.
const NAMES: usize = 2400;
const LABELS: usize = 5500;
/// Lines below a name looked at, the nearest of them, and lines above it.
const BELOW: usize = 32;
const ABOVE: usize = 6;
/// Letters of a line that no field is as long as, and how many such lines a card and a certificate hold at most.
const LONG: usize = 45;
const PROSE: (usize, usize) = (3, 5);
/// How far below its name a card goes, and a certificate, in heights of the name.
const DEEP: (f32, f32) = (30.0, 66.0);
/// Labels are smaller than the name by this at least.
const SMALLER: f32 = 0.9;
/// What is larger by this above the name, and is read as surely as this, names another paper.
const LARGER: f32 = 1.1;
const CLEAR: f32 = 0.8;

/// What reads labels.
pub(crate) struct Fronts {
    net: Net,
    labels: Vec<Label>,
}

/// A line of text, turned so that it is read from left to right, down being more.
struct Row {
    line: Line,
    /// Its middle.
    u: f32,
    v: f32,
    said: Option<Said>,
    hits: Vec<(Means, Tongue)>,
    /// It holds names, of a document or of the state, and little else.
    alone: bool,
    /// The document, when it is alone and names one.
    named: Option<Kind>,
}

impl Fronts {
    pub(crate) fn new() -> Fronts {
        Fronts { net: Net::texts(), labels: label::all() }
    }

    /// The documents among the lines of text that go at one of `angles`.
    pub(crate) fn read(
        &self,
        view: &View<'_>,
        letters: &[Letter],
        angles: &[f32],
        steps: &mut u64,
        pseudonym: &mut dyn FnMut(&str, &[u8]) -> u128,
    ) -> Vec<Document> {
        let mut texts: Vec<Vec<Line>> = angles.iter().map(|angle| rows::find(letters, *angle, steps)).collect();
        let weight = |lines: &Vec<Line>| {
            lines.iter().filter(|line| line.pieces >= 6).map(|line| line.pieces.min(40)).sum::<usize>()
        };
        let Some(best) = (0..texts.len()).max_by_key(|at| (weight(&texts[*at]), std::cmp::Reverse(*at))) else {
            return Vec::new();
        };
        let mut page = Page { fronts: self, view, turned: false, rows: Vec::new() };
        let sure = page.stand(texts.swap_remove(best));
        // Where neither way is much surer, both are tried.
        if page.names()
            || !sure && {
                page.turn();
                page.names()
            }
        {
            return page.documents(pseudonym);
        }
        Vec::new()
    }
}

struct Page<'a> {
    fronts: &'a Fronts,
    view: &'a View<'a>,
    turned: bool,
    rows: Vec<Row>,
}

impl Page<'_> {
    /// Finds out which way `lines` stand, by the longest that could be names, and keeps them so; whether that is sure.
    fn stand(&mut self, mut lines: Vec<Line>) -> bool {
        lines.sort_by_key(|line| std::cmp::Reverse(line.pieces.min(40)));
        let mut sure = [0.0, 0.0];
        for line in lines.iter().take(PROBES) {
            for turned in [false, true] {
                sure[usize::from(turned)] += self.look(line, Part::Middle, turned).0.sure;
            }
            if sure[0] > SURER * sure[1] || sure[1] > SURER * sure[0] {
                break;
            }
        }
        self.turned = sure[1] > sure[0];
        let sign = if self.turned { -1.0 } else { 1.0 };
        let row = |line: Line| {
            let (u, v) = (line.middle() * sign, line.across(line.middle()) * sign);
            Row { line, u, v, said: None, hits: Vec::new(), alone: false, named: None }
        };
        self.rows = lines.into_iter().map(row).collect();
        sure[0] > UNSURE * sure[1] || sure[1] > UNSURE * sure[0]
    }

    /// Turns all upside down.
    fn turn(&mut self) {
        self.turned = !self.turned;
        for row in &mut self.rows {
            (row.u, row.v, row.said) = (-row.u, -row.v, None);
            row.hits.clear();
        }
    }

    fn look(&self, line: &Line, part: Part, turned: bool) -> (Said, usize) {
        let (strip, wide) = self.view.cut(line, part, turned);
        (Said::read(&self.fronts.net.run(strip, wide)), wide)
    }

    /// Reads a line once; the points that it cost.
    fn read(&mut self, at: usize) -> usize {
        if self.rows[at].said.is_some() {
            return 0;
        }
        let (said, wide) = self.look(&self.rows[at].line, Part::Whole, self.turned);
        let folded = said.folded();
        let row = &mut self.rows[at];
        let (mut names, mut named) = (0, None);
        for label in &self.fronts.labels {
            let Some(wrong) = label.wrong_in(folded.letters()) else { continue };
            row.hits.push((label.means, label.tongue));
            match label.means {
                Means::Title(kind) => {
                    names += label.long();
                    // Names of several documents are much alike: the nearest.
                    let rate = wrong as f32 / label.long() as f32;
                    if named.is_none_or(|(_, least)| rate < least) {
                        named = Some((kind, rate));
                    }
                }
                Means::Country => names += label.long(),
                _ => {}
            }
        }
        let digits = said.letters().iter().filter(|letter| **letter < 10).count();
        row.alone = folded.letters().len() * 2 <= 3 * names + 2 && digits < 3;
        let other = row.hits.iter().any(|(means, _)| *means == Means::Other);
        row.named = named.filter(|_| row.alone && !other).map(|(kind, _)| kind);
        row.said = Some(said);
        wide
    }

    /// Reads the largest lines that could be a name; whether there are some.
    fn names(&mut self) -> bool {
        let mut order: Vec<usize> =
            (0..self.rows.len()).filter(|at| NAME.contains(&self.rows[*at].line.pieces)).collect();
        order.sort_by(|a, b| self.rows[*b].line.pitch.total_cmp(&self.rows[*a].line.pitch));
        let mut left = NAMES;
        let mut tongues: Vec<(Tongue, usize)> = Vec::new();
        for at in order {
            // When both names of a document are known, only others like them can be another's.
            let pieces = self.rows[at].line.pieces;
            let known =
                [Tongue::Kazakh, Tongue::Russian].iter().all(|one| tongues.iter().any(|(other, _)| one == other));
            if known && tongues.iter().all(|(_, like)| pieces.abs_diff(*like) > 3) {
                continue;
            }
            if pieces > SHORT {
                let (start, wide) = self.look(&self.rows[at].line, Part::Start, self.turned);
                let start = start.folded();
                left = left.saturating_sub(wide);
                if !self.fronts.labels.iter().any(|label| label.is_head() && label.begins_in(start.letters())) {
                    if left == 0 {
                        break;
                    }
                    continue;
                }
            }
            left = left.saturating_sub(self.read(at));
            let row = &self.rows[at];
            let titles =
                row.hits.iter().filter(|(means, _)| row.named.is_some_and(|kind| *means == Means::Title(kind)));
            tongues.extend(titles.map(|(_, tongue)| (*tongue, pieces)));
            if left == 0 {
                break;
            }
        }
        !tongues.is_empty()
    }

    /// A document for each name with labels below it.
    fn documents(&mut self, pseudonym: &mut dyn FnMut(&str, &[u8]) -> u128) -> Vec<Document> {
        let mut names: Vec<usize> = (0..self.rows.len()).filter(|at| self.rows[*at].named.is_some()).collect();
        names.sort_by(|a, b| self.rows[*a].v.total_cmp(&self.rows[*b].v));
        let (mut documents, mut floor) = (Vec::new(), f32::NEG_INFINITY);
        while let Some(first) = names.first().copied() {
            // The name in the other language stands near.
            let (own, rest): (Vec<usize>, Vec<usize>) = names.into_iter().partition(|at| self.near(first, *at, 12.0));
            names = rest;
            if let Some((document, last)) = self.document(&own, floor, pseudonym) {
                documents.push(document);
                floor = floor.max(last);
            }
        }
        documents
    }

    /// Whether a line stands within so many letters of another.
    fn near(&self, one: usize, other: usize, letters: f32) -> bool {
        let (a, b) = (&self.rows[one], &self.rows[other]);
        (a.v - b.v).abs() <= letters * a.line.pitch && (a.u - b.u).abs() <= 40.0 * a.line.pitch
    }

    /// The document named by the lines `names`, and where it ends. What is above `floor` belongs to others.
    fn document(
        &mut self,
        names: &[usize],
        floor: f32,
        pseudonym: &mut dyn FnMut(&str, &[u8]) -> u128,
    ) -> Option<(Document, f32)> {
        let (first, last) = (*names.first()?, *names.last()?);
        let kind = self.rows[first].named?;
        let high = names.iter().map(|at| self.rows[*at].line.pitch).fold(0.0, f32::max);
        let deep = if kind.is_certificate() { DEEP.1 } else { DEEP.0 };
        let (u, top, bottom) = (self.rows[first].u, self.rows[first].v, self.rows[last].v);
        let lines = |of: &dyn Fn(&Row) -> bool, from: f32| {
            let near = |row: &Row| (row.u - u).abs() <= 40.0 * high && of(row);
            let mut order: Vec<usize> = (0..self.rows.len()).filter(|at| near(&self.rows[*at])).collect();
            order.sort_by(|a, b| (self.rows[*a].v - from).abs().total_cmp(&(self.rows[*b].v - from).abs()));
            order
        };
        // Documents hold no paragraphs: a page that does is one about them.
        let prose = |row: &Row| row.line.pieces >= LONG && row.v > bottom && row.v <= top + deep * high;
        if lines(&prose, bottom).len() > if kind.is_certificate() { PROSE.1 } else { PROSE.0 } {
            return None;
        }
        let label = |row: &Row| LABEL.contains(&row.line.pieces);
        let upper = |row: &Row| label(row) && row.v > floor.max(top - deep * high) && row.v < top - 0.5 * high;
        let mut above = lines(&upper, top);
        above.truncate(ABOVE);
        let mut below = lines(&|row| label(row) && row.v >= top - 0.5 * high && row.v <= top + deep * high, bottom);
        below.truncate(BELOW);
        let mut proof = Proof::default();
        let (mut left, mut speaking) = (LABELS, Vec::new());
        for at in above.into_iter().chain(below) {
            left = left.saturating_sub(self.read(at));
            if proof.add(&self.rows[at], kind, (top, bottom, high)) {
                speaking.push(at);
            }
            if left == 0 || proof.is_ample() {
                break;
            }
        }
        let confidence = proof.confidence(kind)?;
        let holder = proof.iin.map(|iin| pseudonym("iin", &iin.0));
        let region = self.view.region(speaking.iter().map(|at| &self.rows[*at].line));
        let end = speaking.iter().map(|at| self.rows[*at].v).fold(bottom, f32::max);
        let state = State::read(b"KAZ")?;
        let side = if kind.is_certificate() { Side::DataPage } else { Side::Front };
        Some((Document { kind, side, state, confidence, checks: 0, region, dpi: None, holder }, end))
    }
}

/// What speaks for a document.
#[derive(Default)]
struct Proof {
    /// In Kazakh, in Russian.
    names: [bool; 2],
    countries: [bool; 2],
    fields: Vec<u8>,
    labelled: bool,
    /// Lines of labels above the name: it is that of a part of a form.
    form: usize,
    other: bool,
    iin: Option<crate::said::Number>,
}

impl Proof {
    /// Whether `row` speaks for a document named from `top` to `bottom` in letters `high`.
    fn add(&mut self, row: &Row, kind: Kind, (top, bottom, high): (f32, f32, f32)) -> bool {
        let (mut speaks, mut asks) = (false, false);
        let below = row.v > bottom && row.line.pitch <= SMALLER * high;
        for (means, tongue) in &row.hits {
            match means {
                Means::Title(other) if *other == kind && row.named.is_some() => {
                    self.names[*tongue as usize] = true;
                    speaks = true;
                }
                Means::Country if row.alone && row.line.pitch >= 0.7 * high => {
                    self.countries[*tongue as usize] = true;
                    speaks = true;
                }
                Means::Field(field) if below => {
                    if !self.fields.contains(field) {
                        self.fields.push(*field);
                    }
                    speaks = true;
                }
                Means::Iin if below => {
                    self.labelled = true;
                    speaks = true;
                }
                Means::Field(_) | Means::Iin if row.v < top - 0.5 * high => asks = true,
                Means::Other if row.line.pitch >= 0.9 * high => self.other = true,
                _ => {}
            }
        }
        self.form += usize::from(asks);
        let headed = row.v < top - 0.5 * high && row.line.pitch > LARGER * high && NAME.contains(&row.line.pieces);
        // Grain and patterns make lines too, but none that is read surely.
        self.other |= headed && !row.alone && row.said.as_ref().is_some_and(|said| said.sure > CLEAR);
        if let Some(number) = row.said.as_ref().and_then(Said::number).filter(|number| is_iin(&number.0)) {
            self.iin.get_or_insert(number);
        }
        speaks
    }

    /// Different labels; a number counts only beside a label.
    fn labels(&self) -> usize {
        let fields = self.fields.len() + usize::from(self.labelled);
        fields + usize::from(fields > 0 && self.iin.is_some())
    }

    fn is_ample(&self) -> bool {
        self.iin.is_some() && self.confidence(Kind::Birth) == Some(Confidence::Certain)
    }

    fn confidence(&self, kind: Kind) -> Option<Confidence> {
        let both = self.names == [true; 2];
        let country = self.countries.contains(&true);
        let labels = self.labels();
        let score = 2 + usize::from(both) + usize::from(country) + labels;
        // The whole head, in both languages, is as good as a label.
        let headed = both && self.countries == [true; 2];
        let fewest = 1 + usize::from(kind.is_certificate()) - usize::from(headed);
        if self.other || self.form >= 2 || !(both || country) || labels < fewest || score < 4 {
            return None;
        }
        Some(if score >= 7 && both { Confidence::Certain } else { Confidence::Probable })
    }
}
