//! Many texts through an encoder: sorted by length, in batches of few shapes.

use super::batch::bucket;
use super::encoder::floats;
use super::{Batch, Encoder};
use burn_tensor::backend::Backend;
use std::sync::Arc;

/// How a device likes its batches.
#[derive(Clone, Copy, Debug)]
pub struct Shapes {
    /// Rows of a batch.
    pub rows: usize,
    /// Pad to few lengths, and to full batches: for devices that compile per shape.
    pub coarse: bool,
}

/// Which of the texts go into which batch.
pub struct Plan {
    pub batch: Batch,
    /// Position of each batch row in the list of texts; rows beyond these are padding.
    pub texts: Vec<usize>,
}

/// Batches of texts of like length; every text is in exactly one.
pub fn plan(texts: &[Arc<[u32]>], shapes: Shapes, pad: u32) -> Vec<Plan> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&i| texts[i].len());
    let batches = order.chunks(shapes.rows.max(1));
    batches
        .map(|part| {
            let rows: Vec<&[u32]> = part.iter().map(|&i| &*texts[i]).collect();
            let longest = rows.iter().map(|r| r.len()).max().unwrap_or(1);
            let full = if shapes.coarse { shapes.rows } else { rows.len() };
            Plan { batch: Batch::new(&rows, full, bucket(longest, shapes.coarse), pad), texts: part.to_vec() }
        })
        .collect()
}

/// Vectors of the texts, `texts.len()` x hidden, row by row.
pub fn embed<B: Backend>(encoder: &Encoder<B>, texts: &[Arc<[u32]>], shapes: Shapes, pad: u32) -> Vec<f32> {
    let mut vectors: Vec<f32> = Vec::new();
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
        let texts: Vec<Arc<[u32]>> = [9usize, 3, 30, 4, 9].iter().map(|&n| vec![5u32; n].into()).collect();
        let plans = plan(&texts, Shapes { rows: 2, coarse: true }, 1);
        let order: Vec<Vec<usize>> = plans.iter().map(|p| p.texts.clone()).collect();
        assert_eq!(order, [vec![1, 3], vec![0, 4], vec![2]]);
        assert!(plans.iter().all(|p| p.batch.rows == 2));
        assert_eq!(plans.iter().map(|p| p.batch.tokens).collect::<Vec<_>>(), [16, 16, 32]);
    }
}
