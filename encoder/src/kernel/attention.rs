//! Self-attention of one text: softmax(query x key / sqrt(width)) x value, head by head.

use super::isa::Simd;
use super::math::{exp, total};
use super::simd::{LANES, SimdF32, lanes};

/// Queries that are computed side by side.
const QUERIES: usize = 4;

/// Room for one head of one text.
#[derive(Default)]
pub struct Scratch {
    /// `[head width, tokens rounded up]`.
    keys: Vec<f32>,
    /// `[tokens, head width]`: side by side, where those of a whole token would be far apart.
    values: Vec<f32>,
    /// `[QUERIES, tokens rounded up]`.
    scores: Vec<f32>,
}

/// `qkv` is `[tokens, 3 * width]`, a token's query, key and value side by side; the result goes to `to`, `[tokens, width]`.
/// A head's width must be a multiple of [`LANES`].
#[inline(always)]
pub fn attend<S: Simd>(qkv: &[f32], heads: usize, width: usize, scratch: &mut Scratch, to: &mut [f32]) {
    let tokens = to.len() / width;
    let padded = tokens.next_multiple_of(LANES);
    let head_dim = width / heads;
    scratch.keys.resize(head_dim * padded, 0.0);
    scratch.values.resize(tokens * head_dim, 0.0);
    scratch.scores.resize(QUERIES * padded, 0.0);
    for head in 0..heads {
        let offset = head * head_dim;
        for column in (0..head_dim).step_by(LANES) {
            for (block, rows) in qkv.chunks(LANES * 3 * width).enumerate() {
                let mut keys = [S::F::zero(); LANES];
                for (token, (row, key)) in rows.chunks_exact(3 * width).zip(&mut keys).enumerate() {
                    *key = S::F::load(chunk(row, width + offset + column));
                    let value = S::F::load(chunk(row, 2 * width + offset + column));
                    value.store(chunk_mut(&mut scratch.values, (block * LANES + token) * head_dim + column));
                }
                for (i, key) in S::F::transpose(keys).into_iter().enumerate() {
                    key.store(chunk_mut(&mut scratch.keys, (column + i) * padded + block * LANES));
                }
            }
        }
        let view = Head { qkv, offset, head_dim, width, tokens, padded };
        let whole = tokens - tokens % QUERIES;
        for first in (0..whole).step_by(QUERIES) {
            view.queries::<S, QUERIES>(first, scratch, to);
        }
        for first in whole..tokens {
            view.queries::<S, 1>(first, scratch, to);
        }
    }
}

struct Head<'a> {
    qkv: &'a [f32],
    /// Where the head begins in a query, key or value.
    offset: usize,
    head_dim: usize,
    width: usize,
    tokens: usize,
    padded: usize,
}

impl Head<'_> {
    #[inline(always)]
    fn queries<S: Simd, const N: usize>(&self, first: usize, scratch: &mut Scratch, to: &mut [f32]) {
        let queries: [&[f32]; N] =
            std::array::from_fn(|i| &self.qkv[(first + i) * 3 * self.width + self.offset..][..self.head_dim]);
        let scale = S::F::splat(1.0 / (self.head_dim as f32).sqrt());
        for block in (0..self.padded).step_by(LANES) {
            let mut sums = [S::F::zero(); N];
            for (d, keys) in scratch.keys.chunks_exact(self.padded).enumerate() {
                let keys = S::F::load(chunk(keys, block));
                for (sum, query) in sums.iter_mut().zip(queries) {
                    *sum = S::F::splat(query[d]).fma(keys, *sum);
                }
            }
            for (sum, scores) in sums.into_iter().zip(scratch.scores.chunks_exact_mut(self.padded)) {
                sum.mul(scale).store(chunk_mut(scores, block));
            }
        }
        let mut totals = [0.0; N];
        for (total, scores) in totals.iter_mut().zip(scratch.scores.chunks_exact_mut(self.padded)) {
            *total = self.softmax::<S>(scores);
        }
        for block in (0..self.head_dim).step_by(LANES) {
            let mut sums = [S::F::zero(); N];
            for (token, values) in scratch.values.chunks_exact(self.head_dim).enumerate() {
                let value = S::F::load(chunk(values, block));
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = S::F::splat(scratch.scores[i * self.padded + token]).fma(value, *sum);
                }
            }
            for (i, sum) in sums.into_iter().enumerate() {
                let to = chunk_mut(to, (first + i) * self.width + self.offset + block);
                sum.div(S::F::splat(totals[i])).store(to);
            }
        }
    }

    /// Replaces scores by e^(score - largest) and gives the sum of these.
    #[inline(always)]
    fn softmax<S: Simd>(&self, scores: &mut [f32]) -> f32 {
        // Places behind the last token take part as its first score, then not at all.
        let first = scores[0];
        scores[self.tokens..].fill(first);
        let mut max = S::F::splat(first);
        for x in lanes(scores) {
            max = S::F::load(x).max(max);
        }
        let max = S::F::splat(max.reduce_max());
        for x in scores.as_chunks_mut().0 {
            exp(S::F::load(x).sub(max)).store(x);
        }
        scores[self.tokens..].fill(0.0);
        total::<S>(scores)
    }
}

#[inline(always)]
fn chunk(x: &[f32], offset: usize) -> &[f32; LANES] {
    x[offset..].first_chunk().expect("widths are multiples of a chunk")
}

#[inline(always)]
fn chunk_mut(x: &mut [f32], offset: usize) -> &mut [f32; LANES] {
    x[offset..].first_chunk_mut().expect("widths are multiples of a chunk")
}
