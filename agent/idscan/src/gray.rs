//! Gray pictures at the sizes that the finder of lines looks at.

/// A gray picture, eight bits a point, rows from the top, turned as a person would see it.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// Points in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` points, 0 is black.
    pub gray: &'a [u8],
}

impl Picture<'_> {
    /// Whether there are as many points as width and height say, and any.
    pub(crate) fn is_whole(&self) -> bool {
        !self.gray.is_empty() && self.width.checked_mul(self.height) == Some(self.gray.len())
    }

    /// The longer side.
    pub(crate) fn side(&self) -> usize {
        self.width.max(self.height)
    }

    /// The point nearest to (`x`, `y`), which may lie outside.
    pub(crate) fn at(&self, x: isize, y: isize) -> f32 {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        f32::from(self.gray[y * self.width + x])
    }

    /// The brightness between points.
    pub(crate) fn between(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (x as isize - isize::from(x < 0.0), y as isize - isize::from(y < 0.0));
        let (dx, dy) = (x - left as f32, y - top as f32);
        if left >= 0 && top >= 0 && left as usize + 1 < self.width && top as usize + 1 < self.height {
            let at = top as usize * self.width + left as usize;
            if let (Some([a, b]), Some([c, d])) =
                (self.gray.get(at..at + 2), self.gray.get(at + self.width..at + self.width + 2))
            {
                let [a, b, c, d] = [a, b, c, d].map(|point| f32::from(*point));
                let (upper, lower) = (a + (b - a) * dx, c + (d - c) * dx);
                return upper + (lower - upper) * dy;
            }
        }
        let upper = self.at(left, top) * (1.0 - dx) + self.at(left + 1, top) * dx;
        let lower = self.at(left, top + 1) * (1.0 - dx) + self.at(left + 1, top + 1) * dx;
        upper * (1.0 - dy) + lower * dy
    }
}

/// A picture of our own.
pub(crate) struct Gray {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Gray {
    pub(crate) fn new(width: usize, height: usize, data: Vec<u8>) -> Gray {
        Gray { width, height, data }
    }

    /// Width, height, points.
    pub(crate) fn into_parts(self) -> (usize, usize, Vec<u8>) {
        (self.width, self.height, self.data)
    }

    pub(crate) fn view(&self) -> Picture<'_> {
        Picture { width: self.width, height: self.height, gray: &self.data }
    }
}

/// Means of areas, so that the longer side has `side` points; a copy when it is shorter already.
pub(crate) fn shrink(from: &Picture<'_>, side: usize) -> Gray {
    let (width, height) = (from.width, from.height);
    if from.side() <= side {
        return Gray { width, height, data: from.gray.to_vec() };
    }
    let scale = from.side() as f64 / side.max(1) as f64;
    let size = |whole: usize| ((whole as f64 / scale) as usize).max(1);
    let span = |at: usize, whole: usize| {
        let first = ((at as f64 * scale) as usize).min(whole - 1);
        (first, (((at + 1) as f64 * scale).ceil() as usize).clamp(first + 1, whole))
    };
    let (w, h) = (size(width), size(height));
    let columns: Vec<(usize, usize)> = (0..w).map(|x| span(x, width)).collect();
    let shares: Vec<f32> = columns.iter().map(|(first, last)| 1.0 / (last - first) as f32).collect();
    let mut data = vec![0; w * h];
    let (mut sums, mut before) = (vec![0u32; width], vec![0u32; width + 1]);
    for (y, out) in data.chunks_exact_mut(w).enumerate() {
        let (top, bottom) = span(y, height);
        sums.fill(0);
        for row in from.gray[top * width..bottom * width].chunks_exact(width) {
            sums.iter_mut().zip(row).for_each(|(sum, point)| *sum += u32::from(*point));
        }
        // What lies before each column: two of them tell what is between, though they may run over.
        let mut all = 0u32;
        for (before, sum) in before[1..].iter_mut().zip(&sums) {
            all = all.wrapping_add(*sum);
            *before = all;
        }
        // A division by its inverse, and so much more that what is whole stays whole.
        let share = 1.0 / (bottom - top) as f32;
        for ((out, wide), (first, last)) in out.iter_mut().zip(&shares).zip(&columns) {
            let sum = before[*last].wrapping_sub(before[*first]).cast_signed();
            *out = (sum as f32 * (share * wide) + 0.0005) as u8;
        }
    }
    Gray { width: w, height: h, data }
}

/// Takes the grain of sensors and scanners away: each point with its eight neighbours, 4:2:1.
pub(crate) fn soften(from: &Picture<'_>) -> Gray {
    let (w, h, d) = (from.width, from.height, from.gray);
    let mut data = d.to_vec();
    if w < 3 {
        return Gray { width: w, height: h, data };
    }
    let mut down = vec![0u16; w];
    for y in 1..h.saturating_sub(1) {
        let rows = d[(y - 1) * w..y * w].iter().zip(&d[y * w..(y + 1) * w]).zip(&d[(y + 1) * w..(y + 2) * w]);
        down.iter_mut().zip(rows).for_each(|(sum, ((above, own), below))| {
            *sum = u16::from(*above) + 2 * u16::from(*own) + u16::from(*below);
        });
        let sums = down[..w - 2].iter().zip(&down[1..w - 1]).zip(&down[2..]);
        data[y * w + 1..(y + 1) * w - 1].iter_mut().zip(sums).for_each(|(out, ((left, own), right))| {
            *out = ((left + 2 * own + right) >> 4) as u8;
        });
    }
    Gray { width: w, height: h, data }
}

/// Twice as wide and high: each point lies three quarters in one of the smaller picture and a quarter in the next.
pub(crate) fn double(from: &Picture<'_>) -> Gray {
    let (w, h) = (from.width, from.height);
    let (mut data, mut down) = (vec![0; 4 * w * h], vec![0u16; w]);
    for (y, out) in data.chunks_exact_mut(2 * w).enumerate() {
        let (near, far) = (y / 2, if y % 2 == 0 { (y / 2).saturating_sub(1) } else { (y / 2 + 1).min(h - 1) });
        let rows = from.gray[near * w..][..w].iter().zip(&from.gray[far * w..][..w]);
        down.iter_mut().zip(rows).for_each(|(sum, (near, far))| *sum = 3 * u16::from(*near) + u16::from(*far));
        let between = |near: u16, far: u16| ((3 * near + far) >> 4) as u8;
        (out[0], out[2 * w - 1]) = (between(down[0], down[0]), between(down[w - 1], down[w - 1]));
        let inner = out[1..2 * w - 1].as_chunks_mut::<2>().0.iter_mut();
        for (out, (left, right)) in inner.zip(down.iter().zip(&down[1..])) {
            *out = [between(*left, *right), between(*right, *left)];
        }
    }
    Gray { width: 2 * w, height: 2 * h, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_become_their_mean() {
        let gray = [0, 100, 200, 100, 0, 100, 200, 100];
        let small = shrink(&Picture { width: 4, height: 2, gray: &gray }, 2);
        assert_eq!((small.width, small.height, small.data), (2, 1, vec![50, 150]));
    }

    #[test]
    fn one_row_stays_one_row() {
        let gray = [7; 5000];
        let small = shrink(&Picture { width: 5000, height: 1, gray: &gray }, 2000);
        assert_eq!((small.width, small.height), (2000, 1));
        assert!(small.data.iter().all(|point| *point == 7));
    }

    #[test]
    fn softening_and_doubling_keep_what_is_even() {
        let gray = [9; 12];
        let picture = Picture { width: 4, height: 3, gray: &gray };
        assert_eq!(soften(&picture).data, gray);
        assert!(double(&picture).data.iter().all(|point| *point == 9));
    }

    #[test]
    fn a_picture_has_the_points_it_speaks_of() {
        assert!(!Picture { width: 2, height: 2, gray: &[0; 3] }.is_whole());
        assert!(!Picture { width: 0, height: 2, gray: &[] }.is_whole());
        assert!(!Picture { width: usize::MAX, height: 2, gray: &[0; 3] }.is_whole());
        assert!(Picture { width: 3, height: 1, gray: &[0; 3] }.is_whole());
    }
}
