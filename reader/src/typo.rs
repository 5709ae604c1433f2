//! Slips in names: ingredients and well-known brands that are one letter (jamo) or one confusion of sounds away (타이래놀, 아목시실닌).

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use crate::jamo;
use crate::lexicon::{Entry, Lexicon};
use crate::names::{self, NameKind};
use crate::particles;
use crate::text::Text;
use crate::translation::{Piece, Pieces, name_of};

/// Letters from which sounds may be confused, and from which one may be wrong.
const CONFUSED: usize = 6;
const WRONG: usize = 8;
/// Syllables of a brand, and of an ingredient.
const BRAND: usize = 3;
const INGREDIENT: usize = 4;
const LONGEST: usize = 20;
/// Letters at the start or at the end of a name that one wrong letter leaves as they are.
const INTACT: usize = 4;

/// Sounds of names, and the names by what a wrong letter leaves.
struct Sounds {
    names: Vec<(Vec<u8>, &'static str, Entry)>,
    exact: HashMap<Vec<u8>, u32>,
    partial: HashMap<(bool, [u8; INTACT]), Vec<u32>>,
}

impl Sounds {
    fn get() -> &'static Sounds {
        static SOUNDS: OnceLock<Sounds> = OnceLock::new();
        SOUNDS.get_or_init(|| {
            let mut sounds = Sounds { names: Vec::new(), exact: HashMap::new(), partial: HashMap::new() };
            for (word, entry) in Lexicon::get().entries() {
                let syllables = word.chars().filter(|c| jamo::is_syllable(*c)).count();
                let least = if entry.kind == NameKind::Brand { BRAND } else { INGREDIENT };
                let is_drug = matches!(entry.kind, NameKind::Brand | NameKind::Ingredient);
                let is_ordinary = Lexicon::get().name(word).is_none_or(|entry| entry.weak);
                if is_drug && !is_ordinary && syllables >= least && syllables == word.chars().count() {
                    sounds.add(word, entry);
                }
            }
            sounds
        })
    }

    fn add(&mut self, word: &'static str, entry: Entry) {
        let key = sounds_of(word);
        let n = self.names.len() as u32;
        if key.len() < CONFUSED {
            return;
        }
        for (side, part) in [(false, first(&key)), (true, last(&key))] {
            if let Some(part) = part.filter(|_| key.len() + 1 >= WRONG) {
                self.partial.entry((side, part)).or_default().push(n);
            }
        }
        self.exact.entry(key.clone()).or_insert(n);
        self.names.push((key, word, entry));
    }

    /// The name that sounds the same.
    fn same(&self, key: &[u8]) -> Option<&Entry> {
        self.exact.get(key).map(|&n| &self.names[n as usize].2)
    }

    /// The only name that is one letter away, two if it is long.
    fn near(&self, stem: &str, key: &[u8]) -> Option<&Entry> {
        const SHORT: usize = 11;
        let is_long = key.len() >= SHORT;
        let most = if is_long { 2 } else { 1 };
        let parts = [(false, first(key)), (true, last(key))];
        let candidates = parts.into_iter().filter_map(|(side, part)| self.partial.get(&(side, part?))).flatten();
        let mut near = candidates
            .map(|&n| &self.names[n as usize])
            .filter(|(other, word, _)| (is_long || is_near(key, other)) && distance(stem, word) <= most);
        let (.., found) = near.next()?;
        near.all(|(.., other)| other.name().name == found.name().name).then_some(found)
    }
}

fn first(key: &[u8]) -> Option<[u8; INTACT]> {
    key.first_chunk().copied()
}

fn last(key: &[u8]) -> Option<[u8; INTACT]> {
    key.last_chunk().copied()
}

/// One letter more, less or other.
fn is_near(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let rest = &a[start..];
    match b.len() - a.len() {
        0 => rest.len() <= 1 || rest[1..] == b[start + 1..],
        1 => *rest == b[start + 1..],
        _ => false,
    }
}

/// Letters to be changed, added or left out (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let letters = |word: &str| -> Vec<char> {
        let parts = word.chars().filter_map(jamo::parts);
        parts
            .flat_map(|(initial, vowel, last)| [Some(initial).filter(|c| *c != 'ㅇ'), Some(vowel), last])
            .flatten()
            .collect()
    };
    let (a, b) = (letters(a), letters(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// A byte for each sound; those that are confused are one: ㄱ ㄲ ㅋ, ㅐ ㅔ, a single and a double ㄹ. Silent ㅇ has none.
fn sounds_of(word: &str) -> Vec<u8> {
    let mut sounds = Vec::new();
    for (initial, vowel, last) in word.chars().filter_map(jamo::parts) {
        let consonant = match initial {
            'ㄱ' | 'ㄲ' | 'ㅋ' => b'g',
            'ㄴ' => b'n',
            'ㄷ' | 'ㄸ' | 'ㅌ' => b'd',
            'ㄹ' => b'r',
            'ㅁ' => b'm',
            'ㅂ' | 'ㅃ' | 'ㅍ' => b'b',
            'ㅅ' | 'ㅆ' => b's',
            'ㅈ' | 'ㅉ' | 'ㅊ' => b'j',
            'ㅎ' => b'h',
            _ => 0,
        };
        let doubled = consonant == b'r' && sounds.last() == Some(&b'r');
        if consonant != 0 && !doubled {
            sounds.push(consonant);
        }
        sounds.push(match vowel {
            'ㅐ' | 'ㅔ' | 'ㅒ' | 'ㅖ' => b'E',
            'ㅙ' | 'ㅚ' | 'ㅞ' => b'W',
            other => 0x80 | (other as u32 as u8 & 0x7f),
        });
        sounds.extend(last.map(|last| match last {
            'ㄱ' | 'ㄲ' | 'ㅋ' | 'ㄳ' | 'ㄺ' => b'g',
            'ㄴ' | 'ㄵ' | 'ㄶ' => b'n',
            'ㄹ' | 'ㄼ' | 'ㄽ' | 'ㄾ' | 'ㅀ' => b'r',
            'ㅁ' | 'ㄻ' => b'm',
            'ㅂ' | 'ㅍ' | 'ㅄ' | 'ㄿ' => b'b',
            'ㅇ' => b'N',
            _ => b'd',
        }));
    }
    sounds
}

/// Adds the names that words without another meaning come near to.
pub(crate) fn find(text: &Text<'_>, known: &dyn Fn(&str) -> bool, pieces: &mut Pieces) {
    let mentions = names::mentions(text, known);
    for mention in &mentions {
        let range = name_of(mention);
        let spelt = text.slice(range.clone());
        let is_drug = matches!(mention.name.kind, NameKind::Brand | NameKind::Ingredient);
        if is_drug && is_spelling(&spelt, &mention.name.name) {
            pieces.add(Piece::new(range, mention.name.name.as_str()));
        }
    }
    let named = |at: usize| mentions.iter().any(|mention| mention.range.contains(&at));
    let starts = (0..text.len()).filter(|&at| text.starts(at) && jamo::is_syllable(text.chars[at]) && !named(at));
    for start in starts {
        let word = start..text.word_end(start + 1).min(start + LONGEST);
        if let Some((range, entry)) = name_at(text, word, known).filter(|(range, _)| pieces.is_free(range)) {
            pieces.add(Piece { doubtful: true, ..Piece::new(range, entry.name().name) });
        }
    }
}

/// Whether both are the same name, spelt in two ways.
fn is_spelling(spelt: &str, name: &str) -> bool {
    let (a, b) = (sounds_of(spelt), sounds_of(name));
    spelt != name
        && spelt.chars().all(jamo::is_syllable)
        && spelt.chars().count() == name.chars().count()
        && (a == b || is_near(&a, &b))
}

/// The name that a word begins with: one that sounds the same, or one with a wrong letter if it ends there.
fn name_at(
    text: &Text<'_>,
    word: Range<usize>,
    known: &dyn Fn(&str) -> bool,
) -> Option<(Range<usize>, &'static Entry)> {
    let hangul = word.clone().find(|&i| !jamo::is_syllable(text.chars[i])).unwrap_or(word.end);
    if hangul < word.start + BRAND {
        return None;
    }
    let whole = text.slice(word.start..hangul);
    if Lexicon::get().name(&whole).is_some() || known(&whole) || known(particles::bare(&whole)) {
        return None;
    }
    let stems = (word.start + BRAND..=hangul).rev().filter_map(|end| {
        let stem = text.slice(word.start..end);
        let sounds = sounds_of(&stem);
        let is_new = sounds.len() >= CONFUSED && Lexicon::get().name(&stem).is_none() && !known(&stem);
        is_new.then(|| (word.start..end, sounds, names::ends(text, end)))
    });
    let is_known = |end: usize| names::ends(text, end) && Lexicon::get().name(&text.slice(word.start..end)).is_some();
    let stems: Vec<_> = stems.collect();
    if (word.start + BRAND..hangul).any(is_known) {
        return None;
    }
    // What follows a brand is often part of its name: 인싸돌플러스.
    let same = |sounds: &[u8], ends: bool| {
        let goes_on = |entry: &&Entry| ends || entry.kind == NameKind::Brand && sounds.len() > CONFUSED;
        Sounds::get().same(sounds).filter(goes_on)
    };
    let same = stems.iter().find_map(|(range, sounds, ends)| Some((range.clone(), same(sounds, *ends)?)));
    same.or_else(|| {
        let near = |range: &Range<usize>, sounds: &[u8], ends: bool| {
            Sounds::get().near(&text.slice(range.clone()), sounds).filter(|_| ends && sounds.len() >= WRONG)
        };
        stems.iter().find_map(|(range, sounds, ends)| Some((range.clone(), near(range, sounds, *ends)?)))
    })
}

/// For tests of other modules: whether a word sounds like a name.
#[cfg(test)]
pub(crate) fn sounds_like(word: &str, name: &str) -> bool {
    sounds_of(word) == sounds_of(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_apart() {
        for (a, b, near) in [
            ("abc", "abc", true),
            ("abc", "abd", true),
            ("abc", "ab", true),
            ("abc", "xabc", true),
            ("abc", "acb", false),
            ("abc", "a", false),
            ("", "a", true),
        ] {
            assert_eq!(is_near(a.as_bytes(), b.as_bytes()), near, "{a} {b}");
            assert_eq!(is_near(b.as_bytes(), a.as_bytes()), near, "{b} {a}");
        }
    }

    #[test]
    fn confused_sounds_are_one() {
        assert!(sounds_like("까쓰활명쑤", "가스활명수"));
        assert!(sounds_like("크로피도그랠", "클로피도그렐"));
        assert!(!sounds_like("타이레놀", "타이레널"));
    }

    fn corrected(text: &str) -> String {
        let text = Text::new(text);
        let mut pieces = Pieces::new(&text);
        find(&text, &|_| false, &mut pieces);
        pieces.into_values().join(",")
    }

    #[test]
    fn names_with_slips() {
        for (typed, name) in [
            ("아세트아미노팬 있나요", "아세트아미노펜"),
            ("이부프로팬이랑", "이부프로펜"),
            ("독시싸이클린", "독시사이클린"),
            ("메트포르빈 500mg", "메트포르민"),
            ("텔미사르탕정", "텔미사르탄"),
        ] {
            assert_eq!(corrected(typed), name, "{typed}");
        }
    }

    #[test]
    fn words_and_known_names_stay() {
        for text in
            ["아세트아미노펜", "타이레놀", "아스피린프로텍트", "고등학교에서", "레스토랑에서 이야기하다", "가스레인지"]
        {
            assert_eq!(corrected(text), "", "{text}");
        }
        let text = Text::new("타이레롤");
        let mut pieces = Pieces::new(&text);
        find(&text, &|word| word == "타이레롤", &mut pieces);
        assert!(pieces.into_values().is_empty());
    }
}
