//! Strengths in one unit for each dimension: `500mg`, `500밀리`, `0.5그램` and `500㎎` are the same.

use std::ops::Range;

use serde::Serialize;

use crate::text::Text;

/// What a strength counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Milligrams; grams and micrograms are converted.
    #[serde(rename = "mg")]
    Milligram,
    /// Per cent.
    #[serde(rename = "%")]
    Percent,
    /// Millilitres; litres are converted.
    #[serde(rename = "mL")]
    Millilitre,
    /// International units and other units (`단위`).
    #[serde(rename = "IU")]
    InternationalUnit,
    /// Milliequivalents.
    #[serde(rename = "mEq")]
    Milliequivalent,
    /// Milligrams in a millilitre: `250mg/5mL` is 50.
    #[serde(rename = "mg/mL")]
    MilligramPerMillilitre,
    /// Milligrams in a gram.
    #[serde(rename = "mg/g")]
    MilligramPerGram,
    /// Units in a millilitre.
    #[serde(rename = "IU/mL")]
    UnitPerMillilitre,
}

impl Unit {
    /// Name in JSON, such as `mg/mL`.
    pub fn code(self) -> &'static str {
        match self {
            Unit::Milligram => "mg",
            Unit::Percent => "%",
            Unit::Millilitre => "mL",
            Unit::InternationalUnit => "IU",
            Unit::Milliequivalent => "mEq",
            Unit::MilligramPerMillilitre => "mg/mL",
            Unit::MilligramPerGram => "mg/g",
            Unit::UnitPerMillilitre => "IU/mL",
        }
    }
}

/// An amount of a unit.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Strength {
    /// How many of the unit.
    pub amount: f64,
    /// The unit.
    pub unit: Unit,
}

impl PartialEq for Strength {
    /// Equal within a millionth: units are converted in floating point.
    fn eq(&self, other: &Self) -> bool {
        self.unit == other.unit
            && (self.amount - other.amount).abs() <= 1e-6 * self.amount.abs().max(other.amount.abs())
    }
}

impl std::fmt::Display for Strength {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", (self.amount * 1e6).round() / 1e6, self.unit.code())
    }
}

/// A number in a text, with what follows it.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub range: Range<usize>,
    pub strength: Strength,
    /// `밀리` alone: milligrams, or millilitres of a liquid.
    pub ambiguous: bool,
}

/// All strengths in a product's name or an ingredient column.
///
/// ```
/// use reader::strengths_of;
/// let texts = |name| strengths_of(name).iter().map(ToString::to_string).collect::<Vec<_>>();
/// assert_eq!(texts("트윈스타정80/5밀리그램"), ["80 mg", "5 mg"]);
/// assert_eq!(texts("세토펜현탁액(160mg/5mL)"), ["32 mg/mL"]);
/// ```
pub fn strengths_of(value: &str) -> Vec<Strength> {
    measured(&Text::new(value)).into_iter().map(|found| found.strength).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Suffix {
    Mg(f64),
    Percent,
    Ml(f64),
    Iu(f64),
    Meq,
    Milli,
}

#[rustfmt::skip]
const SUFFIXES: &[(&str, Suffix)] = &[
    ("밀리그램", Suffix::Mg(1.0)), ("밀리그람", Suffix::Mg(1.0)), ("미리그램", Suffix::Mg(1.0)), ("미리그람", Suffix::Mg(1.0)),
    ("미리그렘", Suffix::Mg(1.0)), ("밀리그렘", Suffix::Mg(1.0)), ("엠지", Suffix::Mg(1.0)), ("mg", Suffix::Mg(1.0)),
    ("마이크로그램", Suffix::Mg(1e-3)), ("마이크로그람", Suffix::Mg(1e-3)), ("마이크로", Suffix::Mg(1e-3)), ("mcg", Suffix::Mg(1e-3)),
    ("μg", Suffix::Mg(1e-3)), ("µg", Suffix::Mg(1e-3)), ("ug", Suffix::Mg(1e-3)),
    ("그램", Suffix::Mg(1e3)), ("그람", Suffix::Mg(1e3)), ("g", Suffix::Mg(1e3)),
    ("밀리리터", Suffix::Ml(1.0)), ("미리리터", Suffix::Ml(1.0)), ("ml", Suffix::Ml(1.0)), ("cc", Suffix::Ml(1.0)), ("씨씨", Suffix::Ml(1.0)),
    ("시시", Suffix::Ml(1.0)), ("리터", Suffix::Ml(1e3)), ("l", Suffix::Ml(1e3)),
    ("%", Suffix::Percent), ("퍼센트", Suffix::Percent), ("퍼센티지", Suffix::Percent), ("프로", Suffix::Percent),
    ("국제단위", Suffix::Iu(1.0)), ("단위", Suffix::Iu(1.0)), ("만단위", Suffix::Iu(1e4)), ("iu", Suffix::Iu(1.0)), ("i.u", Suffix::Iu(1.0)),
    ("units", Suffix::Iu(1.0)), ("meq", Suffix::Meq), ("밀리", Suffix::Milli), ("미리", Suffix::Milli),
];

/// Amounts with a unit, in order; `80/5mg` is two.
pub(crate) fn measured(text: &Text<'_>) -> Vec<Measured> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match series(text, at) {
            Some((mut amounts, end)) => {
                found.append(&mut amounts);
                at = end;
            }
            None => at = number(text, at).map_or(at + 1, |(_, end)| end),
        }
    }
    found
}

/// Numbers joined by `/` before one unit, or a ratio such as `5mg/5mL`.
fn series(text: &Text<'_>, start: usize) -> Option<(Vec<Measured>, usize)> {
    let mut numbers: Vec<(f64, usize)> = Vec::new();
    let mut at = start;
    let (suffix, unit_end) = loop {
        let (amount, end) = number(text, at)?;
        numbers.push((amount, at));
        match suffix_at(text, end) {
            Some(found) => break found,
            None if text.follows(end, "/") && numbers.len() < 8 => at = end + 1,
            None => return None,
        }
    };
    let ratio = text.follows(unit_end, "/").then(|| denominator(text, unit_end + 1)).flatten();
    let (divisor, end) = match ratio {
        Some(Denominator::Laboratory) => return None,
        Some(Denominator::Of(suffix, amount, end)) => (Some((suffix, amount)), end),
        None => (None, unit_end),
    };
    let amounts = numbers
        .iter()
        .map(|&(amount, from)| Measured {
            range: from..end,
            strength: convert(amount, suffix, divisor),
            ambiguous: suffix == Suffix::Milli,
        })
        .collect();
    Some((amounts, end))
}

enum Denominator {
    Of(Suffix, f64, usize),
    /// `mg/dL`, `g/kg`: no strength of a product.
    Laboratory,
}

fn denominator(text: &Text<'_>, at: usize) -> Option<Denominator> {
    if text.longest(at, "dl|데시리터|kg|킬로|일|day|hr|시간|분|min|회").is_some() {
        return Some(Denominator::Laboratory);
    }
    let (amount, end) = number(text, at).unwrap_or((1.0, at));
    let (suffix, end) = suffix_at(text, end)?;
    matches!(suffix, Suffix::Ml(_))
        .then_some(())
        .or_else(|| (suffix == Suffix::Mg(1e3)).then_some(()))
        .map(|()| Denominator::Of(suffix, amount, end))
}

fn convert(amount: f64, suffix: Suffix, divisor: Option<(Suffix, f64)>) -> Strength {
    let (amount, unit) = match suffix {
        Suffix::Mg(factor) => (amount * factor, Unit::Milligram),
        Suffix::Milli => (amount, Unit::Milligram),
        Suffix::Percent => (amount, Unit::Percent),
        Suffix::Ml(factor) => (amount * factor, Unit::Millilitre),
        Suffix::Iu(factor) => (amount * factor, Unit::InternationalUnit),
        Suffix::Meq => (amount, Unit::Milliequivalent),
    };
    match (unit, divisor) {
        (Unit::Milligram, Some((Suffix::Ml(factor), by))) if by > 0.0 => {
            Strength { amount: amount / (by * factor), unit: Unit::MilligramPerMillilitre }
        }
        (Unit::Milligram, Some((Suffix::Mg(_), by))) if by > 0.0 => {
            Strength { amount: amount / by, unit: Unit::MilligramPerGram }
        }
        (Unit::InternationalUnit, Some((Suffix::Ml(factor), by))) if by > 0.0 => {
            Strength { amount: amount / (by * factor), unit: Unit::UnitPerMillilitre }
        }
        _ => Strength { amount, unit },
    }
}

fn suffix_at(text: &Text<'_>, at: usize) -> Option<(Suffix, usize)> {
    let (word, suffix) =
        SUFFIXES.iter().filter(|(word, _)| text.follows(at, word)).max_by_key(|(word, _)| word.chars().count())?;
    let end = at + word.chars().count();
    let next = text.chars.get(end).copied().unwrap_or(' ');
    let same_word = !text.starts(end);
    let latin = word.ends_with(|c: char| c.is_ascii_alphabetic());
    let whole = !(latin && same_word && next.is_ascii_alphanumeric());
    // `20프로그램`, `3단위로`: only where the unit ends.
    let korean = !matches!(*word, "프로" | "밀리" | "미리" | "마이크로")
        || !same_word
        || !matches!(next, '그' | '바' | '미' | '리');
    (whole && korean).then_some((*suffix, end))
}

/// A number at `at` that no digit precedes: `1,000`, `0.5`, `5만`, `오백`.
pub(crate) fn number(text: &Text<'_>, at: usize) -> Option<(f64, usize)> {
    let digit = |i: usize| text.chars.get(i).is_some_and(char::is_ascii_digit);
    let joined = |i: usize| !text.blank_before(i);
    let decimal = || text.follows(at - 1, ".") && at > 1 && digit(at - 2) && joined(at - 1);
    if at > 0 && joined(at) && (digit(at - 1) || decimal()) {
        return None;
    }
    if !digit(at) {
        return sino_korean(text, at);
    }
    let mut end = at;
    let mut written = String::new();
    let point = |end: usize| {
        matches!(text.chars.get(end), Some('.' | ','))
            && digit(end + 1)
            && joined(end)
            && joined(end + 1)
            && end - at < 16
    };
    while end == at || digit(end) && joined(end) || point(end) {
        if text.chars[end] != ',' {
            written.push(text.chars[end]);
        }
        end += 1;
    }
    let amount: f64 = written.parse().ok()?;
    match text.chars.get(end) {
        Some('만') if !text.follows(end, "만단위") => Some((amount * 1e4, end + 1)),
        Some('천') => Some((amount * 1e3, end + 1)),
        Some('백') => Some((amount * 1e2, end + 1)),
        _ => Some((amount, end)),
    }
}

/// `이십`, `오백`, `천`: only as a whole word before a unit.
fn sino_korean(text: &Text<'_>, at: usize) -> Option<(f64, usize)> {
    if !text.starts(at) {
        return None;
    }
    let (mut total, mut one, mut end) = (0.0, 0.0, at);
    while let Some(c) = text.chars.get(end) {
        match c {
            '십' => total += f64::max(one, 1.0) * 10.0,
            '백' => total += f64::max(one, 1.0) * 100.0,
            '천' => total += f64::max(one, 1.0) * 1000.0,
            _ => {
                let Some(digit) = "일이삼사오육칠팔구".chars().position(|d| d == *c) else { break };
                one = digit as f64 + 1.0;
                end += 1;
                continue;
            }
        }
        one = 0.0;
        end += 1;
        if end - at > 8 {
            return None;
        }
    }
    let unit = suffix_at(text, end).is_some_and(|(suffix, _)| suffix != Suffix::Percent);
    (end > at && unit).then_some((total + one, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        strengths_of(text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_strength_in_many_spellings() {
        for text in [
            "500mg",
            "500 mg",
            "500밀리그램",
            "500밀리그람",
            "500밀리",
            "0.5g",
            "500㎎",
            "５００ｍｇ",
            "오백밀리",
            "0.5그램",
            "500미리",
        ] {
            assert_eq!(read(text), ["500 mg"], "{text}");
        }
    }

    #[test]
    fn units_and_ratios() {
        for (text, expected) in [
            ("1,000IU", vec!["1000 IU"]),
            ("5만단위", vec!["50000 IU"]),
            ("25마이크로그램", vec!["0.025 mg"]),
            ("25μg", vec!["0.025 mg"]),
            ("2%", vec!["2 %"]),
            ("0.1퍼센트", vec!["0.1 %"]),
            ("5mg/5mL", vec!["1 mg/mL"]),
            ("250mg/5ml", vec!["50 mg/mL"]),
            ("40/5mg", vec!["40 mg", "5 mg"]),
            ("75mg/60mg/15mg", vec!["75 mg", "60 mg", "15 mg"]),
            ("1L", vec!["1000 mL"]),
            ("20mEq", vec!["20 mEq"]),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_strength() {
        for text in [
            "38.5도",
            "3일",
            "300mg/dL",
            "체중 20kg",
            "3살",
            "프로그램",
            "미리 먹는 약",
            "일반약",
            "10mg/kg/일",
            "1.2.3",
            "..",
            "백밀",
        ] {
            assert_eq!(read(text), Vec::<String>::new(), "{text}");
        }
    }
}
