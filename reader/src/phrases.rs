//! Words and phrases with a plainer Korean: English, abbreviations, classes of drugs, slang; names of drugs in Latin letters.

use std::ops::Range;
use std::sync::OnceLock;

use unicode_normalization::UnicodeNormalization;

use crate::cues::{Cues, Hit};
use crate::drug_class;
use crate::jamo;
use crate::names::{self, Mention, NameKind};
use crate::particles;
use crate::romanised;
use crate::salts;
use crate::text::Text;
use crate::translation::{Piece, name_of};

const ENGLISH: &str = include_str!("../lexica/english.tsv");
const ABBREVIATIONS: &str = include_str!("../lexica/abbreviations.tsv");
const SLANG: &str = include_str!("../lexica/slang.tsv");

/// Phrases with Latin letters or those without: `value<TAB>phrase|phrase`, with the marks of [`Cues`].
fn table(latin: bool) -> String {
    let mut table = String::new();
    let mut add = |value: &str, phrases: &mut dyn Iterator<Item = String>| {
        let phrases: Vec<String> = phrases.filter(|phrase| is_latin(phrase) == latin).collect();
        if !phrases.is_empty() {
            // Jamo as they stand in a text in normal form.
            table.push_str(&format!("{value}\t{}\n", phrases.join("|").nfkc()));
        }
    };
    for (value, phrases) in lines(ENGLISH) {
        let plurals =
            phrases.split('|').filter(|phrase| phrase.ends_with(|c: char| c.is_ascii_alphabetic() && c != 's'));
        let plurals = plurals.map(|phrase| format!("{phrase}s"));
        add(value, &mut phrases.split('|').map(str::to_owned).chain(plurals));
    }
    // The lexicon knows the Korean names of classes.
    let classes = drug_class::lines().map(|(name, words, _)| (name, words)).filter(|_| latin);
    for (value, phrases) in lines(ABBREVIATIONS).chain(classes) {
        // Korean abbreviations are whole words.
        let whole = |phrase: &str| if is_latin(phrase) { phrase.to_owned() } else { format!("^{phrase}$") };
        add(value, &mut phrases.split('|').map(whole));
    }
    for (value, phrases) in lines(SLANG) {
        add(value, &mut phrases.split('|').map(str::to_owned));
    }
    table
}

fn is_latin(phrase: &str) -> bool {
    phrase.contains(|c: char| c.is_ascii_alphabetic())
}

fn lines(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'))
}

fn latin() -> &'static Cues {
    static TABLE: OnceLock<String> = OnceLock::new();
    static CUES: OnceLock<Cues> = OnceLock::new();
    CUES.get_or_init(|| Cues::new(TABLE.get_or_init(|| table(true))))
}

fn korean() -> &'static Cues {
    static TABLE: OnceLock<String> = OnceLock::new();
    static CUES: OnceLock<Cues> = OnceLock::new();
    CUES.get_or_init(|| Cues::new(TABLE.get_or_init(|| table(false))))
}

/// Leftmost-longest; a phrase before a name of the same length.
pub(crate) fn find(text: &Text<'_>, known: &dyn Fn(&str) -> bool) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = korean().find_all(text).into_iter().filter_map(|hit| piece(text, hit)).collect();
    if text.chars.iter().any(char::is_ascii_alphabetic) {
        pieces.extend(latin().find_all(text).into_iter().filter_map(|hit| piece(text, hit)));
        pieces.extend(names_in_latin(text, known));
    }
    pieces.sort_by_key(|piece| (piece.range.start, usize::MAX - piece.range.end));
    let mut end = 0;
    pieces.retain(|piece| {
        let free = piece.range.start >= end;
        end = if free { piece.range.end } else { end };
        free
    });
    pieces
}

/// Letters below which a word has no blank inside.
const SHORT: usize = 5;

fn piece(text: &Text<'_>, Hit { range, value, blanks }: Hit) -> Option<Piece> {
    let is_latin = |i: usize| text.chars[i].is_ascii_alphabetic();
    let words = text.words(text.span(&range));
    let letters = words.chars().filter(|c| c.is_alphanumeric()).count();
    // Two letters are a word of any language, unless they are capitals.
    let doubtful = letters <= 2 && words.chars().any(|c| c.is_ascii_lowercase());
    let compact = value.replace(' ', "").to_lowercase();
    // `as a` is no ASA.
    let split = !blanks && text.is_split(&range);
    let torn = split && range.len() < SHORT && range.clone().all(is_latin);
    if doubtful || torn || text.follows(range.start, &compact) || known_before(text, &range) {
        return None;
    }
    // `머리 깨질` + `듯이`: what ends the word goes with it, unless it is a particle.
    let ends = !jamo::is_syllable(text.chars[range.end - 1]) || particles::closes(text, range.end);
    let begun = range.end - text.word_start(range.end - 1);
    if !ends && split && begun < 2 {
        return None;
    }
    let end = if ends { range.end } else { text.word_end(range.end) };
    match without(text, range.start) {
        Some(start) => Some(Piece::new(start..end, format!("{value} 없는"))),
        None => Some(Piece::new(range.start..end, value)),
    }
}

/// Start of a `without` before a word: Korean has it behind.
fn without(text: &Text<'_>, word: usize) -> Option<usize> {
    const WORDS: &str = "without|withoutany|doesn'tcause|doesnotcause|notcausing";
    let before = WORDS.split('|').filter(|words| text.precedes(word, words)).map(|words| word - words.len());
    before.filter(|&start| text.starts(start)).min()
}

/// A unit behind a number is none: `5 mg`.
fn known_before(text: &Text<'_>, range: &Range<usize>) -> bool {
    const UNITS: &str = "mg|g|ml|l|kg|mcg|ug|iu|cc|mm|cm";
    let unit = UNITS.split('|').any(|unit| unit.len() == range.len() && text.follows(range.start, unit));
    unit && range.start > 0 && text.chars[range.start - 1].is_ascii_digit()
}

/// Ingredients and brands in Latin letters, by their Korean names.
fn names_in_latin(text: &Text<'_>, known: &dyn Fn(&str) -> bool) -> Vec<Piece> {
    let of_drug = |mention: &Mention| matches!(mention.name.kind, NameKind::Ingredient | NameKind::Brand);
    names::mentions(text, known)
        .into_iter()
        .filter(|mention| mention.name.kind == NameKind::Ingredient || !text.is_split(&mention.range))
        .filter(|mention| of_drug(mention) && text.chars[mention.range.start].is_ascii_alphabetic())
        .map(|mention| (name_of(&mention), mention.name.name))
        .filter(|(range, name)| {
            !romanised::is_english(&text.slice(range.clone())) && text.slice(range.clone()) != *name
        })
        .map(|(range, name)| {
            let end = salts::end_of_english_salts(text, range.end);
            match replaced(text, range.start) {
                Some((start, cue)) => Piece::new(start..end, format!("{name} {cue}")),
                None => Piece::new(range.start..end, name),
            }
        })
        .collect()
}

/// Start of the words by which a name that follows is to be replaced, and what Korean has behind it.
fn replaced(text: &Text<'_>, name: usize) -> Option<(usize, &'static str)> {
    const OTHER: &str = "\
        insteadof|inplaceof|alternativeto|alternativesto|alternativefor|alternativesfor|substitutefor|substitutesfor|\
        replacementfor|replacing|ratherthan|cheaperthan";
    const SAME: &str = "genericfor|genericof|genericversionof|equivalentof|equivalentto|sameingredientas|sameas";
    let cues = OTHER.split('|').map(|words| (words, "대신")).chain(SAME.split('|').map(|words| (words, "제네릭")));
    let before = cues.filter(|(words, _)| text.precedes(name, words)).map(|(words, cue)| (name - words.len(), cue));
    before.filter(|&(start, _)| text.starts(start)).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalise_name;

    #[test]
    fn phrases_are_in_normal_form() {
        let words = [ENGLISH, ABBREVIATIONS, SLANG].into_iter().flat_map(lines).flat_map(|(_, words)| words.split('|'));
        let classes = drug_class::lines().flat_map(|(_, words, _)| words.split('|'));
        for word in words.chain(classes) {
            assert_eq!(word.replace(' ', "").nfkc().collect::<String>(), normalise_name(word));
        }
    }

    fn korean_of(text: &str) -> String {
        let pieces = find(&Text::new(text), &|_| false);
        pieces.into_iter().map(|piece| piece.value).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn whole_words_only() {
        assert_eq!(korean_of("cough"), "기침");
        assert_eq!(korean_of("dry coughs"), "마른기침");
        assert_eq!(korean_of("scold coughing-up"), "기침");
        assert_eq!(korean_of("항히 먹는데"), "항히스타민제");
        assert_eq!(korean_of("항히스타민제"), "");
    }

    #[test]
    fn two_letters_are_capitals() {
        assert_eq!(korean_of("BB 약"), "베타차단제");
        assert_eq!(korean_of("bb 약"), "");
    }

    #[test]
    fn names_of_drugs() {
        assert_eq!(korean_of("losartan potassium 50mg"), "로사르탄");
        assert_eq!(korean_of("Zyrtec말고"), "지르텍");
    }
}
