//! Texts with another model's vectors: what distillation holds the student to.

use super::items::{Ids, Item};
use crate::backend::Backend;
use crate::model::embed::{Shapes, embed};
use crate::model::{Encoder, Tokens};
use crate::pairs;
use crate::recipe::Prefix;
use crate::rng::Rng;
use anyhow::{Result, ensure};
use std::collections::HashMap;
use std::path::Path;

/// Sentences that are drawn together.
const RUN: usize = 4;

/// General sentences with the base's vectors.
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
        centre(&mut self.vectors, self.hidden);
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

/// Takes the mean of all rows from each and scales it back to unit length: what every text shares tells none apart.
fn centre(vectors: &mut [f32], hidden: usize) {
    let count = (vectors.len() / hidden) as f32;
    let mut mean = vec![0.0; hidden];
    for row in vectors.chunks_exact(hidden) {
        mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / count);
    }
    for row in vectors.chunks_exact_mut(hidden) {
        row.iter_mut().zip(&mean).for_each(|(v, m)| *v -= m);
        let length = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        row.iter_mut().for_each(|v| *v /= length);
    }
}

/// The teacher's vectors of every question and document of a stage.
pub struct Targets {
    row: HashMap<Ids, usize>,
    vectors: Vec<f32>,
    hidden: usize,
}

impl Targets {
    pub fn new<B: Backend>(teacher: &Encoder<B>, items: &[Item], shapes: Shapes, pad: u32) -> Self {
        let (mut row, mut texts): (HashMap<Ids, usize>, Vec<Ids>) = Default::default();
        for ids in items.iter().flat_map(|item| [&item.query, &item.document.ids]) {
            row.entry(ids.clone()).or_insert_with(|| {
                texts.push(ids.clone());
                texts.len() - 1
            });
        }
        let vectors = embed(teacher, &texts, shapes, pad);
        let hidden = vectors.len() / texts.len().max(1);
        Self { row, vectors, hidden }
    }

    /// Vectors of texts among the stage's, `texts.len()` x hidden.
    pub fn rows(&self, texts: &[Ids]) -> Vec<f32> {
        let row = |ids: &Ids| &self.vectors[self.row[ids] * self.hidden..][..self.hidden];
        texts.iter().flat_map(row).copied().collect()
    }
}

/// Questions and passages with the base's vectors.
pub struct PassageTeacher {
    questions: Side,
    passages: Side,
}

/// Texts of one side, pair by pair.
struct Side {
    texts: Vec<Ids>,
    vectors: Vec<f32>,
}

impl PassageTeacher {
    /// Reads pairs and embeds both sides with the base, each measured from its own mean.
    pub fn new<B: Backend>(
        base: &Encoder<B>,
        file: &Path,
        prefix: &Prefix,
        tokens: &mut Tokens,
        shapes: Shapes,
    ) -> Result<Self> {
        let pairs = pairs::read_jsonl(file)?;
        ensure!(pairs.len() >= 2, "{}: fewer than 2 pairs", file.display());
        let mut side = |prefix: &str, text: fn(&pairs::Pair) -> &str| -> Result<Side> {
            let texts = pairs.iter().map(|p| tokens.encode(prefix, text(p))).collect::<Result<Vec<_>>>()?;
            let mut vectors = embed(base, &texts, shapes, tokens.pad);
            centre(&mut vectors, base.width());
            Ok(Side { texts, vectors })
        };
        let questions = side(&prefix.query, |pair| &pair.query)?;
        Ok(Self { questions, passages: side(&prefix.document, |pair| &pair.document)? })
    }

    /// Texts and vectors of `rows` pairs: the questions, then the passages.
    pub fn draw(&self, rng: &mut Rng, rows: usize) -> (Vec<Ids>, Vec<f32>) {
        let mut order: Vec<usize> = (0..self.questions.texts.len()).collect();
        rng.shuffle(&mut order);
        order.truncate(rows);
        let sides = [&self.questions, &self.passages];
        let hidden = self.questions.vectors.len() / self.questions.texts.len();
        let texts = sides.iter().flat_map(|side| order.iter().map(|&i| side.texts[i].clone())).collect();
        let rows = sides.iter().flat_map(|side| order.iter().flat_map(|&i| &side.vectors[i * hidden..][..hidden]));
        (texts, rows.copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centred_vectors_have_unit_length_and_no_common_part() {
        let mut vectors = vec![0.8, 0.6, 0.8, -0.6];
        centre(&mut vectors, 2);
        assert_eq!(vectors, [0.0, 1.0, 0.0, -1.0]);
    }

    #[test]
    fn pairs_are_drawn_with_their_own_vectors() {
        let side = |first: u32| Side {
            texts: (0..5).map(|i| Ids::from([first + i])).collect(),
            vectors: (0..10).map(|i| (first + i / 2) as f32).collect(),
        };
        let teacher = PassageTeacher { questions: side(10), passages: side(20) };
        let (texts, vectors) = teacher.draw(&mut Rng::new(1, "draw"), 3);
        assert_eq!((texts.len(), vectors.len()), (6, 12));
        for (text, vector) in texts.iter().zip(vectors.chunks_exact(2)) {
            assert_eq!(vector, [text[0] as f32; 2]);
        }
        assert!((0..3).all(|i| texts[i][0] + 10 == texts[i + 3][0]), "a question without its passage");
    }
}
