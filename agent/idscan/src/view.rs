//! A picture and the size of it at which lines were found: cuts strips out of it and tells where lines are.

use crate::document::Region;
use crate::gray::Picture;
use crate::lines::Line;
use crate::strip::{self, Part};

/// A picture, and the work that lines were found in.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    picture: &'a Picture<'a>,
    work: Picture<'a>,
    /// Points of the picture to one of the work.
    pub(crate) scale: f32,
}

impl<'a> View<'a> {
    pub(crate) fn new(picture: &'a Picture<'a>, work: Picture<'a>) -> View<'a> {
        View { picture, work, scale: picture.side() as f32 / work.side() as f32 }
    }

    /// A line as a strip, and how wide it is.
    pub(crate) fn cut(&self, line: &Line, part: Part, turned: bool) -> (Vec<f32>, usize) {
        // Small letters are read from the picture itself, where it has more points.
        let (picture, scale) =
            if line.pitch < 14.0 && self.scale > 1.0 { (*self.picture, self.scale) } else { (self.work, 1.0) };
        strip::cut(&picture, scale, line, part, turned)
    }

    /// The box around lines, in points of the picture.
    pub(crate) fn region<'b>(&self, lines: impl Iterator<Item = &'b Line>) -> Region {
        let mut corners = Vec::with_capacity(8);
        for line in lines {
            for u in [line.first - line.pitch, line.last + line.pitch] {
                corners.extend([-line.pitch, line.pitch].map(|dv| line.point(u, line.across(u) + dv)));
            }
        }
        let span = |values: &mut dyn Iterator<Item = f32>, whole: usize| {
            let (low, high) = values.fold((f32::MAX, 0f32), |(low, high), value| (low.min(value), high.max(value)));
            let inside = |value: f32| ((value.max(0.0) * self.scale) as usize).min(whole - 1);
            (inside(low), inside(high) - inside(low).min(inside(high)) + 1)
        };
        let (left, width) = span(&mut corners.iter().map(|corner| corner.0), self.picture.width);
        let (top, height) = span(&mut corners.iter().map(|corner| corner.1), self.picture.height);
        Region { top, left, width, height }
    }
}
