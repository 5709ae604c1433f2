//! The normal form that everything is looked up in: NFKC (composed jamo, narrow width, `㎎` as `mg`), lower case, no blanks.
//!
//! Blanks are left out because Korean spacing is free (`안 되는`, `안되는`); where a word starts is kept beside the characters.

use std::ops::Range;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

/// Characters of a question that are read; what comes after stays in [`Question::rest`](crate::Question::rest) unread.
pub const MAX_CHARS: usize = 2_000;

/// A range of characters (not bytes) of the text as it was given; `end` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// First character.
    pub start: usize,
    /// One behind the last character.
    pub end: usize,
}

/// A text without blanks. Positions are indices into `chars`.
pub(crate) struct Text<'a> {
    original: &'a str,
    pub chars: Vec<char>,
    pub compact: String,
    /// Whether a word starts at a position; one entry more than `chars`.
    starts: Vec<bool>,
    /// Whether a blank stands before a position.
    blanks: Vec<bool>,
    origin: Vec<Span>,
    /// Position of the character that starts at a byte of `compact`.
    index: Vec<u32>,
    pub truncated: bool,
}

impl<'a> Text<'a> {
    pub fn new(original: &'a str) -> Self {
        let mut text = Text {
            original,
            chars: Vec::new(),
            compact: String::new(),
            starts: Vec::new(),
            blanks: Vec::new(),
            origin: Vec::new(),
            index: Vec::new(),
            truncated: false,
        };
        let (mut boundary, mut blank) = (true, false);
        let mut cluster = String::new();
        let mut from = 0;
        let mut seen = 0;
        for (i, c) in original.chars().chain(std::iter::once(' ')).enumerate() {
            if !cluster.is_empty() && (!joins(c) || i == MAX_CHARS) {
                text.push(&cluster, Span { start: from, end: i }, &mut boundary, &mut blank);
                cluster.clear();
            }
            if i == MAX_CHARS {
                text.truncated = original.chars().nth(i).is_some();
                break;
            }
            if cluster.is_empty() {
                from = i;
            }
            cluster.push(c);
            seen = i;
        }
        debug_assert!(seen <= MAX_CHARS);
        text.starts.push(true);
        text.index = vec![0; text.compact.len() + 1];
        for (i, (byte, _)) in text.compact.char_indices().enumerate() {
            text.index[byte] = i as u32;
        }
        text.index[text.compact.len()] = text.chars.len() as u32;
        text
    }

    fn push(&mut self, cluster: &str, origin: Span, boundary: &mut bool, blank: &mut bool) {
        for c in cluster.nfkc().flat_map(char::to_lowercase) {
            if c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}') {
                *boundary = true;
                *blank = true;
                continue;
            }
            let punctuation = !c.is_alphanumeric();
            self.chars.push(c);
            self.compact.push(c);
            self.starts.push(*boundary || punctuation);
            self.blanks.push(std::mem::take(blank));
            self.origin.push(origin);
            *boundary = punctuation;
        }
    }

    pub fn len(&self) -> usize {
        self.chars.len()
    }

    /// Position of a byte of `compact`.
    pub fn at_byte(&self, byte: usize) -> usize {
        self.index[byte] as usize
    }

    /// Whether a word starts at `i`; true at the end.
    pub fn starts(&self, i: usize) -> bool {
        self.starts.get(i).copied().unwrap_or(true)
    }

    /// Whether a blank stands before `i`.
    pub fn blank_before(&self, i: usize) -> bool {
        self.blanks.get(i).copied().unwrap_or(true)
    }

    /// Whether a word starts inside the range, not at its start.
    pub fn is_split(&self, range: &Range<usize>) -> bool {
        (range.start + 1..range.end).any(|i| self.starts(i))
    }

    /// Start of the word that `i` is in.
    pub fn word_start(&self, i: usize) -> usize {
        (0..=i.min(self.len())).rev().find(|&at| self.starts(at)).unwrap_or(0)
    }

    /// End of the word that `i` is in; `i` itself if a word starts there.
    pub fn word_end(&self, i: usize) -> usize {
        (i..self.len()).find(|&at| self.starts(at)).unwrap_or(self.len())
    }

    pub fn slice(&self, range: Range<usize>) -> String {
        self.chars[range.start.min(self.len())..range.end.min(self.len())].iter().collect()
    }

    pub fn follows(&self, i: usize, word: &str) -> bool {
        let mut at = i;
        word.chars().all(|c| {
            at += 1;
            self.chars.get(at - 1) == Some(&c)
        })
    }

    /// Length of the longest of `words`, separated by `|`, that stands at `i`.
    pub fn longest(&self, i: usize, words: &str) -> Option<usize> {
        words
            .split('|')
            .filter(|word| !word.is_empty())
            .filter(|word| self.follows(i, word))
            .map(|word| word.chars().count())
            .max()
    }

    pub fn precedes(&self, i: usize, word: &str) -> bool {
        let length = word.chars().count();
        i >= length && self.follows(i - length, word)
    }

    pub fn preceded_by(&self, i: usize, words: &str) -> bool {
        words.split('|').any(|word| !word.is_empty() && self.precedes(i, word))
    }

    pub fn span(&self, range: &Range<usize>) -> Span {
        match (self.origin.get(range.start), self.origin.get(range.end.saturating_sub(1))) {
            (Some(first), Some(last)) => Span { start: first.start, end: last.end.max(first.end) },
            _ => Span { start: 0, end: 0 },
        }
    }

    pub fn words(&self, span: Span) -> String {
        self.original.chars().skip(span.start).take(span.end - span.start).collect()
    }

    pub fn original(&self) -> &'a str {
        self.original
    }
}

/// Whether `c` may combine with what stands before it: marks, vowels and finals of conjoining jamo, compatibility jamo.
fn joins(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c) || matches!(c, '\u{1160}'..='\u{11ff}' | '\u{3131}'..='\u{318e}')
}

/// Whether a word is one of `words`, separated by `|`.
pub(crate) fn is_one_of(word: &str, words: &str) -> bool {
    words.split('|').any(|other| other == word)
}

/// A name or column value in the same normal form, without blanks.
///
/// ```
/// assert_eq!(reader::normalise_name("타이레놀정 ５００㎎"), "타이레놀정500mg");
/// ```
pub fn normalise_name(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).filter(|c| !c.is_whitespace() && !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_of_the_text_as_given() {
        let text = Text::new("로사르탄 ５０㎎ 정");
        assert_eq!(text.compact, "로사르탄50mg정");
        let span = text.span(&(4..8));
        assert_eq!((span, text.words(span)), (Span { start: 5, end: 8 }, "５０㎎".to_owned()));
        assert!(text.starts(4) && !text.starts(5) && text.starts(8) && text.starts(9));
    }

    #[test]
    fn jamo_are_composed() {
        let decomposed: String = "임산부".nfd().collect();
        let text = Text::new(&decomposed);
        assert_eq!(text.compact, "임산부");
        assert_eq!(text.span(&(0..1)), Span { start: 0, end: 3 });
    }
}
