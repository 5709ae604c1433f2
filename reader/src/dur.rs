//! Kinds of MFDS's drug utilisation review (DUR), and which way a question is asked.

use serde::Serialize;

use crate::text::normalise_name;

/// A kind of MFDS's drug utilisation review (DUR).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DurKind {
    /// 병용금기: drugs that must not be taken together.
    Combination,
    /// 임부금기.
    Pregnancy,
    /// 수유부주의.
    Lactation,
    /// 특정연령대금기.
    Age,
    /// 용량주의.
    Dose,
    /// 투여기간주의.
    Duration,
    /// 노인주의.
    Elderly,
    /// 효능군중복.
    Duplication,
    /// 서방정분할주의.
    Splitting,
}

impl DurKind {
    /// All kinds.
    pub const ALL: [DurKind; 9] = [
        DurKind::Combination,
        DurKind::Pregnancy,
        DurKind::Lactation,
        DurKind::Age,
        DurKind::Dose,
        DurKind::Duration,
        DurKind::Elderly,
        DurKind::Duplication,
        DurKind::Splitting,
    ];

    /// Name in JSON.
    pub fn code(self) -> &'static str {
        match self {
            DurKind::Combination => "combination",
            DurKind::Pregnancy => "pregnancy",
            DurKind::Lactation => "lactation",
            DurKind::Age => "age",
            DurKind::Dose => "dose",
            DurKind::Duration => "duration",
            DurKind::Elderly => "elderly",
            DurKind::Duplication => "duplication",
            DurKind::Splitting => "splitting",
        }
    }

    /// Name in Korean, as MFDS writes it.
    pub fn korean(self) -> &'static str {
        match self {
            DurKind::Combination => "병용금기",
            DurKind::Pregnancy => "임부금기",
            DurKind::Lactation => "수유부주의",
            DurKind::Age => "특정연령대금기",
            DurKind::Dose => "용량주의",
            DurKind::Duration => "투여기간주의",
            DurKind::Elderly => "노인주의",
            DurKind::Duplication => "효능군중복",
            DurKind::Splitting => "서방정분할주의",
        }
    }

    /// The kind of a [`code`](DurKind::code).
    pub fn from_code(code: &str) -> Option<Self> {
        DurKind::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Which way a safety question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// What must not be taken, or only with care.
    Forbidden,
    /// What may be taken.
    Allowed,
}

impl Direction {
    /// Name in JSON.
    pub fn code(self) -> &'static str {
        if self == Direction::Forbidden { "forbidden" } else { "allowed" }
    }

    pub(crate) fn reversed(self) -> Self {
        if self == Direction::Forbidden { Direction::Allowed } else { Direction::Forbidden }
    }
}

/// A DUR kind and the way it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Dur {
    /// The kind.
    pub kind: DurKind,
    /// Forbidden or allowed.
    pub direction: Direction,
}

/// The DUR kinds that a table's own column tells, each once, in its order: MFDS's `TYPE_NAME`, lists of them in any of PostgreSQL's,
/// JSON's or Python's brackets, or [codes](DurKind::code). What names no kind is passed over.
///
/// ```
/// use reader::{DurKind, dur_kinds_of};
/// assert_eq!(dur_kinds_of("['임부금기', '연령금기']"), [DurKind::Pregnancy, DurKind::Age]);
/// assert!(dur_kinds_of("첨가제주의").is_empty());
/// ```
pub fn dur_kinds_of(column: &str) -> Vec<DurKind> {
    /// Bytes that are read: a column that names all kinds has some hundred.
    const MAX_BYTES: usize = 10_000;
    let column = &column[..column.floor_char_boundary(MAX_BYTES)];
    let mut kinds = Vec::new();
    for kind in column.split(SEPARATORS).filter_map(|word| kind_of(&normalise_name(word))) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

const SEPARATORS: &[char] =
    &[',', ';', '|', '/', '\n', '\t', '[', ']', '{', '}', '(', ')', '"', '\'', '+', '·', 'ㆍ', '、', '，', '（', '）'];

/// What the names of the kinds begin with, in normal form; MFDS, KIDS and HIRA end them in 금기, 주의 or nothing.
const STEMS: &[(&str, DurKind)] = &[
    ("병용", DurKind::Combination),
    ("임부", DurKind::Pregnancy),
    ("임산부", DurKind::Pregnancy),
    ("임신부", DurKind::Pregnancy),
    ("수유부", DurKind::Lactation),
    ("특정연령대", DurKind::Age),
    ("특정연령", DurKind::Age),
    ("연령대", DurKind::Age),
    ("연령", DurKind::Age),
    ("용량", DurKind::Dose),
    ("투여기간", DurKind::Duration),
    ("노인", DurKind::Elderly),
    ("고령자", DurKind::Elderly),
    ("효능군중복", DurKind::Duplication),
    ("동일효능군중복", DurKind::Duplication),
    ("효능군", DurKind::Duplication),
    ("서방정분할", DurKind::Splitting),
    ("서방형제제분할", DurKind::Splitting),
    ("분할", DurKind::Splitting),
];

fn kind_of(word: &str) -> Option<DurKind> {
    const ENDINGS: &[&str] = &["", "금기", "주의", "금지", "금기의약품", "주의의약품", "금기약물", "주의약물"];
    let by_name = || {
        let word = word.strip_prefix("dur").unwrap_or(word);
        STEMS.iter().find_map(|(stem, kind)| word.strip_prefix(stem).filter(|end| ENDINGS.contains(end)).map(|_| *kind))
    };
    DurKind::from_code(word).or_else(by_name)
}

#[cfg(test)]
mod tests {
    use super::DurKind::*;
    use super::*;

    #[test]
    fn every_name_of_a_kind() {
        for (names, kind) in [
            ("병용금기|병용금기약물|DUR 병용금기", Combination),
            ("임부금기|임산부금기|임부", Pregnancy),
            ("수유부주의|수유부", Lactation),
            ("특정연령대금기|특정연령금기|연령금기|특정 연령대 금기", Age),
            ("용량주의|용량 주의", Dose),
            ("투여기간주의", Duration),
            ("노인주의|고령자주의", Elderly),
            ("효능군중복|효능군중복주의|효능군 중복", Duplication),
            ("서방정분할주의|분할주의|서방정 분할 주의", Splitting),
        ] {
            for name in names.split('|').chain([kind.code(), kind.korean()]) {
                assert_eq!(dur_kinds_of(name), [kind], "{name}");
            }
        }
    }

    #[test]
    fn lists_in_the_formats_of_the_tables() {
        assert_eq!(dur_kinds_of("임부금기,노인주의"), [Pregnancy, Elderly]);
        assert_eq!(dur_kinds_of("['병용금기']"), [Combination]);
        assert_eq!(dur_kinds_of("{임부금기,연령금기}"), [Pregnancy, Age]);
        assert_eq!(dur_kinds_of(r#"["age", "dose", "age"]"#), [Age, Dose]);
        assert_eq!(dur_kinds_of("임부금기(1등급) / 용량주의"), [Pregnancy, Dose]);
        // Decomposed jamo and full width.
        assert_eq!(
            dur_kinds_of("\u{110b}\u{1175}\u{11b7}\u{1107}\u{116e}\u{1100}\u{1173}\u{11b7}\u{1100}\u{1175}，노인주의"),
            [Pregnancy, Elderly]
        );
    }

    #[test]
    fn what_names_no_kind() {
        for text in
            ["", "  ", "첨가제주의", "해당없음", "없음", "N", "노인성 치매", "용량 500mg", "분할선 있음", "{}", "[]"]
        {
            assert!(dur_kinds_of(text).is_empty(), "{text}");
        }
        assert!(dur_kinds_of(&"가나다,".repeat(100_000)).is_empty());
    }
}
