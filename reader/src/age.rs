//! For whom: age groups and ages.

use std::ops::Range;
use std::sync::OnceLock;

use serde::Serialize;

use crate::cues::Cues;
use crate::strength;
use crate::text::Text;

/// An age group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgeGroup {
    /// Under two years.
    Infant,
    /// Two to twelve years.
    Child,
    /// Thirteen to eighteen years.
    Adolescent,
    /// Nineteen to sixty-four years.
    Adult,
    /// Sixty-five years and more.
    Elderly,
}

impl AgeGroup {
    /// Name in JSON.
    pub fn code(self) -> &'static str {
        match self {
            AgeGroup::Infant => "infant",
            AgeGroup::Child => "child",
            AgeGroup::Adolescent => "adolescent",
            AgeGroup::Adult => "adult",
            AgeGroup::Elderly => "elderly",
        }
    }

    fn of_months(months: u32) -> Self {
        match months {
            0..24 => AgeGroup::Infant,
            24..156 => AgeGroup::Child,
            156..228 => AgeGroup::Adolescent,
            228..780 => AgeGroup::Adult,
            _ => AgeGroup::Elderly,
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        [AgeGroup::Infant, AgeGroup::Child, AgeGroup::Adolescent, AgeGroup::Adult, AgeGroup::Elderly]
            .into_iter()
            .find(|group| group.code() == code)
    }
}

/// For whom a drug is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Age {
    /// The group.
    pub group: AgeGroup,
    /// The age in months, if it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months: Option<u32>,
}

/// The age that is said, a number before a word.
pub(crate) fn find(text: &Text<'_>) -> Option<(Range<usize>, Age)> {
    static CUES: OnceLock<Cues> = OnceLock::new();
    let cues = CUES.get_or_init(|| Cues::new(include_str!("../lexica/ages.tsv")));
    let words: Vec<(Range<usize>, AgeGroup)> = cues
        .find(text)
        .into_iter()
        .filter(|hit| is_patient(text, &hit.range))
        .filter_map(|hit| Some((hit.range, AgeGroup::from_code(hit.value)?)))
        .collect();
    let number = (0..text.len()).find_map(|at| number_of_months(text, at));
    match (number, words.first()) {
        (Some((range, months)), word) => {
            let by_number = AgeGroup::of_months(months);
            // `12세 미만`, `돌 지난 아기`: the number decides unless the word is the narrower one of the same side.
            let group = match word {
                Some((_, group)) if months == 12 && *group == AgeGroup::Infant => AgeGroup::Infant,
                _ if text.longest(range.end, "미만|이하").is_some() && months <= 228 && months > 156 => {
                    AgeGroup::Adolescent
                }
                _ if text.follows(range.end, "미만") && months == 156 => AgeGroup::Child,
                _ => by_number,
            };
            let range = word.map_or(range.clone(), |(other, _)| match other.start.abs_diff(range.end) <= 4 {
                true => range.start.min(other.start)..range.end.max(other.end),
                false => range.clone(),
            });
            Some((range, Age { group, months: Some(months) }))
        }
        (None, Some((range, group))) => {
            let word = text.slice(range.clone());
            let months = match word.as_str() {
                word if word.starts_with('돌') || word.starts_with("첫돌") => Some(12),
                word if word.starts_with("백일") => Some(3),
                _ => None,
            };
            Some((range.clone(), Age { group: *group, months }))
        }
        (None, None) => None,
    }
}

/// `3살`, `세 살`, `65세`, `6개월`: an age, not a duration.
fn number_of_months(text: &Text<'_>, at: usize) -> Option<(Range<usize>, u32)> {
    const NATIVE: &[(&str, u32)] = &[
        ("열여덟", 18),
        ("열일곱", 17),
        ("열여섯", 16),
        ("열다섯", 15),
        ("열네", 14),
        ("열세", 13),
        ("열두", 12),
        ("열한", 11),
        ("열", 10),
        ("아홉", 9),
        ("여덟", 8),
        ("일곱", 7),
        ("여섯", 6),
        ("다섯", 5),
        ("네", 4),
        ("세", 3),
        ("두", 2),
        ("한", 1),
        ("스물", 20),
        ("스무", 20),
        ("서른", 30),
        ("마흔", 40),
        ("쉰", 50),
        ("예순", 60),
        ("일흔", 70),
        ("여든", 80),
        ("아흔", 90),
    ];
    if let Some(found) = school_year(text, at).or_else(|| english(text, at)).or_else(|| of_old_age(text, at)) {
        return Some(found);
    }
    let digits = text.chars[at].is_ascii_digit().then(|| strength::number(text, at)).flatten();
    let native = || {
        let of = |at| NATIVE.iter().find(|(word, _)| text.follows(at, word)).map(|(w, n)| (*n, at + w.chars().count()));
        let (years, end) = of(at).filter(|_| text.starts(at))?;
        // `서른다섯`
        let ones = of(end).filter(|(ones, _)| years >= 20 && *ones < 10);
        let (years, end) = ones.map_or((years, end), |(ones, end)| (years + ones, end));
        Some((f64::from(years), end))
    };
    let (amount, end) = digits.or_else(native)?;
    if !(0.0..=120.0).contains(&amount) {
        return None;
    }
    let amount = amount as u32;
    let years = |length| Some((at..end + length, amount * 12));
    let first_year =
        text.follows(end, "돌") && !text.follows(end, "돌봐") && !text.chars[at].is_ascii_digit() && amount <= 3;
    if text.longest(end, "살된|살").is_some() || first_year {
        years(1)
    } else if text.follows(end, "세대") || text.follows(end, "세트") || !text.chars[at].is_ascii_digit() {
        None
    } else if text.follows(end, "세") {
        years(1)
    } else if text.follows(end, "개월") && amount <= 36 && is_age_in_months(text, at, end + 2) {
        Some((at..end + 2, amount))
    } else {
        None
    }
}

/// `초3`, `초등 5학년`, `중2`, `고등학교 1학년`: the age in that year.
fn school_year(text: &Text<'_>, at: usize) -> Option<(Range<usize>, u32)> {
    const SCHOOLS: [(&str, u32, u32); 3] =
        [("초등학교|초등학생|초등|초", 6, 6), ("중학교|중학생|중", 12, 3), ("고등학교|고등학생|고", 15, 3)];
    const COUNTED: &str = "개|정|알|회|일|주|종|가지|mg|번|차|급|등|명|월|포|병|대|도|단|층|분|시|,|.|%|-|~";
    if !text.starts(at) {
        return None;
    }
    let (length, age, years) =
        SCHOOLS.iter().find_map(|(words, age, years)| text.longest(at, words).map(|length| (length, *age, *years)))?;
    let digit = at + length;
    let year = text.chars.get(digit)?.to_digit(10).filter(|year| (1..=years).contains(year))?;
    let behind = digit + 1;
    let number_goes_on = text.chars.get(behind).is_some_and(char::is_ascii_digit);
    let in_full = text.follows(behind, "학년");
    let short = length == 1 && !text.starts(digit) && text.longest(behind, COUNTED).is_none();
    (!number_goes_on && (in_full || short)).then(|| (at..if in_full { behind + 2 } else { behind }, (age + year) * 12))
}

/// `6 years old`, `6-year-old`, `under 6`, `8 months old`.
fn english(text: &Text<'_>, at: usize) -> Option<(Range<usize>, u32)> {
    const YEARS: &str = "yearsold|yearold|-year-old|-years-old|-yearold|yrold|yrsold|yo|y/o|-yr-old";
    const MONTHS: &str = "monthsold|monthold|-month-old|-months-old|-monthold|mo-old";
    const BEFORE: [&str; 7] = ["under", "aged", "age", "below", "youngerthan", "underage", "underageof"];
    let fresh = at == 0 || !text.chars[at - 1].is_ascii_digit();
    let (amount, end) = strength::number(text, at).filter(|_| fresh && text.chars[at].is_ascii_digit())?;
    let amount = Some(amount).filter(|amount| (0.0..=120.0).contains(amount))? as u32;
    if let Some(length) = text.longest(end, MONTHS) {
        return Some((at..end + length, amount));
    }
    let said = BEFORE.iter().any(|word| text.precedes(at, word) && text.starts(at - word.len()));
    let length = text.longest(end, YEARS).or_else(|| said.then(|| text.longest(end, "years").unwrap_or(0)))?;
    let unit = length == 0 && text.longest(end, "mg|g|ml|%|months|weeks|days|kg").is_some();
    (!unit).then_some((at..end + length, amount * 12))
}

/// `일흔여덟`, `팔십오 세`: no `살` is needed of so many years.
fn of_old_age(text: &Text<'_>, at: usize) -> Option<(Range<usize>, u32)> {
    const TENS: [(&str, u32); 4] = [("예순", 60), ("일흔", 70), ("여든", 80), ("아흔", 90)];
    const ONES: [&str; 9] = ["하나|한", "둘|두", "셋|세", "넷|네", "다섯", "여섯", "일곱", "여덟", "아홉"];
    const SINO: [&str; 9] = ["일", "이", "삼", "사", "오", "육", "칠", "팔", "구"];
    if !text.starts(at) {
        return None;
    }
    let ones_at = |at: usize, words: &[&str; 9]| {
        words.iter().zip(1..).find_map(|(words, n)| text.longest(at, words).map(|length| (n, at + length)))
    };
    let native = TENS.iter().find(|(word, _)| text.follows(at, word)).and_then(|(_, tens)| {
        let (ones, end) = ones_at(at + 2, &ONES)?;
        Some((tens + ones, end))
    });
    let sino = || {
        let (tens, end) = ones_at(at, &SINO).filter(|(tens, end)| *tens >= 2 && text.follows(*end, "십"))?;
        let (ones, end) = ones_at(end + 1, &SINO).unwrap_or((0, end + 1));
        text.longest(end, "세|살").filter(|_| !text.follows(end, "세대")).map(|_| (tens * 10 + ones, end))
    };
    let (years, end) = native.or_else(sino)?;
    let end = end + text.longest(end, "살|세").unwrap_or(0);
    Some((at..end, years * 12))
}

/// `6개월 아기`, not `6개월째` or `임신 6개월`.
fn is_age_in_months(text: &Text<'_>, start: usize, end: usize) -> bool {
    const LASTING: &str = "째|동안|전|간|넘게|만에|이상|이나|뒤|후|마다|치|분|에한|정도|부터아프|쯤";
    const OF_A_CHILD: &str = "아기|아이|애|된|영아|남아|여아|딸|아들|짜리|미만|이하|유아|인데|이에요|의";
    !text.preceded_by(start, "임신|생후임신|출산|산후|수술|약먹은지")
        && text.longest(end, LASTING).is_none()
        && (text.longest(end, OF_A_CHILD).is_some() || text.preceded_by(start, "생후|아기|아이|만"))
}

/// Whether the child, or whoever is named, is to take the drug.
fn is_patient(text: &Text<'_>, range: &Range<usize>) -> bool {
    const NOT_BEHIND: &str = "\
        낳|를낳|을낳|갖|를갖|가지|를가지|집|키우|를키우|보느라|를보|보다가|보는|를안|안고|안다|안아|업고|를업|재우|를재우|돌보|를돌보|엄마|돌|스크림|스팩|허브|템|디어|디|폰|브로|러니|섀도|라이너|\
        슈|때문에|셋|둘|가안생|안생기|안생겨|안낳|가들어서|계획|병|씻기|를씻|가생기|원하|키|봐주|를봐|맡기|가진|가졌|를가졌|를가진|도있는데제|없는|바이오|이용";
    const NOT_BEFORE: &str = "뱃속|배속|배속에|뱃속에|뱃속의|배속의|젖먹는|태아|항";
    // `아기를 하루 종일 안고 있어서`: whoever asks is the patient.
    const CARED_FOR: &str = "안고|업고|안아|키우|낳|돌보";
    const REACH: usize = 9;
    let cared_for =
        (range.end..text.len().min(range.end + REACH)).any(|i| text.starts(i) && text.longest(i, CARED_FOR).is_some());
    // `애` alone is a word, or the beginning of another.
    let whole = range.len() > 1 || text.starts(range.end);
    whole && !cared_for && text.longest(range.end, NOT_BEHIND).is_none() && !text.preceded_by(range.start, NOT_BEFORE)
}
