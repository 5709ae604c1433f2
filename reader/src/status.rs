//! Prescription (전문의약품) or over the counter (일반의약품).

use std::ops::Range;
use std::sync::OnceLock;

use serde::Serialize;

use crate::cues::Cues;
use crate::text::Text;

/// Whether a product needs a prescription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// 전문의약품.
    Rx,
    /// 일반의약품, 안전상비의약품.
    Otc,
}

impl Status {
    /// Name in JSON.
    pub fn code(self) -> &'static str {
        if self == Status::Rx { "rx" } else { "otc" }
    }
}

/// The status that a column (`전문일반구분`, `ETC_OTC_CODE`) tells.
///
/// ```
/// use reader::{Status, status_of};
/// assert_eq!(status_of("일반(안전상비)"), Some(Status::Otc));
/// assert_eq!(status_of("전문의약품"), Some(Status::Rx));
/// ```
pub fn status_of(column: &str) -> Option<Status> {
    let column = crate::normalise_name(column);
    match column.as_str() {
        "etc" | "rx" => Some(Status::Rx),
        "otc" => Some(Status::Otc),
        text if text.contains("일반") => Some(Status::Otc),
        text if text.contains("전문") => Some(Status::Rx),
        _ => None,
    }
}

pub(crate) fn find(text: &Text<'_>) -> Option<(Range<usize>, Status)> {
    static CUES: OnceLock<Cues> = OnceLock::new();
    const REFUSED: &str = "말고|아닌|빼고|제외|이아닌|이아니|말구|은말고|은빼고|은제외";
    const HISTORY: &str = "산약|사먹|샀|받은|받아먹|받아서먹|사다|산|사서|먹어도안|먹는데도|받았|먹고|먹었";
    let cues = CUES.get_or_init(|| Cues::new(include_str!("../lexica/status.tsv")));
    let mut found = None;
    for hit in cues.find(text) {
        if text.longest(hit.range.end, HISTORY).is_some() {
            continue;
        }
        let said = if hit.value == "otc" { Status::Otc } else { Status::Rx };
        let refused = text.longest(hit.range.end, REFUSED).is_some();
        let value = match (said, refused) {
            (Status::Otc, true) => Status::Rx,
            (Status::Rx, true) => Status::Otc,
            (said, false) => said,
        };
        // What is wanted outweighs what is refused: `전문약 말고 일반약`.
        if found.is_none() || !refused {
            found = Some((hit.range.start..text.word_end(hit.range.end), value));
        }
    }
    found
}
