//! Linear layers on integers: `scale of the row * scale of the column * (X W) + bias`, with X quantised activations, W 8-bit weights
//! and X W summed in int32, exact.
//!
//! In BLIS's terms: panels of MC rows take turns with the weights, which are packed once for all in blocks of 16 columns; an
//! instruction set brings the micro-kernel of MR rows.

use super::isa::Simd;
use super::math::gelu;
use super::quantize::{ActivationBits, QuantizedRows};
use super::simd::{LANES, SimdF32};

/// Largest magnitude of a quantised weight.
pub const WEIGHT_MAX: i32 = 127;
/// Inputs that lie side by side in the layout of weights.
pub const GROUP: usize = 4;

/// Sums of one row against one block of columns.
pub type Accumulator = [i32; LANES];

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

impl<'a> Weights<'a> {
    /// Those of a block of 16 columns.
    pub fn block(&self, block: usize) -> &'a [i8] {
        &self.packed[block * LANES * self.ins..][..LANES * self.ins]
    }
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
    ActivationBits::Fourteen.check_inputs(ins)
}

/// Takes the sums of some rows against a block of 16 columns.
pub trait Epilogue {
    /// Sums of row `first` and those after it.
    fn take<S: Simd>(&mut self, first: usize, block: usize, sums: &[Accumulator]);
}

/// `rows` times `weights` plus bias, or GELU of that, into `to`, `[rows, outs]`.
#[inline(always)]
pub fn linear<S: Simd, const GELU: bool>(rows: &QuantizedRows, weights: &Weights, to: &mut [f32]) {
    let mut linear = Linear::<GELU> { scales: &rows.scales, weights, to };
    match rows.bits {
        ActivationBits::Eight => S::gemm(rows, weights, &mut linear),
        ActivationBits::Fourteen => S::gemm(rows, weights, &mut Joined(linear)),
    }
}

struct Linear<'a, const GELU: bool> {
    scales: &'a [f32],
    weights: &'a Weights<'a>,
    to: &'a mut [f32],
}

impl<const GELU: bool> Epilogue for Linear<'_, GELU> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, first: usize, block: usize, sums: &[Accumulator]) {
        let (column, outs) = (block * LANES, self.weights.outs);
        let scales = S::F::load(self.weights.scales[column..].first_chunk().expect("a scale a column"));
        let bias = S::F::load(self.weights.bias[column..].first_chunk().expect("a bias a column"));
        for (row, sums) in (first..).zip(sums) {
            let scale = S::F::splat(self.scales[row]).mul(scales);
            let to = self.to[row * outs + column..].first_chunk_mut().expect("a place for every sum");
            let y = S::F::from_i32(sums).fma(scale, bias);
            if GELU { gelu(y) } else { y }.store(to);
        }
    }
}

/// Puts the sums of high and low parts of 14-bit activations together.
struct Joined<E>(E);

impl<E: Epilogue> Epilogue for Joined<E> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, first: usize, block: usize, sums: &[Accumulator]) {
        let mut joined = [[0; LANES]; MC / 2];
        let pairs = sums.as_chunks::<2>().0;
        for (joined, [high, low]) in joined.iter_mut().zip(pairs) {
            for ((joined, high), low) in joined.iter_mut().zip(high).zip(low) {
                *joined = (high << 7) + low;
            }
        }
        self.0.take::<S>(first / 2, block, &joined[..pairs.len()]);
    }
}

/// Multiplies a few rows with a few columns, in registers.
pub trait MicroKernel {
    /// Most rows at a time.
    const MR: usize;

    /// What the sums of a row begin with.
    #[inline(always)]
    fn start(_row: &[i8]) -> i32 {
        0
    }

    /// Adds to `sums`, `[rows]` of each block of columns, the products of `x`, `[rows, width]`, with these blocks.
    fn multiply<const BLOCKS: usize>(x: &[i8], packed: [&[i8]; BLOCKS], sums: [&mut [Accumulator]; BLOCKS]);
}

/// Whether a micro-kernel has what it will read and write; gives the rows' width.
#[inline(always)]
pub fn check_tile<const ROWS: usize>(x: &[i8], packed: &[i8], to: &[Accumulator]) -> usize {
    let width = packed.len() / LANES;
    assert!(width * LANES == packed.len() && width.is_multiple_of(GROUP), "whole groups of whole blocks");
    assert!(x.len() == ROWS * width && to.len() == ROWS, "as many rows, and as wide");
    width
}

/// MC, the rows of a panel: they stay in a cache while the weights stream past.
const MC: usize = 48;

/// One panel of rows after another, in each one pair of blocks of columns after another, in these `K::MR` rows at most at a time.
#[inline(always)]
pub fn blocked<S: Simd, K: MicroKernel>(rows: &QuantizedRows, weights: &Weights, epilogue: &mut impl Epilogue) {
    assert!(rows.width == weights.ins, "rows and weights are equally wide");
    let blocks = weights.outs / LANES;
    let mut starts = [0; MC];
    let mut sums = [[[0; LANES]; MC]; 2];
    for first in (0..rows.lines()).step_by(MC) {
        let count = (rows.lines() - first).min(MC);
        for (start, row) in starts.iter_mut().zip(rows.of(first, count).chunks_exact(rows.width)) {
            *start = K::start(row);
        }
        let parts = count.div_ceil(K::MR);
        for block in (0..blocks).step_by(2) {
            let pair = block + 1 < blocks;
            let [left, right] = &mut sums;
            for ((left, right), start) in left.iter_mut().zip(right.iter_mut()).zip(starts) {
                (*left, *right) = ([start; LANES], [start; LANES]);
            }
            for part in 0..parts {
                let (from, to) = (part * count / parts, (part + 1) * count / parts);
                let x = rows.of(first + from, to - from);
                let packed = weights.block(block);
                if pair {
                    let packed = [packed, weights.block(block + 1)];
                    K::multiply(x, packed, [&mut left[from..to], &mut right[from..to]]);
                } else {
                    K::multiply(x, [packed], [&mut left[from..to]]);
                }
            }
            epilogue.take::<S>(first, block, &left[..count]);
            if pair {
                epilogue.take::<S>(first, block + 1, &right[..count]);
            }
        }
    }
}
