//! The readers of strips: small convolutional networks whose weights are part of the program.
//!
//! A file of weights holds six layers one after the other, each its weights (row, column, input, output) and then its
//! biases, as little-endian half floats; `training/README.md` says how they were made.

use crate::strip::HIGH;

/// Shape of a layer: kernel, channels, steps, margins (rows and columns).
struct Shape {
    kernel: (usize, usize),
    channels: (usize, usize),
    step: (usize, usize),
    margin: (usize, usize),
}

const fn shape(
    kernel: (usize, usize),
    channels: (usize, usize),
    step: (usize, usize),
    margin: (usize, usize),
) -> Shape {
    Shape { kernel, channels, step, margin }
}

/// What a network can tell a frame to be, the last being none of the letters.
pub(crate) const ZONE: usize = 38;
pub(crate) const TEXT: usize = 59;

const ZONES: [Shape; 6] = [
    shape((3, 3), (1, 12), (2, 2), (1, 1)),
    shape((3, 3), (12, 24), (2, 1), (1, 1)),
    shape((3, 3), (24, 32), (2, 2), (1, 1)),
    shape((3, 3), (32, 64), (1, 1), (0, 1)),
    shape((1, 5), (64, 64), (1, 1), (0, 2)),
    shape((1, 1), (64, ZONE), (1, 1), (0, 0)),
];
const TEXTS: [Shape; 6] = [
    shape((3, 3), (1, 16), (2, 2), (1, 1)),
    shape((3, 3), (16, 24), (2, 1), (1, 1)),
    shape((3, 3), (24, 40), (2, 1), (1, 1)),
    shape((3, 3), (40, 80), (1, 1), (0, 1)),
    shape((1, 7), (80, 80), (1, 1), (0, 3)),
    shape((1, 1), (80, TEXT), (1, 1), (0, 0)),
];

const OF_ZONES: &[u8] = include_bytes!("../weights/mrz.f16");
const OF_TEXTS: &[u8] = include_bytes!("../weights/words.f16");

impl Shape {
    const fn weights(&self) -> usize {
        self.kernel.0 * self.kernel.1 * self.channels.0 * self.channels.1
    }
}

const fn numbers(shapes: &[Shape]) -> usize {
    let (mut sum, mut i) = (0, 0);
    while i < shapes.len() {
        sum += shapes[i].weights() + shapes[i].channels.1;
        i += 1;
    }
    sum
}

// The files cannot be of another length than the layers ask for: this would not compile.
const _: () = assert!(OF_ZONES.len() == numbers(&ZONES) * 2);
const _: () = assert!(OF_TEXTS.len() == numbers(&TEXTS) * 2);

/// Rows, columns and numbers between two layers.
struct Map {
    high: usize,
    wide: usize,
    data: Vec<f32>,
}

/// What is not nought at each place of a map, half of which is: each is looked at by several kernels.
struct Inked {
    /// Input and value.
    values: Vec<(u32, f32)>,
    ends: Vec<u32>,
}

impl Inked {
    fn of(map: &Map, inputs: usize) -> Inked {
        let (mut values, mut ends) = (vec![(0, 0.0); map.data.len() + 1], vec![0]);
        let mut count = 0;
        for place in map.data.chunks_exact(inputs) {
            for (input, value) in (0..).zip(place) {
                // Always written and seldom kept: nothing for the processor to guess.
                values[count] = (input, *value);
                count += usize::from(*value != 0.0);
            }
            ends.push(count as u32);
        }
        Inked { values, ends }
    }

    fn at(&self, place: usize) -> &[(u32, f32)] {
        &self.values[self.ends[place] as usize..self.ends[place + 1] as usize]
    }
}

/// A network.
pub(crate) struct Net {
    shapes: &'static [Shape; 6],
    numbers: Vec<f32>,
}

impl Net {
    /// The reader of zones: a frame is four points.
    pub(crate) fn zones() -> Net {
        Net::new(&ZONES, OF_ZONES)
    }

    /// The reader of texts: a frame is two points.
    pub(crate) fn texts() -> Net {
        Net::new(&TEXTS, OF_TEXTS)
    }

    fn new(shapes: &'static [Shape; 6], weights: &[u8]) -> Net {
        let halves = weights.as_chunks::<2>().0;
        Net { shapes, numbers: halves.iter().map(|bytes| half(u16::from_le_bytes(*bytes))).collect() }
    }

    /// Scores for every frame of a strip (`HIGH` rows of `wide` points).
    pub(crate) fn run(&self, strip: Vec<f32>, wide: usize) -> Vec<f32> {
        let mut map = Map { high: HIGH, wide, data: strip };
        let mut rest = self.numbers.as_slice();
        for (i, shape) in self.shapes.iter().enumerate() {
            let (weights, after) = rest.split_at(shape.weights());
            let (biases, after) = after.split_at(shape.channels.1);
            rest = after;
            let last = i + 1 == self.shapes.len();
            // Each width is a loop of its own, in parts whose sums stay in registers.
            let layer = match shape.channels.1 {
                12 => layer::<12, 12>,
                16 => layer::<16, 16>,
                24 => layer::<24, 24>,
                32 => layer::<32, 32>,
                40 => layer::<40, 40>,
                64 => layer::<64, 32>,
                80 => layer::<80, 40>,
                TEXT => layer::<TEXT, TEXT>,
                _ => layer::<ZONE, ZONE>,
            };
            map = layer(&map, shape, weights, biases, last);
        }
        map.data
    }
}

/// One convolution in parts of `PART` of the `OUT` outputs; negative sums become 0 but in the last layer.
fn layer<const OUT: usize, const PART: usize>(
    from: &Map,
    shape: &Shape,
    weights: &[f32],
    biases: &[f32],
    last: bool,
) -> Map {
    let ((kh, kw), inputs) = (shape.kernel, shape.channels.0);
    let size = |whole: usize, margin: usize, kernel: usize, step: usize| {
        (whole + 2 * margin).saturating_sub(kernel) / step + 1
    };
    let high = size(from.high, shape.margin.0, kh, shape.step.0);
    let wide = size(from.wide, shape.margin.1, kw, shape.step.1);
    let mut data = vec![0f32; high * wide * OUT];
    let inked = Inked::of(from, inputs);
    let mut near = Vec::with_capacity(kh * kw);
    for (at, out) in data.as_chunks_mut::<OUT>().0.iter_mut().enumerate() {
        let (y, x) = (at / wide, at % wide);
        near.clear();
        for (ky, kx) in (0..kh * kw).map(|k| (k / kw, k % kw)) {
            let row = (y * shape.step.0 + ky).checked_sub(shape.margin.0).filter(|row| *row < from.high);
            let column = (x * shape.step.1 + kx).checked_sub(shape.margin.1).filter(|at| *at < from.wide);
            let (Some(row), Some(column)) = (row, column) else { continue };
            near.push((inked.at(row * from.wide + column), &weights[(ky * kw + kx) * inputs * OUT..][..inputs * OUT]));
        }
        for (part, out) in out.as_chunks_mut::<PART>().0.iter_mut().enumerate() {
            let mut sums = [0f32; PART];
            sums.copy_from_slice(&biases[part * PART..][..PART]);
            for (values, kernel) in &near {
                let kernel = kernel.as_chunks::<OUT>().0;
                for (input, value) in *values {
                    let row = &kernel[*input as usize].as_chunks::<PART>().0[part];
                    sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += value * weight);
                }
            }
            *out = sums.map(|sum| if last { sum } else { sum.max(0.0) });
        }
    }
    Map { high, wide, data }
}

/// A half float; of infinities there are none. A million of them are read at every start of a worker.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15) << 31, u32::from(bits >> 10 & 31), u32::from(bits & 1023));
    match exponent {
        // 2 to the power of -24 each.
        0 => f32::from_bits(sign | (fraction as f32 * 5.960_464_5e-8).to_bits()),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read() {
        for (bits, value) in [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_95), (0x0001, 5.960_464_5e-8), (0, 0.0)]
        {
            assert_eq!(half(bits), value);
        }
    }

    #[test]
    fn every_weight_is_a_number() {
        assert!([Net::zones(), Net::texts()].iter().flat_map(|net| &net.numbers).all(|number| number.abs() < 100.0));
    }

    #[test]
    fn frames_are_of_even_width() {
        for wide in [32, 36, 160, 1200] {
            let strip = || vec![0.0; HIGH * wide];
            assert_eq!(Net::zones().run(strip(), wide).len(), wide / 4 * ZONE);
            assert_eq!(Net::texts().run(strip(), wide).len(), wide / 2 * TEXT);
        }
    }
}
