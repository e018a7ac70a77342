//! Any bytes of any size: no panic, no wrong box, and no more work than the limits allow.

use kuzet_idscan::{Limits, Picture, Reader, Unseen};
use proptest::prelude::*;

/// A picture from few numbers: noise, stripes or dots of one pitch, which pass for lines of letters.
fn picture() -> impl Strategy<Value = (usize, usize, Vec<u8>)> {
    let sizes = prop_oneof![
        (1usize..40, 1usize..40),
        (1usize..600, 1usize..6),
        (1usize..6, 1usize..600),
        (100usize..260, 60usize..200)
    ];
    (sizes, 0u8..4, any::<u64>(), 1usize..24, 1usize..24).prop_map(|((width, height), kind, seed, across, down)| {
        let mut state = seed | 1;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        let point = |i: usize| {
            let (x, y) = (i % width, i / width);
            match kind {
                0 => noise(),
                1 => {
                    if x % across < across / 2 {
                        0
                    } else {
                        255
                    }
                }
                2 => {
                    if x % across < across / 2 && y % down < down / 2 {
                        20
                    } else {
                        240
                    }
                }
                _ => {
                    if x % across < across / 2 && y % down < down / 2 {
                        noise() / 4
                    } else {
                        255 - noise() / 4
                    }
                }
            }
        };
        (width, height, (0..width * height).map(point).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_picture_has_an_answer((width, height, gray) in picture()) {
        let scan = Reader::new().scan(&Picture { width, height, gray: &gray }, &Limits::default(), &mut |_, _| 0);
        for document in scan.documents {
            prop_assert!(document.region.left + document.region.width <= width);
            prop_assert!(document.region.top + document.region.height <= height);
        }
    }

    #[test]
    fn a_wrong_shape_is_told(width in any::<usize>(), height in any::<usize>(), gray in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assume!(width.checked_mul(height) != Some(gray.len()) || gray.is_empty());
        let scan = Reader::new().scan(&Picture { width, height, gray: &gray }, &Limits::default(), &mut |_, _| 0);
        prop_assert_eq!(scan.unseen, Some(Unseen::Shape));
    }

    #[test]
    fn limits_hold_at_any_value(side in any::<usize>(), letters in 0usize..50, steps in 0u64..5000, strips in 0usize..3) {
        let gray: Vec<u8> = (0..300 * 120).map(|i| if (i % 300) % 8 < 5 && (i / 300) % 14 < 8 { 0 } else { 255 }).collect();
        let picture = Picture { width: 300, height: 120, gray: &gray };
        let scan = Reader::new().scan(&picture, &Limits { points: 40_000, side: side % 1000, letters, steps, strips, ..Limits::default() }, &mut |_, _| 0);
        prop_assert!(scan.documents.is_empty());
    }
}

#[test]
fn too_many_points_are_told() {
    let limits = Limits { points: 99, ..Limits::default() };
    let scan = Reader::new().scan(&Picture { width: 10, height: 10, gray: &[0; 100] }, &limits, &mut |_, _| 0);
    assert_eq!(scan.unseen, Some(Unseen::Points));
}

#[test]
fn too_many_letters_are_told() {
    let gray: Vec<u8> =
        (0..1000 * 1000).map(|i| if (i % 1000) % 10 < 6 && (i / 1000) % 10 < 6 { 0 } else { 255 }).collect();
    let limits = Limits { letters: 500, ..Limits::default() };
    let scan = Reader::new().scan(&Picture { width: 1000, height: 1000, gray: &gray }, &limits, &mut |_, _| 0);
    assert_eq!(scan.unseen, Some(Unseen::Letters));
}
