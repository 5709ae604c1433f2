//! Kinds of MFDS's drug utilisation review (DUR), and which way a question is asked.

use serde::Serialize;

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

    pub(crate) fn from_code(code: &str) -> Option<Self> {
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
