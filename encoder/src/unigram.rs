//! A compact reader of XLM-RoBERTa tokenizers: the same ids as the `tokenizers` library, from 2 MB instead of 26.
//!
//! Normalise by the model's own character map, split at white space, then the most probable segmentation of each word
//! under a unigram model (Kudo 2018, section 3.2; the search follows sentencepiece's `EncodeOptimized`).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::Path;

use fst::Map;
use serde::Deserialize;
use spm_precompiled::Precompiled;

use crate::error::{Error, Result};
use crate::memory;
use crate::tokens::composed;

/// What an unknown character costs below the least probable token, as in sentencepiece.
const UNKNOWN_PENALTY: f64 = 10.0;
const SPACE: char = '▁';

pub struct Unigram {
    normalizers: Vec<Normalizer>,
    /// Token bytes -> id.
    trie: Map<Vec<u8>>,
    /// Log probability of each id.
    scores: Vec<f64>,
    unknown: u32,
    unknown_score: f64,
    specials: HashMap<String, u32>,
}

/// The best segmentation that ends at a byte of a word. A text of 256 kB may be one word of six times as many normalised bytes,
/// each with one of these.
#[derive(Clone, Copy)]
struct Best {
    score: f64,
    id: u32,
    start: u32,
}

impl Best {
    /// None yet: every other is better.
    const NONE: Best = Best { score: f64::NEG_INFINITY, id: 0, start: 0 };
}

/// What encoding takes at most, for a byte of the text while it is normalised, and for a byte of what it is normalised to.
const BYTES_OF_NORMALIZING: usize = 64;
const BYTES_OF_SEGMENTING: usize = 3 * size_of::<Best>() / 2 + 2 * size_of::<u32>() + 2;

impl Unigram {
    /// Reads `tokenizer.json`; `None` when it is of another kind than this reader knows.
    pub fn from_json(path: &Path, json: &str) -> Result<Option<Unigram>> {
        let Ok(mut file) = serde_json::from_str::<File>(json) else { return Ok(None) };
        if !file.pre_tokenizer.is_xlm_roberta() {
            return Ok(None);
        }
        let specials = file.specials();
        let Model::Unigram { vocab, .. } = &mut file.model;
        let vocab = std::mem::take(vocab);
        // Of a token listed twice the later id counts, as in the library.
        let mut tokens: Vec<(&[u8], Reverse<u64>)> = vocab
            .iter()
            .enumerate()
            .filter(|(_, (token, _))| !specials.contains_key(token) && !token.is_empty())
            .map(|(id, (token, _))| (token.as_bytes(), Reverse(id as u64)))
            .collect();
        tokens.sort_unstable();
        tokens.dedup_by(|b, a| a.0 == b.0);
        let trie = Map::from_iter(tokens.into_iter().map(|(token, Reverse(id))| (token, id)));
        let trie = trie.map_err(|e| malformed(path, e))?;
        Unigram::new(path, file, trie, vocab.iter().map(|(_, score)| *score).collect()).map(Some)
    }

    fn new(path: &Path, file: File, trie: Map<Vec<u8>>, scores: Vec<f64>) -> Result<Unigram> {
        let Model::Unigram { unk_id, .. } = file.model;
        if unk_id as usize >= scores.len() {
            return Err(malformed(path, format!("unk_id {unk_id} is not in its vocabulary of {}", scores.len())));
        }
        Ok(Unigram {
            specials: file.specials(),
            normalizers: file.normalizer.steps(),
            trie,
            unknown_score: unknown_score(&scores),
            scores,
            unknown: unk_id,
        })
    }

    /// What [`Unigram::unpack`] reads much faster than `json`, from which this was read: `json` without its vocabulary, the
    /// vocabulary as it is searched, and the scores (f64), each part after its length in bytes (u64); all little-endian.
    pub fn pack(&self, json: &str) -> serde_json::Result<Vec<u8>> {
        let mut rest: serde_json::Value = serde_json::from_str(json)?;
        rest["model"]["vocab"] = serde_json::Value::Array(Vec::new());
        let rest = rest.to_string();
        let scores: Vec<u8> = self.scores.iter().flat_map(|score| score.to_le_bytes()).collect();
        let parts = [rest.as_bytes(), self.trie.as_fst().as_bytes(), &scores];
        Ok(parts.iter().flat_map(|part| [&(part.len() as u64).to_le_bytes()[..], part].concat()).collect())
    }

    /// Reads what [`Unigram::pack`] made.
    pub fn unpack(path: &Path, mut bytes: &[u8]) -> Result<Unigram> {
        let mut part = || -> Option<&[u8]> {
            let (length, rest) = bytes.split_first_chunk::<8>()?;
            let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
            bytes = rest;
            Some(part)
        };
        let (Some(file), Some(trie), Some(scores), true) = (part(), part(), part(), bytes.is_empty()) else {
            return Err(malformed(path, "its parts do not have the lengths that it says"));
        };
        let file = serde_json::from_slice(file).map_err(|e| malformed(path, e))?;
        let trie = Map::new(trie.to_vec()).map_err(|e| malformed(path, e))?;
        trie.as_fst().verify().map_err(|e| malformed(path, e))?;
        let scores = scores.as_chunks::<8>().0;
        Unigram::new(path, file, trie, scores.iter().map(|&score| f64::from_le_bytes(score)).collect())
    }

    /// Id of a special token.
    pub fn special(&self, token: &str) -> Option<u32> {
        self.specials.get(token).copied()
    }

    /// Ids of `text`, without special tokens; a special token's name in the text is text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        memory::require(BYTES_OF_NORMALIZING * text.len())?;
        let normalized = self.normalizers.iter().fold(text.to_owned(), |text, step| step.apply(text));
        memory::require(BYTES_OF_SEGMENTING * normalized.len())?;
        let (mut word, mut path, mut ids) = (String::new(), Vec::new(), Vec::new());
        for part in normalized.split_whitespace() {
            word.clear();
            if !part.starts_with(SPACE) {
                word.push(SPACE);
            }
            word.push_str(part);
            for piece in split_before(&word, SPACE) {
                self.segment(piece, &mut path, &mut ids);
            }
        }
        Ok(ids)
    }

    /// Viterbi search over the bytes of one word.
    fn segment(&self, word: &str, path: &mut Vec<Best>, ids: &mut Vec<u32>) {
        let bytes = word.as_bytes();
        path.clear();
        path.resize(bytes.len() + 1, Best::NONE);
        path[0].score = 0.0;
        for (start, c) in word.char_indices() {
            let (so_far, from) = (path[start].score, start as u32);
            let mut whole_character = false;
            self.each_prefix(&bytes[start..], |length, id| {
                whole_character |= length == c.len_utf8();
                improve(&mut path[start + length], Best { id, score: so_far + self.scores[id as usize], start: from });
            });
            if !whole_character {
                let unknown = Best { id: self.unknown, score: so_far + self.unknown_score, start: from };
                improve(&mut path[start + c.len_utf8()], unknown);
            }
        }
        self.trace(path, ids);
    }

    /// Walks the best path back and appends its ids in order; neighbouring unknowns become one.
    fn trace(&self, path: &[Best], ids: &mut Vec<u32>) {
        let from = ids.len();
        let mut end = path.len() - 1;
        let mut after_unknown = false;
        while end > 0 && path[end].score > f64::NEG_INFINITY {
            let best = path[end];
            let unknown = best.id == self.unknown;
            if !(unknown && after_unknown) {
                ids.push(best.id);
            }
            after_unknown = unknown;
            end = best.start as usize;
        }
        ids[from..].reverse();
    }

    /// Calls `found(length, id)` for every token that `bytes` begins with, shortest first.
    fn each_prefix(&self, bytes: &[u8], mut found: impl FnMut(usize, u32)) {
        let trie = self.trie.as_fst();
        let mut node = trie.root();
        let mut output = fst::raw::Output::zero();
        for (i, &byte) in bytes.iter().enumerate() {
            let Some(transition) = node.find_input(byte) else { return };
            let transition = node.transition(transition);
            output = output.cat(transition.out);
            node = trie.node(transition.addr);
            if node.is_final() {
                found(i + 1, output.cat(node.final_output()).value() as u32);
            }
        }
    }
}

fn malformed(path: &Path, reason: impl ToString) -> Error {
    Error::Malformed { path: path.to_owned(), reason: reason.to_string() }
}

fn improve(best: &mut Best, candidate: Best) {
    if candidate.score > best.score {
        *best = candidate;
    }
}

fn unknown_score(scores: &[f64]) -> f64 {
    scores.iter().copied().fold(f64::INFINITY, f64::min) - UNKNOWN_PENALTY
}

/// Splits so that every piece but the first begins with `delimiter`, and holds no other.
fn split_before(word: &str, delimiter: char) -> impl Iterator<Item = &str> {
    let mut rest = Some(word);
    std::iter::from_fn(move || {
        let word = rest.filter(|word| !word.is_empty())?;
        let next = word.char_indices().skip(1).find(|&(_, c)| c == delimiter).map_or(word.len(), |(at, _)| at);
        rest = Some(&word[next..]);
        Some(&word[..next])
    })
}

/// The parts of `tokenizer.json` this reader knows; anything else fails to parse, and is left to the library.
#[derive(Deserialize)]
struct File {
    added_tokens: Vec<AddedToken>,
    normalizer: Normalizers,
    pre_tokenizer: PreTokenizer,
    model: Model,
}

impl File {
    /// Special tokens and their ids.
    fn specials(&self) -> HashMap<String, u32> {
        self.added_tokens.iter().filter(|t| t.special).map(|t| (t.content.clone(), t.id)).collect()
    }
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
    special: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Normalizers {
    Sequence(Sequence),
    One(Normalizer),
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Sequence {
    Sequence { normalizers: Vec<Normalizer> },
}

impl Normalizers {
    fn steps(self) -> Vec<Normalizer> {
        match self {
            Normalizers::Sequence(Sequence::Sequence { normalizers }) => normalizers,
            Normalizers::One(normalizer) => vec![normalizer],
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Normalizer {
    Charsmap(Box<Precompiled>),
    Simple(Simple),
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Simple {
    #[serde(rename = "NFC")]
    Nfc,
    Replace {
        pattern: Pattern,
        content: String,
    },
}

#[derive(Deserialize)]
enum Pattern {
    String(String),
}

impl Normalizer {
    fn apply(&self, text: String) -> String {
        match self {
            Normalizer::Charsmap(charsmap) => charsmap.normalize_string(&text),
            Normalizer::Simple(Simple::Nfc) => composed(&text).into_owned(),
            Normalizer::Simple(Simple::Replace { pattern: Pattern::String(pattern), content }) => {
                text.replace(pattern, content)
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum PreTokenizer {
    Sequence {
        pretokenizers: Vec<PreTokenizer>,
    },
    WhitespaceSplit,
    Metaspace {
        replacement: char,
        #[serde(default)]
        prepend_scheme: Option<String>,
        #[serde(default)]
        split: Option<bool>,
        #[serde(default)]
        add_prefix_space: Option<bool>,
    },
}

impl PreTokenizer {
    /// White-space split, then Metaspace that always prepends.
    fn is_xlm_roberta(&self) -> bool {
        let PreTokenizer::Sequence { pretokenizers } = self else { return false };
        let [
            PreTokenizer::WhitespaceSplit,
            PreTokenizer::Metaspace { replacement, prepend_scheme, split, add_prefix_space },
        ] = pretokenizers.as_slice()
        else {
            return false;
        };
        *replacement == SPACE
            && prepend_scheme.as_deref().unwrap_or("always") == "always"
            && split.unwrap_or(true)
            && add_prefix_space.unwrap_or(true)
    }
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Model {
    Unigram { unk_id: u32, vocab: Vec<(String, f64)> },
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use tokenizers::Tokenizer;

    use super::*;
    use crate::blank::is_blank;

    /// A committed bundle's tokenizer as this reader has it, as the library has it, and packed.
    struct Both {
        compact: Unigram,
        library: Tokenizer,
        packed: Vec<u8>,
    }

    static BUNDLE: LazyLock<Both> = LazyLock::new(both);

    fn both() -> Both {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/drug-e5-mini-ko/tokenizer.json");
        let json = std::fs::read_to_string(&path).expect("the committed bundle");
        let compact = Unigram::from_json(&path, &json).expect("valid").expect("of the kind this reader knows");
        let mut library: Tokenizer = json.parse().expect("valid");
        library.set_encode_special_tokens(true);
        let packed = compact.pack(&json).expect("packed");
        Both { compact: Unigram::unpack(&path, &packed).expect("what was packed"), library, packed }
    }

    fn agrees(text: &str) {
        let library = BUNDLE.library.encode(text, false).expect("encodes");
        assert_eq!(BUNDLE.compact.encode(text).expect("memory"), library.get_ids(), "{text:?}");
    }

    #[test]
    fn a_damaged_packed_tokenizer_is_refused() {
        let path = PathBuf::from("model.tokens");
        let packed = &BUNDLE.packed;
        assert!(packed.len() < 2_000_000, "{} bytes", packed.len());
        for length in [0, 7, 16, 1000, packed.len() / 2, packed.len() - 1] {
            assert!(Unigram::unpack(&path, &packed[..length]).is_err(), "{length} bytes");
        }
        let head = u64::from_le_bytes(packed[..8].try_into().expect("8 bytes")) as usize;
        for at in [0, 8, 8 + head, 16 + head + 40, 16 + head + 100_000] {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x20;
            assert!(Unigram::unpack(&path, &damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn agrees_with_the_library_on_drug_texts() {
        for text in [
            "",
            " ",
            "passage: 타이레놀정500밀리그람(아세트아미노펜)",
            "판콜에이내복액 | 해열.진통.소염제 | Acetaminophen, Chlorpheniramine Maleate",
            "리피논정80밀리그램(아토르바스타틴칼슘삼수화물)(수출명:LIPINON Tab.)",
            "query: 열을 내리는  약은?",
            "Acetaminophen/Anhydrous Caffeine 300mg·50㎎, ０．５％ β-카로틴 5㎖",
            "감기약▁▁기침 ▁ 콧물",
            "漢方 葛根湯 갈근탕 ①②",
            &composed("\u{10f46}\u{abc}"),
            "👨\u{200d}👩\u{200d}👧 쪼개도 되나요\u{0301}?",
        ] {
            agrees(text);
        }
    }

    /// Random syllables hardly ever are words of drug tables.
    #[test]
    fn agrees_with_the_library_on_glued_tokens() {
        let pieces = (0..).map_while(|id| BUNDLE.library.id_to_token(id));
        let pieces: Vec<String> = pieces.filter(|piece| BUNDLE.compact.special(piece).is_none()).collect();
        for glued in pieces.chunks(3).rev().take(2_000) {
            agrees(&glued.concat().replace(SPACE, " "));
            agrees(&glued.concat().replace(SPACE, ""));
        }
    }

    #[test]
    fn characters_without_a_token_are_blank() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let nothing = BUNDLE.compact.encode(c.encode_utf8(&mut [0; 4])).expect("memory").is_empty();
            assert!(!nothing || is_blank(c.encode_utf8(&mut [0; 4])), "{c:?}");
        }
    }

    #[test]
    fn names_of_special_tokens_are_text() {
        let compact = &BUNDLE.compact;
        let ids = compact.encode("</s> <mask>약<s>").expect("memory");
        assert!(["<s>", "</s>", "<mask>"].iter().all(|name| !ids.contains(&compact.special(name).expect("special"))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn agrees_with_the_library_on_korean(text in "[가-힣ㄱ-ㅎㅏ-ㅣ ]{0,40}") {
            agrees(&text);
        }

        #[test]
        fn agrees_with_the_library_on_mixed_text(text in "[가-힣a-zA-Z0-9０-９Ａ-Ｚα-ω㎎㎖℃%.,()\\[\\]/+▁ \t\u{3000}\u{a0}-]{0,60}") {
            agrees(&text);
        }

        #[test]
        fn agrees_with_the_library_on_jamo(text in "[\u{1100}-\u{1112}\u{1161}-\u{1175}\u{11a8}-\u{11c2} ]{0,40}") {
            agrees(&text);
        }

        #[test]
        fn agrees_with_the_library_on_any_unicode(text in any::<String>()) {
            // Composed first, as every input is: the library's tables are older and do not order marks that came after them.
            let text = composed(&text);
            agrees(&text);
        }
    }
}
