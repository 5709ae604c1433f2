//! A unigram vocabulary that grows: scores of new pieces, and their rows of the embedding.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::checkpoint::{Checkpoint, Tensor};
use crate::corpus;
use crate::import::vocabulary::{WORDS, pieces};

/// Log probability of a new piece, as a share of what its best segmentation had so far: near enough to 1 that nothing else than the
/// piece itself is cut anew, and far enough that the piece wins when its last syllable could begin a known piece.
const SHARE: f64 = 0.9;

/// Pieces with their log probabilities, as `tokenizer.json` has them, and the new ones.
pub struct Vocabulary {
    tokenizer: Value,
    scores: HashMap<String, f64>,
    /// Bytes of the longest piece.
    longest: usize,
    old: HashMap<String, u32>,
    added: Vec<String>,
}

impl Vocabulary {
    pub fn new(tokenizer: &str) -> Result<Self> {
        let tokenizer: Value = serde_json::from_str(tokenizer)?;
        let special: HashSet<&str> =
            tokenizer["added_tokens"].as_array().into_iter().flatten().filter_map(|t| t["content"].as_str()).collect();
        let (mut scores, mut old) = (HashMap::new(), HashMap::new());
        for (id, (piece, score)) in pieces(&tokenizer)?.into_iter().enumerate() {
            if !special.contains(piece) && !piece.is_empty() {
                scores.insert(piece.to_owned(), score);
                old.insert(piece.to_owned(), id as u32);
            }
        }
        let longest = scores.keys().map(String::len).max().unwrap_or(0);
        Ok(Self { tokenizer, scores, longest, old, added: Vec::new() })
    }

    /// Adds the words that are not one piece yet, shortest first, and whose pieces so far `wanted` accepts; returns those added. Words with
    /// a character that the vocabulary lacks are left out.
    pub fn add(&mut self, words: &[String], wanted: impl Fn(&[&str]) -> bool) -> HashSet<String> {
        let mut words: Vec<&String> = words.iter().collect();
        words.sort_by_key(|word| word.chars().count());
        let mut added = HashSet::new();
        for word in words {
            let Some((score, path)) = self.segment(word, |_| true) else { continue };
            if path.len() >= 2 && wanted(&path) {
                self.scores.insert(word.clone(), score * SHARE);
                self.longest = self.longest.max(word.len());
                self.added.push(word.clone());
                added.insert(word.clone());
            }
        }
        added
    }

    /// Takes out the new pieces that the texts hold, until their tokens are the old ones; returns those taken.
    pub fn spare(&mut self, texts: &[String]) -> Result<HashSet<String>> {
        let mut taken = HashSet::new();
        loop {
            let tokenizer = corpus::parse_tokenizer(&self.tokenizer()?)?;
            let used = corpus::used_tokens(&tokenizer, texts)?;
            let first = self.first();
            let held: HashSet<String> = used
                .into_iter()
                .filter(|id| *id >= first)
                .map(|id| self.added[(id - first) as usize].clone())
                .collect();
            if held.is_empty() {
                return Ok(taken);
            }
            self.added.retain(|piece| !held.contains(piece));
            held.iter().for_each(|piece| _ = self.scores.remove(piece));
            taken.extend(held);
        }
    }

    /// The checkpoint with the new pieces behind its own. The row of each is the mean of its old pieces' rows, as long as these are in
    /// the mean.
    pub fn extend(&self, mut checkpoint: Checkpoint) -> Result<Checkpoint> {
        let words = checkpoint.tensor(WORDS);
        let (count, width) = (words.shape[0], words.shape[1]);
        let mut rows = words.data.clone();
        for piece in &self.added {
            let (_, path) = self.segment(piece, |piece| self.old.contains_key(piece)).context("an old segmentation")?;
            let of = |piece: &&str| &words.data[self.old[*piece] as usize * width..][..width];
            rows.extend(mean(&path.iter().map(of).collect::<Vec<_>>()));
        }
        let total = count + self.added.len();
        checkpoint.tensors.insert(WORDS.to_owned(), Tensor::new([total, width], rows));
        checkpoint.tokenizer = self.tokenizer()?;
        checkpoint.config.plain_vocab_size = Some(count);
        checkpoint.config.vocab_size = total;
        if let Some(origin) = checkpoint.config.origin.as_mut() {
            origin.history.push(format!(
                "vocabulary extended by {} tokens for brands and terms of drug tables, which begin as means of the tokens they stand for",
                self.added.len()
            ));
        }
        Ok(checkpoint)
    }

    /// Id of the first new piece.
    fn first(&self) -> u32 {
        self.tokenizer["model"]["vocab"].as_array().map_or(0, Vec::len) as u32
    }

    fn tokenizer(&self) -> Result<String> {
        let mut tokenizer = self.tokenizer.clone();
        let vocabulary = tokenizer["model"]["vocab"].as_array_mut().context("the tokenizer has no vocabulary")?;
        vocabulary.extend(self.added.iter().map(|piece| json!([piece, self.scores[piece]])));
        Ok(tokenizer.to_string())
    }

    /// The most probable segmentation of a word into pieces that `may` stand there, and its log probability; None if there is none.
    fn segment<'a>(&self, word: &'a str, may: impl Fn(&str) -> bool) -> Option<(f64, Vec<&'a str>)> {
        let mut best: Vec<Option<(f64, usize)>> = vec![None; word.len() + 1];
        best[0] = Some((0.0, 0));
        for (start, _) in word.char_indices() {
            let Some((so_far, _)) = best[start] else { continue };
            let ends = word[start..].char_indices().map(|(at, c)| start + at + c.len_utf8());
            for end in ends.take_while(|end| end - start <= self.longest) {
                let piece = &word[start..end];
                let Some(score) = self.scores.get(piece).filter(|_| may(piece)) else { continue };
                if best[end].is_none_or(|(known, _)| so_far + score > known) {
                    best[end] = Some((so_far + score, start));
                }
            }
        }
        let (score, _) = best[word.len()]?;
        let (mut end, mut path) = (word.len(), Vec::new());
        while end > 0 {
            let (_, start) = best[end]?;
            path.push(&word[start..end]);
            end = start;
        }
        path.reverse();
        Some((score, path))
    }
}

/// The direction of the rows' mean, with the mean of their lengths.
fn mean(rows: &[&[f32]]) -> Vec<f32> {
    let length = |row: &[f32]| row.iter().map(|x| x * x).sum::<f32>().sqrt();
    let sum: Vec<f32> = (0..rows[0].len()).map(|i| rows.iter().map(|row| row[i]).sum()).collect();
    let wanted = rows.iter().map(|row| length(row)).sum::<f32>() / rows.len() as f32;
    let scale = wanted / length(&sum).max(f32::MIN_POSITIVE);
    sum.into_iter().map(|x| x * scale).collect()
}

/// A tokenizer with its first `count` pieces only: what it was before [`Vocabulary::extend`].
pub fn plain(tokenizer: &str, count: usize) -> Result<String> {
    let mut tokenizer: Value = serde_json::from_str(tokenizer)?;
    tokenizer["model"]["vocab"].as_array_mut().context("the tokenizer has no vocabulary")?.truncate(count);
    Ok(tokenizer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::random;
    use crate::import::tokenizer::xlm_roberta;

    const OLD: [&str; 13] =
        ["<s>", "<pad>", "</s>", "<unk>", "▁", "타", "이", "레", "놀", "놀정", "정", "▁정", "<mask>"];

    fn checkpoint() -> Checkpoint {
        let scored: Vec<(String, f32)> =
            OLD.iter().map(|&p| (p.to_owned(), if p == "놀정" { -18.0 } else { -10.0 })).collect();
        Checkpoint { tokenizer: xlm_roberta(&scored).unwrap(), ..random(OLD.len(), 1, 5) }
    }

    fn tokens(tokenizer: &str, text: &str) -> Vec<String> {
        corpus::parse_tokenizer(tokenizer).unwrap().encode(text, false).unwrap().get_tokens().to_vec()
    }

    #[test]
    fn new_pieces_are_taken_and_begin_as_the_mean_of_the_old() {
        let before = checkpoint();
        let mut vocabulary = Vocabulary::new(&before.tokenizer).unwrap();
        let words = ["▁타이레놀", "정", "없다"].map(str::to_owned);
        assert_eq!(vocabulary.add(&words, |_| true), HashSet::from(["▁타이레놀".to_owned()]));
        let after = vocabulary.extend(before.clone()).unwrap();
        // Though 놀 could begin the old piece 놀정.
        assert_eq!(tokens(&after.tokenizer, "타이레놀정 타이레"), ["▁타이레놀", "정", "▁", "타", "이", "레"]);
        assert_eq!((after.config.vocab_size, after.config.plain_vocab_size), (OLD.len() + 1, Some(OLD.len())));
        let row = |id: usize| after.tensor(WORDS).data[id * 64..][..64].to_vec();
        let rows: Vec<Vec<f32>> = [4, 5, 6, 7, 8].map(row).to_vec();
        let wanted = mean(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(row(OLD.len()), wanted);
        assert_eq!(after.tensor(WORDS).data[..OLD.len() * 64], before.tensor(WORDS).data);
        assert_eq!(plain(&after.tokenizer, OLD.len()).unwrap(), before.tokenizer);
    }

    #[test]
    fn a_mean_keeps_the_rows_length() {
        assert_eq!(mean(&[&[2.0, 0.0], &[0.0, 4.0]]), [3.0 * 2.0 / 20f32.sqrt(), 3.0 * 4.0 / 20f32.sqrt()]);
    }

    #[test]
    fn texts_to_spare_keep_their_tokens() {
        let before = checkpoint();
        let mut vocabulary = Vocabulary::new(&before.tokenizer).unwrap();
        vocabulary.add(&["이레", "▁타이", "▁타이레놀"].map(str::to_owned), |_| true);
        let text = "타이레 정".to_owned();
        let taken = vocabulary.spare(std::slice::from_ref(&text)).unwrap();
        assert_eq!(taken, HashSet::from(["▁타이".to_owned(), "이레".to_owned()]));
        let after = vocabulary.extend(before.clone()).unwrap();
        assert_eq!(tokens(&after.tokenizer, &text), tokens(&before.tokenizer, &text));
        assert_eq!(tokens(&after.tokenizer, "타이레놀"), ["▁타이레놀"]);
    }
}
