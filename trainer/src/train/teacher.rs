//! General sentences with the base model's vectors: what distillation holds the student to.

use super::items::Ids;
use crate::model::embed::{Shapes, embed};
use crate::model::{Encoder, Tokens};
use anyhow::{Result, ensure};
use burn_tensor::backend::Backend;
use std::path::Path;

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

    /// Rows of the chosen sentences, `chosen.len()` x hidden.
    pub fn rows(&self, chosen: &[usize]) -> Vec<f32> {
        chosen.iter().flat_map(|&i| &self.vectors[i * self.hidden..(i + 1) * self.hidden]).copied().collect()
    }
}
