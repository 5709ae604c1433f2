//! Words of other scripts, other languages, slang and slips of the hand, put into plain Korean before a question is read.
//!
//! Only words that the lexica know are translated; all others stay as they are.

use std::ops::Range;

use serde::Serialize;

use crate::names::Mention;
use crate::question::{Found, Question};
use crate::text::{Span, Text, is_one_of};
use crate::{hanja, jamo, keyboard, phrases, romanised, typo};

/// Words of a question and what they were read as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Translated {
    /// The words, as they stand in the question.
    pub words: String,
    /// Plain Korean.
    pub value: String,
    /// Where they stand, in characters.
    pub span: Span,
}

/// Words and their translation, in positions of a [`Text`].
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub range: Range<usize>,
    pub value: String,
    /// Whether the words may be a name that the lexica do not know.
    pub doubtful: bool,
}

impl Piece {
    pub fn new(range: Range<usize>, value: impl Into<String>) -> Self {
        Piece { range, value: value.into(), doubtful: false }
    }
}

/// Pieces that do not overlap; the first to come keeps its place.
pub(crate) struct Pieces {
    pieces: Vec<Piece>,
    taken: Vec<bool>,
}

impl Pieces {
    pub fn new(text: &Text<'_>) -> Self {
        Pieces { pieces: Vec::new(), taken: vec![false; text.len()] }
    }

    pub fn is_free(&self, range: &Range<usize>) -> bool {
        !self.taken[range.clone()].contains(&true)
    }

    pub fn add(&mut self, piece: Piece) {
        if !piece.range.is_empty() && self.is_free(&piece.range) {
            self.taken[piece.range.clone()].fill(true);
            self.pieces.push(piece);
        }
    }

    #[cfg(test)]
    pub fn into_values(self) -> Vec<String> {
        self.pieces.into_iter().map(|piece| piece.value).collect()
    }

    pub fn extend(&mut self, pieces: impl IntoIterator<Item = Piece>) {
        pieces.into_iter().for_each(|piece| self.add(piece));
    }
}

/// A question in plain Korean, with the place in the original of each of its characters.
pub(crate) struct Translation {
    pub text: String,
    origin: Vec<Span>,
    translated: Vec<Translated>,
    /// Words that may be names of the caller's.
    doubtful: Vec<Translated>,
}

/// None if every word stays as it is.
pub(crate) fn translate(text: &Text<'_>, known: &dyn Fn(&str) -> bool) -> Option<Translation> {
    let mut pieces = Pieces::new(text);
    let is_latin = text.chars.iter().any(char::is_ascii_alphabetic);
    pieces.extend(phrases::find(text, known));
    pieces.extend(hanja::find(text));
    if is_latin {
        pieces.extend(keyboard::find(text, &pieces));
        pieces.extend(romanised::find(text, &pieces));
    }
    pieces.extend(keyboard::reversed(text));
    typo::find(text, known, &mut pieces);
    Translation::new(text, pieces.pieces)
}

impl Translation {
    fn new(text: &Text<'_>, mut pieces: Vec<Piece>) -> Option<Self> {
        pieces.sort_by_key(|piece| piece.range.start);
        let original: Vec<char> = text.original().chars().collect();
        let mut own = Translation {
            text: String::with_capacity(text.original().len() + 32),
            origin: Vec::with_capacity(original.len() + 16),
            translated: Vec::new(),
            doubtful: Vec::new(),
        };
        let mut at = 0;
        for piece in pieces {
            let span = text.span(&piece.range);
            let words = text.words(span);
            // Of characters that are one in the original, such as a ligature, the first piece has all.
            if span.start < at || words == piece.value {
                continue;
            }
            let adjacent = span.start == at && !own.translated.is_empty();
            own.keep(&original, at..span.start);
            if adjacent {
                own.push(' ', span);
            }
            piece.value.chars().for_each(|c| own.push(c, span));
            at = span.end;
            if let Some(particle) = particle_behind(&piece.value, &original[at..]) {
                own.push(particle, Span { start: at, end: at + 1 });
                at += 1;
            }
            let translated = Translated { words, value: piece.value, span };
            if piece.doubtful {
                own.doubtful.push(translated.clone());
            }
            own.translated.push(translated);
        }
        own.keep(&original, at..original.len());
        (!own.translated.is_empty()).then_some(own)
    }

    fn keep(&mut self, original: &[char], range: Range<usize>) {
        for at in range {
            self.push(original[at], Span { start: at, end: at + 1 });
        }
    }

    fn push(&mut self, c: char, span: Span) {
        self.text.push(c);
        self.origin.push(span);
    }

    /// Makes all words and spans of a question those of the original.
    pub fn restore(self, question: &mut Question, text: &Text<'_>) {
        let at = |span: Span| match self.origin.get(span.start..span.end) {
            Some([first, .., last]) => Span { start: first.start, end: last.end },
            Some([only]) => *only,
            _ => span,
        };
        question.relocate(&mut |words, span| {
            *span = at(*span);
            *words = text.words(*span);
        });
        let doubtful = self.doubtful.iter().map(|name| Found {
            value: name.words.clone(),
            words: name.words.clone(),
            span: name.span,
            confidence: 0.5,
        });
        question.candidates.extend(doubtful);
        question.rest = without_emotions(&question.rest);
        if !text.original().contains(jamo::is_syllable) {
            question.rest = without_function_words(&question.rest);
        }
        question.truncated = text.truncated;
        question.korean = Some(self.text);
        question.translated = self.translated;
    }
}

/// The particle that follows, in the form that a word takes: 을 behind a consonant, 를 behind a vowel.
fn particle_behind(word: &str, behind: &[char]) -> Option<char> {
    const PARTICLES: [(char, char); 4] = [('을', '를'), ('은', '는'), ('이', '가'), ('과', '와')];
    let (&particle, rest) = behind.split_first()?;
    let (closed, open) = *PARTICLES.iter().find(|pair| particle == pair.0 || particle == pair.1)?;
    let (.., last) = jamo::parts(word.chars().last()?)?;
    let is_whole = !rest.first().is_some_and(|c| jamo::is_syllable(*c));
    is_whole.then_some(if last.is_some() { closed } else { open })
}

/// Words of nothing but single letters and marks (ㅠㅠ, ㅋㅋ;;) say nothing.
fn without_emotions(rest: &str) -> String {
    let is_mark = |c: char| matches!(c, 'ㄱ'..='ㅣ') || c.is_ascii_punctuation();
    let says = |word: &&str| !(word.contains(|c| matches!(c, 'ㄱ'..='ㅣ')) && word.chars().all(is_mark));
    rest.split_whitespace().filter(says).collect::<Vec<_>>().join(" ")
}

/// What is left of an English question without the words that carry no meaning.
fn without_function_words(rest: &str) -> String {
    const WORDS: &str = "\
        a|an|the|of|for|with|to|in|on|and|or|my|me|i|i'm|im|is|it|its|are|am|be|please|pls|plz|something|anything|some|any|need|needs|want|\
        wants|looking|where|can|could|buy|get|best|good|what|what's|whats|which|that|this|help|helps|give|take|taking|do|does|you|have|has|\
        use|used|from|his|her|our|your|due|because|at|after|when|while|by|so|as|if|there|find|show|recommend|recommendation|suggest|kind|\
        type|one|ones|using|against|relieve|relieves|treat|treats|treating|stop|stops|who|how|much|will|would|should|works|work|really|very|\
        bad|severe|strong|terrible|awful|mild|sudden|korean|korea|drug|drugs|product|products|brand|name|list|like|caused|having|got|had|feel|feeling|we|they|he|she|up";
    let is_word =
        |word: &&str| !is_one_of(&word.trim_matches(|c: char| c.is_ascii_punctuation()).to_lowercase(), WORDS);
    rest.split_whitespace()
        .filter(is_word)
        .collect::<Vec<_>>()
        .join(" ")
        .trim_end_matches(['?', '.', '!', ' '])
        .to_owned()
}

/// The part of a mention that is its name, without the form that is written onto it.
pub(crate) fn name_of(mention: &Mention) -> Range<usize> {
    mention.range.start..mention.form.as_ref().map_or(mention.range.end, |form| form.start)
}
