//! Syllables and the letters (jamo) they are of.

const FIRST: u32 = '가' as u32;
const INITIALS: &str = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const VOWELS: &str = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ";
const FINALS: &str = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ";
/// Letters of two: the whole, then its parts.
const COMPOUND: &str = "ㄳㄱㅅ ㄵㄴㅈ ㄶㄴㅎ ㄺㄹㄱ ㄻㄹㅁ ㄼㄹㅂ ㄽㄹㅅ ㄾㄹㅌ ㄿㄹㅍ ㅀㄹㅎ ㅄㅂㅅ ㅘㅗㅏ ㅙㅗㅐ ㅚㅗㅣ ㅝㅜㅓ ㅞㅜㅔ ㅟㅜㅣ ㅢㅡㅣ";

pub(crate) fn is_syllable(c: char) -> bool {
    ('가'..='힣').contains(&c)
}

/// Initial, vowel and final of a syllable.
pub(crate) fn parts(syllable: char) -> Option<(char, char, Option<char>)> {
    if !is_syllable(syllable) {
        return None;
    }
    let code = syllable as u32 - FIRST;
    let nth = |letters: &str, n: u32| letters.chars().nth(n as usize);
    let last = (code % 28).checked_sub(1).and_then(|n| nth(FINALS, n));
    Some((nth(INITIALS, code / 588)?, nth(VOWELS, code % 588 / 28)?, last))
}

fn syllable(initial: char, vowel: char, last: Option<char>) -> Option<char> {
    let place = |letters: &str, letter: char| letters.chars().position(|c| c == letter).map(|at| at as u32);
    let last = last.map_or(Some(0), |last| Some(place(FINALS, last)? + 1))?;
    char::from_u32(FIRST + place(INITIALS, initial)? * 588 + place(VOWELS, vowel)? * 28 + last)
}

pub(crate) fn is_vowel(letter: char) -> bool {
    VOWELS.contains(letter)
}

fn joined(first: char, second: char) -> Option<char> {
    COMPOUND.split(' ').find_map(|word| {
        let mut letters = word.chars();
        let whole = letters.next()?;
        (letters.next() == Some(first) && letters.next() == Some(second)).then_some(whole)
    })
}

/// The parts of a letter of two, or the letter.
pub(crate) fn split(letter: char) -> impl Iterator<Item = char> {
    let word = COMPOUND.split(' ').find(|word| word.starts_with(letter));
    let parts: Vec<char> = word.map_or_else(|| vec![letter], |word| word.chars().skip(1).collect());
    parts.into_iter()
}

/// Syllables of letters in the order in which they are typed; none if a letter is left over.
pub(crate) fn compose(letters: &[char]) -> Option<String> {
    let mut text = String::new();
    let mut at = 0;
    let vowel_at = |at: usize| letters.get(at).is_some_and(|&letter| is_vowel(letter));
    while at < letters.len() {
        let initial = letters[at];
        if is_vowel(initial) || !vowel_at(at + 1) {
            return None;
        }
        let mut vowel = letters[at + 1];
        at += 2;
        if vowel_at(at)
            && let Some(whole) = joined(vowel, letters[at])
        {
            vowel = whole;
            at += 1;
        }
        // A consonant before a vowel begins the next syllable.
        let mut last = None;
        if at < letters.len() && !is_vowel(letters[at]) && !vowel_at(at + 1) {
            last = Some(letters[at]);
            at += 1;
            if at < letters.len()
                && !is_vowel(letters[at])
                && !vowel_at(at + 1)
                && let Some(whole) = last.and_then(|last| joined(last, letters[at]))
            {
                last = Some(whole);
                at += 1;
            }
        }
        text.push(syllable(initial, vowel, last)?);
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_fall_apart_and_are_put_together() {
        for word in ["타이레놀", "괜찮아요", "없는", "의약품", "까스활명수", "끓었다"] {
            let letters: Vec<char> = word
                .chars()
                .flat_map(|c| {
                    let (initial, vowel, last) = parts(c).unwrap();
                    let vowel: Vec<char> = split(vowel).collect();
                    let last: Vec<char> = last.into_iter().flat_map(split).collect();
                    [vec![initial], vowel, last].concat()
                })
                .collect();
            assert_eq!(compose(&letters).as_deref(), Some(word));
        }
        assert_eq!(compose(&['ㅏ']), None);
        assert_eq!(compose(&['ㄱ']), None);
        assert_eq!(parts('a'), None);
    }
}
