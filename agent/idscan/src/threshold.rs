//! What is ink: points darker than their neighbourhood, row by row, in the memory of a few rows.

use crate::gray::Picture;

/// Ink is darker than this share of the mean around it (of 256), less `MARGIN`.
const SHARE: u32 = 236;
const MARGIN: u32 = 4;

/// For every brightness the sum over so many points that makes ink of it when it is exceeded.
fn limits(points: u32) -> [u32; 256] {
    std::array::from_fn(|bright| (bright as u32 + MARGIN) * 256 * points / SHARE)
}

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
    // Columns whose whole neighbourhood lies inside.
    let inner = reach + 1..w.saturating_sub(reach).max(reach + 1);
    let (mut high, mut most) = (0, limits(0));
    for y in 0..h {
        if y + reach < h {
            add(&mut columns, y + reach);
        }
        if y > reach {
            columns.iter_mut().zip(line(y - reach - 1)).for_each(|(sum, point)| *sum -= u32::from(*point));
        }
        let now = ((y + reach + 1).min(h) - y.saturating_sub(reach)) as u32;
        if now != high {
            (high, most) = (now, limits(now * (2 * reach + 1) as u32));
        }
        let (line, mut sum) = (line(y), columns[..reach.min(w)].iter().sum::<u32>());
        let edge = |at: std::ops::Range<usize>, sum: &mut u32, mask: &mut [bool]| {
            for x in at {
                *sum += columns.get(x + reach).copied().unwrap_or(0);
                *sum -= x.checked_sub(reach + 1).map_or(0, |gone| columns[gone]);
                let points = high * ((x + reach + 1).min(w) - x.saturating_sub(reach)) as u32;
                mask[x] = *sum > (u32::from(line[x]) + MARGIN) * 256 * points / SHARE;
            }
        };
        edge(0..inner.start.min(w), &mut sum, &mut mask);
        if !inner.is_empty() {
            let (come, gone) = (&columns[inner.start + reach..], &columns[inner.start - reach - 1..]);
            let ends = come.iter().zip(gone);
            for ((ink, point), (come, gone)) in mask[inner.clone()].iter_mut().zip(&line[inner.clone()]).zip(ends) {
                sum = sum + come - gone;
                *ink = sum > most[usize::from(*point)];
            }
        }
        edge(inner.end.min(w)..w, &mut sum, &mut mask);
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
