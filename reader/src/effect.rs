//! Which way something is to be moved (맥을 빨리, 느리게), and which side effects are refused (안 졸린).

use std::ops::Range;
use std::sync::OnceLock;

use serde::Serialize;

use crate::cues::Cues;
use crate::text::{Text, is_one_of};

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
    const INSTEAD: &str = "하는거말고|하는것말고|하는약말고|거말고|것말고|약말고|게아니라|게아니고|해주는거말고|해주는약말고|는약말고|는거말고|는것말고|는게아니라|게하는약말고|게하는거말고|게하는것말고|는약이아니라|는약아니고";
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
    if effects.wanted.is_empty()
        && let Some((range, effect)) = distant(text)
    {
        effects.wanted.push((range, effect));
    }
    effects
}

/// `혈압이 바닥이라 어지러워요. 좀 올려 주는 약`: the verb comes later, with the drug, and the measure is the last that was named.
fn distant(text: &Text<'_>) -> Option<(Range<usize>, Effect)> {
    const REACH: usize = 32;
    let mut hits = nouns().find_all(text);
    hits.sort_by_key(|hit| (hit.range.end, usize::MAX - hit.range.start));
    hits.into_iter().rev().find_map(|hit| {
        let own = measures().iter().find(|entry| entry.code == hit.value)?;
        let from = hit.range.end;
        (from + 1..text.len().min(from + REACH)).filter(|&at| text.starts(at)).find_map(|at| {
            let (end, change) = moved(text, at, own)?;
            let negated = text.precedes(at, "안") || text.precedes(at, "못");
            let effect = Effect { measure: own.code.to_owned(), change };
            let is_drug = is_what_a_drug_does(text, end) && !negated && is_predicate_of(text, from);
            is_drug.then_some((at..text.word_end(end).max(end), effect))
        })
    })
}

/// A noun that something is said of, not one that only stands before another: `혈압약`, `심장 검사`.
fn is_predicate_of(text: &Text<'_>, at: usize) -> bool {
    text.preceded_by(at, "이|가|을|를|은|는") || text.longest(at, "이|가|을|를|은|는|수치").is_some()
}

/// `올려 주는 약`, `굳게 만드는 약`, `채우는 약`, `보충할 것`: a verb form before the drug.
fn is_what_a_drug_does(text: &Text<'_>, at: usize) -> bool {
    const ENDINGS: &str = "\
        주는|주실|줄|줘야할|줄만한|하는|하게하는|게하는|게해주는|게만드는|게돕는|만드는|해주는|시키는|시켜주는|는|할|해줄|돕는|도와주는|히는|하게해주는|게해줄|게할|두는|";
    const DRUGS: &str = "약|거|것|걸|건|쪽|지혈제|주사|시럽|정|캡슐|연고|제제|처방약|알약|물약|먹는|방법없|게뭐|제";
    ENDINGS.split('|').any(|ending| {
        let end = at + ending.chars().count();
        text.follows(at, ending) && !ending.is_empty() && text.longest(end, DRUGS).is_some()
    })
}

/// The end of a verb that stands at `at`, and which way it moves the measure.
fn moved(text: &Text<'_>, at: usize, own: &Measure) -> Option<(usize, Change)> {
    let common = &measures()[0];
    let longest =
        |words: &[String]| words.iter().filter(|word| text.follows(at, word)).map(|word| word.chars().count()).max();
    let raise = longest(&own.raise).max(longest(&common.raise));
    let lower = longest(&own.lower).max(longest(&common.lower));
    let change = if raise > lower { Change::Increase } else { Change::Decrease };
    (raise != lower).then(|| (at + raise.max(lower).unwrap_or(0), change))
}

/// The verb that moves a measure whose noun ends at `at`: its range and which way.
fn verb(text: &Text<'_>, at: usize, measure: &str) -> Option<(usize, usize, Change)> {
    const WINDOW: usize = 7;
    let own = measures().iter().find(|entry| entry.code == measure)?;
    for i in at..text.len().min(at + WINDOW) {
        let moved = moved(text, i, own);
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
        if let (true, Some((end, change))) = (begins, moved) {
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
    const ADVERBS: &str =
        "뚝|확|쑥|싹|푹|쏙|탁|쭉|바짝|살살|덜|그만|빨리|천천히|살짝|많이|조금|다시|딱|싹다|팍|팍팍|술술|푹푹";
    adverb.chars().count() <= 5 && adverb.ends_with(['게', '히']) || is_one_of(adverb, ADVERBS)
}

/// Whether the verb is what a drug does: `내리는 약`, `내려 주는`, `뛰게 하는`; not `내렸는데`.
fn moves(text: &Text<'_>, at: usize) -> bool {
    const NOT: &str = "는데|었|았|였|겼|져서|서|니까|고있|지도|기만|려고하|졌|렸|춰도|어도|도|기전|제|증";
    text.longest(at, NOT).is_none()
}

fn negated_before(text: &Text<'_>, noun_end: usize, verb_start: usize) -> bool {
    (noun_end..verb_start).any(|i| text.chars[i] == '안' && (text.starts(i) || i == noun_end))
}

/// The end of what refuses an effect that ends at `at`: `졸린 약은 사양합니다`, `멍해지는 성분 없는`.
fn refusal(text: &Text<'_>, at: usize) -> Option<usize> {
    const BETWEEN: &str = "\
        약은|약이|약을|약|거는|거를|거|건|것은|것을|것|게|걸|성분은|성분이|성분을|성분|부작용은|부작용이|부작용|약물은|약물|은|는|을|를|이|가|하는거|하는건|하는약|하는약은|하는성분";
    const REFUSED: &str = "\
        사양|말고|빼고|빼주|빼줘|뺀|없는|없이|없었으면|없으면좋|싫|제외|곤란|됐고|피하|피해|아닌|아니고|안되|안돼|안됩|안돼요|노노|질색|사절|큰일|안든|안들어|안드는|덜한|적은|걱정없|거의없|안생기";
    let places = [at].into_iter().chain(text.longest(at, BETWEEN).map(|length| at + length));
    places.into_iter().find_map(|at| text.longest(at, REFUSED).map(|length| text.word_end(at + length)))
}

fn side_effects(text: &Text<'_>) -> Vec<(Range<usize>, String)> {
    static CUES: OnceLock<Cues> = OnceLock::new();
    let cues = CUES.get_or_init(|| Cues::new(include_str!("../lexica/side_effects.tsv")));
    const SYMPTOM: &str = "는데|은데|어요|아요|었|았|습니다|지만|네요|다고|어서|아서|으면|은지|고요|음";
    cues.find(text)
        .into_iter()
        .filter_map(|hit| match hit.value.strip_suffix('+') {
            Some(code) => Some((hit.range.start..refusal(text, hit.range.end)?, code.to_owned())),
            None if text.longest(hit.range.end, SYMPTOM).is_none() || text.follows(hit.range.end, "으면서") => {
                Some((hit.range.start..text.word_end(hit.range.end), hit.value.to_owned()))
            }
            None => None,
        })
        .collect()
}
