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
        let groups = [AgeGroup::Infant, AgeGroup::Child, AgeGroup::Adolescent, AgeGroup::Adult];
        groups.into_iter().find(|group| group.months().contains(&months)).unwrap_or(AgeGroup::Elderly)
    }

    /// Ages in months, the end exclusive.
    fn months(self) -> Range<u32> {
        match self {
            AgeGroup::Infant => 0..24,
            AgeGroup::Child => 24..156,
            AgeGroup::Adolescent => 156..228,
            AgeGroup::Adult => 228..780,
            AgeGroup::Elderly => 780..Age::OLDEST,
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        [AgeGroup::Infant, AgeGroup::Child, AgeGroup::Adolescent, AgeGroup::Adult, AgeGroup::Elderly]
            .into_iter()
            .find(|group| group.code() == code)
    }
}

/// For whom a drug is asked for.
///
/// The ages reach from `months_from` (inclusive) to `months_below` (exclusive), as those of DUR lists do: 12세 미만 is below 144, 12세 이하
/// below 156, 12세 이상 from 144, 두 살 from 24 to below 36, 6개월 from 6 to below 7. A side that is open is none; both are where only a group
/// was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Age {
    /// The group of the age that was said.
    pub group: AgeGroup,
    /// The age in months, if one was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months: Option<u32>,
    /// From this age in months on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months_from: Option<u32>,
    /// Below this age in months.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months_below: Option<u32>,
}

impl Age {
    /// No one is older, in months.
    const OLDEST: u32 = 2_400;

    fn of_group(group: AgeGroup) -> Self {
        Age { group, months: None, months_from: None, months_below: None }
    }

    /// The ages in months that are asked about: of a group, all of the group's.
    ///
    /// ```
    /// use reader::Question;
    /// let ages = |text| Question::read(text).age.unwrap().value.range();
    /// assert_eq!(ages("12세 미만 금기인 기침약"), 0..144);
    /// assert_eq!(ages("두 돌 지난 아기 감기약"), 24..36);
    /// assert_eq!(ages("청소년 여드름약"), 156..228);
    /// ```
    pub fn range(&self) -> Range<u32> {
        match (self.months_from, self.months_below) {
            (None, None) => self.group.months(),
            (from, below) => from.unwrap_or(0)..below.unwrap_or(Age::OLDEST),
        }
    }

    /// Whether it is open to the old: 12세 이상.
    pub(crate) fn is_open(&self) -> bool {
        self.months_from.is_some() && self.months_below.is_none()
    }
}

/// On which side of an age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// 미만.
    Below,
    /// 이하.
    UpTo,
    /// 이상.
    From,
    /// 초과.
    Above,
}

/// An age that was said, and whom it may mean: from, and below.
struct Said {
    range: Range<usize>,
    months: u32,
    from: u32,
    below: u32,
}

impl Said {
    fn years(range: Range<usize>, years: u32) -> Self {
        Said { range, months: years * 12, from: years * 12, below: years * 12 + 12 }
    }

    fn months(range: Range<usize>, months: u32) -> Self {
        Said { range, months, from: months, below: months + 1 }
    }
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
    if let Some((range, age)) = (0..text.len()).find_map(|at| number_at(text, at, &words)) {
        let near = words.first().filter(|(other, _)| other.start.abs_diff(range.end) <= 4);
        let range = near.map_or(range.clone(), |(other, _)| range.start.min(other.start)..range.end.max(other.end));
        return Some((range, age));
    }
    words.into_iter().next().map(|(range, group)| (range, Age::of_group(group)))
}

/// An age at `at` with what bounds it.
fn number_at(text: &Text<'_>, at: usize, words: &[(Range<usize>, AgeGroup)]) -> Option<(Range<usize>, Age)> {
    if let Some((range, below)) = before_school(text, at) {
        let age =
            Age { group: AgeGroup::of_months(below - 12), months: None, months_from: None, months_below: Some(below) };
        return Some((range, age));
    }
    let said = number_of_months(text, at)?;
    if let Some((range, months)) = span(text, &said) {
        let group = AgeGroup::of_months(months.start.midpoint(months.end));
        let (months_from, months_below) = (Some(months.start), Some(months.end));
        return Some((range, Age { group, months: None, months_from, months_below }));
    }
    let (range, bound) = with_bound(text, said.range.clone());
    let word = words.first().map(|(_, group)| *group);
    let months = said.months;
    let group = match (bound, word) {
        // `돌 지난 아기`: the word is the narrower one.
        (_, Some(AgeGroup::Infant)) if months == 12 => AgeGroup::Infant,
        (Some(Bound::Below), Some(AgeGroup::Infant)) if months == 24 => AgeGroup::Infant,
        (Some(Bound::Below), _) if months == 156 => AgeGroup::Child,
        (Some(Bound::Below | Bound::UpTo), _) if (157..=240).contains(&months) => AgeGroup::Adolescent,
        (Some(Bound::Below | Bound::UpTo), _) if months > 240 => AgeGroup::of_months(months - 1),
        // Old age is asked about, though it begins later.
        (Some(Bound::From | Bound::Above), _) if months >= 720 => AgeGroup::Elderly,
        _ => AgeGroup::of_months(months),
    };
    let (months_from, months_below) = match bound {
        None => (Some(said.from), Some(said.below)),
        Some(Bound::Below) => (None, Some(said.from.max(1))),
        Some(Bound::UpTo) => (None, Some(said.below)),
        Some(Bound::From) => (Some(said.from), None),
        Some(Bound::Above) => (Some(said.below), None),
    };
    // `7세 이상 어린이`: the word is the other bound.
    let young = |group| matches!(group, AgeGroup::Infant | AgeGroup::Child | AgeGroup::Adolescent);
    let others = || words.iter().filter(|(other, _)| other.start >= range.end || other.end <= range.start);
    let youngest = others().map(|(_, group)| group.months().end.max(said.below)).max();
    let end = youngest.filter(|_| others().all(|(_, group)| young(*group)));
    // `두 돌 지난`: not long ago.
    let birthday = text.precedes(said.range.end, "돌") && text.longest(said.range.end, "지|이지").is_some();
    let end = if birthday { Some(said.below) } else { end };
    let end = end.filter(|end| months_from.is_some_and(|from| from < *end));
    Some((range, Age { group, months: Some(months), months_from, months_below: months_below.or(end) }))
}

/// Two ages: `6~12세`, `6세 이상 12세 미만`, `두 살에서 다섯 살`.
fn span(text: &Text<'_>, first: &Said) -> Option<(Range<usize>, Range<u32>)> {
    const MARKS: &str = "~|-|–|∼|〜";
    let of = |range: Range<usize>, from: u32, below: u32| (from < below).then_some((range, from..below));
    let start = first.range.start;
    // `6~12세`
    if start >= 2 && text.preceded_by(start, MARKS) {
        // `6개월~5세`
        let unit_before =
            [("개월", 1), ("세", 12), ("살", 12)].into_iter().find(|(word, _)| text.precedes(start - 1, word));
        let end = start - 1 - unit_before.map_or(0, |(word, _)| word.chars().count());
        let digits = (0..end).rev().take_while(|&i| text.chars[i].is_ascii_digit()).last()?;
        let number: u32 = text.slice(digits..end).parse().ok().filter(|number| *number < 120)?;
        let unit = unit_before.map_or(if first.below - first.from == 1 { 1 } else { 12 }, |(_, unit)| unit);
        let (range, bound) = with_bound(text, first.range.clone());
        let below = if bound == Some(Bound::Below) { first.from } else { first.below };
        return of(digits..range.end, number * unit, below);
    }
    let (range, bound) = with_bound(text, first.range.clone());
    let end = match bound {
        Some(Bound::From | Bound::Above) => range.end + text.longest(range.end, ",|~|-").unwrap_or(0),
        None => range.end + text.longest(range.end, "~|-|–|∼|〜|에서")?,
        _ => return None,
    };
    let end = end + text.longest(end, "만").unwrap_or(0);
    let second = (end < text.len()).then(|| number_of_months(text, end)).flatten()?;
    let (last, second_bound) = with_bound(text, second.range.clone());
    let below = match (bound, second_bound) {
        (_, Some(Bound::Below)) => second.from,
        (_, Some(Bound::UpTo)) | (None, None) => second.below,
        _ => return None,
    };
    of(range.start..last.end, if bound == Some(Bound::Above) { first.below } else { first.from }, below)
}

/// The words around an age that put whom is meant on one side of it: `12세 미만`, `두 돌도 안 된`, `65세가 넘은`, `under 6`.
fn with_bound(text: &Text<'_>, range: Range<usize>) -> (Range<usize>, Option<Bound>) {
    const BETWEEN: &str = "이|가|도|은|을|를|채|도채|이채|가채|아직|도아직|이아직|가아직";
    const BEFORE: [(&str, Bound); 9] = [
        ("youngerthan", Bound::Below),
        ("under", Bound::Below),
        ("underage", Bound::Below),
        ("underageof", Bound::Below),
        ("undertheageof", Bound::Below),
        ("below", Bound::Below),
        ("upto", Bound::UpTo),
        ("olderthan", Bound::From),
        ("over", Bound::From),
    ];
    let places = [Some(0), text.longest(range.end, BETWEEN)].into_iter().flatten();
    let behind = places.map(|length| range.end + length).find_map(|at| bound_at(text, at));
    if let Some((end, bound)) = behind {
        return (range.start..end, Some(bound));
    }
    // `under 6`; the range of such an age may begin with the word.
    let before = |start: usize| {
        let fits = |word: &str| text.precedes(start, word) && text.starts(start - word.len());
        BEFORE.iter().filter(|(word, _)| fits(word)).max_by_key(|(word, _)| word.len())
    };
    match before(range.start) {
        Some((word, bound)) => (range.start - word.len()..range.end, Some(*bound)),
        None => (range, None),
    }
}

/// What bounds an age that ends at `at`, and where it ends.
fn bound_at(text: &Text<'_>, at: usize) -> Option<(usize, Bound)> {
    const WORDS: [(&str, Bound); 4] = [
        (
            "미만|未満|未滿|未满|안된|안됐|안됬|못된|못되는|되기전|되기이전|이전|보다어린|보다어리|보다작은|보다아래|밑|아래",
            Bound::Below,
        ),
        (
            "이하|以下|까지|안넘은|안넘는|넘지않은|넘지않는|이내|↓|andunder|andyounger|oryounger|orunder|orless|orbelow",
            Bound::UpTo,
        ),
        (
            "이상|以上|부터|넘은|넘는|넘어|넘으|넘긴|넘기|넘었|지난|지나|지났|위로|위의|위인|보다큰|보다나이많|된이후|이후|+|↑|andover|andolder|orolder|andup|andabove|orover|orabove|orup",
            Bound::From,
        ),
        ("초과", Bound::Above),
    ];
    const WHO: &str = "아기|애기|아이|애|영아|유아|소아|어린이|꼬마|딸|아들|조카|손주|남아|여아";
    let found = WORDS.iter().filter_map(|(words, bound)| Some((at + text.longest(at, words)?, *bound)));
    // `두 살 안 된다`: not allowed at two.
    let is_refusal = |end: usize| text.precedes(end, "안된") && text.longest(end, "다").is_some();
    let found = found.max_by_key(|(end, _)| *end).filter(|(end, _)| !is_refusal(*end));
    found.or_else(|| {
        let end = at + 1;
        // `두 돌 전 아기`, but not `12세 전용`.
        let before = text.follows(at, "전") && (text.starts(end) || text.longest(end, "에|까지|인|의|이|아").is_some());
        before.then_some((end, Bound::Below)).or_else(|| {
            let end = at + text.longest(at, "안되는|안돼는|안되어보이는")?;
            text.longest(end, WHO).map(|_| (end, Bound::Below))
        })
    })
}

/// `초등학교 들어가기 전`, `미취학`: below what age.
fn before_school(text: &Text<'_>, at: usize) -> Option<(Range<usize>, u32)> {
    const SCHOOLS: [(&str, u32); 3] = [("초등학교|초등|학교|국민학교", 84), ("중학교", 156), ("고등학교", 192)];
    const ENTERING: &str = "들어가기전|에들어가기전|입학전|입학하기전|에입학하기전|들어가기이전|안들어간|안들어갔|도안들어간|에안들어간|도안간";
    if !text.starts(at) {
        return None;
    }
    if let Some(length) = text.longest(at, "미취학|취학전|미취학아동") {
        return Some((at..at + length, 84));
    }
    SCHOOLS.iter().find_map(|(school, below)| {
        let end = at + text.longest(at, school)?;
        Some((at..end + text.longest(end, ENTERING)?, *below))
    })
}

/// `3살`, `세 살`, `65세`, `6개월`: an age, not a duration.
fn number_of_months(text: &Text<'_>, at: usize) -> Option<Said> {
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
    let other = || school_year(text, at).or_else(|| english(text, at)).or_else(|| of_old_age(text, at));
    if let Some(found) = other().or_else(|| first_birthday(text, at)) {
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
    let years = |length| Some(Said::years(at..end + length, amount));
    let first_year =
        text.follows(end, "돌") && !text.follows(end, "돌봐") && !text.chars[at].is_ascii_digit() && amount <= 3;
    if text.longest(end, "살된|살").is_some() || first_year {
        years(1)
    } else if text.follows(end, "세대") || text.follows(end, "세트") || !text.chars[at].is_ascii_digit() {
        None
    } else if text.longest(end, "세|歳|歲|岁").is_some() {
        years(1)
    } else if text.follows(end, "개월") && amount <= 36 && is_age_in_months(text, at, end + 2) {
        Some(Said::months(at..end + 2, amount))
    } else {
        None
    }
}

/// `초3`, `초등 5학년`, `중2`, `고등학교 1학년`: the age in that year.
fn school_year(text: &Text<'_>, at: usize) -> Option<Said> {
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
    let range = at..if in_full { behind + 2 } else { behind };
    let months = (age + year) * 12;
    // The birthday comes some time in the year.
    (!number_goes_on && (in_full || short)).then_some(Said { range, months, from: months - 12, below: months + 12 })
}

/// `6 years old`, `6-year-old`, `under 6`, `8 months old`.
fn english(text: &Text<'_>, at: usize) -> Option<Said> {
    const YEARS: &str = "yearsold|yearold|-year-old|-years-old|-yearold|yrold|yrsold|yo|y/o|-yr-old";
    const MONTHS: &str = "monthsold|monthold|-month-old|-months-old|-monthold|mo-old";
    const BEFORE: [&str; 8] =
        ["under", "aged", "age", "below", "youngerthan", "underage", "underageof", "undertheageof"];
    const BEFORE_YEARS: [&str; 3] = ["over", "olderthan", "upto"];
    let fresh = at == 0 || !text.chars[at - 1].is_ascii_digit();
    let (amount, end) = strength::number(text, at).filter(|_| fresh && text.chars[at].is_ascii_digit())?;
    let amount = Some(amount).filter(|amount| (0.0..=120.0).contains(amount))? as u32;
    if let Some(length) = text.longest(end, MONTHS) {
        return Some(Said::months(at..end + length, amount));
    }
    let behind = |word: &&str| text.precedes(at, word) && text.starts(at - word.len());
    let said = BEFORE.iter().any(behind);
    let years = text.longest(end, "years|year").filter(|length| {
        let end = end + length;
        said || BEFORE_YEARS.iter().any(behind)
            || text.longest(end, "andolder|andover|andup|oryounger|orolder").is_some()
    });
    let length = text.longest(end, YEARS).or(years).or_else(|| said.then_some(0))?;
    let unit = length == 0 && text.longest(end, "mg|g|ml|%|months|weeks|days|kg").is_some();
    (!unit).then(|| Said::years(at..end + length, amount))
}

/// `일흔여덟`, `팔십오 세`: no `살` is needed of so many years.
fn of_old_age(text: &Text<'_>, at: usize) -> Option<Said> {
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
    Some(Said::years(at..end, years))
}

/// `돌 전`, `돌도 안 된`, `첫돌 지난`, `돌쟁이`, `백일 된`: without a number.
fn first_birthday(text: &Text<'_>, at: usize) -> Option<Said> {
    if !text.starts(at) {
        return None;
    }
    let whole = |words| text.longest(at, words).map(|length| at..at + length);
    // `중학생 이상`
    const PUPILS: [(&str, u32, u32); 3] =
        [("초등학생|초등생", 72, 156), ("중학생|중등생", 144, 192), ("고등학생|고교생", 180, 228)];
    for (words, from, below) in PUPILS {
        let bounded = |range: &Range<usize>| {
            matches!(bound_at(text, range.end), Some((_, Bound::Below | Bound::UpTo | Bound::From)))
        };
        if let Some(range) = whole(words).filter(bounded) {
            return Some(Said { range, months: from, from, below });
        }
    }
    if let Some(range) = whole("돌쟁이") {
        return Some(Said::years(range, 1));
    }
    let bounded =
        |range: &Range<usize>| with_bound(text, range.clone()).1.is_some() && !text.follows(range.end, "이상");
    if let Some(range) = whole("첫돌|돌").filter(bounded) {
        return Some(Said::years(range, 1));
    }
    // A hundred days.
    let of_days = |range: &Range<usize>| text.follows(range.end, "된") || bounded(range);
    whole("백일").filter(of_days).map(|range| Said { range, months: 3, from: 3, below: 4 })
}

/// `6개월 아기`, not `6개월째` or `임신 6개월`.
fn is_age_in_months(text: &Text<'_>, start: usize, end: usize) -> bool {
    const LASTING: &str = "째|동안|전|간|넘게|만에|이상|이나|뒤|후|마다|치|분|에한|정도|부터아프|쯤";
    const OF_A_CHILD: &str = "아기|아이|애|된|영아|남아|여아|딸|아들|짜리|미만|이하|유아|인데|이에요|의";
    const BABIES: &str = "아기|애기|영아|영유아|유아|소아|된아기|된아이|된애|된영아|신생아|인아기|먹일|먹여도|먹이면";
    const USING: &str = "사용|복용|쓸수|써도|먹을수|먹어도|투여";
    if text.preceded_by(start, "임신|생후임신|출산|산후|수술|약먹은지") {
        return false;
    }
    // `6개월 이상 아기`, `6개월도 안 된 아기`, but not `6개월 이상 계속`.
    let bound = with_bound(text, start..end);
    if bound.1.is_some() && text.longest(end, "미만|이하").is_none() {
        let of_baby = (0..=1).any(|particle| text.longest(bound.0.end + particle, BABIES).is_some());
        let from = text.precedes(bound.0.end, "부터") && text.longest(bound.0.end, USING).is_some();
        // `12개월 이상 2세 미만`
        let next = (bound.0.end < text.len()).then(|| strength::number(text, bound.0.end)).flatten();
        let goes_on = next.is_some_and(|(_, end)| text.longest(end, "세|살|개월미만|개월이하").is_some());
        return of_baby || from || goes_on || text.preceded_by(start, "생후|만");
    }
    const TAKEN: &str = "복용한|복용시|복용중|복용했|사용한|사용시|사용중|사용했|투여한|투여시|쓰는|쓴|먹은|먹었";
    let taken = text.longest(end, "미만|이하").is_some_and(|length| text.longest(end + length, TAKEN).is_some());
    text.longest(end, LASTING).is_none()
        && !taken
        && (text.longest(end, OF_A_CHILD).is_some() || text.preceded_by(start, "생후|아기|아이|만|~|-"))
}

/// Whether the child, or whoever is named, is to take the drug.
fn is_patient(text: &Text<'_>, range: &Range<usize>) -> bool {
    const NOT_BEHIND: &str = "\
        낳|를낳|을낳|갖|를갖|가지|를가지|집|키우|를키우|보느라|를보|보다가|보는|를안|안고|안다|안아|업고|를업|재우|를재우|돌보|를돌보|엄마|돌|스크림|스팩|허브|템|디어|디|폰|브로|러니|섀도|라이너|\
        슈|때문에|셋|둘|가안생|안생기|안생겨|안낳|가들어서|계획|병|씻기|를씻|가생기|원하|키|봐주|를봐|맡기|가진|가졌|를가졌|를가진|도있는데제|없는|바이오|이용|비엽|비잎|아닌|이아닌|은아닌|는아닌|말고성인|말고어른";
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Question;

    /// Ages in months that a question is read to be about; none if no age was said.
    fn ages(text: &str) -> Option<Range<u32>> {
        Question::read(text).age.map(|found| found.value.range())
    }

    #[test]
    fn groups_below_and_above_an_age() {
        const EVER: u32 = Age::OLDEST;
        for (text, range) in [
            ("두 돌 안 된 아기 감기약", 0..24),
            ("두 돌도 안 된 아이", 0..24),
            ("12세 미만 금기인 감기약", 0..144),
            ("12세 이하 금기인 감기약", 0..156),
            ("6개월 이하 아기 해열제", 0..7),
            ("6개월도 안 된 아기가 먹는 해열제", 0..6),
            ("12살 아래 아이가 먹으면 안 되는 약", 0..144),
            ("다섯 살까지 먹이면 안 되는 약", 0..72),
            ("만 7세 이상 먹을 수 있는 감기약", 84..EVER),
            ("만 7세 이상 어린이 감기약", 84..156),
            ("6개월 이상 된 아기에게 먹여도 되는 해열제", 6..24),
            ("12세 초과 소아 감기약", 156..EVER),
            ("65세 넘은 어르신이 피해야 할 수면제", 780..EVER),
            ("65세 이상 주의 약", 780..EVER),
            ("초등학교 들어가기 전 아이 감기약", 0..84),
            ("미취학 아동 감기약", 0..84),
            ("돌 전 아기 감기약", 0..12),
            ("돌도 안 된 애 기침약", 0..12),
            ("돌 지난 아기 감기약", 12..24),
            ("중학생 이상 먹을 수 있는 여드름약", 144..EVER),
            ("6개월부터 먹일 수 있는 해열제", 6..EVER),
            ("24개월 미만 영아용 콧물 시럽", 0..24),
            ("두 돌 지났는데 먹일 수 있는 감기약", 24..36),
            ("6~12세 어린이 감기약", 72..156),
            ("6세 이상 12세 미만 금기인 약", 72..144),
            ("두 살에서 다섯 살 아이 시럽", 24..72),
            ("6개월~5세 해열 시럽", 6..72),
            ("12개월 이상 2세 미만 아기 감기약", 12..24),
            ("12歳未満 鎮痛薬", 0..144),
            ("cough medicine for kids under 6", 0..72),
            ("safe for 65 years and older", 780..EVER),
        ] {
            assert_eq!(ages(text), Some(range.clone()), "{text}");
        }
    }

    #[test]
    fn an_age_is_the_whole_year() {
        assert_eq!(ages("세 살 아이 감기약"), Some(36..48));
        assert_eq!(ages("6개월 아기 해열제"), Some(6..7));
        assert_eq!(ages("12세 전용 감기약"), Some(144..156));
        assert_eq!(ages("두 살은 안 된다는 약"), Some(24..36));
        assert_eq!(ages("어르신 수면제"), Some(780..Age::OLDEST));
    }

    #[test]
    fn no_age_is_read_of_a_duration() {
        for text in [
            "6개월 미만 복용한 혈압약",
            "기침이 6개월 이상 계속돼요",
            "6개월 전부터 두통이 있어요",
            "6개월 넘게 먹어도 되는 수면제",
            "돌아가며 먹는 약",
            "over 30 days",
        ] {
            assert_eq!(ages(text), None, "{text}");
        }
    }
}
