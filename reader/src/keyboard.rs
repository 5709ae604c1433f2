//! Words typed while the keyboard was in the other mode: `rkarldir` is 감기약, `ㅅㅛㅣ두ㅐㅣ` tylenol.

use std::ops::Range;

use crate::jamo;
use crate::lexicon::Lexicon;
use crate::particles;
use crate::romanised;
use crate::text::Text;
use crate::translation::{Piece, Pieces};

/// Keys of the two-set layout (두벌식), and the letters on them.
const KEYS: &str = "rRseEfaqQtTdwWczxvgkoiOjpuPhynbml";
const LETTERS: &str = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅛㅜㅠㅡㅣ";

fn letter_on(key: char) -> Option<char> {
    let on = |key: char| KEYS.chars().position(|c| c == key).and_then(|at| LETTERS.chars().nth(at));
    // Shift changes few keys.
    on(key).or_else(|| on(key.to_ascii_lowercase()))
}

fn key_of(letter: char) -> Option<char> {
    LETTERS.chars().position(|c| c == letter).and_then(|at| KEYS.chars().nth(at))
}

/// If one of the words in Latin letters is Korean, all that can be are.
pub(crate) fn find(text: &Text<'_>, pieces: &Pieces) -> Vec<Piece> {
    let words: Vec<(Range<usize>, String)> = latin_words(text)
        .filter(|range| range.len() >= 3 && pieces.is_free(range))
        .filter_map(|range| {
            let keys = text.words(text.span(&range));
            let letters: Option<Vec<char>> = keys.chars().map(letter_on).collect();
            Some((range, jamo::compose(&letters?)?))
        })
        .collect();
    if words.iter().any(|(_, word)| is_known(word)) {
        words.into_iter().map(|(range, word)| Piece::new(range, word)).collect()
    } else {
        Vec::new()
    }
}

/// Runs of Latin letters.
pub(crate) fn latin_words<'a>(text: &'a Text<'_>) -> impl Iterator<Item = Range<usize>> + 'a {
    let is_latin = |i: usize| text.chars.get(i).is_some_and(char::is_ascii_alphabetic);
    let begins = move |i: usize| is_latin(i) && (i == 0 || !is_latin(i - 1) || text.starts(i));
    (0..text.len()).filter(move |&i| begins(i)).map(move |start| {
        let end = (start + 1..text.len()).find(|&i| !is_latin(i) || text.starts(i)).unwrap_or(text.len());
        start..end
    })
}

fn is_known(word: &str) -> bool {
    const FORMS: &str = "정|약|제|시럽|연고|크림|캡슐";
    let syllables = |word: &str| word.chars().count();
    let bare = particles::bare(word);
    let is_name = |word: &str| syllables(word) >= 3 && Lexicon::get().name(word).is_some();
    let is_word = |word: &str| syllables(word) >= 2 && romanised::is_word(word);
    let stems = FORMS.split('|').filter_map(|form| bare.strip_suffix(form));
    [word, bare].into_iter().chain(stems).any(|word| is_name(word) || is_word(word))
}

/// Names in Latin letters that were typed as Hangul.
pub(crate) fn reversed(text: &Text<'_>) -> Vec<Piece> {
    const SHORTEST: usize = 4;
    let mut pieces = Vec::new();
    for start in (0..text.len()).filter(|&at| text.starts(at)) {
        let range = start..text.word_end(start + 1);
        let words = text.words(text.span(&range));
        // Latin words nearly always leave letters that are no syllables.
        if !words.chars().any(|c| matches!(c, 'ㄱ'..='ㅣ')) {
            continue;
        }
        let keys: Option<String> = words.chars().map(keys_of).collect();
        let named = keys.filter(|keys| keys.len() >= SHORTEST).and_then(|keys| Lexicon::get().name(&keys));
        pieces.extend(named.map(|entry| Piece::new(range, entry.name().name)));
    }
    pieces
}

fn keys_of(c: char) -> Option<String> {
    let letters = match jamo::parts(c) {
        Some((initial, vowel, last)) => [Some(initial), Some(vowel), last].into_iter().flatten().collect(),
        None => vec![c],
    };
    letters.into_iter().flat_map(jamo::split).map(|letter| key_of(letter).map(|key| key.to_ascii_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_letter() {
        assert_eq!(KEYS.len(), LETTERS.chars().count());
        assert_eq!((letter_on('Q'), letter_on('A'), letter_on('1')), (Some('ㅃ'), Some('ㅁ'), None));
        assert_eq!(keys_of('ㅘ').as_deref(), Some("hk"));
    }
}
