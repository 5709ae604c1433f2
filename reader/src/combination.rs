//! One active ingredient or several: `복합제`, `단일 성분`, `두 가지 성분이 섞인`, `아세트아미노펜만 든`.

use std::ops::Range;
use std::sync::OnceLock;

use serde::Serialize;

use crate::cues::Cues;
use crate::lexicon;
use crate::names::{Mention, Name, NameKind};
use crate::text::Text;

/// How many active ingredients a product has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Combination {
    /// One: 단일제.
    Single,
    /// More than one: 복합제.
    Several,
}

impl Combination {
    /// Name in JSON.
    pub fn code(self) -> &'static str {
        if self == Combination::Single { "single" } else { "several" }
    }

    fn opposite(self) -> Self {
        if self == Combination::Single { Combination::Several } else { Combination::Single }
    }

    /// Of a row whose ingredients are all known; none if a name may stand for one or several.
    pub(crate) fn of(ingredients: &[Name]) -> Option<Self> {
        /// `dl-멘톨`, `n-미리스틸`: no substance.
        const SHORTEST: usize = 3;
        match ingredients {
            [] => None,
            [one] => {
                let parts =
                    one.name.split(['-', '.', '·', '+', '/', ',']).filter(|part| part.chars().count() >= SHORTEST);
                let mut substances: Vec<String> = parts.filter_map(lexicon::ingredient).map(|name| name.name).collect();
                substances.dedup();
                match substances.len() {
                    2.. => Some(Combination::Several),
                    _ if lexicon::ingredient(&one.name).is_some() => Some(Combination::Single),
                    _ => (!one.name.contains(['+', '/', ','])).then_some(Combination::Single),
                }
            }
            _ => Some(Combination::Several),
        }
    }
}

/// All that is said of the number of ingredients: `복합제 말고` asks for one. Nothing, where both are asked about (`단일제와 복합제의 차이`).
pub(crate) fn find(text: &Text<'_>, mentions: &[Mention]) -> Vec<(Range<usize>, Combination)> {
    static CUES: OnceLock<Cues> = OnceLock::new();
    let cues = CUES.get_or_init(|| Cues::new(include_str!("../lexica/combinations.tsv")));
    let hits = cues.find(text).into_iter().filter_map(|hit| {
        let value = if hit.value.starts_with("single") { Combination::Single } else { Combination::Several };
        let range = if hit.value.ends_with('?') { of_product(text, &hit.range)? } else { hit.range };
        with_refusal(text, range, value)
    });
    let found: Vec<_> = hits.chain(mentions.iter().filter_map(|mention| alone(text, mention))).collect();
    if found.windows(2).all(|pair| pair[0].1 == pair[1].1) { found } else { Vec::new() }
}

/// `두 가지 성분이 섞인`, not `두 가지 성분을 같이 먹어도`: up to the end of what is said of it.
fn of_product(text: &Text<'_>, range: &Range<usize>) -> Option<Range<usize>> {
    const PARTICLES: &str =
        "이|가|을|를|으로|로|만|으로만|로만|이나|이같이|이함께|을같이|을함께|만딱|가지만|가지로|가지가";
    const COMPOSED: &str = "섞인|섞은|섞여|들어있|들어간|들어가|들은|든|복합|합친|합쳐|합한|함유|조합|포함|된|만든|이루어|짜리|배합|있는약|있는제품|있는진통|있는감기";
    let places = [Some(0), text.longest(range.end, PARTICLES)].into_iter().flatten();
    let end = places.map(|length| range.end + length).find_map(|at| Some(at + text.longest(at, COMPOSED)?))?;
    Some(range.start..text.word_end(end))
}

/// The words with what turns them around; none where nothing is asked for (`복합제라서 걱정`).
fn with_refusal(text: &Text<'_>, range: Range<usize>, value: Combination) -> Option<(Range<usize>, Combination)> {
    const BETWEEN: &str = "는|은|가|이|를|을|로된거|인거|인건|로된건|로된|약|제품|거";
    const REFUSED: &str = "말고|말구|빼고|제외|아닌|아니고|아니라|싫|말아|외에";
    const OTHERWISE: &str = "보다|라서|이라서|라는데|이라는데|인데|먹는데|먹고있|을먹고있|를먹고있|먹는중|를먹는중|을먹는중|먹다가|를먹다가";
    if text.longest(range.end, OTHERWISE).is_some() {
        return None;
    }
    let places = [Some(0), text.longest(range.end, BETWEEN)].into_iter().flatten();
    let refusal = places.map(|length| range.end + length).find_map(|at| Some(at + text.longest(at, REFUSED)?));
    Some(match refusal {
        Some(end) => (range.start..text.word_end(end), value.opposite()),
        None => (range, value),
    })
}

/// `아세트아미노펜만 들어 있는`, `로사르탄 단일`.
fn alone(text: &Text<'_>, mention: &Mention) -> Option<(Range<usize>, Combination)> {
    const ONLY: &str = "\
        만든거|만든것|만든약|만든제품|만든감기약|만들어있|만들어간|만들은|만들어가|만있는|만함유|만포함|하나만든|하나만들어|성분만든|성분만들어|성분만있는|성분하나만|단일|단독으로된|단독제|단독성분";
    if mention.name.kind != NameKind::Ingredient || mention.used {
        return None;
    }
    let at = mention.range.end;
    let length = text.longest(at, ONLY)?;
    Some((at..text.word_end(at + length), Combination::Single))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Question;

    #[test]
    fn one_ingredient_or_several() {
        use Combination::{Several, Single};
        for (text, value, rest) in [
            ("복합제 혈압약", Some(Several), "혈압약"),
            ("로사르탄 단일제", Some(Single), "로사르탄"),
            ("단일성분 해열제", Some(Single), "해열제"),
            ("복합제 말고 진통제", Some(Single), "진통제"),
            ("단일제 말고 복합제로 된 혈압약", Some(Several), "혈압약"),
            ("한 가지 성분만 든 감기약", Some(Single), "감기약"),
            ("두 가지 성분이 섞인 고지혈증약", Some(Several), "고지혈증약"),
            ("아세트아미노펜만 들어 있는 해열제", Some(Single), "아세트아미노펜 해열제"),
            ("성분 하나만 든 두통약", Some(Single), "두통약"),
            ("복합성분 위장약", Some(Several), "위장약"),
            ("이부프로펜하고 아세트아미노펜 두 가지 성분을 같이 먹어도 되나요", None, ""),
            ("복합제를 먹고 있는데 두통약", None, "복합제를 먹고 있는데 두통약"),
            ("고혈압약 단일제와 복합제의 차이", None, ""),
            ("복합 비타민", None, "복합 비타민"),
            ("이 성분 하나 알려줘", None, "이 성분 하나 알려줘"),
        ] {
            let question = Question::read(text);
            assert_eq!(question.combination.map(|found| found.value), value, "{text}");
            assert!(rest.is_empty() || question.rest == rest, "{text}: {}", question.rest);
            assert!(question.excluded.is_empty(), "{text}");
        }
    }
}
