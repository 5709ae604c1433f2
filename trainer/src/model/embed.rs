//! Many texts through an encoder: sorted by length, in batches of few shapes.

use super::batch::bucket;
use super::encoder::floats;
use super::{Batch, Encoder};
use burn_tensor::backend::Backend;
use std::sync::Arc;

/// How a device likes its batches.
#[derive(Clone, Copy, Debug)]
pub enum Shapes {
    /// At most this many rows of like length, padded to the nearest bucket: least padding.
    Rows(usize),
    /// About this many tokens: rows of 32 tokens, or half as many of 64, and so on. A GPU compiles and tunes its kernels for
    /// every shape, and those of the linear layers then have one.
    Tokens(usize),
}

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
        // A text of half the length or less would be mostly padding.
        let like = rest.iter().take_while(|&&i| full || bucket(texts[i].len()) * 2 > tokens).count();
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
    for plan in plan(texts, shapes, pad) {
        let rows = encoder.forward(&plan.batch, None);
        let hidden = rows.dims()[1];
        vectors.resize(texts.len() * hidden, 0.0);
        let rows = floats(&rows);
        for (row, &text) in rows.chunks_exact(hidden).zip(&plan.texts) {
            vectors[text * hidden..(text + 1) * hidden].copy_from_slice(row);
        }
    }
    vectors
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
