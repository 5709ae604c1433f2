//! Self-attention of one text: softmax(query x key / sqrt(width)) x value, head by head.

use super::gemm::lanes;
use super::lanes::{LANES, Lanes};
use super::level::Arch;
use super::math::{exp, total};

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
pub fn attend<A: Arch>(qkv: &[f32], heads: usize, width: usize, scratch: &mut Scratch, to: &mut [f32]) {
    let tokens = to.len() / width;
    let padded = tokens.next_multiple_of(LANES);
    let of_head = width / heads;
    scratch.keys.resize(of_head * padded, 0.0);
    scratch.values.resize(tokens * of_head, 0.0);
    scratch.scores.resize(QUERIES * padded, 0.0);
    for head in 0..heads {
        let at = head * of_head;
        for column in (0..of_head).step_by(LANES) {
            for (block, rows) in qkv.chunks(LANES * 3 * width).enumerate() {
                let mut keys = [A::F::zero(); LANES];
                for (token, (row, key)) in rows.chunks_exact(3 * width).zip(&mut keys).enumerate() {
                    *key = A::F::load(chunk(row, width + at + column));
                    let value = A::F::load(chunk(row, 2 * width + at + column));
                    value.store(chunk_mut(&mut scratch.values, (block * LANES + token) * of_head + column));
                }
                for (i, key) in A::F::transpose(keys).into_iter().enumerate() {
                    key.store(chunk_mut(&mut scratch.keys, (column + i) * padded + block * LANES));
                }
            }
        }
        let view = Head { qkv, at, of_head, width, tokens, padded };
        let whole = tokens - tokens % QUERIES;
        for first in (0..whole).step_by(QUERIES) {
            view.queries::<A, QUERIES>(first, scratch, to);
        }
        for first in whole..tokens {
            view.queries::<A, 1>(first, scratch, to);
        }
    }
}

struct Head<'a> {
    qkv: &'a [f32],
    /// Where the head begins in a query, key or value.
    at: usize,
    of_head: usize,
    width: usize,
    tokens: usize,
    padded: usize,
}

impl Head<'_> {
    #[inline(always)]
    fn queries<A: Arch, const N: usize>(&self, first: usize, scratch: &mut Scratch, to: &mut [f32]) {
        let queries: [&[f32]; N] =
            std::array::from_fn(|i| &self.qkv[(first + i) * 3 * self.width + self.at..][..self.of_head]);
        let scale = A::F::splat(1.0 / (self.of_head as f32).sqrt());
        for block in (0..self.padded).step_by(LANES) {
            let mut sums = [A::F::zero(); N];
            for (d, keys) in scratch.keys.chunks_exact(self.padded).enumerate() {
                let keys = A::F::load(chunk(keys, block));
                for (sum, query) in sums.iter_mut().zip(queries) {
                    *sum = A::F::splat(query[d]).fma(keys, *sum);
                }
            }
            for (sum, scores) in sums.into_iter().zip(scratch.scores.chunks_exact_mut(self.padded)) {
                sum.mul(scale).store(chunk_mut(scores, block));
            }
        }
        let mut totals = [0.0; N];
        for (total, scores) in totals.iter_mut().zip(scratch.scores.chunks_exact_mut(self.padded)) {
            *total = self.softmax::<A>(scores);
        }
        for block in (0..self.of_head).step_by(LANES) {
            let mut sums = [A::F::zero(); N];
            for (token, values) in scratch.values.chunks_exact(self.of_head).enumerate() {
                let value = A::F::load(chunk(values, block));
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = A::F::splat(scratch.scores[i * self.padded + token]).fma(value, *sum);
                }
            }
            for (i, sum) in sums.into_iter().enumerate() {
                let to = chunk_mut(to, (first + i) * self.width + self.at + block);
                sum.div(A::F::splat(totals[i])).store(to);
            }
        }
    }

    /// Replaces scores by e^(score - largest) and gives the sum of these.
    #[inline(always)]
    fn softmax<A: Arch>(&self, scores: &mut [f32]) -> f32 {
        // Places behind the last token take part as its first score, then not at all.
        let first = scores[0];
        scores[self.tokens..].fill(first);
        let mut most = A::F::splat(first);
        for x in lanes(scores) {
            most = A::F::load(x).max(most);
        }
        let most = A::F::splat(most.largest());
        for x in scores.as_chunks_mut().0 {
            exp(A::F::load(x).sub(most)).store(x);
        }
        scores[self.tokens..].fill(0.0);
        total::<A>(scores)
    }
}

#[inline(always)]
fn chunk(x: &[f32], at: usize) -> &[f32; LANES] {
    x[at..].first_chunk().expect("widths are multiples of a chunk")
}

#[inline(always)]
fn chunk_mut(x: &mut [f32], at: usize) -> &mut [f32; LANES] {
    x[at..].first_chunk_mut().expect("widths are multiples of a chunk")
}
