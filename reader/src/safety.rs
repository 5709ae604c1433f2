//! DUR: for whom or with what a drug is asked about, and which way: what is forbidden or what is allowed.

use std::ops::Range;
use std::sync::OnceLock;

use crate::age::{Age, AgeGroup};
use crate::cues::{Cues, Hit};
use crate::dur::{Direction, Dur, DurKind};
use crate::predicate::{self, Predicate};
use crate::text::Text;

/// What was found: the kind, its words, the words of the direction if any, how sure.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub dur: Dur,
    pub range: Range<usize>,
    pub predicate: Option<Range<usize>>,
    pub confidence: f64,
}

macro_rules! cues {
    ($name:ident $file:literal) => {
        fn $name() -> &'static Cues {
            static CUES: OnceLock<Cues> = OnceLock::new();
            CUES.get_or_init(|| Cues::new(include_str!(concat!("../lexica/", $file))))
        }
    };
}

cues!(persons "persons.tsv");
cues!(kinds "kinds.tsv");

/// Kinds that the question asks about. `taken` says that a drug being taken already was named (와파린 먹는 중).
pub(crate) fn find(text: &Text<'_>, age: Option<&(Range<usize>, Age)>, taken: Option<&Range<usize>>) -> Vec<Found> {
    let predicate = predicate::find(text)
        .filter(|predicate| taken.is_none() || !predicate.vague)
        .or_else(|| predicate::refusal_behind(text, taken?.end))
        .or_else(|| predicate::refusal_of_group(text, age?.0.end));
    let mut found: Vec<Found> = Vec::new();
    for hit in persons().find(text) {
        let weak = hit.value.ends_with('?') && !is_week_of_pregnancy(text, &hit);
        if let Some(kind) = DurKind::from_code(hit.value.trim_end_matches('?')) {
            person(text, kind, weak, hit, predicate.as_ref(), &mut found);
        }
    }
    // `6개월 이상 된 아기`: an age, no duration.
    let of_age = |hit: &Hit| age.is_some_and(|(range, _)| range.start < hit.range.end && hit.range.start < range.end);
    for hit in kinds().find(text).into_iter().filter(|hit| hit.value != "duration" || !of_age(hit)) {
        let named = hit.value.ends_with('!');
        if let Some(kind) = DurKind::from_code(hit.value.trim_end_matches('!')) {
            named_kind(text, kind, named, hit, predicate.as_ref(), &mut found);
        }
    }
    if let (Some((range, age)), Some(predicate)) = (age, &predicate) {
        let kind = if age.group == AgeGroup::Elderly { DurKind::Elderly } else { DurKind::Age };
        if age.group != AgeGroup::Adult
            && !predicate.vague
            && !found.iter().any(|other| !is_compatible_with_age(other.dur.kind))
            && taken.is_none()
        {
            push(&mut found, kind, predicate.direction, range.clone(), Some(predicate.range.clone()), 0.9);
        }
    }
    if let (Some(range), Some(predicate)) = (taken, predicate.as_ref().filter(|predicate| !predicate.vague)) {
        let by_person = found.iter().any(|other| matches!(other.dur.kind, DurKind::Pregnancy | DurKind::Lactation));
        if !by_person {
            push(
                &mut found,
                DurKind::Combination,
                predicate.direction,
                range.clone(),
                Some(predicate.range.clone()),
                0.9,
            );
        }
    }
    found
}

/// Where a DUR kind stands by its name: `서방정 분할주의` asks for no form.
pub(crate) fn named(text: &Text<'_>) -> Vec<Range<usize>> {
    kinds().find(text).into_iter().filter(|hit| hit.value.ends_with('!')).map(|hit| hit.range).collect()
}

/// `임신 8주`, `임신 5개월`.
fn is_week_of_pregnancy(text: &Text<'_>, hit: &Hit) -> bool {
    let number = crate::strength::number(text, hit.range.end).filter(|_| text.chars[hit.range.end].is_ascii_digit());
    number.is_some_and(|(_, end)| text.longest(end, "주|개월|달").is_some())
}

/// The words of a kind with their number: `4주 넘게`, `임신 8개월인데`.
pub(crate) fn with_number(text: &Text<'_>, found: &Found) -> Range<usize> {
    let Range { start, end } = found.range;
    match found.dur.kind {
        DurKind::Duration => {
            let digits = (0..start).rev().take_while(|&i| text.chars[i].is_ascii_digit()).last();
            digits.unwrap_or(start)..end
        }
        DurKind::Pregnancy if end < text.len() && text.chars[end].is_ascii_digit() => {
            let unit = crate::strength::number(text, end).map(|(_, end)| end);
            let unit = unit.and_then(|at| Some(at + text.longest(at, "주차|주|개월째|개월|달째|달")?));
            start..unit.unwrap_or(end)
        }
        _ => start..end,
    }
}

/// `노인이 오래 먹어도 되는` asks about both; `임산부와 아이` is the mother's question.
fn is_compatible_with_age(kind: DurKind) -> bool {
    matches!(kind, DurKind::Dose | DurKind::Duration | DurKind::Splitting | DurKind::Age | DurKind::Elderly)
}

fn push(
    found: &mut Vec<Found>,
    kind: DurKind,
    direction: Direction,
    range: Range<usize>,
    predicate: Option<Range<usize>>,
    confidence: f64,
) {
    match found.iter_mut().find(|other| other.dur.kind == kind) {
        Some(other) if other.confidence >= confidence => {}
        Some(other) => *other = Found { dur: Dur { kind, direction }, range, predicate, confidence },
        None => found.push(Found { dur: Dur { kind, direction }, range, predicate, confidence }),
    }
}

/// `임산부가 먹으면 안 되는`; without a predicate, `임산부 두통약` asks for what is allowed.
fn person(text: &Text<'_>, kind: DurKind, weak: bool, hit: Hit, predicate: Option<&Predicate>, found: &mut Vec<Found>) {
    const NO_PATIENT: &str = "독증|중독|아니|중아니|아닌|이아닌|는아닌|는아니|도아니|도아닌|중이아닌|중이아니|은아니|은아닌|상태아니|검사|테스트|을원|이안되|이잘안|이되게|하고싶|을돕|유도|을막|진단|확인|을준비|촉진|이안돼|부전|량|시술";
    if text.longest(hit.range.end, NO_PATIENT).is_some() || text.precedes(hit.range.start, "자궁외") {
        return;
    }
    match predicate {
        Some(predicate) => {
            push(
                found,
                kind,
                predicate.direction,
                hit.range,
                Some(predicate.range.clone()),
                if weak { 0.8 } else { 0.95 },
            );
        }
        None if !weak => push(found, kind, Direction::Allowed, hit.range, None, 0.6),
        None => {}
    }
}

fn named_kind(
    text: &Text<'_>,
    kind: DurKind,
    named: bool,
    hit: Hit,
    predicate: Option<&Predicate>,
    found: &mut Vec<Found>,
) {
    // `임부금기` is person and predicate in one; whatever turns it around stands behind.
    let own = named.then(|| {
        if predicate::is_reversed(text, hit.range.end, text.len(), Direction::Forbidden).is_some() {
            Direction::Allowed
        } else {
            Direction::Forbidden
        }
    });
    let asked =
        predicate.filter(|predicate| !predicate.vague && predicate.range.start >= hit.range.start.saturating_sub(1));
    match (own, asked) {
        (_, Some(predicate))
            if !named && (kind != DurKind::Combination || is_taking(text, hit.range.end, predicate.range.start)) =>
        {
            push(found, kind, predicate.direction, hit.range, Some(predicate.range.clone()), 0.9)
        }
        // `며칠까지 먹어도 되나요` asks for the limit.
        // `이소트레티노인과 테트라사이클린 병용`: nothing is said of it, so it is to be checked.
        (None, _) if is_bare_combination(text, &hit.range) => {
            push(found, kind, Direction::Forbidden, hit.range.clone(), Some(hit.range), 0.6);
        }
        (Some(direction), _) => {
            let words = hit.range.start..predicate::end_of_words(text, hit.range.end, predicate);
            push(found, kind, direction, hit.range, Some(words), 0.95);
        }
        _ => {}
    }
}

/// `같이 먹으면`, `함께 복용하는 게 위험한`: taking stands between; not `중이염도 같이 있고`.
fn is_taking(text: &Text<'_>, from: usize, to: usize) -> bool {
    const TAKING: &str = "먹|복용|쓰|써|드시|드셔|사용|투여|발라|바르|맞|처방|섭취|마시|넣";
    const REACH: usize = 8;
    to <= from + 2 || to <= from + REACH && (from..to).any(|i| text.longest(i, TAKING).is_some())
}

fn is_bare_combination(text: &Text<'_>, range: &Range<usize>) -> bool {
    let checked = text.longest(range.end, "시|여부|확인|조회|문제|?|체크|점검").is_some();
    text.slice(range.clone()) == "병용" && (checked || range.end == text.len())
}
