//! Text -> token ids, as the shipped encoder makes them: NFC, prefix, cut to the limit, framed by the special tokens.

use crate::checkpoint::Checkpoint;
use anyhow::{Context, Result, anyhow};
use std::collections::HashMap;
use std::sync::Arc;
use tokenizers::Tokenizer;
use unicode_normalization::UnicodeNormalization;

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
        let mut tokenizer: Tokenizer = checkpoint
            .tokenizer
            .parse()
            .map_err(|e| anyhow!("{e}"))
            .context("the checkpoint's tokenizer cannot be used")?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|e| anyhow!("{e}"))?;
        tokenizer.set_encode_special_tokens(true);
        let special =
            |token: &str| tokenizer.token_to_id(token).with_context(|| format!("the tokenizer has no {token}"));
        let (begin, end, pad) = (special("<s>")?, special("</s>")?, special("<pad>")?);
        let limit = checkpoint.config.max_position_embeddings;
        Ok(Self { tokenizer, begin, end, pad, max_tokens: max_tokens.min(limit), cache: HashMap::new() })
    }

    /// Token ids of prefix and text, special tokens included, at most the limit.
    pub fn encode(&mut self, prefix: &str, text: &str) -> Result<Arc<[u32]>> {
        let input: String = prefix.chars().chain(text.nfc()).collect();
        if let Some(ids) = self.cache.get(&input) {
            return Ok(ids.clone());
        }
        let encoding = self.tokenizer.encode(input.as_str(), false).map_err(|e| anyhow!("\"{text}\": {e}"))?;
        let content = encoding.get_ids();
        let content = &content[..content.len().min(self.max_tokens - 2)];
        let ids: Arc<[u32]> = [self.begin].into_iter().chain(content.iter().copied()).chain([self.end]).collect();
        self.cache.insert(input, ids.clone());
        Ok(ids)
    }
}
