//! What is ink: points darker than their neighbourhood, row by row, in the memory of a few rows.

use crate::gray::Picture;

/// Ink is darker than this share of the mean around it (of 256), less `MARGIN`.
const SHARE: i64 = 236;
const MARGIN: i64 = 4;

/// Calls `row` for every row from the top with a mask of its ink.
pub(crate) fn rows(picture: &Picture<'_>, mut row: impl FnMut(usize, &[bool])) {
    let (w, h) = (picture.width, picture.height);
    let reach = ((picture.side() / 50) | 1).clamp(15, 41) / 2;
    let line = |y: usize| &picture.gray[y * w..(y + 1) * w];
    // Sums of the columns over the rows at hand.
    let mut columns = vec![0u32; w];
    let add = |columns: &mut [u32], y: usize| {
        columns.iter_mut().zip(line(y)).for_each(|(sum, point)| *sum += u32::from(*point));
    };
    (0..reach.min(h)).for_each(|y| add(&mut columns, y));
    let mut mask = vec![false; w];
    for y in 0..h {
        if y + reach < h {
            add(&mut columns, y + reach);
        }
        if y > reach {
            columns.iter_mut().zip(line(y - reach - 1)).for_each(|(sum, point)| *sum -= u32::from(*point));
        }
        let high = ((y + reach + 1).min(h) - y.saturating_sub(reach)) as i64;
        let mut sum: i64 = columns[..reach.min(w)].iter().map(|column| i64::from(*column)).sum();
        for (x, (point, ink)) in line(y).iter().zip(&mut mask).enumerate() {
            if x + reach < w {
                sum += i64::from(columns[x + reach]);
            }
            if x > reach {
                sum -= i64::from(columns[x - reach - 1]);
            }
            let points = high * ((x + reach + 1).min(w) - x.saturating_sub(reach)) as i64;
            *ink = (i64::from(*point) + MARGIN) * 256 * points < sum * SHARE;
        }
        row(y, &mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_is_darker_than_what_is_around_it() {
        let mut gray = vec![200; 60 * 60];
        gray[30 * 60 + 30] = 100;
        let mut ink = Vec::new();
        rows(&Picture { width: 60, height: 60, gray: &gray }, |y, mask| {
            ink.extend(mask.iter().enumerate().filter(|(_, ink)| **ink).map(|(x, _)| (x, y)));
        });
        assert_eq!(ink, [(30, 30)]);
    }

    #[test]
    fn the_same_as_adding_every_window() {
        let (w, h) = (53, 47);
        let gray: Vec<u8> = (0..w * h).map(|i| (i * i * 31 % 251) as u8).collect();
        rows(&Picture { width: w, height: h, gray: &gray }, |y, mask| {
            for (x, ink) in mask.iter().enumerate() {
                let (top, bottom) = (y.saturating_sub(7), (y + 8).min(h));
                let (left, right) = (x.saturating_sub(7), (x + 8).min(w));
                let window = (top..bottom).flat_map(|y| gray[y * w + left..y * w + right].iter());
                let sum: i64 = window.map(|point| i64::from(*point)).sum();
                let points = ((bottom - top) * (right - left)) as i64;
                assert_eq!(*ink, (i64::from(gray[y * w + x]) + 4) * 256 * points < sum * 236, "{x},{y}");
            }
        });
    }
}
