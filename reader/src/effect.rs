//! Which way something is to be moved (맥을 빨리, 느리게), and which side effects are refused (안 졸린).

use std::ops::Range;
use std::sync::OnceLock;

use serde::Serialize;

use crate::cues::Cues;
use crate::text::Text;

/// Up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// More, faster, wider.
    Increase,
    /// Less, slower, narrower.
    Decrease,
}

/// What a drug is to do to a measure of the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Such as `heart_rate`.
    pub measure: String,
    /// Which way.
    pub change: Change,
}

impl Effect {
    fn opposite(self) -> Self {
        let change = if self.change == Change::Increase { Change::Decrease } else { Change::Increase };
        Effect { change, ..self }
    }

    /// Such as `heart_rate_increase`.
    pub fn code(&self) -> String {
        format!("{}_{}", self.measure, if self.change == Change::Increase { "increase" } else { "decrease" })
    }
}

struct Measure {
    code: &'static str,
    raise: Vec<String>,
    lower: Vec<String>,
}

const TABLE: &str = include_str!("../lexica/effects.tsv");

fn measures() -> &'static [Measure] {
    static MEASURES: OnceLock<Vec<Measure>> = OnceLock::new();
    MEASURES.get_or_init(|| {
        let words = |field: Option<&str>| -> Vec<String> {
            field.unwrap_or("").split('|').filter(|word| !word.is_empty()).map(|word| word.replace(' ', "")).collect()
        };
        TABLE
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let mut fields = line.split('\t');
                let code = fields.next().unwrap_or("");
                fields.next();
                Measure { code, raise: words(fields.next()), lower: words(fields.next()) }
            })
            .collect()
    })
}

fn nouns() -> &'static Cues {
    static NOUNS: OnceLock<Cues> = OnceLock::new();
    NOUNS.get_or_init(|| {
        let table: String = TABLE
            .lines()
            .filter(|line| !line.starts_with('#') && !line.starts_with('*'))
            .flat_map(|line| {
                let mut fields = line.split('\t');
                let code = fields.next().unwrap_or("").to_owned();
                fields.next().unwrap_or("").split('|').map(move |noun| format!("{code}\t^{noun}\n")).collect::<Vec<_>>()
            })
            .collect();
        Cues::new(Box::leak(table.into_boxed_str()))
    })
}

/// Effects that are asked for, and effects that are refused.
pub(crate) struct Effects {
    pub wanted: Vec<(Range<usize>, Effect)>,
    pub refused: Vec<(Range<usize>, String)>,
}

pub(crate) fn find(text: &Text<'_>) -> Effects {
    const INSTEAD: &str =
        "는약말고|는거말고|는것말고|는게아니라|게하는약말고|게하는거말고|게하는것말고|는약이아니라|는약아니고";
    let mut effects = Effects { wanted: Vec::new(), refused: side_effects(text) };
    for hit in nouns().find_all(text) {
        let Some((start, end, change)) = verb(text, hit.range.end, hit.value) else { continue };
        let effect = Effect { measure: hit.value.to_owned(), change };
        let refused = text.longest(end, "지않는|지않고|지않게|지안는|지않으").is_some();
        let (effect, refused) = match negated_before(text, hit.range.end, start) {
            // `침 안 나오게`: the other way; `혈압 안 올리는`: refused; `피가 안 멎는다`: a symptom.
            true if text.chars.get(end - 1) == Some(&'게') || text.follows(end, "게") => (effect.opposite(), false),
            true if text.follows(end, "는") && text.longest(end, "는데|는다|는지").is_none() => (effect, true),
            true => continue,
            // `혈압 낮추는 약 말고 올리는 약`
            false if text.longest(end, INSTEAD).is_some() => (effect.opposite(), false),
            false => (effect, refused),
        };
        let range = hit.range.start..text.word_end(end).max(end);
        if refused {
            effects.refused.push((range, effect.code()));
        } else if !effects
            .wanted
            .iter()
            .any(|(_, other)| *other == effect || other.measure == "bleeding" && effect.measure == "clotting")
        {
            effects.wanted.push((range, effect));
        }
    }
    effects
}

/// The verb that moves a measure whose noun ends at `at`: its range and which way.
fn verb(text: &Text<'_>, at: usize, measure: &str) -> Option<(usize, usize, Change)> {
    const WINDOW: usize = 7;
    let common = &measures()[0];
    let own = measures().iter().find(|entry| entry.code == measure)?;
    for i in at..text.len().min(at + WINDOW) {
        let longest =
            |words: &[String]| words.iter().filter(|word| text.follows(i, word)).map(|word| word.chars().count()).max();
        let raise = longest(&own.raise).max(longest(&common.raise));
        let lower = longest(&own.lower).max(longest(&common.lower));
        // The verb begins a word, or follows the noun's particle.
        let object = text.slice(at..i);
        let reaches = [
            "",
            "을",
            "를",
            "이",
            "가",
            "은",
            "는",
            "도",
            "좀",
            "안",
            "더",
            "잘",
            "많이",
            "너무",
            "을좀",
            "를좀",
            "이잘",
            "가잘",
            "이안",
            "가안",
            "을안",
            "를안",
            "을더",
            "를더",
            "잘안",
            "이많이",
            "을많이",
            "을빨리",
            "수치",
            "수치를",
            "을잘",
            "를잘",
            "을확",
            "을서서히",
            "을천천히",
        ]
        .contains(&object.as_str())
            || is_adverb(&object);
        if !reaches {
            continue;
        }
        let begins = text.starts(i) || i == at || matches!(text.chars[i - 1], '을' | '를' | '이' | '가' | '도' | '안');
        if begins && raise != lower {
            let change = if raise > lower { Change::Increase } else { Change::Decrease };
            let end = i + raise.max(lower).unwrap_or(0);
            return moves(text, end).then_some((i, end, change));
        }
        if matches!(text.chars[i], ',' | '.' | '?' | '!') {
            return None;
        }
    }
    None
}

/// `시원하게`, `이 확실히`: between a noun and its verb.
fn is_adverb(words: &str) -> bool {
    let adverb = words.trim_start_matches(['을', '를', '이', '가', '도']);
    adverb.chars().count() <= 5 && adverb.ends_with(['게', '히'])
}

/// Whether the verb is what a drug does: `내리는 약`, `내려 주는`, `뛰게 하는`; not `내렸는데`.
fn moves(text: &Text<'_>, at: usize) -> bool {
    const NOT: &str = "는데|었|았|였|겼|져서|서|니까|고있|지도|기만|려고하|졌|렸|춰도|어도|도|기전|제|증";
    text.longest(at, NOT).is_none()
}

fn negated_before(text: &Text<'_>, noun_end: usize, verb_start: usize) -> bool {
    (noun_end..verb_start).any(|i| text.chars[i] == '안' && (text.starts(i) || i == noun_end))
}

fn side_effects(text: &Text<'_>) -> Vec<(Range<usize>, String)> {
    static CUES: OnceLock<Cues> = OnceLock::new();
    let cues = CUES.get_or_init(|| Cues::new(include_str!("../lexica/side_effects.tsv")));
    const SYMPTOM: &str = "는데|은데|어요|아요|었|았|습니다|지만|네요|다고|어서|아서|으면|은지|고요|음";
    cues.find(text)
        .into_iter()
        .filter(|hit| text.longest(hit.range.end, SYMPTOM).is_none() || text.follows(hit.range.end, "으면서"))
        .map(|hit| (hit.range.start..text.word_end(hit.range.end), hit.value.to_owned()))
        .collect()
}
