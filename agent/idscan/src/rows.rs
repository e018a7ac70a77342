//! Lines of any text, whose letters may touch each other: pieces of ink of one height, side by side.

use crate::components::{LARGEST, Letter, SMALLEST};
use crate::grid::Grid;
use crate::lines::{Line, curve};
use crate::strip::{CAPITAL, PITCH};

/// Rows joined at most; a page has a few hundred.
const ROWS: usize = 3000;

/// A piece of ink in the direction at hand: its middle, half of how long it is, how high it is.
#[derive(Clone, Copy)]
struct Piece {
    u: f32,
    v: f32,
    half: f32,
    high: f32,
}

impl Piece {
    fn new(letter: &Letter, angle: f32) -> Piece {
        let (sin, cos) = angle.sin_cos();
        let (u, v) = (letter.x * cos + letter.y * sin, letter.y * cos - letter.x * sin);
        let (s, c) = (sin.abs(), cos.abs());
        let apart = c * c - s * s;
        let (least, most) = (0.5 * letter.wide.min(letter.high), letter.wide.max(letter.high));
        // What is turned fills a larger box; near half a quarter nobody can tell length from height.
        let (long, high) = if apart.abs() > 0.35 {
            ((letter.wide * c - letter.high * s) / apart, (letter.high * c - letter.wide * s) / apart)
        } else {
            (letter.size * 0.6, letter.size * 0.6)
        };
        Piece { u, v, half: long.clamp(least, most) / 2.0, high: high.clamp(least, most) }
    }
}

/// Pieces side by side.
struct Row {
    pieces: Vec<Piece>,
    high: f32,
}

impl Row {
    fn new(pieces: Vec<Piece>) -> Row {
        let mut heights: Vec<f32> = pieces.iter().map(|piece| piece.high).collect();
        let at = heights.len() * 3 / 5;
        let high = *heights.select_nth_unstable_by(at, f32::total_cmp).1;
        Row { pieces, high }
    }

    fn start(&self) -> f32 {
        self.pieces[0].u - self.pieces[0].half
    }

    fn end(&self) -> Piece {
        self.pieces[self.pieces.len() - 1]
    }

    /// The row as a line, when it is as long as a word.
    fn line(&self, angle: f32) -> Option<Line> {
        let (start, end) = (self.start(), self.end().u + self.end().half);
        let pieces = ((end - start) / (0.9 * self.high)) as usize;
        // A piece holds a few letters; far fewer pieces than letters are no text.
        if pieces < 4 || pieces > 8 * self.pieces.len() || !(SMALLEST..=LARGEST).contains(&self.high) {
            return None;
        }
        let (first, last) = (start + 0.4 * self.high, end - 0.4 * self.high);
        let points: Vec<(f32, f32)> = self.pieces.iter().map(|piece| (piece.u, piece.v)).collect();
        let pitch = self.high * PITCH as f32 / CAPITAL;
        Some(Line { angle, pitch, regular: 0.0, pieces, curve: self.bend(&points, first, last), first, last })
    }

    /// Few pieces tell no curve.
    fn bend(&self, points: &[(f32, f32)], first: f32, last: f32) -> [f32; 3] {
        if points.len() >= 10 {
            return curve(points, first, last);
        }
        let count = points.len() as f32;
        let (u, v) = points.iter().fold((0.0, 0.0), |(u, v), point| (u + point.0 / count, v + point.1 / count));
        let (over, under) = points
            .iter()
            .fold((0.0, self.high * self.high), |(o, n), p| (o + (p.0 - u) * (p.1 - v), n + (p.0 - u) * (p.0 - u)));
        let (slope, half) = (over / under, (last - first) / 2.0);
        [v + slope * (f32::midpoint(first, last) - u), slope * half, 0.0]
    }
}

/// The lines of text among `letters` that go at `angle`. `steps` is what may be looked at; it is used up.
pub(crate) fn find(letters: &[Letter], angle: f32, steps: &mut u64) -> Vec<Line> {
    if letters.is_empty() {
        return Vec::new();
    }
    joined(rows(letters, angle, steps)).iter().filter_map(|row| row.line(angle)).collect()
}

/// Pieces that are each other's neighbours.
fn rows(letters: &[Letter], angle: f32, steps: &mut u64) -> Vec<Row> {
    const NONE: usize = usize::MAX;
    let pieces: Vec<Piece> = letters.iter().map(|letter| Piece::new(letter, angle)).collect();
    let grid = Grid::new(letters);
    let mut next = vec![(f32::MAX, NONE); letters.len()];
    let mut before = vec![(f32::MAX, NONE); letters.len()];
    for (i, letter) in letters.iter().enumerate() {
        grid.around(letter, 2.2, steps, |j| {
            let (a, b) = if pieces[i].u < pieces[j].u { (i, j) } else { (j, i) };
            let (left, right) = (pieces[a], pieces[b]);
            let (gap, dv) = (right.u - right.half - left.u - left.half, (right.v - left.v).abs());
            let (low, high) = (left.high.min(right.high), left.high.max(right.high));
            let beside = (-0.6 * low..=1.1 * high).contains(&gap) && dv <= 0.45 * high && high <= 2.2 * low;
            let cost = gap.max(0.0) + 1.5 * dv;
            if i == j || !beside {
                return;
            }
            if cost < next[a].0 {
                next[a] = (cost, b);
            }
            if cost < before[b].0 {
                before[b] = (cost, a);
            }
        });
    }
    let mut used = vec![false; letters.len()];
    let mut rows = Vec::new();
    for i in 0..letters.len() {
        if before[i].1 != NONE && next[before[i].1].1 == i {
            continue;
        }
        let (mut row, mut at) = (Vec::new(), i);
        while !used[at] {
            used[at] = true;
            row.push(pieces[at]);
            match next[at].1 {
                other if other != NONE && before[other].1 == at => at = other,
                _ => break,
            }
        }
        if !row.is_empty() {
            rows.push(Row::new(row));
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.pieces.len()));
    rows.truncate(ROWS);
    rows.sort_by(|a, b| a.start().total_cmp(&b.start()));
    rows
}

/// Rows with those appended that go on behind a lost letter.
fn joined(rows: Vec<Row>) -> Vec<Row> {
    let starts: Vec<f32> = rows.iter().map(Row::start).collect();
    let mut rows: Vec<Option<Row>> = rows.into_iter().map(Some).collect();
    let mut out = Vec::new();
    for i in 0..rows.len() {
        let Some(mut row) = rows[i].take() else { continue };
        loop {
            let end = row.end();
            let edge = end.u + end.half;
            let from = starts.partition_point(|start| *start < edge - 0.6 * row.high);
            let to = starts.partition_point(|start| *start <= edge + 1.6 * row.high);
            let goes_on = |other: &Row| {
                (other.pieces[0].v - end.v).abs() <= 0.4 * row.high
                    && (0.8..=1.25).contains(&(other.high / row.high))
                    && other.pieces[0].u > end.u
            };
            let follows = |j: &usize| rows[*j].as_ref().is_some_and(goes_on);
            let Some(j) = (from.min(to)..to).find(follows) else { break };
            let Some(other) = rows[j].take() else { break };
            row.pieces.extend(other.pieces);
            row = Row::new(row.pieces);
        }
        out.push(row);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of letters 12 wide and 16 high, one touching the next where `touching` says, turned by `degrees`.
    fn text(count: usize, touching: usize, degrees: f32) -> Vec<Letter> {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let turned = |x: f32, wide: f32| {
            let (w, h) = (wide * cos.abs() + 16.0 * sin.abs(), wide * sin.abs() + 16.0 * cos.abs());
            Letter { x: 500.0 + x * cos, y: 500.0 + x * sin, wide: w, high: h, size: w.hypot(h) }
        };
        (0..count / touching).map(|i| turned(i as f32 * 15.0 * touching as f32, 15.0 * touching as f32 - 3.0)).collect()
    }

    #[test]
    fn a_line_is_as_high_as_its_letters() {
        for degrees in [0.0, 4.0, 20.0, 70.0, 90.0, 110.0, 176.0] {
            for touching in [1, 2, 4] {
                let lines = find(&text(24, touching, degrees), f32::to_radians(degrees), &mut 1_000_000);
                assert_eq!(lines.len(), 1, "{degrees} {touching}");
                let high = lines[0].pitch / PITCH as f32 * CAPITAL;
                assert!((high - 16.0).abs() < 1.5, "{degrees} {touching}: {high}");
            }
        }
    }

    #[test]
    fn a_word_far_away_is_another_line() {
        let mut letters = text(10, 1, 0.0);
        letters.extend(text(10, 1, 0.0).into_iter().map(|letter| Letter { x: letter.x + 200.0, ..letter }));
        assert_eq!(find(&letters, 0.0, &mut 1_000_000).len(), 2);
    }

    #[test]
    fn a_lost_letter_parts_no_line() {
        let mut letters = text(20, 1, 0.0);
        letters.remove(9);
        assert_eq!(find(&letters, 0.0, &mut 1_000_000).len(), 1);
    }
}
