//! Pieces of connected ink that could be letters.

use crate::gray::Picture;
use crate::threshold;

/// Letters are this large; what is smaller is grain, what is larger a drawing. Letters that touch are longer.
pub(crate) const SMALLEST: f32 = 5.0;
pub(crate) const LARGEST: f32 = 70.0;
const LONGEST: f32 = 600.0;

/// A letter, or several that touch: the middle of the box around it, its sides and its diagonal.
#[derive(Clone, Copy)]
pub(crate) struct Letter {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) wide: f32,
    pub(crate) high: f32,
    pub(crate) size: f32,
}

impl Letter {
    /// Whether it can be one letter.
    pub(crate) fn is_single(&self) -> bool {
        let (long, short) = (self.wide.max(self.high), self.wide.min(self.high));
        long <= LARGEST && long / short <= 9.0
    }
}

#[derive(Clone, Copy)]
struct Piece {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
    points: usize,
}

impl Piece {
    fn join(&mut self, other: Piece) {
        self.left = self.left.min(other.left);
        self.top = self.top.min(other.top);
        self.right = self.right.max(other.right);
        self.bottom = self.bottom.max(other.bottom);
        self.points += other.points;
    }

    fn letter(&self) -> Option<Letter> {
        let (w, h) = ((self.right - self.left + 1) as f32, (self.bottom - self.top + 1) as f32);
        let (long, short) = (w.max(h), w.min(h));
        let single = long <= LARGEST && short >= 2.0 && long / short <= 9.0;
        let several = long <= LONGEST && (SMALLEST..=LARGEST).contains(&short);
        let sized = long >= SMALLEST && (single || several);
        (sized && self.points as f32 >= 0.08 * w * h).then(|| Letter {
            x: (self.left + self.right) as f32 / 2.0,
            y: (self.top + self.bottom) as f32 / 2.0,
            wide: w,
            high: h,
            size: w.hypot(h),
        })
    }
}

/// A run of ink in a row: first and last point and the piece that it belongs to.
type Run = (usize, usize, usize);

/// Pieces under construction: those that no row can grow any more become letters and give their place back, so memory
/// follows the width of the picture and the letters found.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    /// The piece each was joined to (itself, when none), good until the next row.
    joined: Vec<usize>,
}

impl Pieces {
    fn root(&mut self, mut piece: usize) -> usize {
        while self.joined[piece] != piece {
            // Half the way for the next who asks.
            self.joined[piece] = self.joined[self.joined[piece]];
            piece = self.joined[piece];
        }
        piece
    }

    fn add(&mut self, piece: Piece, above: &[Run]) -> usize {
        let mut own = None;
        for run in above {
            let root = self.root(run.2);
            match own {
                None => {
                    self.pieces[root].join(piece);
                    own = Some(root);
                }
                Some(first) if first != root => {
                    let other = self.pieces[root];
                    self.pieces[first].join(other);
                    self.joined[root] = first;
                }
                Some(_) => {}
            }
        }
        own.unwrap_or_else(|| {
            self.pieces.push(piece);
            self.joined.push(self.pieces.len() - 1);
            self.pieces.len() - 1
        })
    }

    /// Keeps the pieces of `runs`, numbered anew; the others are finished.
    fn settle(&mut self, runs: &mut [Run], finished: &mut Vec<Letter>) {
        let mut names = vec![usize::MAX; self.pieces.len()];
        let mut kept = Vec::new();
        for run in runs {
            let root = self.root(run.2);
            if names[root] == usize::MAX {
                names[root] = kept.len();
                kept.push(self.pieces[root]);
            }
            run.2 = names[root];
        }
        let done = (0..self.pieces.len()).filter(|piece| self.joined[*piece] == *piece && names[*piece] == usize::MAX);
        finished.extend(done.filter_map(|piece| self.pieces[piece].letter()));
        self.joined = (0..kept.len()).collect();
        self.pieces = kept;
    }
}

/// The letters of a picture, or `None` when there are more than `most`: no document looks like that.
pub(crate) fn letters(picture: &Picture<'_>, most: usize) -> Option<Vec<Letter>> {
    let (mut pieces, mut letters) = (Pieces::default(), Vec::new());
    let (mut above, mut runs): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
    let mut too_many = false;
    threshold::rows(picture, |y, mask| {
        if too_many {
            return;
        }
        runs.clear();
        let (mut x, mut first) = (0, 0);
        while let Some(start) = mask[x..].iter().position(|ink| *ink).map(|skip| x + skip) {
            let end = mask[start..].iter().position(|ink| !ink).map_or(mask.len(), |long| start + long);
            // Runs above that touch this one, corners included.
            while above.get(first).is_some_and(|run: &Run| run.1 + 1 < start) {
                first += 1;
            }
            let touching = above[first..].iter().take_while(|run| run.0 <= end).count();
            let piece = Piece { left: start, top: y, right: end - 1, bottom: y, points: end - start };
            let own = pieces.add(piece, &above[first..first + touching]);
            runs.push((start, end - 1, own));
            x = end;
        }
        pieces.settle(&mut runs, &mut letters);
        too_many = letters.len() > most;
        std::mem::swap(&mut above, &mut runs);
    });
    pieces.settle(&mut [], &mut letters);
    (letters.len() <= most).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(rows: &[&str]) -> Vec<(f32, f32)> {
        // Each sign is 4 x 4 points, in a wide white margin.
        let (w, h) = (rows[0].len() * 4 + 80, rows.len() * 4 + 80);
        let mut gray = vec![255; w * h];
        for (y, row) in rows.iter().enumerate() {
            for (x, _) in row.bytes().enumerate().filter(|(_, sign)| *sign == b'#') {
                for dy in 0..4 {
                    gray[(40 + y * 4 + dy) * w + 40 + x * 4..][..4].fill(0);
                }
            }
        }
        let letters = letters(&Picture { width: w, height: h, gray: &gray }, 100).expect("few letters");
        letters.iter().map(|letter| ((letter.x - 39.5) / 4.0, (letter.y - 39.5) / 4.0)).collect()
    }

    #[test]
    fn what_touches_is_one_letter() {
        assert_eq!(picture(&["#.#", "###"]).len(), 1);
        assert_eq!(picture(&["#.#", ".#."]).len(), 1, "corners touch");
        assert_eq!(picture(&["##.##", "##.##"]).len(), 2);
        assert_eq!(picture(&["#...#", "#.#.#", "#####"]).len(), 1);
    }

    #[test]
    fn too_many_letters_are_no_letters() {
        let gray: Vec<u8> =
            (0..200 * 200).map(|i| if (i % 200) % 10 < 6 && (i / 200) % 10 < 6 { 0 } else { 255 }).collect();
        let picture = Picture { width: 200, height: 200, gray: &gray };
        assert!(letters(&picture, 399).is_none());
        assert_eq!(letters(&picture, 400).map(|letters| letters.len()), Some(400));
    }
}
