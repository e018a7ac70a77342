//! The reader of strips: a small convolutional network whose weights are part of the program.
//!
//! `weights/mrz.f16` holds six layers one after the other, each its weights (row, column, input, output) and then its
//! biases, as little-endian half floats; `training/README.md` says how they were made.

/// Height of a strip.
pub(crate) const HIGH: usize = 24;
/// Points of a strip from letter to letter.
pub(crate) const PITCH: usize = 16;
/// Points of a strip to a frame of the answer.
pub(crate) const FRAME: usize = 4;
/// What a frame can be: 37 letters, or none of them.
pub(crate) const CLASSES: usize = 38;

const WEIGHTS: &[u8] = include_bytes!("../weights/mrz.f16");

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

const SHAPES: [Shape; 6] = [
    shape((3, 3), (1, 12), (2, 2), (1, 1)),
    shape((3, 3), (12, 24), (2, 1), (1, 1)),
    shape((3, 3), (24, 32), (2, 2), (1, 1)),
    shape((3, 3), (32, 64), (1, 1), (0, 1)),
    shape((1, 5), (64, 64), (1, 1), (0, 2)),
    shape((1, 1), (64, CLASSES), (1, 1), (0, 0)),
];

impl Shape {
    const fn weights(&self) -> usize {
        self.kernel.0 * self.kernel.1 * self.channels.0 * self.channels.1
    }
}

const fn numbers() -> usize {
    let (mut sum, mut i) = (0, 0);
    while i < SHAPES.len() {
        sum += SHAPES[i].weights() + SHAPES[i].channels.1;
        i += 1;
    }
    sum
}

// The file cannot be of another length than the layers ask for: this would not compile.
const _: () = assert!(WEIGHTS.len() == numbers() * 2);

/// Rows, columns and numbers between two layers.
struct Map {
    high: usize,
    wide: usize,
    data: Vec<f32>,
}

/// The network.
pub(crate) struct Net {
    numbers: Vec<f32>,
}

impl Net {
    pub(crate) fn new() -> Net {
        let halves = WEIGHTS.as_chunks::<2>().0;
        Net { numbers: halves.iter().map(|bytes| half(u16::from_le_bytes(*bytes))).collect() }
    }

    /// `CLASSES` scores for every frame of a strip (`HIGH` rows of `wide` points).
    pub(crate) fn run(&self, strip: Vec<f32>, wide: usize) -> Vec<f32> {
        let mut map = Map { high: HIGH, wide, data: strip };
        let mut rest = self.numbers.as_slice();
        for (i, shape) in SHAPES.iter().enumerate() {
            let (weights, after) = rest.split_at(shape.weights());
            let (biases, after) = after.split_at(shape.channels.1);
            rest = after;
            let last = i + 1 == SHAPES.len();
            map = match shape.channels.1 {
                12 => layer::<12>(&map, shape, weights, biases, last),
                24 => layer::<24>(&map, shape, weights, biases, last),
                32 => layer::<32>(&map, shape, weights, biases, last),
                64 => layer::<64>(&map, shape, weights, biases, last),
                _ => layer::<CLASSES>(&map, shape, weights, biases, last),
            };
        }
        map.data
    }
}

/// One convolution; negative sums become 0 but in the last layer.
fn layer<const OUT: usize>(from: &Map, shape: &Shape, weights: &[f32], biases: &[f32], last: bool) -> Map {
    let ((kh, kw), inputs) = (shape.kernel, shape.channels.0);
    let size = |whole: usize, margin: usize, kernel: usize, step: usize| {
        (whole + 2 * margin).saturating_sub(kernel) / step + 1
    };
    let high = size(from.high, shape.margin.0, kh, shape.step.0);
    let wide = size(from.wide, shape.margin.1, kw, shape.step.1);
    let mut data = Vec::with_capacity(high * wide * OUT);
    for y in 0..high {
        for x in 0..wide {
            let mut sums = [0f32; OUT];
            sums.copy_from_slice(biases);
            for ky in 0..kh {
                let Some(row) = (y * shape.step.0 + ky).checked_sub(shape.margin.0).filter(|row| *row < from.high)
                else {
                    continue;
                };
                for kx in 0..kw {
                    let column = (x * shape.step.1 + kx).checked_sub(shape.margin.1).filter(|at| *at < from.wide);
                    let Some(column) = column else { continue };
                    let values = &from.data[(row * from.wide + column) * inputs..][..inputs];
                    let kernel = &weights[(ky * kw + kx) * inputs * OUT..][..inputs * OUT];
                    for (value, row) in values.iter().zip(kernel.as_chunks::<OUT>().0) {
                        if *value != 0.0 {
                            sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += value * weight);
                        }
                    }
                }
            }
            data.extend(sums.iter().map(|sum| if last { *sum } else { sum.max(0.0) }));
        }
    }
    Map { high, wide, data }
}

/// A half float.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023) / 1024.0);
    sign * if exponent == 0 { fraction * 2f32.powi(-14) } else { (1.0 + fraction) * 2f32.powi(exponent - 15) }
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
        assert!(Net::new().numbers.iter().all(|number| number.abs() < 100.0));
    }

    #[test]
    fn four_points_make_a_frame() {
        let net = Net::new();
        for wide in [32, 36, 160, 1200] {
            assert_eq!(net.run(vec![0.0; HIGH * wide], wide).len(), wide / FRAME * CLASSES);
        }
    }
}
