//! The `tokenizer.json` of XLM-RoBERTa for the tokenizers library, from a vocabulary with scores.

use anyhow::{Result, ensure};
use base64::Engine;
use serde_json::{Value, json};
use tokenizers::normalizers::Precompiled;
use tokenizers::{NormalizedString, Normalizer};

/// SentencePiece's normalisation rule `nmt_nfkc` as it precompiles it, which XLM-RoBERTa was trained with.
///
/// Origin: `normalizer_spec.precompiled_charsmap` of any model that the Python package sentencepiece 0.1.99 trains with
/// `normalization_rule_name="nmt_nfkc"` (Apache-2.0).
static NMT_NFKC: &[u8] = include_bytes!("nmt_nfkc.bin");

/// The rule turns it into a space in the SentencePiece of XLM-RoBERTa's time and leaves it alone in later releases.
const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Characters that Unicode added or gave a compatibility form after XLM-RoBERTa was trained.
const NEWER: [char; 14] = [
    '㋿',
    'ꭩ',
    '🅬',
    '🈻',
    '\u{1fbf0}',
    '\u{1fbf1}',
    '\u{1fbf2}',
    '\u{1fbf3}',
    '\u{1fbf4}',
    '\u{1fbf5}',
    '\u{1fbf6}',
    '\u{1fbf7}',
    '\u{1fbf8}',
    '\u{1fbf9}',
];

/// Text in Unicode's decomposed form (macOS file names) is composed first: `Precompiled` looks at one character at a time where
/// it is longer than five bytes, so that it would leave Hangul in single jamo.
pub fn xlm_roberta(pieces: &[(String, f32)]) -> Result<String> {
    let names: Vec<&str> = pieces.iter().take(4).map(|(piece, _)| piece.as_str()).collect();
    ensure!(names == ["<s>", "<pad>", "</s>", "<unk>"], "the vocabulary begins with {names:?}");
    let special = |id: usize| {
        json!({"id": id, "content": pieces[id].0, "single_word": false, "lstrip": pieces[id].0 == "<mask>",
               "rstrip": false, "normalized": false, "special": true})
    };
    let mask = pieces.iter().position(|(piece, _)| piece == "<mask>");
    let vocabulary: Vec<Value> = pieces.iter().map(|(piece, score)| json!([piece, score])).collect();
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": (0..4).chain(mask).map(special).collect::<Vec<_>>(),
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Precompiled", "precompiled_charsmap": base64::engine::general_purpose::STANDARD.encode(NMT_NFKC)},
            {"type": "Replace", "pattern": {"String": ZERO_WIDTH_JOINER}, "content": " "},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
        ]},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                     {"SpecialToken": {"id": "</s>", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
                               "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}},
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
        "model": {"type": "Unigram", "unk_id": 3, "vocab": vocabulary, "byte_fallback": false},
    });
    Ok(tokenizer.to_string())
}

/// Checks that the rule compiled in here does to every character what the model's own map says.
pub fn check_normaliser(map: &[(char, String)]) -> Result<()> {
    let rule = Precompiled::from(NMT_NFKC)?;
    let map: std::collections::HashMap<char, &str> = map.iter().map(|(from, to)| (*from, to.as_str())).collect();
    for c in ('\0'..=char::MAX).filter(|c| *c != ZERO_WIDTH_JOINER && !NEWER.contains(c)) {
        let mut text = NormalizedString::from(c.to_string());
        rule.normalize(&mut text).map_err(anyhow::Error::msg)?;
        let expected = map.get(&c).map_or(c.to_string(), |to| to.to_string());
        ensure!(text.get() == expected, "the model normalises {c:?} to {expected:?}, this program to {:?}", text.get());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::parse_tokenizer;

    fn ids(text: &str) -> Vec<u32> {
        let pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", "해열", "제", "▁해열제", "500", "mg", "▁mg", "a", "<mask>"];
        let scored: Vec<(String, f32)> =
            pieces.iter().enumerate().map(|(i, p)| (p.to_string(), if i < 4 { 0.0 } else { -(i as f32) })).collect();
        let tokenizer = parse_tokenizer(&xlm_roberta(&scored).unwrap()).unwrap();
        tokenizer.encode(text, true).unwrap().get_ids().to_vec()
    }

    #[test]
    fn words_begin_with_a_metaspace_and_texts_are_framed() {
        assert_eq!(ids("해열제"), [0, 7, 2]);
        assert_eq!(ids("  해열제   mg \n"), [0, 7, 10, 2]);
        assert_eq!(ids(""), [0, 2]);
    }

    #[test]
    fn compatibility_forms_and_decomposed_hangul_are_the_plain_text() {
        assert_eq!(ids("해열제 ５００㎎"), ids("해열제 500mg"));
        assert_eq!(ids("\u{1112}\u{1162}\u{110b}\u{1167}\u{11af}\u{110c}\u{1166}"), ids("해열제"));
        assert_eq!(ids("해열제\u{200d}mg\u{200b}"), ids("해열제 mg"));
    }

    #[test]
    fn what_the_vocabulary_lacks_is_unknown() {
        assert_eq!(ids("ж"), [0, 4, 3, 2]);
    }
}
