//! The order in which a page is read: what was shown where becomes lines from top to bottom, whatever the order of its showing.
//! Programs show a line font by font, a table column by column, a number digit by digit.

use crate::desk::{Desk, Flow};

/// A page with more text is given in parts.
const MOST: usize = 1 << 20;

/// A piece of text on one line, in the direction in which it is read.
struct Piece {
    /// Quarter turns of the page.
    turn: u8,
    /// How high it stands, and from where to where it goes.
    height: f32,
    from: f32,
    to: f32,
    size: f32,
    /// Where its text ends.
    end: usize,
    begin: usize,
}

/// The text of a page.
#[derive(Default)]
pub(super) struct Lines {
    pieces: Vec<Piece>,
    text: String,
}

impl Lines {
    /// Puts text down between two points; `direction` is the way from one to the other.
    pub(super) fn put(
        &mut self,
        desk: &mut Desk<'_>,
        text: &str,
        from: (f32, f32),
        to: (f32, f32),
        direction: (f32, f32),
        size: f32,
    ) -> Flow {
        if self.text.len() + text.len() > MOST {
            self.give(desk)?;
        }
        let turned = |(x, y): (f32, f32), turn: u8| match turn {
            0 => (x, y),
            1 => (y, -x),
            2 => (-x, -y),
            _ => (-y, x),
        };
        let (x, y) = direction;
        let turn = if x.abs() >= y.abs() {
            if x < 0.0 { 2 } else { 0 }
        } else if y < 0.0 {
            3
        } else {
            1
        };
        let ((from, height), (to, _)) = (turned(from, turn), turned(to, turn));
        let begin = self.text.len();
        self.text.push_str(text);
        let end = self.text.len();
        // What goes on where the last piece ended is a part of it.
        if let Some(last) = self.pieces.last_mut()
            && last.turn == turn
            && (last.height - height).abs() < 0.01 * size
            && (last.to - from).abs() < 0.1 * size
            && last.size == size
        {
            (last.to, last.end) = (to, end);
        } else {
            self.pieces.push(Piece { turn, height, from, to, size, end, begin });
        }
        desk.budget.work(32)
    }

    /// Gives all lines.
    pub(super) fn give(&mut self, desk: &mut Desk<'_>) -> Flow {
        let (mut pieces, text) = (std::mem::take(&mut self.pieces), std::mem::take(&mut self.text));
        pieces.sort_by(|a, b| a.turn.cmp(&b.turn).then(b.height.total_cmp(&a.height)));
        let (mut line, mut rest) = (String::new(), &mut pieces[..]);
        while let Some(first) = rest.first() {
            let (turn, height, size) = (first.turn, first.height, first.size);
            let within = |piece: &Piece| piece.turn == turn && height - piece.height < 0.4 * size.max(piece.size);
            let count = rest.iter().position(|piece| !within(piece)).unwrap_or(rest.len());
            let (now, later) = rest.split_at_mut(count.max(1));
            rest = later;
            let next = one(now, &text);
            // A word that a hyphen parts at the end of a line is one word.
            let parted =
                line.strip_suffix(['-', '\u{AD}', '\u{2010}']).filter(|before| before.ends_with(char::is_lowercase));
            if let Some(before) = parted.filter(|_| next.starts_with(char::is_lowercase)) {
                line.truncate(before.len());
                line.push_str(&next);
                continue;
            }
            desk.text(&line)?;
            desk.text("\n")?;
            line = next;
        }
        desk.text(&line)?;
        desk.text("\n")
    }
}

/// The pieces of a line from left to right.
fn one(pieces: &mut [Piece], text: &str) -> String {
    pieces.sort_by(|a, b| a.from.total_cmp(&b.from));
    let (mut line, mut before) = (String::new(), None::<&Piece>);
    for piece in pieces.iter() {
        let shown = &text[piece.begin..piece.end];
        if let Some(before) = before {
            // Bold letters are made by showing them twice.
            if (piece.from - before.from).abs() < 0.2 * piece.size && shown == &text[before.begin..before.end] {
                continue;
            }
            let gap = piece.from - before.to;
            if gap > 2.0 * piece.size {
                line.push('\t');
            } else if !(-0.5 * piece.size..=0.2 * piece.size).contains(&gap) {
                line.push(' ');
            }
        }
        line.push_str(shown);
        before = Some(piece);
    }
    line
}
