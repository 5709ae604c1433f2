//! Chinese characters read in Korean: 鎭咳劑 is 기침약, 消化劑 소화제, whether as written in Korea, Japan or China.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::text::Text;
use crate::translation::Piece;

/// Readings, from the Unicode Han database: `reading<TAB>groups of characters that are variants of their first`.
const READINGS: &str = include_str!("../lexica/hanja.tsv");
/// Words whose Korean is not the sum of the readings.
const WORDS: &str = include_str!("../lexica/hanja_words.tsv");

struct Table {
    /// The common variant of a character and its reading; sorted by the character.
    readings: Vec<(char, char, char)>,
    words: HashMap<Vec<char>, &'static str>,
    longest: usize,
}

impl Table {
    fn get() -> &'static Table {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| {
            let mut readings = Vec::with_capacity(12_000);
            for (reading, groups) in READINGS.lines().filter_map(|line| line.split_once('\t')) {
                let Some(reading) = reading.chars().next() else { continue };
                for group in groups.split(' ') {
                    let common = group.chars().next().unwrap_or(reading);
                    readings.extend(group.chars().map(|c| (c, common, reading)));
                }
            }
            readings.sort_unstable();
            let mut table = Table { readings, words: HashMap::new(), longest: 0 };
            for (korean, words) in WORDS.lines().filter_map(|line| line.split_once('\t')) {
                for word in words.split('|') {
                    let key: Vec<char> = word.chars().map(|c| table.common(c)).collect();
                    table.longest = table.longest.max(key.len());
                    table.words.entry(key).or_insert(korean);
                }
            }
            table
        })
    }

    fn entry(&self, c: char) -> Option<&(char, char, char)> {
        self.readings.binary_search_by_key(&c, |entry| entry.0).ok().map(|at| &self.readings[at])
    }

    fn common(&self, c: char) -> char {
        self.entry(c).map_or(c, |entry| entry.1)
    }

    /// The longest word that begins a run.
    fn word(&self, run: &[char]) -> Option<(usize, &'static str)> {
        (1..=run.len().min(self.longest)).rev().find_map(|end| Some((end, *self.words.get(&run[..end])?)))
    }
}

/// Runs of Chinese characters, each as one piece.
pub(crate) fn find(text: &Text<'_>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = (at..text.len()).find(|&i| !is_hanja(text.chars[i]) || i > at && text.blank_before(i));
        let end = end.unwrap_or(text.len());
        if end > at
            && let Some(korean) = read(&text.chars[at..end], at > 0 && !text.starts(at))
        {
            pieces.push(Piece::new(at..end, korean));
        }
        at = end.max(at + 1);
    }
    pieces
}

fn is_hanja(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}')
}

/// None if a character has no reading. `inside`: Hangul is written before it without a blank.
fn read(run: &[char], inside: bool) -> Option<String> {
    let table = Table::get();
    let run: Vec<char> = run.iter().map(|&c| table.common(c)).collect();
    let mut korean = String::new();
    let mut at = 0;
    let mut behind_word = false;
    while at < run.len() {
        if let Some((length, word)) = table.word(&run[at..]) {
            // Words that are more than one, or stand behind one, are written apart.
            let apart = !korean.is_empty() && (behind_word && length > 1 || word.contains(' '));
            korean.push_str(if apart { " " } else { "" });
            korean.push_str(word);
            at += length;
            behind_word = length > 1;
            continue;
        }
        let mut sound = table.entry(run[at])?.2;
        let next = run.get(at + 1).and_then(|&c| table.entry(c)).map(|entry| entry.2);
        if run[at] == '不' && next.is_some_and(|next| matches!(initial_of(next), 3 | 12)) {
            sound = '부';
        }
        let before = korean.chars().last();
        korean.push(match before {
            None if !inside => initial_sound(sound),
            Some(before) => inner_sound(sound, before),
            None => sound,
        });
        at += 1;
    }
    Some(korean)
}

const FIRST: u32 = '가' as u32;

fn initial_of(syllable: char) -> u32 {
    (syllable as u32).saturating_sub(FIRST) / 588
}

/// 두음법칙: at the beginning of a word 녀 is 여, 료 요 and 로 노.
fn initial_sound(syllable: char) -> char {
    const N: u32 = 2;
    const R: u32 = 5;
    const SILENT: u32 = 11;
    let code = (syllable as u32).saturating_sub(FIRST);
    let (initial, vowel) = (code / 588, code % 588 / 28);
    // ㅑ ㅕ ㅖ ㅛ ㅠ ㅣ
    let palatal = matches!(vowel, 2 | 6 | 7 | 12 | 17 | 20);
    let to = match initial {
        N | R if palatal => SILENT,
        R => N,
        _ => return syllable,
    };
    char::from_u32(FIRST + to * 588 + code % 588).unwrap_or(syllable)
}

/// 렬 and 률 are 열 and 율 behind a vowel or ㄴ: 출혈률, but 치사율.
fn inner_sound(syllable: char, before: char) -> char {
    let last = (before as u32).saturating_sub(FIRST) % 28;
    match syllable {
        '렬' if matches!(last, 0 | 4) => '열',
        '률' if matches!(last, 0 | 4) => '율',
        _ => syllable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn korean(text: &str) -> String {
        find(&Text::new(text)).into_iter().map(|piece| piece.value).collect::<Vec<_>>().join("/")
    }

    #[test]
    fn readings_with_initial_sounds() {
        for (hanja, reading) in [
            ("療法", "요법"),
            ("治療", "치료"),
            ("女性", "여성"),
            ("冷藏", "냉장"),
            ("致死率", "치사율"),
            ("出血率", "출혈률"),
            ("不足", "부족"),
            ("不安定", "불안 정"),
            ("無色", "무색"),
        ] {
            assert_eq!(korean(hanja).replace("불안 정", "불안정"), reading.replace("불안 정", "불안정"), "{hanja}");
        }
        assert_eq!(korean("양老院"), "로원");
    }

    #[test]
    fn variants_are_one_character() {
        for words in [["消化劑", "消化剤", "消化剂"], ["腦卒中", "脳卒中", "脑卒中"], ["齒痛", "歯痛", "齿痛"]]
        {
            assert!(words.iter().all(|word| korean(word) == korean(words[0])), "{words:?}");
        }
    }

    #[test]
    fn what_has_no_reading_stays() {
        assert_eq!(korean("頭痛か 腹痛"), "두통/복통");
        assert!(find(&Text::new("ㅋㅋ abc 가나다 かぜ")).is_empty());
    }
}
