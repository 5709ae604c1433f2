//! What is said of taking a drug: `먹으면 안 되는`, `먹어도 안전하지 않은`, `피하지 않아도 되는`; forbidden or allowed.

use std::ops::Range;
use std::sync::OnceLock;

use crate::cues::{Cues, Hit};
use crate::dur::Direction;
use crate::text::Text;

/// What is said of taking it.
pub(crate) struct Predicate {
    pub range: Range<usize>,
    pub direction: Direction,
    /// `괜찮은`, `가능`: also said of other things.
    pub vague: bool,
}

/// The last predicate decides: `위험해서 먹으면 안 되는`, `피하지 않아도 되는`.
pub(crate) fn find(text: &Text<'_>) -> Option<Predicate> {
    static CUES: OnceLock<Cues> = OnceLock::new();
    let hits = CUES.get_or_init(|| Cues::new(include_str!("../lexica/predicates.tsv"))).find(text);
    let mut last: Option<Predicate> = None;
    for (i, hit) in hits.iter().enumerate() {
        let next = hits.get(i + 1).map_or(text.len(), |hit| hit.range.start);
        let Some((direction, end, vague)) = judge(text, hit, next) else { continue };
        let end = with_auxiliaries(text, text.word_end(end));
        // `먹으면 위험해서 피해야 하는`: one predicate after another is one.
        let start = last
            .as_ref()
            .filter(|last: &&Predicate| hit.range.start <= last.range.end + 2)
            .map_or(hit.range.start, |last| last.range.start);
        let range = with_noun(text, start)..end;
        let vague = vague && last.as_ref().is_none_or(|last| last.vague);
        last = Some(Predicate { range, direction, vague });
    }
    last
}

/// `복용 금지`, `동시 투여 금기`: the noun is part of it.
fn with_noun(text: &Text<'_>, start: usize) -> usize {
    const NOUNS: &str = "동시투여|동시복용|동시처방|복용|투여|사용|섭취|처방|투약|should|must|to";
    let noun =
        NOUNS.split('|').filter(|noun| text.precedes(start, noun)).map(|noun| start - noun.chars().count()).min();
    noun.filter(|&at| text.starts(at)).unwrap_or(start)
}

/// The end of the words of a DUR kind that ends at `at`, with a predicate beside it: `같이 쓰면 안 되는`, `상호작용 금기`.
pub(crate) fn end_of_words(text: &Text<'_>, at: usize, predicate: Option<&Predicate>) -> usize {
    const TAIL: usize = 3;
    let beside = predicate.filter(|found| found.range.start <= at + 2 && at < found.range.end);
    let end = beside.map_or(at, |found| found.range.end);
    let word = text.word_end(end);
    with_auxiliaries(text, if word <= end + TAIL { word } else { end })
}

/// `피해야 할`, `금기로 잡힌`: what follows a predicate and says nothing more.
fn with_auxiliaries(text: &Text<'_>, mut end: usize) -> usize {
    const WORDS: &str = "할|하는|하신|되는|된|될|돼|걸린|잡힌|묶인|올라|있는|붙은|적힌|쓰인|나온|지정된|등록된|분류된|해당하는|해당되는|대상인|대상|라고|한다는|된다는|and|with|for|in";
    while let Some(length) = text.longest(end, WORDS).filter(|length| text.starts(end) && text.starts(end + length)) {
        end += length;
    }
    end
}

/// `돔페리돈이랑 QT 길어져서 안 되는`: said of a companion that ends at `at`, no verb of taking is needed.
pub(crate) fn refusal_behind(text: &Text<'_>, at: usize) -> Option<Predicate> {
    const NOT_ALLOWED: &str = "안되는|안돼는|안될|안된다|안됨|안맞는|나쁜|위험";
    let no_refusal =
        |start: usize| text.preceded_by(start, "해당|해당이|도움|소화|소화가|조절|조절이|치료|치료가|듣지");
    (at..text.len())
        .filter(|&start| text.starts(start) && !no_refusal(start))
        .find_map(|start| Some(start..start + text.longest(start, NOT_ALLOWED)?))
        .map(|range| Predicate { range, direction: Direction::Forbidden, vague: false })
}

/// `12세 미만은 안 되는`: said of a group that ends at `at`.
pub(crate) fn refusal_of_group(text: &Text<'_>, at: usize) -> Option<Predicate> {
    const PARTICLES: &str = "은|는|이|가|에게|에게는|에겐|한테|한테는|한텐|께는";
    const NOT_ALLOWED: &str = "안되는|안돼는|안되나|안되죠|안된다는|못쓰는|못쓰게";
    let start = at + text.longest(at, PARTICLES)?;
    let range = start..start + text.longest(start, NOT_ALLOWED)?;
    text.starts(start).then_some(Predicate { range, direction: Direction::Forbidden, vague: false })
}

fn judge(text: &Text<'_>, hit: &Hit, next: usize) -> Option<(Direction, usize, bool)> {
    let (start, end) = (hit.range.start, hit.range.end);
    let negated = text.preceded_by(start, "안|지않으|못");
    let not = ["not", "no", "isn't", "without", "aren't"]
        .iter()
        .any(|word| text.precedes(start, word) && text.starts(start - word.len()) && text.starts(start));
    let base = match hit.value {
        "if" if negated => return None,
        "if" => Some((Direction::Forbidden, within(text, end, BAD_END)?, false)),
        "though" if negated => return None,
        "though" => Some(match (within(text, end, NOT_GOOD_END), within(text, end, GOOD_END)) {
            // `먹어도 되는지 안 되는지`: what comes first.
            (Some(bad), good) if good.is_none_or(|good| bad <= good + 1) => (Direction::Forbidden, bad, false),
            (_, good) => (Direction::Allowed, good?, false),
        }),
        "can" => {
            text.longest(end, "수있|수도있").map(|length| (Direction::Allowed, end + length, false)).or_else(|| {
                text.longest(end, "수없|수는없|수가없").map(|length| (Direction::Forbidden, end + length, false))
            })
        }
        "bad" if is_other_word(text, &hit.range) => return None,
        "bad" => Some((Direction::Forbidden, end, is_vague(text, &hit.range))),
        "fine" if !text.preceded_by(start, "한테|에게|에게도|한테도|께|께도|부도") => {
            return None;
        }
        "ill" if !text.preceded_by(start, "한테|에게|께|에게는|한테는|태아에|아기에|면|복용은|사용은|임신중에") =>
        {
            return None;
        }
        "ill" => Some((Direction::Forbidden, end, false)),
        "good" | "fine" => Some((Direction::Allowed, end, is_vague(text, &hit.range))),
        _ => None,
    };
    let (direction, end, vague) = base?;
    let direction =
        if text.precedes(start, "안") && matches!(hit.value, "good" | "fine" | "bad" | "ill") && text.starts(start - 1)
            || text.precedes(start, "불")
            || not
        {
            direction.reversed()
        } else {
            direction
        };
    Some(match is_reversed(text, end, next, direction) {
        Some(end) => (direction.reversed(), end, false),
        None => (direction, end, vague),
    })
}

const BAD_END: &str = "안되|안돼|안됨|안됩|안될|안된|안댐|안대|안됀|큰일|곤란|해로|나쁘|나쁜|안좋|못쓰|죽|탈나|탈이|문제|위험|클나|아니되|해롭";
const GOOD_END: &str = "되|돼|됨|될|된|됩|됄|괜찮|갠찮|괜찬|괘안|좋|안전|무방|상관없|문제없|문제가없|탈없|탈이없|무해|안심|지장없|해없|해가없|댐|대나|이상없|별일없|무리없";
const NOT_GOOD_END: &str = "안되|안돼|안될|안됨|안괜찮|되지않|좋지않|괜찮지않|안전하지않|안전하지못|안좋|안전하지는않|안심할수없|무방하지않|안심하지못|안전하다고할수없";

/// One of `words` at most a few adverbs (절대, 정말) behind `at`.
fn within(text: &Text<'_>, at: usize, words: &str) -> Option<usize> {
    const ADVERBS: usize = 5;
    (at..(at + ADVERBS).min(text.len()))
        .take_while(|&i| !matches!(text.chars[i], ',' | '.' | '?' | '!'))
        .find_map(|i| text.longest(i, words).map(|length| i + length))
}

/// `주의`, `가능`, `좋은` alone are said of many things; `주의해야 하는`, `복용 가능한` are not.
fn is_vague(text: &Text<'_>, range: &Range<usize>) -> bool {
    const OF_DRUGS: &str = "해야|할|하는|대상|약|성분|품목|가필요|필요|하라|하셔야|해서|하래|허라|허래|해라|혀야|허야|혀라|인|로|가걸|가붙|가지정|라고|붙|걸|표시|지정|등록|에올|에해당|가있";
    const TAKING: &str = "복용|사용|투여|섭취|처방|병용|병용이|분할|분쇄|수유중|복용이|사용이|투여가|투약|동시투여|동시복용|같이|함께|임산부|임부|임신부|수유부";
    match text.slice(range.clone()).as_str() {
        "주의" | "조심" => text.longest(range.end, OF_DRUGS).is_none(),
        "가능" | "허용" | "불가" => !text.preceded_by(range.start, TAKING),
        "못하는" | "못하게" | "못내" | "못쓰" | "못써" | "못쓴" | "못넣" | "못주" | "못준" => {
            !text.preceded_by(range.start, TAKING)
                && text.longest(range.end, "는|는다는|ㄴ다는|다는|단|다던|다며").is_none()
        }
        "제한" | "recommended" | "suitable" | "ok" | "okay" | "오케이" => false,
        "좋은" | "좋을" | "좋아" | "순한" | "적합" | "적절한" | "적절하" => true,
        _ => false,
    }
}

/// `주의력`, `위험군`: begin like a predicate.
fn is_other_word(text: &Text<'_>, range: &Range<usize>) -> bool {
    // `호주의` ends in it.
    const CAUTIONED: &str =
        "임부|수유부|노인|용량|기간|분할|임산부|임신부|소아|복용|사용|투여|병용|고령자|어르신|어린이|요|연령|환자";
    if text.follows(range.start, "주의") && !text.starts(range.start) && !text.preceded_by(range.start, CAUTIONED) {
        return true;
    }
    text.longest(range.end, "력|군|인자|집중|요인|성있는사람|도|산만")
        .is_some_and(|_| matches!(text.slice(range.clone()).as_str(), "주의" | "위험"))
        || !text.starts(range.start)
            && text.precedes(range.start, "부")
            && text.slice(range.clone()).starts_with("주의")
        || text.follows(range.start, "조심") && text.precedes(range.start, "노")
        || text.follows(range.start, "해롭") && text.precedes(range.start, "지")
        || text.follows(range.start, "못") && is_of_something_else(text, range)
}

/// `밥을 못 먹는 아이`, `못 먹는데`: not said of a drug.
fn is_of_something_else(text: &Text<'_>, range: &Range<usize>) -> bool {
    const OBJECTS: &str = "을|를|밥|도|물|잘|고기|약|제|캡슐|것|거|아무것도|제대로|며칠";
    const ENDINGS: &str = "데|다고|지|게|는데|니|십|고|어|겠|네|었|했|기|을";
    const PATIENTS: &str = "아이|애|사람|할머니|할아버지|환자|노인|어르신|아기|분";
    let at = range.end + usize::from(text.follows(range.end, "는"));
    let going_on = !text.starts(range.end) && text.longest(range.end, ENDINGS).is_some();
    text.preceded_by(range.start, OBJECTS) || going_on || text.longest(at, PATIENTS).is_some()
}

/// End of a negation of what ends at `at`: `위험하지 않은`, `금기가 아닌`, `안전성이 확립되지 않은`.
pub(crate) fn is_reversed(text: &Text<'_>, at: usize, next: usize, direction: Direction) -> Option<usize> {
    const REACH: usize = 11;
    const ALWAYS: &str = "\
        지않|지안|지아니|지못|가아닌|이아닌|은아닌|미확립|미확인|걸리지|해당안|해당되지않|해당하지않|보장안|고볼수없|고할수없|지는않|고하기어려|고보기어려|지만은않|성없|성이없|확립안|입증안|성이부족";
    const OF_BAD: &str = "빼주|빼줘|빼줄|빼놓|거른|걸러낸|골라낸|피한|벗어난|빠진|뺀|안든|없는|없이|없고|제외|빼고|말고|아닌|아니고|안걸리|안되는약은빼|피해서|안나|안생기|하지않|적은|덜";
    let end = text.len().min(at + REACH).min(next.max(at));
    for i in at..end {
        if matches!(text.chars[i], ',' | '.' | '?' | '!') {
            return None;
        }
        // `되는지 안 되는지`: no negation of what stands before.
        if text.chars[i] == '지' && i > 0 && matches!(text.chars[i - 1], '는' | '은' | '한' | '을') {
            continue;
        }
        let words = text
            .longest(i, ALWAYS)
            .or_else(|| (direction == Direction::Forbidden).then(|| text.longest(i, OF_BAD)).flatten());
        if let Some(length) = words {
            let end = i + length;
            // `안전하지 않나요?`, `괜찮지 않을까`: asked for assent.
            let rhetorical = direction == Direction::Allowed && text.longest(end, "나|을까|냐").is_some();
            return (!rhetorical).then_some(end);
        }
    }
    None
}
