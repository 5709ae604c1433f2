//! What is not wanted: `카페인 없는`, `주사 말고`, `무알코올`, `페니실린 알레르기`.

use std::ops::Range;

use crate::names::NameKind;
use crate::text::Text;

/// The words that exclude a name or a form in `range`, if any: a range over both.
pub(crate) fn around(text: &Text<'_>, range: &Range<usize>, kind: NameKind) -> Option<Range<usize>> {
    before(text, range).or_else(|| behind(text, range, kind))
}

fn before(text: &Text<'_>, range: &Range<usize>) -> Option<Range<usize>> {
    const KOREAN: &str = "무|노|디";
    const ENGLISH: &str = "without|withno|non-|freeof|no|notcontaining";
    let word = text.word_start(range.start.saturating_sub(1));
    let korean = KOREAN
        .split('|')
        .find(|word| text.precedes(range.start, word) && !text.starts(range.start))
        .map(|_| range.start - 1);
    let english = ENGLISH
        .split('|')
        .filter(|word| text.precedes(range.start, word) && text.starts(range.start - word.len()))
        .map(|word| range.start - word.len())
        .min();
    let start = korean.filter(|start| *start == word).or(english)?;
    Some(start..range.end)
}

fn behind(text: &Text<'_>, range: &Range<usize>, kind: NameKind) -> Option<Range<usize>> {
    const BETWEEN: &str = "\
        거|것|걸|건|걱정|부담|이걱정|걱정이|이|가|은|는|을|를|도|성분이|성분은|성분|성분을|계열|계열은|계열이|계열을|제|제가|제는|제를|이나|들어간거|든거|든것|들어간것|들어있는거|들어간약|든약|류|\
        류는|약|약은|약을|같은거|로된거|형태|으로된거|제품|제품은|제제|계|-|들어간건|함유|함유제품|이들어간거|이든거|가든거|이들어간약|가들어간약|이든약|가든약|이나그런거|하나도|전혀|이전혀|이하나도|\
        맞는거|먹는거|바르는거|붙이는거|타입";
    const NOT: &str = "\
        없는|없이|없고|말고|빼고|뺀|빼주|빼줘|빼놓고|제외|아닌|외에|이외|안든|안들어간|안들어있|안들어가|안들은|안들었|들지않|들어있지않|들어가지않|들어있지|들지안|불포함|미포함|미함유|무첨가|안쓰는|\
        안쓴|들어있으면안|들어가면안|들면안|들어있음안|있으면안|이면안|포함되면안|섞이면안|됐고|됐어|됐구|됐으니|사절|관두고|패스하고|필요없고|없었으면|없으면좋|없으면해|없어야|아니었으면|질색|거르고|안프리|프리|free|-free|포함되지않|포함하지않|포함안|함유되지않|함유하지않|함유안|섞이지않|안섞인|안넣은|넣지않은|피하고싶|피해서|싫|아니고|아니라|안들어간|0%|제로|빠진|안쓰고|대신에말고|\
        사양";
    // An allergy to a form is an intolerance of it: 알약을 못 삼키는.
    const REFUSED: &str = "\
        못먹|못삼|못드|삼키지못|삼키기힘|삼키기어려|잘못먹|먹기힘|먹기싫|무서|거부|안먹으려|못넘|목에걸|넘기기힘|넘기기어려|힘들어|삼키는걸|잘못삼|잘못드|뱉|삼킬수없|먹을수없|안먹는아이|삼키질못|먹지못|\
        못쓰는|못쓰";
    const ALLERGY: &str =
        "알레르기|알러지|에알레르기|에알러지|과민|에과민|부작용이있|쇼크|못먹는사람|못먹는|못드시는|에부작용";
    const REACTION: &str = "먹으면두드러기|먹고두드러기|들어가면두드러기";
    const NO_ALLERGY: &str =
        "알레르기약|알레르기비염|알레르기치료|알레르기에|알레르기용|알레르기성|알러지약|알러지비염|알레르기결막";
    // `없는데 대신`: it is out of stock, not refused.
    const LACKING: &str = "안들어서|안들어요|안듣|없는데|없어서|없으면|없을때|없대";
    let is_form = kind == NameKind::Form;
    let between = [0].into_iter().chain(text.longest(range.end, BETWEEN)).chain(
        text.longest(range.end, BETWEEN)
            .and_then(|first| text.longest(range.end + first, BETWEEN).map(|second| first + second)),
    );
    for length in between {
        let at = range.end + length;
        if text.longest(at, LACKING).is_some() && text.longest(at, "없으면좋|없으면해").is_none() {
            return None;
        }
        let allergy = || text.longest(at, ALLERGY).filter(|_| text.longest(at, NO_ALLERGY).is_none());
        let reaction = || text.longest(at, REACTION).filter(|_| kind != NameKind::Class);
        let refused = || if is_form { text.longest(at, REFUSED) } else { allergy().or_else(reaction) };
        let instead = || is_form.then(|| text.longest(at, "대신")).flatten();
        if let Some(length) = text.longest(at, NOT).or_else(refused).or_else(instead) {
            return Some(range.start..text.word_end(at + length));
        }
    }
    let taken = matches!(kind, NameKind::Ingredient | NameKind::Brand | NameKind::Class);
    taken.then(|| unable(text, range)).flatten()
}

/// `아스피린은 위가 아파서 못 먹는데`, `이부프로펜은 먹기만 하면 두드러기가 나서`: a reason stands between.
fn unable(text: &Text<'_>, range: &Range<usize>) -> Option<Range<usize>> {
    const TOPIC: &str = "계열은|계열이|계열을|성분은|성분이|성분을|제제는|은|는|을|를|이|가|만";
    const REACTION: &str = "못먹|못드|못써|못쓰|못맞|못바르|안맞아|안맞는데|안맞으|안받아|안받는|알레르기|알러지|두드러기|부작용|쇼크|탈이나|탈나|속이뒤집";
    const SO: &str = "는데|어요|고|니까|니|어서|아서|나서|라|겠|습니|네요|가있|이있|있어|있는|있음|으니|요|어,";
    const REACH: usize = 14;
    let from = range.end + text.longest(range.end, TOPIC)?;
    for at in from..text.len().min(from + REACH) {
        if matches!(text.chars[at], ',' | '.' | '?' | '!') {
            return None;
        }
        let Some(length) = text.longest(at, REACTION).filter(|_| text.starts(at)) else { continue };
        let end = at + length;
        return text.longest(end, SO).map(|_| range.start..text.word_end(end));
    }
    None
}

/// `그거 말고`, behind what it stands for.
pub(crate) fn anaphora(text: &Text<'_>) -> Option<Range<usize>> {
    const THAT: &str =
        "그거|그것|그건|그약|이거|이것|이건|이약|요거|고거|그런거|그런건|그런약|저거|그성분|이성분|그계열|그쪽";
    const NOT: &str = "말고|빼고|제외|아닌|아니고|말구|빼구|외에|없는";
    (0..text.len()).filter(|&at| text.starts(at)).find_map(|at| {
        let end = at + text.longest(at, THAT)?;
        let end = end + text.longest(end, "는|은|를|을|만").unwrap_or(0);
        Some(at..end + text.longest(end, NOT)?)
    })
}
