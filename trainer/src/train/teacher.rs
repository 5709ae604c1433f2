//! General sentences with the base model's vectors: what distillation holds the student to.

use super::items::Ids;
use crate::model::embed::{Shapes, embed};
use crate::model::{Encoder, Tokens};
use crate::rng::Rng;
use anyhow::{Result, ensure};
use burn_tensor::backend::Backend;
use std::path::Path;

/// Sentences that are drawn together.
const RUN: usize = 4;

pub struct Teacher {
    pub sentences: Vec<Ids>,
    /// `sentences.len()` x hidden.
    vectors: Vec<f32>,
    hidden: usize,
}

impl Teacher {
    /// Reads one sentence a line and embeds them with the base.
    pub fn new<B: Backend>(
        base: &Encoder<B>,
        file: &Path,
        prefix: &str,
        tokens: &mut Tokens,
        shapes: Shapes,
    ) -> Result<Self> {
        let text = crate::data::text::read(file)?;
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        let sentences = lines.map(|l| tokens.encode(prefix, l)).collect::<Result<Vec<_>>>()?;
        ensure!(sentences.len() >= 2, "{}: fewer than 2 sentences", file.display());
        let vectors = embed(base, &sentences, shapes, tokens.pad);
        let hidden = vectors.len() / sentences.len();
        Ok(Self { sentences, vectors, hidden })
    }

    /// Takes the sentences' mean from every vector and scales it back to unit length.
    pub fn centre(&mut self) {
        let count = self.sentences.len() as f32;
        let mut mean = vec![0.0; self.hidden];
        for row in self.vectors.chunks_exact(self.hidden) {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / count);
        }
        for row in self.vectors.chunks_exact_mut(self.hidden) {
            row.iter_mut().zip(&mean).for_each(|(v, m)| *v -= m);
            let length = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            row.iter_mut().for_each(|v| *v /= length);
        }
    }

    /// About `rows` sentences, in runs of [`RUN`]: neighbours in the file are related, and what must be kept is how closely.
    pub fn draw(&self, rng: &mut Rng, rows: usize) -> Vec<usize> {
        let mut starts: Vec<usize> = (0..self.sentences.len().div_ceil(RUN)).map(|i| i * RUN).collect();
        rng.shuffle(&mut starts);
        starts.truncate(rows.div_ceil(RUN));
        starts.into_iter().flat_map(|start| start..(start + RUN).min(self.sentences.len())).collect()
    }

    /// Rows of the chosen sentences, `chosen.len()` x hidden.
    pub fn rows(&self, chosen: &[usize]) -> Vec<f32> {
        chosen.iter().flat_map(|&i| &self.vectors[i * self.hidden..(i + 1) * self.hidden]).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centred_vectors_have_unit_length_and_no_common_part() {
        let sentences = vec![Ids::from([0u32]); 2];
        let mut teacher = Teacher { sentences, vectors: vec![0.8, 0.6, 0.8, -0.6], hidden: 2 };
        teacher.centre();
        assert_eq!(teacher.vectors, [0.0, 1.0, 0.0, -1.0]);
    }
}
