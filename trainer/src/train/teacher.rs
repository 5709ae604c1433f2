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
