//! What a drug is taken together with: `와파린이랑 같이`, `혈압약 먹는 중인데`.

use std::ops::Range;

use serde::Serialize;

use crate::names::{Mention, Name, NameKind};
use crate::strength;
use crate::text::Text;

/// The drugs, or drug and food, that meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// One or two names; of one, the partners are asked for.
    pub names: Vec<Name>,
}

/// Verbs of taking, and how they end where a drug is being taken already: `먹는 환자`, `복용 중`; not `먹어도`.
const VERBS: &str =
    "먹|묵|잡수|드시|복용|복용하|쓰|사용|사용하|맞|바르|투여|투여하|투여받|투약|투약하|처방받|붙이|넣|달고";
const GOING_ON: &str = "\
    는|고|던|은뒤|은후|은날|은지|은사람|은환자|으면서|면서|중|환자|자|후|시|신뒤|신후|신날|한뒤|한후|한지|을때|할때|실때|았|었|아서|어서";
const PRESCRIBED: &str = "처방나왔|처방이나왔|처방나와|처방받|처방됐|처방되어|받아|타왔|타와";
const WITH: &str = "이랑|랑|하고|와|과|및|+|이나|에다|한테";
const DRINKING: &str = "마시|마셔|이랑|랑|하고|와|과|한잔|마신|마실";

/// The mention that is being taken already, or that something is to be taken with.
pub(crate) fn taken(text: &Text<'_>, mentions: &[Mention]) -> Option<Range<usize>> {
    mentions.iter().find_map(|mention| {
        let end = behind(text, &mention.range)?;
        let complaint = mention.name.kind == NameKind::Food && is_complaint(text, end);
        (!complaint).then_some(mention.range.start..end)
    })
}

/// `우유 먹고 체했는데`: what came of it.
fn is_complaint(text: &Text<'_>, at: usize) -> bool {
    const COMPLAINTS: &str = "체했|체한|체해|체하|배탈|탈났|탈이|설사|토했|토하|토해|두드러기|식중독|속이|속쓰|속쓰려|배가|머리|알레르기|알러지|가려|취했|취해|숙취|뻗|필름|나서체|나서배|나서속";
    const REACH: usize = 3;
    (at..text.len().min(at + REACH)).any(|at| text.longest(at, COMPLAINTS).is_some())
}

/// `itraconazole contraindicated statin`, `할로페리돌 금기 항생제`: a drug before the word and something else behind it.
pub(crate) fn beside_contraindication(text: &Text<'_>, mentions: &[Mention]) -> Option<Range<usize>> {
    const WORDS: &str = "contraindicated|contraindications|금기인|금기|상극인|상극";
    const ASKED: &str = "인가|인지|이야|야|예요|에요|여부|사항|확인|증|질환|맞|있|?|가|는|은|로|이";
    const SHORTEST: usize = 2;
    mentions.iter().filter(|m| matches!(m.name.kind, NameKind::Ingredient | NameKind::Brand)).find_map(|mention| {
        let at = mention.range.end;
        let end = at + text.longest(at, WORDS)?;
        (text.len() >= end + SHORTEST && text.longest(end, ASKED).is_none()).then_some(mention.range.start..at)
    })
}

/// End of the words around a mention that make it a companion, behind its strength if that is said.
fn behind(text: &Text<'_>, range: &Range<usize>) -> Option<usize> {
    let at = end_of_amount(text, range.end);
    let object = text.longest(at, "을|를|도|은|는|제를|제|약을|약|씩|정|주사|주사를|나|이나");
    let places = [0].into_iter().chain(object).map(|length| at + length);
    let korean = places.clone().find_map(|at| going_on(text, at));
    let drinking = || places.clone().find_map(|at| text.longest(at, DRINKING).map(|length| at + length));
    korean.or_else(drinking).or_else(|| is_behind_english(text, range.start).then_some(range.end))
}

fn going_on(text: &Text<'_>, at: usize) -> Option<usize> {
    let verbs = VERBS.split('|').filter(|verb| text.follows(at, verb)).map(|verb| at + verb.chars().count());
    let taking = verbs.filter_map(|end| text.longest(end, GOING_ON).map(|length| end + length)).max();
    taking.or_else(|| text.longest(at, PRESCRIBED).map(|length| at + length))
}

/// `50mg`, `20밀리`, `100` between a name and its verb.
pub(crate) fn end_of_amount(text: &Text<'_>, at: usize) -> usize {
    let Some((_, end)) = strength::number(text, at) else { return at };
    end + text.longest(end, "mg|밀리그램|밀리그람|밀리|미리|마이크로그램|mcg|g|%|퍼센트").unwrap_or(0)
}

/// `with warfarin`, `taking warfarin`, `on warfarin`.
fn is_behind_english(text: &Text<'_>, start: usize) -> bool {
    const WORDS: [&str; 6] = ["with", "taking", "takes", "take", "on", "using"];
    text.starts(start) && WORDS.iter().any(|word| text.precedes(start, word) && text.starts(start - word.len()))
}

/// Indices of the names of a pair, in a question about taking things together.
pub(crate) fn members(text: &Text<'_>, mentions: &[Mention]) -> Vec<usize> {
    let joined = |mention: &Mention| {
        behind(text, &mention.range).is_some()
            || text.longest(mention.range.end, WITH).is_some()
            || text
                .longest(
                    mention.range.end,
                    "같이|함께|동시에|을같이|를같이|을함께|를함께|병용|도같이|섞어|를동시에|을동시에|복용|먹어도|을먹어도|를먹어도",
                )
                .is_some()
    };
    let drug = |mention: &Mention| matches!(mention.name.kind, NameKind::Ingredient | NameKind::Brand);
    let other = |mention: &Mention| matches!(mention.name.kind, NameKind::Class | NameKind::Food) && joined(mention);
    mentions.iter().enumerate().filter(|(_, m)| !m.used && (drug(m) || other(m))).map(|(i, _)| i).take(2).collect()
}

#[cfg(test)]
mod tests {
    use crate::Question;

    /// Names of the pair, and the ingredients of its brands.
    fn pair(text: &str) -> Vec<String> {
        let names = Question::read(text).pair.map_or_else(Vec::new, |found| found.value.names);
        let told =
            |name: &crate::Name| [name.name.clone()].into_iter().chain(name.ingredient.clone()).collect::<Vec<_>>();
        names.iter().flat_map(told).collect()
    }

    #[test]
    fn names_of_brands_substances_and_herbs() {
        for (text, names) in [
            ("피모짓과 병용금기인 항생제", vec!["피모짓"]),
            ("피모지드 먹는 사람이 피해야 할 약", vec!["피모짓"]),
            ("세인트존스초랑 같이 먹으면 안 되는 피임약", vec!["성요한풀"]),
            ("노레보원이랑 같이 먹으면 안 되는 약", vec!["노레보", "레보노르게스트렐"]),
            ("아모잘탄 먹는데 같이 먹으면 안 되는 진통제", vec!["아모잘탄", "로사르탄+암로디핀"]),
            ("석류즙이랑 같이 먹으면 안 되는 약", vec!["석류"]),
            ("우유 먹고 체했는데 먹어도 되는 소화제", vec![]),
        ] {
            assert_eq!(pair(text), names, "{text}");
        }
    }
}
