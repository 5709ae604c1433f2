//! Linear layers on integers: 14-bit activations, one scale a row; 8-bit weights, one scale a column; sums in int32, exact.
//!
//! Fourteen bits, because then the longest sum that a model here needs (1,536 products) still fits int32, so that no processor
//! saturates or rounds, and all give the same bits.

use super::lanes::{LANES, Lanes, ROUNDER};
use super::level::Arch;
use super::math::gelu;

/// Largest magnitude of a quantised activation.
pub const ACTIVATION_MAX: i32 = 8191;
/// Largest magnitude of a quantised weight.
pub const WEIGHT_MAX: i32 = 127;
/// Inputs that lie side by side in the layout of weights.
pub const GROUP: usize = 4;
/// Bits of an activation's low part, where a processor multiplies bytes.
pub const LOW_BITS: u32 = 6;

/// Sums of one row against one block of columns.
pub type Tile = [i32; LANES];

/// Weights of a linear layer as [`pack`] lays them out.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    /// `[outs / 16, ins / 4, 16, 4]`: blocks of 16 columns, in each groups of 4 inputs, in these columns before inputs.
    pub packed: &'a [i8],
    /// `[outs]`.
    pub scales: &'a [f32],
    /// `[outs]`.
    pub bias: &'a [f32],
    pub ins: usize,
    pub outs: usize,
}

/// Lays a matrix `[ins, outs]` out for [`Weights`]. Both must be multiples of 64 and 16, see [`check_widths`].
pub fn pack(matrix: &[i8], ins: usize, outs: usize) -> Vec<i8> {
    let mut packed = Vec::with_capacity(ins * outs);
    for block in (0..outs).step_by(LANES) {
        for group in (0..ins).step_by(GROUP) {
            for column in block..block + LANES {
                packed.extend((group..group + GROUP).map(|row| matrix[row * outs + column]));
            }
        }
    }
    packed
}

/// What is wrong with a linear layer of these widths for this way of computing, if anything is.
pub fn check_widths(ins: usize, outs: usize) -> Result<(), String> {
    if ins == 0 || outs == 0 || !ins.is_multiple_of(64) || !outs.is_multiple_of(LANES) {
        return Err(format!("a layer of {ins} inputs and {outs} outputs: multiples of 64 and {LANES} are needed"));
    }
    match i32::try_from(ins).ok().and_then(|ins| ins.checked_mul(ACTIVATION_MAX * WEIGHT_MAX)) {
        Some(_) => Ok(()),
        None => Err(format!("a layer of {ins} inputs: their products may not fit 32 bits")),
    }
}

/// Quantised rows of activations, kept in the form that the processor multiplies.
#[derive(Default)]
pub struct Rows {
    pub count: usize,
    pub width: usize,
    /// `[count]`: what a row's integers are multiplied by.
    pub scales: Vec<f32>,
    /// `[count, width]`.
    pub values: Vec<i16>,
    /// `[count / SIDE rounded up, width / STEP]`, `values` in bytes; only where the processor multiplies these.
    pub bytes: Vec<Bytes>,
}

/// Rows of [`Bytes`].
pub const SIDE: usize = 16;
/// Inputs of [`Bytes`].
pub const STEP: usize = 64;

/// Part of some rows, `[SIDE, STEP]`: a value is `high * 2^LOW_BITS + low`.
#[derive(Clone)]
#[repr(C, align(64))]
pub struct Bytes {
    pub high: [[i8; STEP]; SIDE],
    pub low: [[u8; STEP]; SIDE],
}

impl Bytes {
    const ZERO: Bytes = Bytes { high: [[0; STEP]; SIDE], low: [[0; STEP]; SIDE] };

    #[inline(always)]
    fn set(&mut self, row: usize, values: &[i16; STEP]) {
        for ((value, high), low) in values.iter().zip(&mut self.high[row]).zip(&mut self.low[row]) {
            *high = (value >> LOW_BITS) as i8;
            *low = (value & ((1 << LOW_BITS) - 1)) as u8;
        }
    }
}

impl Rows {
    pub fn reset<A: Arch>(&mut self, count: usize, width: usize) {
        (self.count, self.width) = (count, width);
        self.scales.resize(count, 0.0);
        self.values.resize(count * width, 0);
        if A::BYTES {
            self.bytes.resize(count.div_ceil(SIDE) * (width / STEP), Bytes::ZERO);
        }
    }

    /// Quantises `x`, `[width]`, into row `at`: its largest magnitude becomes [`ACTIVATION_MAX`].
    #[inline(always)]
    pub fn set<A: Arch>(&mut self, at: usize, x: &[f32]) {
        let mut most = A::F::zero();
        for x in lanes(x) {
            most = A::F::load(x).abs().max(most);
        }
        let most = most.largest();
        let (scale, inverse) = match most {
            0.0 => (0.0, 0.0),
            most => (most / ACTIVATION_MAX as f32, ACTIVATION_MAX as f32 / most),
        };
        self.scales[at] = scale;
        let row = &mut self.values[at * self.width..][..self.width];
        for (x, to) in lanes(x).zip(row.as_chunks_mut().0) {
            A::F::load(x).fma(A::F::splat(inverse), A::F::splat(ROUNDER)).store_rounded(to);
        }
        if A::BYTES {
            let steps = self.width / STEP;
            let bytes = &mut self.bytes[at / SIDE * steps..][..steps];
            for (bytes, values) in bytes.iter_mut().zip(row.as_chunks().0) {
                bytes.set(at % SIDE, values);
            }
        }
    }

    pub fn row(&self, at: usize) -> &[i16] {
        &self.values[at * self.width..][..self.width]
    }
}

/// A slice whose length is a multiple of [`LANES`], by so many.
#[inline(always)]
pub fn lanes(x: &[f32]) -> impl Iterator<Item = &[f32; LANES]> {
    x.as_chunks().0.iter()
}

/// Takes the sums of some rows against a block of 16 columns.
pub trait Sink {
    /// Sums of row `first` and those after it.
    fn take<A: Arch>(&mut self, first: usize, block: usize, sums: &[Tile]);
}

/// `rows` times `weights` plus bias, or GELU of that, into `to`, `[rows, outs]`.
#[inline(always)]
pub fn linear<A: Arch, const GELU: bool>(rows: &Rows, weights: &Weights, to: &mut [f32]) {
    debug_assert!(rows.width == weights.ins && to.len() == rows.count * weights.outs);
    A::blocks(rows, weights, &mut Linear::<GELU> { scales: &rows.scales, weights, to });
}

struct Linear<'a, const GELU: bool> {
    scales: &'a [f32],
    weights: &'a Weights<'a>,
    to: &'a mut [f32],
}

impl<const GELU: bool> Sink for Linear<'_, GELU> {
    #[inline(always)]
    fn take<A: Arch>(&mut self, first: usize, block: usize, sums: &[Tile]) {
        let (column, outs) = (block * LANES, self.weights.outs);
        let scales = A::F::load(self.weights.scales[column..].first_chunk().expect("a scale a column"));
        let bias = A::F::load(self.weights.bias[column..].first_chunk().expect("a bias a column"));
        for (row, sums) in (first..).zip(sums) {
            let scale = A::F::splat(self.scales[row]).mul(scales);
            let to = self.to[row * outs + column..].first_chunk_mut().expect("a place for every sum");
            let y = A::F::from_integers(sums).fma(scale, bias);
            if GELU { gelu(y) } else { y }.store(to);
        }
    }
}

/// Packed weights of a block of 16 columns.
pub fn block_of<'a>(weights: &Weights<'a>, block: usize) -> &'a [i8] {
    &weights.packed[block * LANES * weights.ins..][..LANES * weights.ins]
}

/// Multiplies some rows with a block of columns.
pub trait Multiply {
    /// Adds to `sums` the products of as many rows, from `first` on, for the inputs from `input` on that `packed` has weights of.
    fn multiply(rows: &Rows, first: usize, input: usize, packed: &[i8], sums: &mut [Tile]);
}

/// Rows that take turns with the weights of a block, and inputs at a time: 24 rows of 384 numbers stay in a cache of 32 kB.
const PANEL: usize = 24;
const INPUTS: usize = 384;

/// One block of columns after another, in each at most `MOST` rows at a time, evenly many.
#[inline(always)]
pub fn by_tiles<A: Arch, M: Multiply, const MOST: usize>(rows: &Rows, weights: &Weights, sink: &mut impl Sink) {
    let mut sums = [[0; LANES]; PANEL];
    for from in (0..rows.count).step_by(PANEL) {
        let count = (rows.count - from).min(PANEL);
        let parts = count.div_ceil(MOST);
        for block in 0..weights.outs / LANES {
            sums[..count].fill([0; LANES]);
            for (i, packed) in block_of(weights, block).chunks(INPUTS * LANES).enumerate() {
                for part in 0..parts {
                    let (first, end) = (part * count / parts, (part + 1) * count / parts);
                    M::multiply(rows, from + first, i * INPUTS, packed, &mut sums[first..end]);
                }
            }
            sink.take::<A>(from, block, &sums[..count]);
        }
    }
}

/// Adds the products of one row and a block of columns, in plain Rust.
#[inline(always)]
pub fn tile_plain(row: &[i16], packed: &[i8], to: &mut Tile) {
    let (groups, _) = packed.as_chunks::<{ LANES * GROUP }>();
    for (group, x) in groups.iter().zip(row.as_chunks::<GROUP>().0) {
        for (sum, weights) in to.iter_mut().zip(group.as_chunks::<GROUP>().0) {
            *sum += (0..GROUP).map(|i| i32::from(x[i]) * i32::from(weights[i])).sum::<i32>();
        }
    }
}
