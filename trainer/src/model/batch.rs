//! Token rows of one shape, ready for the encoder.

/// `rows` x `tokens` token ids, row by row; `lengths` says how many tokens of each row are real.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub rows: usize,
    pub tokens: usize,
    pub ids: Vec<i32>,
    pub lengths: Vec<usize>,
}

impl Batch {
    /// Pads every row to `tokens` and the batch to `rows` rows; the added rows repeat the first one, so that no row is empty.
    /// Rows longer than `tokens` are a caller's mistake.
    pub fn new(texts: &[&[u32]], rows: usize, tokens: usize, pad: u32) -> Self {
        let filled = texts.iter().chain(std::iter::repeat(&texts[0])).take(rows.max(texts.len()));
        let (mut ids, mut lengths) = (Vec::with_capacity(rows * tokens), Vec::with_capacity(rows));
        for text in filled {
            assert!(text.len() <= tokens, "a text of {} tokens in a batch of {tokens}", text.len());
            ids.extend(text.iter().map(|&id| id as i32));
            ids.resize(ids.len() + tokens - text.len(), pad as i32);
            lengths.push(text.len());
        }
        Self { rows: lengths.len(), tokens, ids, lengths }
    }

    /// 1 for real tokens, 0 for padding, `rows` x `tokens`.
    pub fn mask(&self) -> Vec<f32> {
        let row = |&n: &usize| (0..self.tokens).map(move |t| f32::from(u8::from(t < n)));
        self.lengths.iter().flat_map(row).collect()
    }
}

/// Lengths to which batches are padded, so that few shapes occur.
const BUCKETS: &[usize] = &[8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];

/// The smallest bucket that holds `length` tokens.
pub fn bucket(length: usize) -> usize {
    BUCKETS.iter().find(|&&b| b >= length).copied().unwrap_or(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_rows_and_tokens() {
        let batch = Batch::new(&[&[0, 5, 2], &[0, 2]], 3, 4, 1);
        assert_eq!(batch.ids, [0, 5, 2, 1, 0, 2, 1, 1, 0, 5, 2, 1]);
        assert_eq!(batch.lengths, [3, 2, 3]);
        assert_eq!(batch.mask()[..8], [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn buckets_hold_the_length() {
        assert_eq!([bucket(1), bucket(17), bucket(96), bucket(600)], [8, 24, 96, 600]);
    }
}
