//! A small random encoder that reads characters: for the smoke recipe and for tests, where no base model is at hand.

use crate::checkpoint::{Checkpoint, Config, Origin, Tensor};
use crate::rng::Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// Its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub intermediate: usize,
}

const SPECIALS: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];

/// Random weights (standard deviation 0.05 about BERT's usual start) and one token for each character of `texts`.
pub fn random<'a>(size: &Size, texts: impl IntoIterator<Item = &'a str>, seed: u64) -> Checkpoint {
    let characters: BTreeSet<char> = texts.into_iter().flat_map(str::chars).chain("query: passage:".chars()).collect();
    let tokens = SPECIALS.iter().map(|s| (*s).to_owned()).chain(characters.iter().map(char::to_string));
    let vocabulary: serde_json::Map<_, _> = tokens.enumerate().map(|(id, token)| (token, json!(id))).collect();
    let specials: Vec<_> = SPECIALS
        .iter()
        .enumerate()
        .map(|(id, token)| {
            json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true})
        })
        .collect();
    let origin = Origin {
        base_model: "a small random encoder".to_owned(),
        base_revision: format!("seed {seed}"),
        license: "MIT".to_owned(),
        history: Vec::new(),
        space: None,
    };
    let config = Config {
        vocab_size: vocabulary.len(),
        hidden_size: size.hidden,
        num_hidden_layers: size.layers,
        num_attention_heads: size.heads,
        intermediate_size: size.intermediate,
        max_position_embeddings: 512,
        type_vocab_size: 2,
        layer_norm_eps: 1e-12,
        hidden_act: "gelu".to_owned(),
        activation_bits: None,
        origin: Some(origin),
        other: serde_json::Map::new(),
    };
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": specials, "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?s)."}, "behavior": "Isolated", "invert": false},
        "post_processor": framing(), "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"}
    });
    let tensors = config
        .tensor_shapes()
        .into_iter()
        .map(|(name, shape)| {
            let mut rng = Rng::new(seed, &name);
            let centre = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
            // The sum of three uniforms is close enough to normal.
            let mut normal = || (rng.unit() + rng.unit() + rng.unit() - 1.5) * 2.0 * 0.05;
            let data = (0..shape.iter().product()).map(|_| (centre + normal()) as f32).collect();
            (name, Tensor::new(shape, data))
        })
        .collect();
    Checkpoint { config, tensors, tokenizer: tokenizer.to_string() }
}

/// `<s> text </s>`.
fn framing() -> serde_json::Value {
    let (begin, end) =
        (json!({"SpecialToken": {"id": "<s>", "type_id": 0}}), json!({"SpecialToken": {"id": "</s>", "type_id": 0}}));
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    json!({
        "type": "TemplateProcessing",
        "single": [begin, text("A"), end],
        "pair": [begin, text("A"), end, text("B"), end],
        "special_tokens": {
            "<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
            "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tokens;

    #[test]
    fn reads_characters() {
        let size = Size { layers: 1, hidden: 8, heads: 2, intermediate: 16 };
        let checkpoint = random(&size, ["해열제 약"], 1);
        let mut tokens = Tokens::new(&checkpoint, 8).unwrap();
        let ids = tokens.encode("", "약 밖").unwrap();
        assert_eq!(ids.len(), 5);
        assert_eq!((ids[0], ids[3], ids[4]), (0, 3, 2));
        assert_eq!(tokens.encode("query: ", "해열제").unwrap().len(), 8, "cut to the limit");
    }
}
