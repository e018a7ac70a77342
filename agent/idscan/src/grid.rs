//! Letters by where they are, so that neighbours are found without asking all.

use crate::components::Letter;

/// Points of the picture to a side of a cell.
const CELL: f32 = 24.0;

/// Letters in cells.
pub(crate) struct Grid {
    wide: usize,
    high: usize,
    /// Where the letters of each cell begin in `letters`.
    starts: Vec<u32>,
    letters: Vec<u32>,
}

fn cell(at: f32) -> usize {
    (at.max(0.0) / CELL) as usize
}

impl Grid {
    pub(crate) fn new(letters: &[Letter]) -> Grid {
        let wide = letters.iter().map(|letter| cell(letter.x)).max().unwrap_or(0) + 1;
        let high = letters.iter().map(|letter| cell(letter.y)).max().unwrap_or(0) + 1;
        let place = |letter: &Letter| cell(letter.y) * wide + cell(letter.x);
        let mut starts = vec![0u32; wide * high + 1];
        letters.iter().for_each(|letter| starts[place(letter) + 1] += 1);
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut ends = starts.clone();
        let mut sorted = vec![0; letters.len()];
        for (i, letter) in letters.iter().enumerate() {
            let end = &mut ends[place(letter)];
            sorted[*end as usize] = i as u32;
            *end += 1;
        }
        Grid { wide, high, starts, letters: sorted }
    }

    /// Calls `each` for the letters within `sizes` of `letter` and some more, as long as there are `steps`.
    pub(crate) fn around(&self, letter: &Letter, sizes: f32, steps: &mut u64, mut each: impl FnMut(usize)) {
        let reach = letter.size * sizes;
        let (left, right) = (cell(letter.x - reach), cell(letter.x + reach).min(self.wide - 1));
        for y in cell(letter.y - reach)..=cell(letter.y + reach).min(self.high - 1) {
            let row = y * self.wide;
            let found = &self.letters[self.starts[row + left] as usize..self.starts[row + right + 1] as usize];
            let looked = found.len().min(usize::try_from(*steps).unwrap_or(usize::MAX));
            *steps = steps.saturating_sub(found.len() as u64 + 1);
            found[..looked].iter().for_each(|i| each(*i as usize));
        }
    }
}
