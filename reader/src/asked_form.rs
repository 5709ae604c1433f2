//! Forms that a question asks for or refuses; not those that were only used before (`연고 발라도 안 나아요`).

use std::ops::Range;
use std::sync::OnceLock;

use crate::cues::{Cues, Hit};
use crate::exclusion;
use crate::form::{Form, form_of};
use crate::names::{Mention, NameKind};
use crate::strength::Measured;
use crate::text::Text;

pub(crate) struct AskedForm {
    pub range: Range<usize>,
    pub form: Form,
    pub excluded: bool,
    pub confidence: f64,
}

pub(crate) fn find(text: &Text<'_>, mentions: &[Mention], measured: &[Measured]) -> Vec<AskedForm> {
    static CUES: OnceLock<Cues> = OnceLock::new();
    let cues = CUES.get_or_init(|| Cues::new(include_str!("../lexica/forms.tsv")));
    let mut found: Vec<AskedForm> = attached(text, mentions);
    for hit in cues.find(text) {
        let within = |mention: &Mention| {
            mention.name.kind != NameKind::Class
                && mention.range.start < hit.range.end
                && hit.range.start < mention.range.end
        };
        if mentions.iter().any(within) || !is_form(text, &hit, mentions, measured) {
            continue;
        }
        // `챔프 시럽 대신`: the product is replaced, its form is not refused.
        let of_product = mentions.iter().any(|mention| mention.range.end == hit.range.start)
            && text.longest(hit.range.end, "대신|대체").is_some();
        let excluded = exclusion::around(text, &hit.range, NameKind::Form).filter(|_| !of_product);
        let other = if excluded.is_none() { of_one_of_two(text, &hit.range) } else { None };
        let contrasted = other.is_some();
        let excluded = excluded.or(other);
        let range = excluded.clone().unwrap_or(hit.range.clone());
        let situation = hit.value == "oral" && text.preceded_by(hit.range.start, SITUATION);
        if excluded.is_none() && is_history(text, &hit) {
            continue;
        }
        if let Some(form) = Form::from_code(hit.value.trim_end_matches('?')) {
            let confidence = if contrasted {
                0.8
            } else if hit.value.ends_with('?') || situation {
                0.0
            } else if hit.value == "oral" {
                0.8
            } else {
                0.95
            };
            found.push(AskedForm { range, form, excluded: excluded.is_some(), confidence });
        }
    }
    // `먹는 거` asks for a form only against another: `주사 말고 먹는 거`.
    let contrast = found.iter().any(|asked| asked.excluded);
    found.retain(|asked| asked.confidence > 0.0 || contrast && !asked.excluded);
    found.iter_mut().filter(|asked| asked.confidence == 0.0).for_each(|asked| asked.confidence = 0.8);
    // `귀에 넣는 물약`: a liquid, but none to drink.
    let elsewhere = found.iter().any(|asked| !asked.excluded && !asked.form.is_a(Form::Oral));
    found.retain(|asked| asked.excluded || asked.form != Form::OralLiquid || !elsewhere);
    if found.iter().any(|asked| !asked.excluded && asked.form.is_a(Form::Vaginal)) {
        found.retain(|asked| asked.excluded || asked.form != Form::Suppository);
    }
    most_specific(found)
}

/// `먹는 무좀약 말고 바르는 무좀약`: up to the end of what refuses the form, and not the kind.
fn of_one_of_two(text: &Text<'_>, range: &Range<usize>) -> Option<Range<usize>> {
    const REFUSED: &str = "말고|말구|빼고|제외|아니고";
    const LONGEST: usize = 8;
    let class = range.end..text.word_end(range.end + 1);
    let at = (class.start + 2..=text.len().min(class.end))
        .find(|&at| at - class.start <= LONGEST && text.longest(at, REFUSED).is_some())?;
    let word = text.slice(class.start..at);
    let again = || (at..text.len()).any(|i| text.starts(i) && text.follows(i, &word));
    (word.ends_with(['약', '제']) && text.starts(range.end) && again())
        .then(|| range.start..text.word_end(at + text.longest(at, REFUSED).unwrap_or(0)))
}

/// `감기 걸렸을 때 먹는 약` asks for no form; `무좀 먹는 약` does.
const SITUATION: &str = "\
    때|에|면|데|서|려고|후|전|뒤|날|까지|마다|번|동안|중에|로|게|고|이|가|은|는|께서|매일|자주|계속|회|분이|으로|도|만|씩|래|다가|오래|같이|함께|미리|주로|보통|많이|원래|지금|요즘|평생|엄마|\
    아이|아기|사람|할머니|환자|급히|아침|저녁|식후|식전|공복";

/// Forms that are written onto a name: `후시딘연고`.
fn attached(text: &Text<'_>, mentions: &[Mention]) -> Vec<AskedForm> {
    mentions
        .iter()
        .filter_map(|mention| mention.form.clone())
        .filter(|range| text.slice(range.clone()) != "액")
        .filter_map(|range| {
            let form = form_of(&format!("이름{}", text.slice(range.clone())))?;
            Some(AskedForm { range, form, excluded: false, confidence: 0.9 })
        })
        .collect()
}

/// Without the families of what is asked for as well: `코에 뿌리는 스프레이`.
fn most_specific(found: Vec<AskedForm>) -> Vec<AskedForm> {
    let keep: Vec<bool> = (0..found.len())
        .map(|i| {
            !found.iter().enumerate().any(|(j, other)| {
                let same = other.form == found[i].form;
                other.excluded == found[i].excluded && j != i && other.form.is_a(found[i].form) && (!same || j < i)
            })
        })
        .collect();
    let mut keep = keep.into_iter();
    found.into_iter().filter(|_| keep.next().unwrap_or(true)).collect()
}

fn is_form(text: &Text<'_>, hit: &Hit, mentions: &[Mention], measured: &[Measured]) -> bool {
    const COMPOUNDS: &[(&str, &str, &str)] = &[
        ("크림", "아이스|선|썬|휘핑|생|핸드|수분|영양|커피", "빵|치즈|스파게티|파스타"),
        ("파스", "", "퇴르|타|텔|칼|님"),
        ("캡슐", "커피|타임", "커피|호텔|내시경"),
        ("시럽", "메이플|초코|커피|콘|옥수수|바닐라", ""),
        ("스프레이", "헤어", "건"),
        ("패치", "업데이트|핫", "노트"),
        ("로션", "바디|스킨|선|썬|보습", ""),
        (
            "주사",
            "예방|생애|조영제",
            "위|바늘|기|코|피부|염|비|자국|실|놓|자리|맞은|치료|맞고|요법|부위|통증|공포|가무서",
        ),
        ("물약", "콧|눈|국|진|찬", ""),
        ("안약", "불|동|보", ""),
        ("연고", "", "지"),
        ("산제", "제", ""),
        ("수액", "척|체|나무", ""),
        ("젤리", "로얄|로열|바셀린", ""),
        ("점적", "", "주입속도"),
        ("가루", "꽃|밀|먼지|돌|고춧", "낭|설탕"),
        ("바르는", "", "선크림|화장"),
        ("링거", "", "액"),
        ("샴푸", "", "하고|하면|할때|해도|후|질"),
        ("관장", "", "해도|하고|했|하기|하려|할"),
        ("바를", "이", ""),
        ("흡입", "지방|연기", "한|했|하고|했는데"),
    ];
    let word = text.slice(hit.range.clone());
    let compound = COMPOUNDS.iter().any(|(form, before, behind)| {
        word == *form && (text.preceded_by(hit.range.start, before) || text.longest(hit.range.end, behind).is_some())
    });
    // `바를 좋아하며`, `ER`: forms only where it is about drugs.
    const APPLIED: &str = "수|약|연고|크림|거|것|걸|로션|만한|제품|때|용|겔|젤";
    let abbreviation = word.len() <= 3 && word.is_ascii();
    if word == "바를" && text.longest(hit.range.end, APPLIED).is_none()
        || abbreviation && mentions.is_empty() && measured.is_empty()
    {
        return false;
    }
    if word == "마시는" {
        const OTHER_DRINKS: &str = "을|를|술|물|커피|많이";
        let next = text.slice(hit.range.end..text.word_end(hit.range.end + 1));
        let drug = ["약", "제", "거", "것", "걸로", "거로", "액", "건", "게"]
            .iter()
            .any(|end| crate::particles::bare(&next).ends_with(end));
        return drug && !text.preceded_by(hit.range.start, OTHER_DRINKS);
    }
    let near = mentions
        .iter()
        .map(|m| m.range.end)
        .chain(measured.iter().map(|m| m.range.end))
        .any(|end| end == hit.range.start);
    // One syllable is a form only next to a name or a strength: `프레드니솔론 5mg 정`, not `정 안 되면`.
    let said = || text.longest(hit.range.end, "제형|형태|타입|으로된|로된").is_some();
    let number_before = hit.range.start > 0 && text.chars[hit.range.start - 1].is_ascii_digit();
    let gel = word == "겔" || word == "젤" && (text.precedes(hit.range.start, "바르는") || hit.range.end == text.len());
    // `씹어 먹으면 안 되는`: what must not be done with it.
    if word.ends_with('먹') && text.longest(hit.range.end, "으면|어도|지말|지마|기").is_some() {
        return false;
    }
    if word.starts_with("먹는") && text.preceded_by(hit.range.start, "못|안") {
        return false;
    }
    !compound && (hit.range.len() > 1 || near || number_before || gel || said())
}

/// Whether the form was used before, and is not what is asked for.
fn is_history(text: &Text<'_>, hit: &Hit) -> bool {
    const PARTICLES: &str = "를|을|도|만|은|는|제를|제|약을|약|약도|를한번|이나|까지|로";
    const USED: &str = "\
        발라도|바르고|바르니|발랐|바르다|바르면|바르는데|바른|발라서|발라봐도|발라봤|붙여도|붙이고|붙였|붙인|붙이면|붙여봐도|먹어도|먹고|먹었|먹은|먹다|먹는데|먹으면|먹였|먹여도|먹으니|먹어서|넣어도|\
        넣고|넣었|넣은|넣으니|넣다가|뿌려도|뿌리고|뿌렸|뿌리니|써도|쓰고|썼|쓰다|붙이다|쓰는데|쓰면|맞아도|맞고|맞은|맞았|맞으|맞기|맞다|맞아서|맞는데|맞아야|맞을때|맞히고|맞혔|때문|부작용|과다|해도|\
        했는데|하고|삼키다|달고|투여후|투여중|투여한|빼고나서|끊";
    const ALLOWED: &str = "되|돼|될|괜찮|좋|안되|안돼|안될|큰일|무방|있는|안전";
    let at = hit.range.end;
    let history = |at: usize| text.longest(at, USED).is_some_and(|length| text.longest(at + length, ALLOWED).is_none());
    // `물약만 먹는데`: what is taken is what is asked for.
    let only = text.follows(at, "만");
    let behind_particle = || text.longest(at, PARTICLES).is_some_and(|length| history(at + length));
    !only && (history(at) || behind_particle())
}
