//! Instead of what: `타이레놀 대신`, `리피토 제네릭`, `게보린이랑 성분 같은`.

use std::ops::Range;
use std::sync::OnceLock;

use serde::Serialize;

use crate::cues::Cues;
use crate::names::{Mention, Name, NameKind};
use crate::pair;
use crate::particles;
use crate::text::{Text, is_one_of};

/// What is to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Substitution {
    /// A brand or an ingredient.
    pub of: Name,
    /// Whether the same active ingredient was asked for by words (`제네릭`, `동일 성분`), not only something instead (`대신`, `비슷한`).
    pub same_ingredient: bool,
}

/// A substitution, its range, how sure, and whether its name is a guess.
pub(crate) struct Found {
    pub range: Range<usize>,
    pub substitution: Substitution,
    pub confidence: f64,
    /// Index of the mention; none if the name is in no lexicon.
    pub mention: Option<usize>,
    /// Other words that say the same: `품절인데 같은 성분`.
    pub others: Vec<Range<usize>>,
}

pub(crate) fn find(text: &Text<'_>, mentions: &[Mention], excluded: &[usize]) -> Option<Found> {
    static CUES: OnceLock<Cues> = OnceLock::new();
    const NEAR: usize = 24;
    const VERY_NEAR: usize = 7;
    const DIRECTLY: usize = 4;
    // `로아큐탄 같은 거 먹으면서`: an example, not what is asked for.
    const USING: &str = "먹|쓰|써|복용|맞|바르|드시";
    let cues = CUES.get_or_init(|| Cues::new(include_str!("../lexica/substitution.tsv")));
    let found = cues.find(text);
    let same: Vec<Range<usize>> =
        found.iter().filter(|cue| cue.value.starts_with("same")).map(|cue| cue.range.clone()).collect();
    let same_anywhere = !same.is_empty();
    for cue in found {
        let same_ingredient = cue.value.starts_with("same");
        if cue.value == "like" && text.longest(cue.range.end, USING).is_some() {
            continue;
        }
        let reach = match cue.value {
            "like" => VERY_NEAR,
            "gone" => DIRECTLY,
            _ => NEAR,
        };
        // `바라크루드 0.5밀리그램과 같은`
        let end = |mention: &Mention| pair::end_of_amount(text, mention.range.end).min(cue.range.start);
        let named = mentions.iter().enumerate().filter(|(i, mention)| {
            matches!(mention.name.kind, NameKind::Brand | NameKind::Ingredient)
                && (same_ingredient || !excluded.contains(i))
        });
        let before = named.clone().rfind(|(_, m)| m.range.end <= cue.range.start && cue.range.start - end(m) <= reach);
        let english_or_first = text.chars[cue.range.start].is_ascii_alphabetic() || same_ingredient;
        let behind = || {
            named.clone().find(|(_, m)| {
                m.range.start >= cue.range.end && english_or_first && m.range.start - cue.range.end <= NEAR
            })
        };
        if let Some((i, mention)) = before.or_else(behind) {
            let range = mention.range.start.min(cue.range.start)..mention.range.end.max(cue.range.end);
            return Some(Found {
                range,
                substitution: Substitution { of: mention.name.clone(), same_ingredient: same_anywhere },
                confidence: mention.confidence * if cue.value == "like" { 0.8 } else { 1.0 },
                mention: Some(i),
                others: same,
            });
        }
        if cue.value == "same!"
            && let Some(found) = guess(text, &cue.range)
        {
            return Some(found);
        }
    }
    None
}

/// The word before `제네릭`: a brand that no lexicon knows.
fn guess(text: &Text<'_>, cue: &Range<usize>) -> Option<Found> {
    const NO_BRANDS: &str =
        "이|그|저|이거|그거|이약|그약|약|것|거|같은|이것|오리지널|원래|지금|먹던|먹는|약국|병원|무슨|어떤|다른|이런";
    let start = text.word_start(cue.start.checked_sub(1)?);
    let word = text.slice(start..cue.start);
    let bare = particles::bare(&word);
    let length = bare.chars().count();
    let is_class = ["약", "제", "것", "거", "은", "는"].iter().any(|end| bare.ends_with(end));
    (2..=12).contains(&length).then_some(())?;
    (!is_class && !is_one_of(bare, NO_BRANDS) && bare.chars().all(char::is_alphanumeric)).then(|| Found {
        range: start..cue.end,
        substitution: Substitution { of: Name::plain(NameKind::Brand, bare), same_ingredient: true },
        confidence: 0.5,
        mention: None,
        others: Vec::new(),
    })
}
