//! Lines of letters of one pitch, at any angle: what a machine-readable zone is made of.

use crate::components::Letter;
use crate::grid::Grid;

/// Angles tried: the directions in which most letters have a neighbour.
const DIRECTIONS: usize = 3;
/// Chains joined at most; a page has a few hundred.
const CHAINS: usize = 3000;
/// Fewest letters of a line.
const FEWEST: usize = 14;

/// A line of letters. Along the line runs `u`, across it `v = a + b t + c t²` with `t` from -1 to 1.
pub(crate) struct Line {
    pub(crate) angle: f32,
    /// From letter to letter; of a text, what capitals of its height would have in a zone.
    pub(crate) pitch: f32,
    /// Share of the gaps that are whole pitches.
    pub(crate) regular: f32,
    /// About how many letters it holds.
    pub(crate) pieces: usize,
    pub(crate) curve: [f32; 3],
    pub(crate) first: f32,
    pub(crate) last: f32,
}

impl Line {
    /// Whether its letters are of no one pitch.
    pub(crate) fn is_text(&self) -> bool {
        self.regular == 0.0
    }

    /// How many letters it holds, by its length.
    pub(crate) fn letters(&self) -> f32 {
        (self.last - self.first) / self.pitch + 1.0
    }

    pub(crate) fn middle(&self) -> f32 {
        f32::midpoint(self.first, self.last)
    }

    /// `v` at `u`.
    pub(crate) fn across(&self, u: f32) -> f32 {
        let t = ((u - self.middle()) / (self.last - self.first) * 2.0).clamp(-1.3, 1.3);
        self.curve[0] + self.curve[1] * t + self.curve[2] * t * t
    }

    /// The point of the picture at (`u`, `v`).
    pub(crate) fn point(&self, u: f32, v: f32) -> (f32, f32) {
        let (sin, cos) = self.angle.sin_cos();
        (u * cos - v * sin, u * sin + v * cos)
    }
}

/// The lines of one pitch among `letters`, and the directions looked in, those first that most letters go in. `steps` is what
/// may be looked at; it is used up.
pub(crate) fn find(letters: &[Letter], steps: &mut u64) -> (Vec<Line>, Vec<f32>) {
    let letters: Vec<Letter> = letters.iter().filter(|letter| letter.is_single()).copied().collect();
    let mut lines = Vec::new();
    if letters.len() < FEWEST {
        return (lines, Vec::new());
    }
    let grid = Grid::new(&letters);
    let angles = directions(&letters, &grid, steps);
    for angle in &angles {
        let (sin, cos) = angle.sin_cos();
        let places: Vec<Place> =
            letters.iter().map(|l| Place { u: l.x * cos + l.y * sin, v: l.y * cos - l.x * sin }).collect();
        let chains = chains(&letters, &places, &grid, steps);
        lines.extend(joined(chains).iter().filter_map(|chain| chain.line(*angle)));
    }
    (lines, angles)
}

/// A letter along and across the direction at hand.
#[derive(Clone, Copy)]
struct Place {
    u: f32,
    v: f32,
}

/// The angles, radians, in which most letters have one of their three nearest neighbours of like size.
fn directions(letters: &[Letter], grid: &Grid, steps: &mut u64) -> Vec<f32> {
    let mut counts = [0f32; 180];
    for (i, letter) in letters.iter().enumerate() {
        let mut nearest = [(f32::MAX, 0f32); 3];
        grid.around(letter, 1.7, steps, |j| {
            let other = &letters[j];
            let (dx, dy) = (other.x - letter.x, other.y - letter.y);
            let (away, ratio) = (dx.hypot(dy) / letter.size, other.size / letter.size);
            if i == j || !(0.52..=1.9).contains(&ratio) || !(0.35..=1.7).contains(&away) || away >= nearest[2].0 {
                return;
            }
            nearest[2] = (away, dy.atan2(dx).to_degrees().rem_euclid(180.0));
            nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
        });
        for (_, degrees) in nearest.iter().filter(|(away, _)| *away < f32::MAX) {
            counts[(*degrees as usize).min(179)] += 1.0;
        }
    }
    let around =
        |middle: usize, reach: i32| (-reach..=reach).map(move |k| (k, (middle as i32 + k).rem_euclid(180) as usize));
    let smooth: Vec<f32> =
        (0..180).map(|i| around(i, 3).map(|(k, at)| counts[at] * (4 - k.abs()) as f32).sum()).collect();
    let mut order: Vec<usize> = (0..180).collect();
    order.sort_by(|a, b| smooth[*b].total_cmp(&smooth[*a]));
    let mut peaks: Vec<usize> = Vec::new();
    for degree in order {
        let apart = |peak: &usize| (peak.abs_diff(degree)).min(180 - peak.abs_diff(degree)) > 14;
        if peaks.len() < DIRECTIONS && smooth[degree] > 0.0 && peaks.iter().all(apart) {
            peaks.push(degree);
        }
    }
    let refined = |peak: usize| {
        let (weight, sum) = around(peak, 4)
            .fold((0.0, 0.0), |(weight, sum), (k, at)| (weight + counts[at], sum + counts[at] * (k as f32 + 0.5)));
        (peak as f32 + if weight > 0.0 { sum / weight } else { 0.0 }).to_radians()
    };
    peaks.into_iter().map(refined).collect()
}

/// Letters one after the other.
struct Chain {
    places: Vec<Place>,
    pitch: f32,
    size: f32,
}

/// Letters that are each other's next: chains of at least four, from left to right.
fn chains(letters: &[Letter], places: &[Place], grid: &Grid, steps: &mut u64) -> Vec<Chain> {
    const NONE: usize = usize::MAX;
    let mut next = vec![NONE; letters.len()];
    let mut before = vec![(f32::MAX, NONE); letters.len()];
    for (i, letter) in letters.iter().enumerate() {
        let mut best = (f32::MAX, NONE);
        grid.around(letter, 2.3, steps, |j| {
            let (du, dv) = (places[j].u - places[i].u, (places[j].v - places[i].v).abs());
            let (ratio, size) = (letters[j].size / letter.size, letter.size.max(letters[j].size));
            let follows =
                (0.35 * size..=2.3 * size).contains(&du) && dv <= 0.38 * size && (0.47..=2.1).contains(&ratio);
            let cost = du + 2.5 * dv;
            if i != j && follows && cost < best.0 {
                best = (cost, j);
            }
        });
        if best.1 != NONE {
            next[i] = best.1;
            if best.0 < before[best.1].0 {
                before[best.1] = (best.0, i);
            }
        }
    }
    let mutual = |i: usize| Some(next[i]).filter(|n| *n != NONE && before[*n].1 == i);
    let mut used = vec![false; letters.len()];
    let mut chains = Vec::new();
    for i in 0..letters.len() {
        let starts = before[i].1 == NONE || next[before[i].1] != i;
        if !starts || used[i] {
            continue;
        }
        let mut chain = Vec::new();
        let mut at = Some(i);
        while let Some(here) = at.filter(|here| !used[*here]) {
            used[here] = true;
            chain.push(here);
            at = mutual(here);
        }
        if chain.len() >= 4 {
            let places: Vec<Place> = chain.iter().map(|i| places[*i]).collect();
            let pitch = median(places.windows(2).map(|pair| pair[1].u - pair[0].u).collect());
            chains.push(Chain { places, pitch, size: median(chain.iter().map(|i| letters[*i].size).collect()) });
        }
    }
    chains.sort_by_key(|chain| std::cmp::Reverse(chain.places.len()));
    chains.truncate(CHAINS);
    chains.sort_by(|a, b| a.places[0].u.total_cmp(&b.places[0].u));
    chains
}

/// Chains with those of the same pitch appended that go on where they end.
fn joined(chains: Vec<Chain>) -> Vec<Chain> {
    let starts: Vec<f32> = chains.iter().map(|chain| chain.places[0].u).collect();
    let mut chains: Vec<Option<Chain>> = chains.into_iter().map(Some).collect();
    let mut out = Vec::new();
    for i in 0..chains.len() {
        let Some(mut chain) = chains[i].take() else { continue };
        loop {
            let end = chain.places[chain.places.len() - 1];
            let earlier = chain.places[chain.places.len().saturating_sub(12)];
            let slope = if end.u > earlier.u + 1.0 { (end.v - earlier.v) / (end.u - earlier.u) } else { 0.0 };
            let from = starts.partition_point(|start| *start <= end.u);
            let to = starts.partition_point(|start| *start <= end.u + 9.0 * chain.pitch);
            let goes_on = |other: &Chain| {
                let dv = other.places[0].v - end.v - slope * (other.places[0].u - end.u);
                let like = |ratio: f32, most: f32| ratio <= most && ratio >= 1.0 / most;
                dv.abs() <= 0.5 * chain.size
                    && like(other.pitch / chain.pitch, 1.22)
                    && like(other.size / chain.size, 1.7)
            };
            let follows = |j: &usize| chains[*j].as_ref().is_some_and(goes_on);
            let Some(j) = (from.min(to)..to).find(follows) else { break };
            let Some(other) = chains[j].take() else { break };
            chain.places.extend(other.places);
        }
        out.push(chain);
    }
    out
}

impl Chain {
    /// The chain as a line, when its pitch is one and its length that of a zone.
    fn line(&self, angle: f32) -> Option<Line> {
        let places = &self.places;
        if places.len() < FEWEST {
            return None;
        }
        let gaps: Vec<f32> = places.windows(2).map(|pair| (pair[1].u - pair[0].u) / self.pitch).collect();
        let whole = gaps.iter().filter(|gap| gap.round() >= 1.0 && (*gap - gap.round()).abs() < 0.24).count();
        let regular = whole as f32 / gaps.len() as f32;
        let (first, last) = (places[0].u, places[places.len() - 1].u);
        let letters = (last - first) / self.pitch + 1.0;
        let slim = self.pitch / self.size;
        if regular < 0.6 || !(24.0..=56.0).contains(&letters) || !(0.55..=1.45).contains(&slim) {
            return None;
        }
        let all: Vec<(f32, f32)> = places.iter().map(|place| (place.u, place.v)).collect();
        let pieces = places.len();
        let mut line = Line { angle, pitch: self.pitch, regular, pieces, curve: curve(&all, first, last), first, last };
        let near = |place: &&(f32, f32)| (place.1 - line.across(place.0)).abs() < 0.22 * self.pitch;
        let good: Vec<(f32, f32)> = all.iter().filter(near).copied().collect();
        if good.len() < 12 {
            return None;
        }
        line.curve = curve(&good, first, last);
        line.pitch = self.even_pitch(&gaps);
        Some(line)
    }

    /// The pitch by least squares over the numbers of the letters.
    fn even_pitch(&self, gaps: &[f32]) -> f32 {
        let mut numbers = vec![0f32];
        for gap in gaps {
            numbers.push(numbers[numbers.len() - 1] + gap.round().max(1.0));
        }
        let count = numbers.len() as f32;
        let (number, u) = (numbers.iter().sum::<f32>() / count, self.places.iter().map(|p| p.u).sum::<f32>() / count);
        let (over, under) = numbers.iter().zip(&self.places).fold((0.0, 0.0), |(over, under), (n, place)| {
            (over + (n - number) * (place.u - u), under + (n - number) * (n - number))
        });
        let pitch = over / under;
        if (pitch / self.pitch - 1.0).abs() < 0.12 { pitch } else { self.pitch }
    }
}

/// The parabola through `places` by least squares.
pub(crate) fn curve(places: &[(f32, f32)], first: f32, last: f32) -> [f32; 3] {
    let (middle, half) = (f32::midpoint(first, last), ((last - first) / 2.0).max(1.0));
    let mut m = [[0f64; 4]; 3];
    for (u, v) in places {
        let t = f64::from((u - middle) / half);
        let powers = [1.0, t, t * t];
        for (row, power) in m.iter_mut().zip(powers) {
            (0..3).for_each(|k| row[k] += power * powers[k]);
            row[3] += power * f64::from(*v);
        }
    }
    for row in 0..3 {
        m[row][row] += 1e-6;
        for below in row + 1..3 {
            let factor = m[below][row] / m[row][row];
            (row..4).for_each(|k| m[below][k] -= factor * m[row][k]);
        }
    }
    let c = m[2][3] / m[2][2];
    let b = (m[1][3] - m[1][2] * c) / m[1][1];
    let a = (m[0][3] - m[0][1] * b - m[0][2] * c) / m[0][0];
    [a as f32, b as f32, c as f32]
}

fn median(mut values: Vec<f32>) -> f32 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f32::total_cmp).1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` letters of pitch 14 turned by `degrees`, two lines.
    fn turned(count: usize, degrees: f32) -> Vec<Letter> {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let letters = (0..2 * count).map(|i| ((i % count) as f32 * 14.0, (i / count) as f32 * 30.0));
        letters
            .map(|(x, y)| Letter {
                x: 800.0 + x * cos - y * sin,
                y: 800.0 + x * sin + y * cos,
                wide: 9.0,
                high: 12.0,
                size: 15.0,
            })
            .collect()
    }

    fn zones(letters: &[Letter]) -> Vec<Line> {
        find(letters, &mut 10_000_000).0
    }

    #[test]
    fn lines_are_found_at_any_angle() {
        for degrees in (0..360).step_by(7) {
            let mut lines = zones(&turned(44, degrees as f32));
            lines.retain(|line| (line.letters() - 44.0).abs() < 0.5 && (line.pitch - 14.0).abs() < 0.1);
            assert_eq!(lines.len(), 2, "{degrees}");
        }
    }

    #[test]
    fn short_lines_are_none() {
        assert!(zones(&turned(20, 10.0)).is_empty());
    }

    #[test]
    fn steps_bound_the_work() {
        let mut steps = 100;
        find(&turned(44, 10.0), &mut steps);
        assert_eq!(steps, 0);
    }
}
