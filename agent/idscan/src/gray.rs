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
        let (left, top) = (x.floor(), y.floor());
        let (dx, dy) = (x - left, y - top);
        let (left, top) = (left as isize, top as isize);
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
    let mut data = vec![0; w * h];
    let mut sums = vec![0u32; w];
    for (y, out) in data.chunks_exact_mut(w).enumerate() {
        let (top, bottom) = span(y, height);
        sums.fill(0);
        for row in from.gray[top * width..bottom * width].chunks_exact(width) {
            for (sum, (first, last)) in sums.iter_mut().zip(&columns) {
                *sum += row[*first..*last].iter().map(|point| u32::from(*point)).sum::<u32>();
            }
        }
        for ((out, sum), (first, last)) in out.iter_mut().zip(&sums).zip(&columns) {
            *out = (sum / ((last - first) * (bottom - top)) as u32) as u8;
        }
    }
    Gray { width: w, height: h, data }
}

/// Takes the grain of sensors and scanners away: each point with its eight neighbours, 4:2:1.
pub(crate) fn soften(from: &Picture<'_>) -> Gray {
    let (w, h, d) = (from.width, from.height, from.gray);
    let mut data = d.to_vec();
    for y in 1..h.saturating_sub(1) {
        let rows = [&d[(y - 1) * w..y * w], &d[y * w..(y + 1) * w], &d[(y + 1) * w..(y + 2) * w]];
        let sum = |x: usize| u16::from(rows[0][x]) + 2 * u16::from(rows[1][x]) + u16::from(rows[2][x]);
        for x in 1..w.saturating_sub(1) {
            data[y * w + x] = ((sum(x - 1) + 2 * sum(x) + sum(x + 1)) >> 4) as u8;
        }
    }
    Gray { width: w, height: h, data }
}

/// Twice as wide and high.
pub(crate) fn double(from: &Picture<'_>) -> Gray {
    let (width, height) = (from.width * 2, from.height * 2);
    let mut data = Vec::with_capacity(width * height);
    for y in 0..height {
        let fy = (y as f32 - 0.5) / 2.0;
        data.extend((0..width).map(|x| from.between((x as f32 - 0.5) / 2.0, fy) as u8));
    }
    Gray { width, height, data }
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
