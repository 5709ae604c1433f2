//! Compares what ONNX Runtime makes of a bundle with the checkpoint's own vectors.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use encoder::{Encoder, Options, Overflow, Prefixes, Role, Vector, dot};
use tokenizers::Tokenizer;

use super::forward::Forward;
use crate::checkpoint::Checkpoint;
use crate::corpus::parse_tokenizer;

/// Model inputs made by the tokenizers library, independently of the encoder.
pub struct Inputs<'a> {
    tokenizer: Tokenizer,
    prefixes: &'a Prefixes,
    max_tokens: usize,
}

impl Inputs<'_> {
    pub fn new<'a>(checkpoint: &Checkpoint, prefixes: &'a Prefixes) -> Result<Inputs<'a>> {
        let tokenizer = parse_tokenizer(&checkpoint.tokenizer)?;
        Ok(Inputs { tokenizer, prefixes, max_tokens: checkpoint.config.max_position_embeddings })
    }

    /// Ids with special tokens around them; a text that is too long loses its end.
    pub fn ids(&self, role: Role, text: &str) -> Result<Vec<u32>> {
        let text = format!("{}{text}", self.prefixes.of(role));
        let encoding = self.tokenizer.encode(text, true).map_err(anyhow::Error::msg)?;
        let mut ids = encoding.get_ids().to_vec();
        if ids.len() > self.max_tokens {
            let last = ids[ids.len() - 1];
            ids.truncate(self.max_tokens - 1);
            ids.push(last);
        }
        Ok(ids)
    }
}

/// Cosines between two ways to compute the same vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    pub texts: usize,
    pub least: f32,
    pub median: f32,
}

impl Agreement {
    pub fn new(mut cosines: Vec<f32>) -> Agreement {
        cosines.sort_by(f32::total_cmp);
        Agreement { texts: cosines.len(), least: cosines[0], median: cosines[cosines.len() / 2] }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "cosine at least {:.6}, median {:.6} over {} texts", self.least, self.median, self.texts)
    }
}

pub fn open(folder: &Path, runtime: &Path) -> Result<Encoder> {
    let options = Options { runtime: runtime.to_owned(), cache_entries: 0 };
    Encoder::open(folder, &options).context("the exported bundle does not open")
}

pub fn embed(encoder: &mut Encoder, role: Role, text: &str) -> Result<Vector> {
    Ok(encoder.embed(role, &[text], Overflow::Truncate, &mut || Ok(()))?.remove(0))
}

/// Agreement over `texts`, taken as documents.
pub fn compare(
    folder: &Path,
    runtime: &Path,
    checkpoint: &Checkpoint,
    inputs: &Inputs,
    texts: &[String],
) -> Result<Agreement> {
    let mut encoder = open(folder, runtime)?;
    let forward = Forward::new(checkpoint);
    let mut cosines = Vec::with_capacity(texts.len());
    for (done, text) in texts.iter().enumerate() {
        if done % 100 == 99 {
            eprint!("\r  {} of {}", done + 1, texts.len());
        }
        let expected = forward.embed(&inputs.ids(Role::Document, text)?);
        cosines.push(dot(&expected, &embed(&mut encoder, Role::Document, text)?) as f32);
    }
    eprint!("\r");
    Ok(Agreement::new(cosines))
}
