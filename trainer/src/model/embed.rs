//! Many texts through an encoder: sorted by length, in batches of few shapes.

use super::batch::bucket;
use super::encoder::floats;
use super::{Batch, Encoder};
use crate::backend::Backend;
use burn_tensor::Tensor;
use std::sync::Arc;

/// How a device likes its batches.
#[derive(Clone, Copy, Debug)]
pub enum Shapes {
    /// At most this many rows of like length, padded to the nearest bucket: least padding.
    Rows(usize),
    /// About this many tokens: rows of 32 tokens, or half as many of 64, and so on. A GPU compiles and tunes its kernels for
    /// every shape, and those of the linear layers then have one.
    #[cfg_attr(not(feature = "cuda"), allow(dead_code))]
    Tokens(usize),
    /// Rows of one bucket each, at most this many tokens of them: for a backend that packs batches of many shapes into one pass.
    #[cfg_attr(not(feature = "libtorch"), allow(dead_code))]
    Packed(usize),
}

/// Tokens of rows of [`Shapes::Packed`] are a multiple of this, which attention reads without a copy.
const PACKED: usize = 16;
/// Shortest rows of [`Shapes::Tokens`].
const SHORTEST: usize = 32;
/// Beyond this the next power of two would be mostly padding.
const LONG: usize = 256;

impl Shapes {
    /// Rows and tokens of a batch whose longest text is `longest`; with rows None, as many as there are.
    fn of(self, longest: usize) -> (usize, usize, bool) {
        match self {
            Shapes::Rows(rows) => (rows.max(1), bucket(longest), false),
            Shapes::Tokens(all) => {
                let tokens = match longest {
                    ..=LONG => longest.next_power_of_two().max(SHORTEST),
                    _ => longest.next_multiple_of(LONG / 2),
                };
                ((all / tokens).max(1), tokens, true)
            }
            Shapes::Packed(all) => {
                let tokens = bucket(longest).next_multiple_of(PACKED);
                ((all / tokens).max(1), tokens, false)
            }
        }
    }
}

/// Which of the texts go into which batch.
pub struct Plan {
    pub batch: Batch,
    /// Position of each batch row in the list of texts; rows beyond these are padding.
    pub texts: Vec<usize>,
}

/// Batches of texts of like length, longest first; every text is in exactly one.
pub fn plan(texts: &[Arc<[u32]>], shapes: Shapes, pad: u32) -> Vec<Plan> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(texts[i].len()));
    let (mut rest, mut plans) = (order.as_slice(), Vec::new());
    while let Some(&first) = rest.first() {
        let (rows, tokens, full) = shapes.of(texts[first].len());
        let is_like = |length: usize| match shapes {
            Shapes::Packed(_) => bucket(length).next_multiple_of(PACKED) == tokens,
            // A text of half the length or less would be mostly padding.
            _ => full || bucket(length) * 2 > tokens,
        };
        let like = rest.iter().take_while(|&&i| is_like(texts[i].len())).count();
        let (part, later) = rest.split_at(rows.min(like));
        let ids: Vec<&[u32]> = part.iter().map(|&i| &*texts[i]).collect();
        let rows = if full { rows } else { part.len() };
        plans.push(Plan { batch: Batch::new(&ids, rows, tokens, pad), texts: part.to_vec() });
        rest = later;
    }
    plans
}

/// Vectors of the texts, `texts.len()` x hidden, row by row.
pub fn embed<B: Backend>(encoder: &Encoder<B>, texts: &[Arc<[u32]>], shapes: Shapes, pad: u32) -> Vec<f32> {
    let (encoder, mut vectors) = (encoder.rounded(), Vec::<f32>::new());
    for plans in passes(&plan(texts, shapes, pad), shapes) {
        let rows = forward(&encoder, plans);
        let hidden = rows.dims()[1];
        vectors.resize(texts.len() * hidden, 0.0);
        let rows = floats(&rows);
        let mut first = 0;
        for plan in plans {
            for (row, &text) in rows[first * hidden..].chunks_exact(hidden).zip(&plan.texts) {
                vectors[text * hidden..(text + 1) * hidden].copy_from_slice(row);
            }
            first += plan.batch.rows;
        }
    }
    vectors
}

/// Which plans one pass takes.
fn passes(plans: &[Plan], shapes: Shapes) -> Vec<&[Plan]> {
    let Shapes::Packed(all) = shapes else { return plans.chunks(1).collect() };
    let (mut passes, mut rest) = (Vec::new(), plans);
    while !rest.is_empty() {
        let mut tokens = 0;
        let fits = |plan: &&Plan| {
            tokens += plan.batch.rows * plan.batch.tokens;
            tokens <= all
        };
        let (pass, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
        passes.push(pass);
        rest = later;
    }
    passes
}

/// Vectors of every row of the plans, one plan after the other, without gradients.
fn forward<B: Backend>(encoder: &Encoder<B>, plans: &[Plan]) -> Tensor<B, 2> {
    let batches: Vec<&Batch> = plans.iter().map(|plan| &plan.batch).collect();
    B::forward(encoder, &batches)
        .unwrap_or_else(|| Tensor::cat(batches.iter().map(|batch| encoder.forward(batch, None)).collect(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_planned_once_with_its_like() {
        let texts: Vec<Arc<[u32]>> = [9usize, 3, 40, 4, 9].iter().map(|&n| vec![5u32; n].into()).collect();
        let shape = |p: &Plan| (p.texts.clone(), p.batch.rows, p.batch.tokens);
        let by_rows: Vec<_> = plan(&texts, Shapes::Rows(2), 1).iter().map(shape).collect();
        assert_eq!(by_rows, [(vec![2], 1, 48), (vec![0, 4], 2, 16), (vec![3, 1], 2, 8)]);
        let by_tokens: Vec<_> = plan(&texts, Shapes::Tokens(64), 1).iter().map(shape).collect();
        assert_eq!(by_tokens, [(vec![2], 1, 64), (vec![0, 4], 2, 32), (vec![3, 1], 2, 32)]);
    }
}
