//! Pictures as a camera or scanner says that they are to be turned, mirrors among them.

use crate::gray::Gray;

/// `gray` upright, from an orientation of Exif: 1 to 8, others are none.
pub(super) fn upright(gray: Gray, orientation: u16) -> Gray {
    let (w, h, from) = gray.into_parts();
    // Where the point at (x, y) of the result comes from.
    let at: fn(usize, usize, usize, usize) -> (usize, usize) = match orientation {
        2 => |x, y, w, _| (w - 1 - x, y),
        3 => |x, y, w, h| (w - 1 - x, h - 1 - y),
        4 => |x, y, _, h| (x, h - 1 - y),
        5 => |x, y, _, _| (y, x),
        6 => |x, y, _, h| (y, h - 1 - x),
        7 => |x, y, w, h| (w - 1 - y, h - 1 - x),
        8 => |x, y, w, _| (w - 1 - y, x),
        _ => return Gray::new(w, h, from),
    };
    let (wide, high) = if orientation >= 5 { (h, w) } else { (w, h) };
    let mut to = Vec::with_capacity(from.len());
    for y in 0..high {
        to.extend((0..wide).map(|x| {
            let (fx, fy) = at(x, y, w, h);
            from[fy * w + fx]
        }));
    }
    Gray::new(wide, high, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_of_exif() {
        // F, as it is stored for each orientation, comes out upright: 2 points wide, 3 high.
        let upright_f = vec![1, 2, 3, 4, 5, 6];
        for (orientation, stored, wide) in [
            (1, [1, 2, 3, 4, 5, 6], 2),
            (2, [2, 1, 4, 3, 6, 5], 2),
            (3, [6, 5, 4, 3, 2, 1], 2),
            (4, [5, 6, 3, 4, 1, 2], 2),
            (5, [1, 3, 5, 2, 4, 6], 3),
            (6, [2, 4, 6, 1, 3, 5], 3),
            (7, [6, 4, 2, 5, 3, 1], 3),
            (8, [5, 3, 1, 6, 4, 2], 3),
        ] {
            let gray = upright(Gray::new(wide, 6 / wide, stored.to_vec()), orientation);
            assert_eq!(gray.into_parts(), (2, 3, upright_f.clone()), "{orientation}");
        }
    }
}
