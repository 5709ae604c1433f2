//! Text -> token ids, as the shipped encoder makes them: NFC, prefix, cut to the limit, framed by the special tokens.

use crate::checkpoint::Checkpoint;
use anyhow::{Context, Result, anyhow};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokenizers::Tokenizer;
use unicode_normalization::UnicodeNormalization;

/// Token ids of an input.
pub type Ids = Arc<[u32]>;

/// A tokenizer with its special tokens and a cache of texts seen before.
pub struct Tokens {
    tokenizer: Tokenizer,
    begin: u32,
    end: u32,
    pub pad: u32,
    max_tokens: usize,
    cache: HashMap<String, Arc<[u32]>>,
}

impl Tokens {
    pub fn new(checkpoint: &Checkpoint, max_tokens: usize) -> Result<Self> {
        let tokenizer = open(&checkpoint.tokenizer)?;
        let special =
            |token: &str| tokenizer.token_to_id(token).with_context(|| format!("the tokenizer has no {token}"));
        let (begin, end, pad) = (special("<s>")?, special("</s>")?, special("<pad>")?);
        let limit = checkpoint.config.max_position_embeddings;
        Ok(Self { tokenizer, begin, end, pad, max_tokens: max_tokens.min(limit), cache: HashMap::new() })
    }

    /// Token ids of prefix and text, special tokens included, at most the limit.
    pub fn encode(&mut self, prefix: &str, text: &str) -> Result<Arc<[u32]>> {
        let input = input(prefix, text);
        if let Some(ids) = self.cache.get(&input) {
            return Ok(ids.clone());
        }
        let ids = self.framed(&input)?;
        self.cache.insert(input, ids.clone());
        Ok(ids)
    }

    /// Tokenizes inputs, prefix included, on all cores, so that [`Tokens::encode`] need only look them up.
    pub fn prepare(&mut self, inputs: HashSet<String>) -> Result<()> {
        let new: Vec<String> = inputs.into_iter().filter(|input| !self.cache.contains_key(input)).collect();
        let ids = new.par_iter().map(|input| self.framed(input)).collect::<Result<Vec<_>>>()?;
        self.cache.extend(new.into_iter().zip(ids));
        Ok(())
    }

    fn framed(&self, input: &str) -> Result<Arc<[u32]>> {
        let encoding = self.tokenizer.encode(input, false).map_err(|e| anyhow!("\"{input}\": {e}"))?;
        let content = encoding.get_ids();
        let content = &content[..content.len().min(self.max_tokens - 2)];
        Ok([self.begin].into_iter().chain(content.iter().copied()).chain([self.end]).collect())
    }
}

/// What is tokenized for a text: it in composed form behind its prefix.
pub fn input(prefix: &str, text: &str) -> String {
    prefix.chars().chain(text.nfc()).collect()
}

fn open(tokenizer: &str) -> Result<Tokenizer> {
    let mut tokenizer: Tokenizer =
        tokenizer.parse().map_err(|e| anyhow!("{e}")).context("the checkpoint's tokenizer cannot be used")?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|e| anyhow!("{e}"))?;
    tokenizer.set_encode_special_tokens(true);
    Ok(tokenizer)
}
