//! Names as people mistype them: a wrong jamo, a lost or doubled syllable, spaces moved, written by ear.

use crate::rng::Rng;

const FIRST: u32 = 0xAC00;
const VOWELS: u32 = 21;
const FINALS: u32 = 28;
/// Vowels that are confused with each other, by their index in the Unicode order (ㅏ ㅐ ㅑ ㅒ ㅓ ㅔ ...).
const VOWEL_SWAPS: &[(u32, u32)] =
    &[(1, 5), (0, 4), (8, 13), (18, 20), (4, 8), (2, 0), (6, 4), (10, 11), (20, 16), (17, 13)];
/// Leading consonants that are confused: plain with tense or aspirated.
const INITIAL_SWAPS: &[(u32, u32)] =
    &[(0, 1), (0, 15), (3, 4), (3, 16), (7, 8), (7, 17), (9, 10), (12, 13), (12, 14), (2, 5)];

/// Trailing consonants that sound alike before the next syllable.
const FINAL_SWAPS: &[(u32, u32)] =
    &[(4, 21), (4, 16), (16, 21), (1, 24), (1, 2), (17, 26), (19, 7), (19, 25), (19, 20)];

/// One typing error; names under three characters come back as they are.
pub fn typo(rng: &mut Rng, name: &str) -> String {
    let mut chars: Vec<char> = name.chars().collect();
    let syllables: Vec<usize> = (0..chars.len()).filter(|&i| is_syllable(chars[i])).collect();
    if chars.len() < 3 || syllables.len() < 3 {
        return name.to_owned();
    }
    let at = syllables[rng.below(syllables.len())];
    match rng.below(8) {
        0 if at > 0 => {
            chars.remove(at);
        }
        1 => chars.insert(at, chars[at]),
        2 if at + 1 < chars.len() && is_syllable(chars[at + 1]) && at > 0 => chars.swap(at, at + 1),
        3 | 4 => chars[at] = swap_initial(rng, chars[at]),
        _ => chars[at] = swap_vowel_or_final(rng, chars[at]),
    }
    chars.into_iter().collect()
}

/// Spaces all gone, or one put where none belongs.
pub fn spacing(rng: &mut Rng, name: &str) -> String {
    if name.contains(' ') && rng.chance(0.5) {
        return name.replace(' ', "");
    }
    let chars: Vec<char> = name.chars().collect();
    if chars.len() < 3 {
        return name.to_owned();
    }
    let at = 1 + rng.below(chars.len() - 2);
    let (left, right) = chars.split_at(at);
    let text: String = left.iter().chain(&[' ']).chain(right).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One or two syllables as they are heard: 자렐토 -> 자랠토, 탁센 -> 탁쎈. Nothing is left out or added.
pub fn by_ear(rng: &mut Rng, name: &str) -> String {
    let mut chars: Vec<char> = name.chars().collect();
    let syllables: Vec<usize> = (0..chars.len()).filter(|&i| is_syllable(chars[i])).collect();
    for _ in 0..1 + rng.below(2) {
        let Some(&at) = rng.pick(&syllables) else { break };
        let (initial, vowel, last) = parts(chars[at]);
        let heard = match rng.below(4) {
            0 => swapped(rng, INITIAL_SWAPS, initial).map(|i| (i, vowel, last)),
            1 => swapped(rng, FINAL_SWAPS, last).map(|l| (initial, vowel, l)),
            _ => swapped(rng, VOWEL_SWAPS, vowel).map(|v| (initial, v, last)),
        };
        if let Some(c) = heard.and_then(syllable) {
            chars[at] = c;
        }
    }
    chars.into_iter().collect()
}

/// A whole number below 10,000 as it is read: 500 -> 오백, 1250 -> 천이백오십. None of others.
pub fn read_aloud(number: &str) -> Option<String> {
    const DIGITS: [&str; 10] = ["", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"];
    const PLACES: [&str; 4] = ["", "십", "백", "천"];
    let value: usize = number.parse().ok().filter(|n| (1..10_000).contains(n))?;
    let place = |power: usize| {
        let digit = value / 10usize.pow(power as u32) % 10;
        match (digit, power) {
            (0, _) => String::new(),
            (1, 1..) => PLACES[power].to_owned(),
            _ => format!("{}{}", DIGITS[digit], PLACES[power]),
        }
    };
    Some((0..PLACES.len()).rev().map(place).collect())
}

fn is_syllable(c: char) -> bool {
    ('가'..='힣').contains(&c)
}

fn parts(c: char) -> (u32, u32, u32) {
    let index = c as u32 - FIRST;
    (index / (VOWELS * FINALS), index / FINALS % VOWELS, index % FINALS)
}

fn syllable((initial, vowel, last): (u32, u32, u32)) -> Option<char> {
    char::from_u32(FIRST + (initial * VOWELS + vowel) * FINALS + last)
}

fn swapped(rng: &mut Rng, swaps: &[(u32, u32)], value: u32) -> Option<u32> {
    let others: Vec<u32> = swaps
        .iter()
        .filter_map(|&(a, b)| {
            if a == value {
                Some(b)
            } else if b == value {
                Some(a)
            } else {
                None
            }
        })
        .collect();
    rng.pick(&others).copied()
}

fn swap_initial(rng: &mut Rng, c: char) -> char {
    let (initial, vowel, last) = parts(c);
    swapped(rng, INITIAL_SWAPS, initial)
        .and_then(|i| syllable((i, vowel, last)))
        .unwrap_or_else(|| swap_vowel_or_final(rng, c))
}

fn swap_vowel_or_final(rng: &mut Rng, c: char) -> char {
    let (initial, vowel, last) = parts(c);
    let changed = match swapped(rng, VOWEL_SWAPS, vowel) {
        Some(v) if last == 0 || rng.chance(0.7) => (initial, v, last),
        // ㄴ and ㅇ, ㅁ at the end of a syllable, or none where there was one.
        _ => (initial, vowel, [0, 4, 16, 21][rng.below(4)]),
    };
    syllable(changed).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_changes_at_most_one_place() {
        let name = "리피논정";
        let mut changed = 0;
        for seed in 0..200 {
            let typed = typo(&mut Rng::new(seed, "t"), name);
            changed += usize::from(typed != name);
            let length = typed.chars().count();
            assert!((3..=5).contains(&length), "{typed}");
            let kept = name.chars().filter(|c| typed.contains(*c)).count();
            assert!(kept >= 3, "{typed}");
        }
        assert!(changed > 150, "{changed}");
    }

    #[test]
    fn spacing_moves_only_spaces() {
        for seed in 0..100 {
            let text = spacing(&mut Rng::new(seed, "s"), "미리코프 연질캡슐");
            assert_eq!(text.replace(' ', ""), "미리코프연질캡슐");
        }
    }

    #[test]
    fn heard_names_keep_their_length_and_differ_in_two_syllables_at_most() {
        let mut heard = std::collections::HashSet::new();
        for seed in 0..400 {
            let text = by_ear(&mut Rng::new(seed, "e"), "자렐토");
            assert_eq!(text.chars().count(), 3);
            assert!(text.chars().zip("자렐토".chars()).filter(|(a, b)| a != b).count() <= 2, "{text}");
            heard.insert(text);
        }
        assert!(heard.contains("자랠토"));
        assert_eq!(by_ear(&mut Rng::new(1, "e"), "ER 500"), "ER 500");
    }

    #[test]
    fn numbers_are_read_as_in_korean() {
        let read = |n| read_aloud(n);
        assert_eq!(read("500").as_deref(), Some("오백"));
        assert_eq!(read("1250").as_deref(), Some("천이백오십"));
        assert_eq!(read("10").as_deref(), Some("십"));
        assert_eq!(read("21").as_deref(), Some("이십일"));
        for n in ["0", "2.5", "10000", "5/500", ""] {
            assert_eq!(read(n), None);
        }
    }

    #[test]
    fn jamo_arithmetic() {
        assert_eq!(parts('한'), (18, 0, 4));
        assert_eq!(syllable((18, 0, 4)), Some('한'));
    }
}
