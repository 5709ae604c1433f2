//! A smaller vocabulary: which tokens of a multilingual model a Korean drug table needs, and their rows of the embedding.

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};
use encoding_rs::EUC_KR;
use serde_json::{Value, json};

use crate::checkpoint::{Checkpoint, Tensor};

pub const WORDS: &str = "embeddings.word_embeddings.weight";

/// Ids to keep, ascending: those every Korean text may need, those in `used`, then the best scored Latin ones up to `limit`.
pub fn choose(tokenizer: &str, used: &HashSet<u32>, limit: usize) -> Result<Vec<u32>> {
    let tokenizer: Value = serde_json::from_str(tokenizer)?;
    let pieces = pieces(&tokenizer)?;
    let special = special_ids(&tokenizer);
    let mut kept: Vec<u32> = (0..pieces.len() as u32)
        .filter(|id| special.contains(id) || used.contains(id) || is_always_kept(pieces[*id as usize].0))
        .collect();
    ensure!(
        kept.len() <= limit,
        "{limit} tokens are too few: special tokens, Korean and the corpus need {} already",
        kept.len()
    );
    let have: HashSet<u32> = kept.iter().copied().collect();
    let mut latin: Vec<u32> =
        (0..pieces.len() as u32).filter(|id| !have.contains(id) && is_latin(pieces[*id as usize].0)).collect();
    latin.sort_by(|a, b| pieces[*b as usize].1.total_cmp(&pieces[*a as usize].1));
    kept.extend(latin.into_iter().take(limit - kept.len()));
    kept.sort_unstable();
    Ok(kept)
}

/// The checkpoint with only these tokens; the rows of kept tokens keep their values.
pub fn keep(mut checkpoint: Checkpoint, kept: &[u32]) -> Result<Checkpoint> {
    checkpoint.tokenizer = keep_tokens(&checkpoint.tokenizer, kept)?;
    let words = checkpoint.tensor(WORDS);
    let width = words.shape[1];
    let mut rows = Vec::with_capacity(kept.len() * width);
    for &id in kept {
        let start = id as usize * width;
        rows.extend(words.data.get(start..start + width).with_context(|| format!("token {id} has no row in {WORDS}"))?);
    }
    checkpoint.tensors.insert(WORDS.to_owned(), Tensor::new([kept.len(), width], rows));
    checkpoint.config.vocab_size = kept.len();
    Ok(checkpoint)
}

fn keep_tokens(tokenizer: &str, kept: &[u32]) -> Result<String> {
    let mut tokenizer: Value = serde_json::from_str(tokenizer)?;
    let new_id = |old: &Value| -> Result<Value> {
        let old = old.as_u64().context("a token id is not a number")?;
        let new = kept.iter().position(|id| u64::from(*id) == old);
        Ok(json!(new.with_context(|| format!("special token {old} is not kept"))?))
    };
    let vocabulary: Vec<Value> =
        kept.iter().map(|id| tokenizer["model"]["vocab"][*id as usize].take()).collect::<Vec<_>>();
    tokenizer["model"]["unk_id"] = new_id(&tokenizer["model"]["unk_id"])?;
    tokenizer["model"]["vocab"] = Value::Array(vocabulary);
    for token in tokenizer["added_tokens"].as_array_mut().into_iter().flatten() {
        token["id"] = new_id(&token["id"])?;
    }
    for token in tokenizer["post_processor"]["special_tokens"].as_object_mut().into_iter().flat_map(|o| o.values_mut())
    {
        for id in token["ids"].as_array_mut().into_iter().flatten() {
            *id = new_id(id)?;
        }
    }
    tokenizer["truncation"] = Value::Null;
    tokenizer["padding"] = Value::Null;
    Ok(tokenizer.to_string())
}

/// Tokens and their log probabilities, in the order of their ids.
pub fn pieces(tokenizer: &Value) -> Result<Vec<(&str, f64)>> {
    let model = &tokenizer["model"];
    ensure!(model["type"] == "Unigram", "only a Unigram vocabulary can be trimmed, this one is {}", model["type"]);
    let vocabulary = model["vocab"].as_array().context("the tokenizer has no vocabulary")?;
    vocabulary
        .iter()
        .map(|entry| {
            let piece = entry[0].as_str().context("a token of the vocabulary is not a text")?;
            Ok((piece, entry[1].as_f64().with_context(|| format!("token {piece:?} has no score"))?))
        })
        .collect()
}

fn special_ids(tokenizer: &Value) -> HashSet<u32> {
    let added = tokenizer["added_tokens"].as_array().into_iter().flatten().map(|token| &token["id"]);
    added.chain([&tokenizer["model"]["unk_id"]]).filter_map(|id| Some(id.as_u64()? as u32)).collect()
}

pub fn is_hangul(c: char) -> bool {
    matches!(c, '가'..='힣' | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}')
}

/// Hangul, digits and signs in any combination; any other letter only when it stands alone.
fn is_always_kept(piece: &str) -> bool {
    let text = piece.trim_start_matches('▁');
    let plain = |c: char| is_hangul(c) || c.is_ascii_digit() || !c.is_alphanumeric();
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => plain(c) || is_latin_letter(c) || is_greek(c) || is_common_hanja(c),
        _ => text.chars().all(plain),
    }
}

fn is_latin(piece: &str) -> bool {
    piece.chars().any(|c| c.is_ascii_alphabetic()) && piece.chars().all(|c| c.is_ascii() || c == '▁')
}

fn is_latin_letter(c: char) -> bool {
    c.is_alphabetic() && c <= '\u{024f}'
}

fn is_greek(c: char) -> bool {
    matches!(c, '\u{0370}'..='\u{03ff}')
}

/// One of the Hanja of KS X 1001.
fn is_common_hanja(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}') && !EUC_KR.encode(c.encode_utf8(&mut [0; 4])).2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::random;
    use crate::corpus::{compare, parse_tokenizer, used_tokens};
    use crate::import::tokenizer::xlm_roberta;

    const PIECES: [&str; 16] = [
        "<s>", "<pad>", "</s>", "<unk>", "▁약", "ние", "500", "▁par", "acet", "▁the", "ð", "β", "酒", "倶", "▁",
        "<mask>",
    ];

    fn checkpoint() -> Checkpoint {
        let scored: Vec<(String, f32)> = PIECES.iter().map(|p| (p.to_string(), -(p.len() as f32))).collect();
        Checkpoint { tokenizer: xlm_roberta(&scored).unwrap(), ..random(PIECES.len() + 2, 1, 5) }
    }

    #[test]
    fn korean_letters_and_the_corpus_stay_and_latin_fills_up_by_score() {
        let used = HashSet::from([8]);
        let names = |limit| -> Vec<&str> {
            choose(&checkpoint().tokenizer, &used, limit).unwrap().iter().map(|id| PIECES[*id as usize]).collect()
        };
        let least = ["<s>", "<pad>", "</s>", "<unk>", "▁약", "500", "acet", "ð", "β", "酒", "▁", "<mask>"];
        assert_eq!(names(12), least);
        assert!(names(13).contains(&"▁par") || names(13).contains(&"▁the"));
        assert_eq!(names(100).len(), 14, "Cyrillic and rare Hanja must not come back");
        assert!(choose(&checkpoint().tokenizer, &used, 11).is_err());
    }

    #[test]
    fn kept_tokens_keep_their_rows_and_texts_their_tokens() {
        let before = checkpoint();
        let full = parse_tokenizer(&before.tokenizer).unwrap();
        let texts = ["약 500".to_owned(), "paracet".to_owned()];
        let kept = choose(&before.tokenizer, &used_tokens(&full, &texts).unwrap(), 14).unwrap();
        let after = keep(before.clone(), &kept).unwrap();

        assert_eq!(after.config.vocab_size, kept.len());
        for (new, &old) in kept.iter().enumerate() {
            assert_eq!(
                after.tensor(WORDS).data[new * 64..][..64],
                before.tensor(WORDS).data[old as usize * 64..][..64]
            );
        }
        let trimmed = parse_tokenizer(&after.tokenizer).unwrap();
        let more = [&texts[..], &["ние".to_owned()]].concat();
        let report = compare(&full, &trimmed, &kept, &more).unwrap();
        assert_eq!((report.korean.identical, report.english.identical, report.other.identical), (1, 1, 0));
        assert_eq!((report.korean.texts, report.english.texts, report.other.texts), (1, 1, 1));
        assert_eq!(trimmed.token_to_id("<mask>"), Some(kept.len() as u32 - 1));
    }
}
