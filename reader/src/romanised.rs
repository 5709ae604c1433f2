//! Korean in Latin letters: `dutong yak juseyo` is 두통약 주세요.
//!
//! Nobody types by the rules (gamgi, kamki, gamki): both what is typed and what the rules give are folded to letters that tell words apart,
//! and compared. English words are no Korean, even if they could be.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::OnceLock;

use crate::keyboard::latin_words;
use crate::lexicon;
use crate::romanisation::{fold, fold_vowels, romanisations};
use crate::text::Text;
use crate::translation::{Piece, Pieces};

const WORDS: &str = include_str!("../lexica/korean_words.txt");
/// English words that would pass for Korean.
const ENGLISH: &str = include_str!("../lexica/english_words.txt");

/// Letters from which a word is Korean by itself; a shorter one only beside such a word.
const CERTAIN: usize = 5;
/// Letters from which vowels may be mixed up.
const LOOSE: usize = 5;
/// Letters from which words with blanks between may be one.
const JOINED: usize = 8;
const MOST_WORDS: usize = 4;
const MOST_LETTERS: usize = 40;

struct Vocabulary {
    words: HashSet<&'static str>,
    /// Words by what their letters fold to.
    strict: HashMap<String, &'static str>,
    loose: HashMap<String, &'static str>,
}

fn words(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace)
}

impl Vocabulary {
    fn get() -> &'static Vocabulary {
        static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
        VOCABULARY.get_or_init(|| {
            let (mut strict, mut loose) = (HashMap::new(), HashMap::new());
            let spelt = words(WORDS).map(|word| (word, romanisations(word)));
            // Of names from abroad, ㅡ stands for no vowel: gasmotin.
            let names = lexicon::familiar().map(|word| {
                let mut spelt = romanisations(word);
                spelt.extend(spelt.first().map(|latin| latin.replace("eu", "")));
                (word, spelt)
            });
            for (word, spelt) in spelt.chain(names) {
                for latin in spelt {
                    strict.entry(fold(&latin)).or_insert(word);
                    loose.entry(fold_vowels(&latin)).or_insert(word);
                }
            }
            let words: HashSet<&str> = self::words(WORDS).collect();
            Vocabulary { words, strict, loose }
        })
    }

    /// Korean of letters, with a particle if one is written onto it.
    fn korean(&self, latin: &str) -> Option<String> {
        const PARTICLES: &[(&str, &str)] = &[
            ("eul", "을"),
            ("reul", "를"),
            ("eun", "은"),
            ("neun", "는"),
            ("ga", "가"),
            ("i", "이"),
            ("e", "에"),
            ("ae", "에"),
            ("do", "도"),
            ("yong", "용"),
            ("rang", "랑"),
            ("irang", "이랑"),
            ("hago", "하고"),
        ];
        let key = fold(latin);
        let exact =
            self.strict.get(&key).or_else(|| self.loose.get(&fold_vowels(latin)).filter(|_| latin.len() >= LOOSE));
        if let Some(word) = exact {
            return Some(word.replace('_', " "));
        }
        let with_particle = PARTICLES.iter().find_map(|(particle, korean)| {
            let stem = key.strip_suffix(&fold(particle))?;
            let word = self.strict.get(stem).filter(|word| stem.len() + 1 >= CERTAIN && self.words.contains(**word))?;
            Some(format!("{word}{korean}").replace('_', " "))
        });
        with_particle.or_else(|| self.compound(&key))
    }

    /// Two or three words written together: gamgiyak, kotmulgichim.
    fn compound(&self, key: &str) -> Option<String> {
        const FIRST: usize = 4;
        const NEXT: usize = 3;
        let cuts =
            |from: usize| (from + NEXT..=key.len().saturating_sub(NEXT)).rev().filter(|&at| key.is_char_boundary(at));
        cuts(FIRST - NEXT).find_map(|at| {
            let first = self.strict.get(&key[..at])?;
            let second = || Some(joined(first, self.strict.get(&key[at..])?));
            let three = || {
                let middle = |cut: usize| Some(joined(first, self.strict.get(&key[at..cut])?));
                cuts(at).find_map(|cut| Some(joined(&middle(cut)?, self.strict.get(&key[cut..])?)))
            };
            second().or_else(three)
        })
    }
}

fn joined(first: &str, second: &str) -> String {
    let blank = if matches!(second, "약" | "제" | "용") { "" } else { " " };
    format!("{first}{blank}{second}").replace('_', " ")
}

/// Whether a word in Latin letters means something in English that is more common.
pub(crate) fn is_english(word: &str) -> bool {
    static WORDS: OnceLock<HashSet<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| words(ENGLISH).collect()).contains(word)
}

/// Whether a Korean word is one of the vocabulary.
pub(crate) fn is_word(word: &str) -> bool {
    Vocabulary::get().words.contains(word)
}

/// Words, alone or together with those next to them.
pub(crate) fn find(text: &Text<'_>, pieces: &Pieces) -> Vec<Piece> {
    let free: Vec<Range<usize>> = latin_words(text).filter(|range| pieces.is_free(range)).collect();
    if free.is_empty() {
        return Vec::new();
    }
    let vocabulary = Vocabulary::get();
    let mut found: Vec<(Piece, bool)> = Vec::new();
    let mut at = 0;
    while at < free.len() {
        let run = run_length(text, &free[at..]);
        let hit = (1..=run).rev().find_map(|count| {
            let words = &free[at..at + count];
            let latin: String = words.iter().map(|range| text.slice(range.clone())).collect();
            let is_english = words.iter().all(|range| is_english(&text.slice(range.clone())));
            let apart = words.iter().skip(1).any(|range| text.blank_before(range.start));
            if apart && latin.len() < JOINED {
                return None;
            }
            // A word alone is English first; short words only begin longer ones.
            if latin.len() > MOST_LETTERS || latin.len() < 2 || is_english && count == 1 && latin.len() >= CERTAIN {
                return None;
            }
            let korean = vocabulary.korean(&latin)?;
            let range = words[0].start..words[count - 1].end;
            let is_syllable = korean.chars().nth(1).is_none();
            Some((Piece::new(range, korean), latin.len() >= CERTAIN && !is_english && !is_syllable, count))
        });
        match hit {
            Some((piece, certain, count)) => {
                found.push((piece, certain));
                at += count;
            }
            None => at += 1,
        }
    }
    if !found.iter().any(|(_, certain)| *certain) {
        return Vec::new();
    }
    found.into_iter().map(|(piece, _)| piece).collect()
}

/// How many words follow each other with nothing but a blank or a hyphen between.
fn run_length(text: &Text<'_>, words: &[Range<usize>]) -> usize {
    let next = |pair: &[Range<usize>]| {
        pair[0].end == pair[1].start || pair[0].end + 1 == pair[1].start && text.chars[pair[0].end] == '-'
    };
    1 + words.windows(2).take(MOST_WORDS - 1).take_while(|pair| next(pair)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn korean(text: &str) -> String {
        let text = Text::new(text);
        find(&text, &Pieces::new(&text)).into_iter().map(|piece| piece.value).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_as_people_type_them() {
        for (typed, word) in [
            ("gichim", "기침"),
            ("kichim", "기침"),
            ("gi-chim yak", "기침약"),
            ("sulsa", "설사"),
            ("seolsa yak juseyo", "설사약 주세요"),
            ("moojom", "무좀"),
            ("kamki", "감기"),
            ("yeon-go bibu", "연고 피부"),
        ] {
            assert_eq!(korean(typed), word, "{typed}");
        }
    }

    #[test]
    fn english_stays() {
        for text in ["the mountain yak", "bae", "come again tomorrow", "a man in a suit", "silicon"] {
            assert_eq!(korean(text), "", "{text}");
        }
    }
}
