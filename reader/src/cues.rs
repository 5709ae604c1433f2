//! Aho-Corasick over a table of cue phrases: `value<TAB>phrase|phrase`, blanks in phrases free.
//!
//! `^phrase` must begin a word, `phrase$` must end one (particles may follow).

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use crate::particles;
use crate::text::Text;

/// A phrase that was found.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub range: Range<usize>,
    pub value: &'static str,
    /// Whether the phrase is of several words.
    pub blanks: bool,
}

pub(crate) struct Cues {
    automaton: AhoCorasick,
    entries: Vec<Entry>,
}

struct Entry {
    value: &'static str,
    from_start: bool,
    to_end: bool,
    blanks: bool,
}

impl Cues {
    pub fn new(table: &'static str) -> Self {
        let mut phrases = Vec::new();
        let mut entries = Vec::new();
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let Some((value, alternatives)) = line.split_once('\t') else { continue };
            for phrase in alternatives.split('|').filter(|phrase| !phrase.is_empty()) {
                let bare = phrase.trim_start_matches('^').trim_end_matches('$');
                phrases.push(bare.replace(' ', ""));
                entries.push(Entry {
                    value,
                    from_start: phrase.starts_with('^'),
                    to_end: phrase.ends_with('$'),
                    blanks: bare.contains(' '),
                });
            }
        }
        let automaton = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&phrases);
        Cues { automaton: automaton.expect("the phrases of a lexicon are few"), entries }
    }

    /// Leftmost-longest among the phrases whose conditions hold.
    pub fn find(&self, text: &Text<'_>) -> Vec<Hit> {
        let mut hits = self.find_all(text);
        let mut end = 0;
        hits.retain(|hit| {
            let free = hit.range.start >= end;
            if free {
                end = hit.range.end;
            }
            free
        });
        hits
    }

    /// All phrases whose conditions hold, overlapping, the longest first at each place.
    pub fn find_all(&self, text: &Text<'_>) -> Vec<Hit> {
        let mut hits: Vec<Hit> = self
            .automaton
            .find_overlapping_iter(&text.compact)
            .filter_map(|found| {
                let range = text.at_byte(found.start())..text.at_byte(found.end());
                let entry = &self.entries[found.pattern().as_usize()];
                entry.holds(text, &range).then_some(Hit { range, value: entry.value, blanks: entry.blanks })
            })
            .collect();
        hits.sort_by_key(|hit| (hit.range.start, usize::MAX - hit.range.end));
        hits
    }
}

impl Entry {
    fn holds(&self, text: &Text<'_>, range: &Range<usize>) -> bool {
        let latin = |i: usize| text.chars.get(i).is_some_and(char::is_ascii_alphabetic);
        let begins = text.starts(range.start);
        // A Latin phrase is a word; a short Korean one that begins inside a word does not run over into the next.
        let whole = !latin(range.start) || begins || !latin(range.start.wrapping_sub(1));
        let ended = range.end == 0 || !latin(range.end - 1) || !latin(range.end) || text.starts(range.end);
        // `4주 넘게`: begins behind its number.
        let counted = range.start > 0 && text.chars[range.start - 1].is_ascii_digit();
        let split = !begins && !counted && range.len() < 4 && text.is_split(range);
        whole && ended && !split && (!self.from_start || begins) && (!self.to_end || particles::closes(text, range.end))
    }
}
