//! A line cut out of the picture, straight and at the size that the network was trained with.

use crate::gray::Picture;
use crate::lines::Line;

/// Height of a strip.
pub(crate) const HIGH: usize = 24;
/// Points of a strip from letter to letter of a zone.
pub(crate) const PITCH: usize = 16;
/// Points of a strip that capitals of a text are high.
pub(crate) const CAPITAL: f32 = 13.3;
/// Pitches added before the first and after the last letter of a zone, and of a text, whose ends are lost more easily.
const MARGIN: f32 = 1.6;
const EDGE: f32 = 3.0;
const WIDEST: usize = 1200;

/// Points of a start of a zone and of a text, and of a middle.
const START: usize = 14 * PITCH;
const BEGINNING: usize = 11 * PITCH;
const MIDDLE: usize = 10 * PITCH;

/// Which part of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// The first letters.
    Start,
    /// Those in the middle.
    Middle,
}

/// Brightness of `HIGH` rows, mean 0 and deviation about 1, and how wide it is. `scale`: points of `picture` to a point
/// of the picture that `line` was found in; `turned`: upside down, from the other end.
pub(crate) fn cut(picture: &Picture<'_>, scale: f32, line: &Line, part: Part, turned: bool) -> (Vec<f32>, usize) {
    let step = line.pitch / PITCH as f32;
    let margin = if line.is_text() { EDGE } else { MARGIN } * line.pitch;
    let whole = ((line.last - line.first + 2.0 * margin) / step) as usize;
    let most = match part {
        Part::Whole => WIDEST,
        Part::Start if line.is_text() => BEGINNING,
        Part::Start => START,
        Part::Middle => MIDDLE,
    };
    let wide = whole.clamp(32, most) & !3;
    let start = match (part, turned) {
        (Part::Start, false) => line.first - margin,
        (Part::Start, true) => line.last + margin - wide as f32 * step,
        _ => line.middle() - wide as f32 / 2.0 * step,
    };
    // More than one sample where a point of the strip covers several of the picture.
    let samples = ((step * scale / 1.6).ceil() as usize).clamp(1, 3);
    let mut strip = vec![0f32; HIGH * wide];
    let (sin, cos) = line.angle.sin_cos();
    let (even, down) = (1.0 / (samples * samples) as f32, step * scale);
    let inner = |sample: usize| (sample as f32 + 0.5) / samples as f32;
    for x in 0..wide {
        for sx in 0..samples {
            let u = start + (x as f32 + inner(sx)) * step;
            let v = line.across(u) - HIGH as f32 / 2.0 * step;
            let (px, py) = (u * cos - v * sin, u * sin + v * cos);
            let (px, py) = ((px + 0.5) * scale - 0.5, (py + 0.5) * scale - 0.5);
            for y in 0..HIGH {
                let at = if turned { (HIGH - 1 - y) * wide + wide - 1 - x } else { y * wide + x };
                for sy in 0..samples {
                    let away = (y as f32 + inner(sy)) * down;
                    strip[at] += picture.between(px - away * sin, py + away * cos) * even;
                }
            }
        }
    }
    let count = strip.len() as f32;
    let mean = strip.iter().sum::<f32>() / count;
    let spread = (strip.iter().map(|point| (point - mean) * (point - mean)).sum::<f32>() / count).sqrt() + 4.0;
    strip.iter_mut().for_each(|point| *point = (*point - mean) / spread);
    (strip, wide)
}
