//! Text -> token ids, as the shipped encoder makes them: NFC, prefix, cut to the limit, framed by the special tokens.

use crate::checkpoint::Checkpoint;
use crate::extend::pieces;
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
    /// The same without the tokens that `trainer extend` added.
    plain: Option<Tokenizer>,
    begin: u32,
    end: u32,
    pub pad: u32,
    max_tokens: usize,
    cache: HashMap<String, Arc<[u32]>>,
}

impl Tokens {
    pub fn new(checkpoint: &Checkpoint, max_tokens: usize) -> Result<Self> {
        let tokenizer = open(&checkpoint.tokenizer)?;
        let plain = checkpoint.config.plain_vocab_size;
        let plain = plain.map(|count| open(&pieces::plain(&checkpoint.tokenizer, count)?)).transpose()?;
        let special =
            |token: &str| tokenizer.token_to_id(token).with_context(|| format!("the tokenizer has no {token}"));
        let (begin, end, pad) = (special("<s>")?, special("</s>")?, special("<pad>")?);
        let limit = checkpoint.config.max_position_embeddings;
        Ok(Self { tokenizer, plain, begin, end, pad, max_tokens: max_tokens.min(limit), cache: HashMap::new() })
    }

    /// Token ids of prefix and text, special tokens included, at most the limit.
    pub fn encode(&mut self, prefix: &str, text: &str) -> Result<Arc<[u32]>> {
        let input = input(prefix, text);
        if let Some(ids) = self.cache.get(&input) {
            return Ok(ids.clone());
        }
        let ids = self.framed(&self.tokenizer, &input)?;
        self.cache.insert(input, ids.clone());
        Ok(ids)
    }

    /// Tokenizes inputs, prefix included, on all cores, so that [`Tokens::encode`] need only look them up.
    pub fn prepare(&mut self, inputs: HashSet<String>) -> Result<()> {
        let new: Vec<String> = inputs.into_iter().filter(|input| !self.cache.contains_key(input)).collect();
        let ids = new.par_iter().map(|input| self.framed(&self.tokenizer, input)).collect::<Result<Vec<_>>>()?;
        self.cache.extend(new.into_iter().zip(ids));
        Ok(())
    }

    /// For each input seen so far that holds tokens added by `trainer extend`, by its ids: the ids it has without these.
    pub fn plain(&self) -> Result<HashMap<Ids, Ids>> {
        let Some(plain) = &self.plain else { return Ok(HashMap::new()) };
        let added = plain.get_vocab_size(false) as u32;
        let holds = self.cache.par_iter().filter(|(_, ids)| ids.iter().any(|id| *id >= added));
        holds.map(|(input, ids)| Ok((ids.clone(), self.framed(plain, input)?))).collect()
    }

    fn framed(&self, tokenizer: &Tokenizer, input: &str) -> Result<Arc<[u32]>> {
        let encoding = tokenizer.encode(input, false).map_err(|e| anyhow!("\"{input}\": {e}"))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::random;
    use crate::extend::pieces::Vocabulary;
    use crate::import::tokenizer::xlm_roberta;

    #[test]
    fn inputs_with_added_tokens_have_plain_ones_too() {
        let pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", "약", "국", "<mask>"];
        let scored: Vec<(String, f32)> = pieces.iter().map(|p| (p.to_string(), -10.0)).collect();
        let base = Checkpoint { tokenizer: xlm_roberta(&scored).unwrap(), ..random(pieces.len(), 1, 5) };
        let mut vocabulary = Vocabulary::new(&base.tokenizer).unwrap();
        vocabulary.add(&["▁약국".to_owned()], |_| true);
        let mut tokens = Tokens::new(&vocabulary.extend(base.clone()).unwrap(), 16).unwrap();
        assert_eq!(tokens.encode("", "약국").unwrap()[..], [0, 8, 2]);
        tokens.encode("", "국약").unwrap();
        let plain = tokens.plain().unwrap();
        assert_eq!(plain, HashMap::from([([0, 8, 2].into(), [0, 4, 5, 6, 2].into())]));
        let mut base = Tokens::new(&base, 16).unwrap();
        base.encode("", "약국").unwrap();
        assert!(base.plain().unwrap().is_empty());
    }
}
