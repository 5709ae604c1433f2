//! Korean words in Latin letters by the rules (Revised Romanisation), and what is left of letters when those that are confused are one.

use crate::jamo;

/// By the rules, as spelt and as spoken.
pub(crate) fn romanisations(word: &str) -> Vec<String> {
    let syllables: Option<Vec<_>> = word.chars().filter(|c| *c != '_').map(jamo::parts).collect();
    let Some(syllables) = syllables else { return Vec::new() };
    let mut all = vec![latin(&syllables, false, "g"), latin(&syllables, true, "g"), latin(&syllables, true, "k")];
    all.dedup();
    all
}

type Syllable = (char, char, Option<char>);

fn latin(syllables: &[Syllable], spoken: bool, velar: &str) -> String {
    let mut text = String::new();
    let mut carried: Option<&str> = None;
    for (i, &(initial, vowel, last)) in syllables.iter().enumerate() {
        let next = syllables.get(i + 1);
        text.push_str(match carried.take() {
            Some(letters) => letters,
            None if initial == 'ㄱ' => velar,
            None => initial_latin(initial),
        });
        text.push_str(vowel_latin(vowel));
        let (here, there) = match (last, next) {
            (Some(last), Some(&next)) if spoken => meeting(last, next),
            (Some(last), _) => (final_latin(last), None),
            (None, _) => ("", None),
        };
        text.push_str(here);
        carried = there;
    }
    text
}

/// What a final and the initial of the next syllable are spoken as, where they are not what they are spelt.
fn meeting(last: char, (initial, vowel, _): Syllable) -> (&'static str, Option<&'static str>) {
    let nasal = matches!(initial, 'ㄴ' | 'ㅁ');
    match (last, initial) {
        ('ㅌ', 'ㅇ') if vowel == 'ㅣ' => ("", Some("ch")),
        ('ㄷ', 'ㅇ') if vowel == 'ㅣ' => ("", Some("j")),
        ('ㅎ' | 'ㄶ' | 'ㅀ', 'ㅇ') => (final_latin(last), Some("")),
        ('ㅅ' | 'ㅆ', 'ㅇ') => ("", Some("s")),
        ('ㅈ', 'ㅇ') => ("", Some("j")),
        ('ㅊ', 'ㅇ') => ("", Some("ch")),
        ('ㄻ', 'ㅇ') => ("lm", Some("")),
        ('ㄺ', 'ㅇ') => ("lg", Some("")),
        ('ㅄ', 'ㅇ') => ("ps", Some("")),
        ('ㄱ' | 'ㄲ' | 'ㅋ' | 'ㄺ', _) if nasal || initial == 'ㄹ' => {
            ("ng", Some(if initial == 'ㅁ' { "m" } else { "n" }))
        }
        ('ㄷ' | 'ㅅ' | 'ㅆ' | 'ㅈ' | 'ㅊ' | 'ㅌ' | 'ㅎ', _) if nasal => ("n", None),
        ('ㅂ' | 'ㅍ' | 'ㅄ', _) if nasal || initial == 'ㄹ' => ("m", Some(if initial == 'ㅁ' { "m" } else { "n" })),
        ('ㄴ', 'ㄹ') | ('ㄹ', 'ㄴ') => ("l", Some("l")),
        ('ㅁ' | 'ㅇ', 'ㄹ') => (final_latin(last), Some("n")),
        ('ㅎ', 'ㄱ') => ("", Some("k")),
        ('ㅎ', 'ㄷ') => ("", Some("t")),
        ('ㅎ', 'ㅈ') => ("", Some("ch")),
        _ => (final_latin(last), None),
    }
}

fn initial_latin(letter: char) -> &'static str {
    match letter {
        'ㄱ' => "g",
        'ㄲ' => "kk",
        'ㄴ' => "n",
        'ㄷ' => "d",
        'ㄸ' => "tt",
        'ㄹ' => "r",
        'ㅁ' => "m",
        'ㅂ' => "b",
        'ㅃ' => "pp",
        'ㅅ' => "s",
        'ㅆ' => "ss",
        'ㅈ' => "j",
        'ㅉ' => "jj",
        'ㅊ' => "ch",
        'ㅋ' => "k",
        'ㅌ' => "t",
        'ㅍ' => "p",
        'ㅎ' => "h",
        _ => "",
    }
}

fn vowel_latin(letter: char) -> &'static str {
    const VOWELS: &str =
        "ㅏa ㅐae ㅑya ㅒyae ㅓeo ㅔe ㅕyeo ㅖye ㅗo ㅘwa ㅙwae ㅚoe ㅛyo ㅜu ㅝwo ㅞwe ㅟwi ㅠyu ㅡeu ㅢui ㅣi";
    VOWELS.split(' ').find_map(|word| word.strip_prefix(letter)).unwrap_or("")
}

fn final_latin(letter: char) -> &'static str {
    match letter {
        'ㄱ' | 'ㄲ' | 'ㅋ' | 'ㄳ' | 'ㄺ' => "k",
        'ㄴ' | 'ㄵ' | 'ㄶ' => "n",
        'ㄹ' | 'ㄼ' | 'ㄽ' | 'ㄾ' | 'ㅀ' => "l",
        'ㅁ' | 'ㄻ' => "m",
        'ㅂ' | 'ㅄ' | 'ㅍ' | 'ㄿ' => "p",
        'ㅇ' => "ng",
        'ㅎ' => "",
        _ => "t",
    }
}

/// One letter for all that stand for nearly one sound: g and k, eo and o.
pub(crate) fn fold(latin: &str) -> String {
    const FOLDS: &[(&str, &str)] = &[
        ("yeo", "yo"),
        ("yae", "ye"),
        ("wae", "e"),
        ("weo", "wo"),
        ("eui", "i"),
        ("woo", "u"),
        ("yoo", "yu"),
        ("eo", "o"),
        ("eu", "u"),
        ("ae", "e"),
        ("oe", "e"),
        ("we", "e"),
        ("ui", "i"),
        ("ee", "i"),
        ("oo", "u"),
        ("ou", "u"),
        ("uh", "o"),
        ("ng", "N"),
        ("ch", "c"),
        ("jj", "c"),
        ("j", "c"),
        ("z", "c"),
        ("sh", "s"),
        ("ss", "s"),
        ("ck", "k"),
        ("kh", "k"),
        ("g", "k"),
        ("q", "k"),
        ("c", "k"),
        ("th", "t"),
        ("d", "t"),
        ("ph", "p"),
        ("b", "p"),
        ("f", "p"),
        ("v", "p"),
        ("r", "l"),
        ("x", "ks"),
    ];
    let mut folded = String::with_capacity(latin.len());
    let mut rest = latin;
    while let Some(first) = rest.chars().next() {
        let (length, letters) = match FOLDS.iter().find(|(from, _)| rest.starts_with(from)) {
            Some((from, to)) => (from.len(), *to),
            None => (first.len_utf8(), &rest[..first.len_utf8()]),
        };
        if !folded.ends_with(letters) {
            folded.push_str(letters);
        }
        rest = &rest[length..];
    }
    folded
}

/// The same with vowels between o and u, and turned letters (oe for eo), as one.
pub(crate) fn fold_vowels(latin: &str) -> String {
    let folded = fold(&latin.replace("oe", "eo")).replace('u', "o");
    let mut once = String::with_capacity(folded.len());
    for c in folded.chars() {
        let breath = c == 'h' && once.ends_with(['k', 't', 'p', 'c']);
        if !breath && !once.ends_with(c) {
            once.push(c);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules() {
        let spoken = |word: &str| romanisations(word).into_iter().any(|latin| latin == spoken_as(word));
        for word in ["콧물", "축농증", "입냄새", "붙이는", "좋은", "약을", "설사", "신라"] {
            assert!(spoken(word), "{word}: {:?}", romanisations(word));
        }
    }

    fn spoken_as(word: &str) -> &'static str {
        match word {
            "콧물" => "konmul",
            "축농증" => "chungnongjeung",
            "입냄새" => "imnaemsae",
            "붙이는" => "buchineun",
            "좋은" => "joeun",
            "약을" => "yakeul",
            "설사" => "seolsa",
            _ => "silla",
        }
    }
}
