//! Ages, in months: `12세 미만`, `3개월 이하`, `6세 이상 12세 미만`.

use unicode_normalization::UnicodeNormalization;

/// From `from` (inclusive) to `below` (exclusive), in months.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ages {
    pub from: Option<i32>,
    pub below: Option<i32>,
}

const DAYS_OF_A_MONTH: f64 = 30.4375;

const UNITS: &[(&str, f64)] = &[
    ("개월", 1.0),
    ("월", 1.0),
    ("세", 12.0),
    ("살", 12.0),
    ("년", 12.0),
    ("주", 7.0 / DAYS_OF_A_MONTH),
    ("일", 1.0 / DAYS_OF_A_MONTH),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Below,
    AtMost,
    From,
    Above,
}

const BOUNDS: &[(&str, Bound)] = &[
    ("미만", Bound::Below),
    ("이하", Bound::AtMost),
    ("까지", Bound::AtMost),
    ("이상", Bound::From),
    ("부터", Bound::From),
    ("초과", Bound::Above),
    ("<=", Bound::AtMost),
    ("≤", Bound::AtMost),
    ("≦", Bound::AtMost),
    (">=", Bound::From),
    ("≥", Bound::From),
    ("≧", Bound::From),
    ("<", Bound::Below),
    (">", Bound::Above),
];

impl Ages {
    /// The ages that a text tells, if it tells them without doubt: one condition, or one from below and one from above.
    pub fn of(text: &str) -> Option<Ages> {
        let text: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
        let mut ages = Ages::default();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            rest = &rest[at..];
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, after) = rest.split_at(end);
            rest = after;
            let Some((unit, after)) = strip(after, UNITS) else { continue };
            let Some((bound, after)) = strip(after, BOUNDS) else { continue };
            rest = after;
            ages.narrow(digits.parse().ok()?, unit, bound)?;
        }
        let told = ages.from.is_some() || ages.below.is_some();
        let empty = ages.from.zip(ages.below).is_some_and(|(from, below)| from >= below);
        (told && !empty).then_some(ages)
    }

    /// `None` where two conditions bound the same side differently.
    fn narrow(&mut self, number: u32, unit: f64, bound: Bound) -> Option<()> {
        const OLDEST: u32 = 150;
        if f64::from(number) * unit > f64::from(OLDEST * 12) {
            return None;
        }
        let step = if matches!(bound, Bound::AtMost | Bound::Above) { 1 } else { 0 };
        let months = f64::from(number + step) * unit;
        // Weeks and days are widened to whole months.
        let (side, months) = match bound {
            Bound::Below | Bound::AtMost => (&mut self.below, months.ceil() as i32),
            Bound::From | Bound::Above => (&mut self.from, months.floor() as i32),
        };
        match side.replace(months) {
            Some(other) if other != months => None,
            _ => Some(()),
        }
    }
}

fn strip<'a, T: Copy>(text: &'a str, words: &[(&str, T)]) -> Option<(T, &'a str)> {
    words.iter().find_map(|(word, value)| text.strip_prefix(word).map(|rest| (*value, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_in_months() {
        for (text, from, below) in [
            ("7세 이하", None, Some(96)),
            ("2세 미만", None, Some(24)),
            ("만 18세 미만", None, Some(216)),
            ("12세 이상", Some(144), None),
            ("12세 초과", Some(156), None),
            ("3개월 이하", None, Some(4)),
            ("6개월미만", None, Some(6)),
            ("생후 2주 미만", None, Some(1)),
            ("6주 이하", None, Some(2)),
            ("28일 이하", None, Some(1)),
            ("6세 이상 12세 미만", Some(72), Some(144)),
            ("１２세　미만", None, Some(144)),
            ("12세<", None, Some(144)),
            ("치아 형성기인 12세 미만의 소아에 투여 시", None, Some(144)),
        ] {
            assert_eq!(Ages::of(text), Some(Ages { from, below }), "{text}");
        }
    }

    #[test]
    fn what_tells_no_age() {
        for text in [
            "",
            "안전성 및 유효성 미확립",
            "12세",
            "2세 미만 금기, 12세 미만 신중투여",
            "1일 3회 이하",
            "999세 이하",
            "5 mg 이하",
        ] {
            assert_eq!(Ages::of(text), None, "{text}");
        }
        assert_eq!(Ages::of(&"9".repeat(100_000)), None);
        assert_eq!(Ages::of("99999999999세 이하"), None);
    }
}
