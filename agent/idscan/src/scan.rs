//! From a picture to documents: lines at two or three sizes, pairs of lines read until they are a zone or none; without
//! a zone, names and labels.

use crate::components::{self, Letter};
use crate::document::{Confidence, Document, Kind, Side};
use crate::front::Fronts;
use crate::gray::{Gray, Picture, double, shrink, soften};
use crate::lines::{self, Line};
use crate::mrz;
use crate::net::Net;
use crate::sign::{self, Sign};
use crate::strip::Part;
use crate::text::Text;
use crate::view::View;

/// Points that sums of areas can hold.
const MOST: usize = 1 << 30;

/// What a scan may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Points of a picture; larger ones are not looked at.
    pub points: usize,
    /// The longer side that letters are looked for at.
    pub side: usize,
    /// Letters at one size; a picture with more is noise.
    pub letters: usize,
    /// Neighbours of letters looked at in one picture.
    pub steps: u64,
    /// Lines read at one size, and half the beginnings of lines; each document found gives four more.
    pub strips: usize,
    /// Pages of one file.
    pub pages: u32,
    /// Bytes that a decoder may hold besides the gray picture.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            points: 120_000_000,
            side: 2000,
            letters: 30_000,
            steps: 20_000_000,
            strips: 8,
            pages: 200,
            memory: 256 << 20,
        }
    }
}

/// Why a picture was not looked at, or not wholly.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unseen {
    /// No format that is decoded here, or a variant of one.
    Format,
    /// It breaks the rules of its format, or its end is missing; what came before was seen.
    Damaged,
    /// A decoder would hold more bytes than the limit.
    Memory,
    /// More pages than the limit.
    Pages,
    /// Not as many points as width and height say.
    Shape,
    /// More points than the limit.
    Points,
    /// More letters, or more neighbours of letters, than the limit.
    Letters,
}

impl Unseen {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Unseen::Format => "format",
            Unseen::Damaged => "damaged",
            Unseen::Memory => "memory",
            Unseen::Pages => "pages",
            Unseen::Shape => "shape",
            Unseen::Points => "points",
            Unseen::Letters => "letters",
        }
    }
}

/// What a picture holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scan {
    /// Documents, from the top down.
    pub documents: Vec<Document>,
    /// Signs that the documents were scanned from paper.
    pub signs: Vec<Sign>,
    /// What was not looked at; without documents this is no "clean".
    pub unseen: Option<Unseen>,
}

/// The reader of pictures: makes its networks once.
pub struct Reader {
    net: Net,
    fronts: Fronts,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::new()
    }
}

impl Reader {
    /// A reader.
    #[must_use]
    pub fn new() -> Reader {
        Reader { net: Net::zones(), fronts: Fronts::new() }
    }

    /// The documents in `picture`. `pseudonym` makes a keyed hash of a value in a domain: of an IIN in `iin`, else of
    /// state and number in `document`; it must not keep the value.
    pub fn scan(&self, picture: &Picture<'_>, limits: &Limits, pseudonym: &mut dyn FnMut(&str, &[u8]) -> u128) -> Scan {
        let mut scan = Scan::default();
        if !picture.is_whole() {
            scan.unseen = Some(Unseen::Shape);
            return scan;
        }
        if picture.gray.len() > limits.points.min(MOST) {
            scan.unseen = Some(Unseen::Points);
            return scan;
        }
        let mut steps = limits.steps;
        let side = limits.side.clamp(64, 8000);
        let base = shrink(picture, side);
        let mut texts: Option<(Gray, Vec<Letter>, Vec<f32>)> = None;
        for size in [Size::Whole, Size::Half, Size::Double] {
            let Some(work) = size.of(&base.view(), side) else { continue };
            let Some(letters) = components::letters(&work.view(), limits.letters) else {
                scan.unseen = Some(Unseen::Letters);
                continue;
            };
            let (zones, angles) = lines::find(&letters, &mut steps);
            if steps == 0 {
                scan.unseen = Some(Unseen::Letters);
            }
            let mut page = Page::new(&self.net, View::new(picture, work.view()), zones);
            page.read(limits.strips, pseudonym);
            let sure =
                |documents: &[Document]| documents.iter().filter(|one| one.confidence == Confidence::Certain).count();
            if (sure(&page.documents), page.documents.len()) > (sure(&scan.documents), scan.documents.len()) {
                scan.documents = page.documents;
            }
            if sure(&scan.documents) > 0 || steps == 0 {
                break;
            }
            // Labels are small: they are read at the largest size.
            if !matches!(size, Size::Half) {
                texts = Some((work, letters, angles));
            }
        }
        if let Some((work, letters, angles)) = texts.filter(|_| scan.documents.is_empty()) {
            let view = View::new(picture, work.view());
            scan.documents = self.fronts.read(&view, &letters, &angles, &mut steps, pseudonym);
            if steps == 0 {
                scan.unseen = Some(Unseen::Letters);
            }
        }
        scan.documents.sort_by_key(|document| document.region);
        scan.signs = sign::of(picture, &scan.documents);
        scan
    }
}

/// Sizes at which a picture is looked at: large letters and grain want a smaller one, small pictures a larger one.
#[derive(Clone, Copy)]
enum Size {
    Whole,
    Half,
    Double,
}

impl Size {
    fn of(self, base: &Picture<'_>, side: usize) -> Option<Gray> {
        match self {
            Size::Whole => Some(soften(base)),
            Size::Half => (base.side() >= side * 9 / 20).then(|| shrink(base, side / 2)),
            Size::Double => (base.side() <= side * 11 / 20).then(|| double(base)),
        }
    }
}

/// The lines of a picture at one size, and what was read of them.
struct Page<'a> {
    net: &'a Net,
    view: View<'a>,
    lines: Vec<Line>,
    /// Whether a line begins as a zone does, as it stands and upside down.
    starts: Vec<[Option<bool>; 2]>,
    /// What a line says, as it stands and upside down.
    texts: Vec<[Option<Text>; 2]>,
    documents: Vec<Document>,
}

/// What may still be read at this size.
struct Left {
    strips: usize,
    starts: usize,
}

/// Lines of a page that are looked at, the best of them.
const LINES: usize = 200;

/// How much a line looks like one of a zone: regular, and as long as one of the formats.
fn worth(line: &Line) -> f32 {
    let off = [30.0, 36.0, 44.0].into_iter().map(|width: f32| (line.letters() - width).abs()).fold(5.0, f32::min);
    line.regular - 0.1 * off
}

/// Two lines that could be the first two of a zone.
#[derive(Clone, Copy)]
struct Pair {
    upper: usize,
    lower: usize,
    rank: f32,
}

impl<'a> Page<'a> {
    fn new(net: &'a Net, view: View<'a>, mut lines: Vec<Line>) -> Page<'a> {
        lines.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
        lines.truncate(LINES);
        let starts = vec![[None; 2]; lines.len()];
        let texts = lines.iter().map(|_| [None, None]).collect();
        Page { net, view, lines, starts, texts, documents: Vec::new() }
    }

    fn read(&mut self, strips: usize, pseudonym: &mut dyn FnMut(&str, &[u8]) -> u128) {
        let mut left = Left { strips, starts: strips * 2 };
        let mut read: Vec<(f32, f32)> = Vec::new();
        for pair in self.pairs() {
            // A zone is read once, though its lines may be found in two directions.
            let middles = [pair.upper, pair.lower].map(|line| self.middle(line));
            let reach = 1.2 * self.lines[pair.upper].pitch;
            let near = |a: &(f32, f32), b: &(f32, f32)| (a.0 - b.0).hypot(a.1 - b.1) < reach;
            if middles.iter().any(|middle| read.iter().any(|other| near(middle, other))) {
                continue;
            }
            for turned in [false, true] {
                let (first, second) = if turned { (pair.lower, pair.upper) } else { (pair.upper, pair.lower) };
                if !self.begins(first, turned, &mut left)
                    || !self.reads(first, turned, &mut left)
                    || !self.reads(second, turned, &mut left)
                {
                    continue;
                }
                let text = |line: usize| self.texts[line][usize::from(turned)].as_ref();
                let (Some(a), Some(b)) = (text(first), text(second)) else { continue };
                let Some(zone) = mrz::read(a, b, pseudonym) else { continue };
                read.extend(middles);
                left = Left { strips: left.strips + 4, starts: left.starts + 8 };
                let region = self.view.region([first, second].iter().map(|line| &self.lines[*line]));
                let dpi = Some((self.lines[first].pitch * self.view.scale * 10.0).round() as u32);
                let mrz::Zone { kind, state, confidence, checks, holder } = zone;
                let (side, holder) = (side(kind), Some(holder));
                self.documents.push(Document { kind, side, state, confidence, checks, region, dpi, holder });
                break;
            }
        }
    }

    /// Lines one above the other, those first that are as regular and as long as lines of a zone.
    fn pairs(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (i, upper) in self.lines.iter().enumerate() {
            for (j, lower) in self.lines.iter().enumerate() {
                let apart = (lower.across(upper.middle()) - upper.across(upper.middle())) / upper.pitch;
                let beside = (upper.first - lower.first).abs() / upper.pitch;
                let like = (upper.pitch / lower.pitch - 1.0).abs() <= 0.15 && upper.angle == lower.angle;
                if i != j && like && (0.8..=4.2).contains(&apart) && beside <= 8.0 {
                    // Lines of a zone begin at one place; a third line between them speaks against the pair.
                    let rank = worth(upper) + worth(lower) - 0.05 * beside - 0.02 * apart;
                    pairs.push(Pair { upper: i, lower: j, rank });
                }
            }
        }
        pairs.sort_by(|a, b| b.rank.total_cmp(&a.rank));
        pairs
    }

    /// The middle of a line in the picture.
    fn middle(&self, line: usize) -> (f32, f32) {
        let line = &self.lines[line];
        line.point(line.middle(), line.across(line.middle()))
    }

    /// Whether the first letters of a line could begin a zone: cheap to see, and true of few lines.
    fn begins(&mut self, line: usize, turned: bool, left: &mut Left) -> bool {
        if self.starts[line][usize::from(turned)].is_none() && left.starts > 0 {
            left.starts -= 1;
            let begins = mrz::could_begin(&self.look(line, Part::Start, turned));
            self.starts[line][usize::from(turned)] = Some(begins);
        }
        self.starts[line][usize::from(turned)] == Some(true)
    }

    /// Reads a line, when it is not read yet and there are strips left; whether it is worth more.
    fn reads(&mut self, line: usize, turned: bool, left: &mut Left) -> bool {
        if self.texts[line][usize::from(turned)].is_none() && left.strips > 0 {
            left.strips -= 1;
            self.texts[line][usize::from(turned)] = Some(self.look(line, Part::Whole, turned));
        }
        let worth = |text: &Text| text.sure > 0.6 && text.letters().len() >= 20;
        self.texts[line][usize::from(turned)].as_ref().is_some_and(worth)
    }

    fn look(&self, line: usize, part: Part, turned: bool) -> Text {
        let (strip, wide) = self.view.cut(&self.lines[line], part, turned);
        Text::read(&self.net.run(strip, wide), 64)
    }
}

/// The side that carries the zone.
fn side(kind: Kind) -> Side {
    match kind {
        Kind::Card => Side::Back,
        Kind::Passport => Side::DataPage,
        _ => Side::Front,
    }
}
