//! Dosage forms and routes, from the form column (제형코드명) where there is one, else from the name's end.

use super::strength;
use std::collections::BTreeSet;

pub type Forms = BTreeSet<&'static str>;

/// Words of the form column.
const COLUMN: &[(&str, &[&str])] = &[
    ("서방", &["extended_release"]),
    ("스팬슐", &["extended_release", "capsule"]),
    ("장용", &["enteric"]),
    ("구강붕해필름", &["film"]),
    ("구강붕해정", &["odt", "tablet"]),
    ("추어블정", &["chewable", "tablet"]),
    ("발포정", &["effervescent", "tablet"]),
    ("설하정", &["sublingual", "tablet"]),
    ("분산정", &["dispersible", "tablet"]),
    ("트로키", &["troche"]),
    ("박칼정", &["buccal"]),
    ("질정", &["vaginal_tablet"]),
    ("질연질캡슐", &["vaginal_tablet"]),
    ("질좌제", &["vaginal_tablet"]),
    ("껌", &["gum"]),
    ("흡입제", &["inhaler"]),
    ("분무제", &["nasal_spray"]),
    ("첩부제", &["patch"]),
    ("연질캡슐", &["softgel", "capsule"]),
    ("캡슐", &["capsule"]),
    ("산제", &["powder"]),
    ("정", &["tablet"]),
];

/// Ends of names, the longer before what they end in. `액` alone is told by what it is for.
const ENDS: &[(&str, &[&str])] = &[
    ("구강붕해정", &["odt", "tablet"]),
    ("구강용해필름", &["film"]),
    ("구강붕해필름", &["film"]),
    ("츄어블정", &["chewable", "tablet"]),
    ("츄어블", &["chewable", "tablet"]),
    ("추어블정", &["chewable", "tablet"]),
    ("추어정", &["chewable", "tablet"]),
    ("츄정", &["chewable", "tablet"]),
    ("저작정", &["chewable", "tablet"]),
    ("발포정", &["effervescent", "tablet"]),
    ("설하정", &["sublingual", "tablet"]),
    ("서방정", &["extended_release", "tablet"]),
    ("서방캡슐", &["extended_release", "capsule"]),
    ("장용정", &["enteric", "tablet"]),
    ("장용캡슐", &["enteric", "capsule"]),
    ("장용성캡슐", &["enteric", "capsule"]),
    ("질연질캡슐", &["vaginal_tablet"]),
    ("질정", &["vaginal_tablet"]),
    ("질좌제", &["vaginal_tablet"]),
    ("질크림", &["cream", "vaginal_cream"]),
    ("연질캡슐", &["softgel", "capsule"]),
    ("연질캅셀", &["softgel", "capsule"]),
    ("캡슐", &["capsule"]),
    ("캅셀", &["capsule"]),
    ("트로키", &["troche"]),
    ("트로키제", &["troche"]),
    ("트로치", &["troche"]),
    ("껌", &["gum"]),
    ("필름", &["film"]),
    ("점안액", &["eye_drops"]),
    ("점안현탁액", &["eye_drops"]),
    ("점안제", &["eye_drops"]),
    ("점안겔", &["eye_drops"]),
    ("관장약", &["enema"]),
    ("점이액", &["ear_drops"]),
    ("점비액", &["nasal_spray"]),
    ("비액", &["nasal_spray"]),
    ("나잘스프레이", &["nasal_spray"]),
    ("노즈스프레이", &["nasal_spray"]),
    ("코스프레이", &["nasal_spray"]),
    ("비강분무액", &["nasal_spray"]),
    ("나잘스프레이액", &["nasal_spray"]),
    ("인후스프레이액", &["mouth_spray"]),
    ("인후스프레이", &["mouth_spray"]),
    ("구강스프레이", &["mouth_spray"]),
    ("목스프레이", &["mouth_spray"]),
    ("가글액", &["gargle"]),
    ("가글", &["gargle"]),
    ("가글용액", &["gargle"]),
    ("가글링", &["gargle"]),
    ("가글링액", &["gargle"]),
    ("구강액", &["gargle"]),
    ("스프레이액", &["spray"]),
    ("스프레이", &["spray"]),
    ("에어로솔", &["spray"]),
    ("에어로졸", &["spray"]),
    ("네일라카", &["nail_lacquer"]),
    ("라카", &["nail_lacquer"]),
    ("건조시럽", &["syrup", "powder"]),
    ("시럽", &["syrup"]),
    ("현탁액", &["suspension"]),
    ("내복액", &["liquid"]),
    ("엘릭서", &["liquid"]),
    ("로션", &["lotion"]),
    ("로오션", &["lotion"]),
    ("로숀", &["lotion"]),
    ("로오숀", &["lotion"]),
    ("크림", &["cream"]),
    ("크림제", &["cream"]),
    ("연고", &["ointment"]),
    ("플라스타", &["patch"]),
    ("플라스터", &["patch"]),
    ("플라스트", &["patch"]),
    ("카타플라스마", &["patch"]),
    ("카타플라즈마", &["patch"]),
    ("첩부제", &["patch"]),
    ("파스", &["patch"]),
    ("파프", &["patch"]),
    ("패취", &["patch"]),
    ("패치", &["patch"]),
    ("겔", &["gel"]),
    ("젤", &["gel"]),
    ("좌제", &["suppository"]),
    ("좌약", &["suppository"]),
    ("관장액", &["enema"]),
    ("관장", &["enema"]),
    ("흡입용캡슐", &["inhaler"]),
    ("흡입액", &["inhaler"]),
    ("에보할러", &["inhaler"]),
    ("터부헬러", &["inhaler"]),
    ("샴푸액", &["shampoo"]),
    ("샴푸", &["shampoo"]),
    ("외용액", &["topical_liquid"]),
    ("외용산", &["topical_powder"]),
    ("주사액", &["injection"]),
    ("주사제", &["injection"]),
    ("주사", &["injection"]),
    ("주사용", &["injection"]),
    ("주", &["injection"]),
    ("수액", &["injection"]),
    ("주바이알", &["injection"]),
    ("주프리필드시린지", &["injection"]),
    ("프리필드펜", &["injection"]),
    ("과립", &["granule"]),
    ("엑스과립", &["granule"]),
    ("세립", &["granule"]),
    ("산", &["powder"]),
    ("산제", &["powder"]),
    ("환", &["pill"]),
    ("정", &["tablet"]),
    ("액", &["liquid"]),
];

/// Words of names that say more than the `액` behind them: `나잘스프레이액`.
const BEFORE_ENDS: &[(&str, &[&str])] = &[
    ("점안", &["eye_drops"]),
    ("나잘", &["nasal_spray"]),
    ("비강", &["nasal_spray"]),
    ("점비", &["nasal_spray"]),
    ("점이", &["ear_drops"]),
    ("인후스프레이", &["mouth_spray"]),
    ("구강스프레이", &["mouth_spray"]),
    ("목스프레이", &["mouth_spray"]),
    ("가글", &["gargle"]),
    ("관장", &["enema"]),
];

/// Words of names that decide though they do not end it.
const WITHIN: &[(&str, &[&str])] = &[
    ("플라스타", &["patch"]),
    ("카타플라스마", &["patch"]),
    ("패취", &["patch"]),
    ("패치", &["patch"]),
    ("트로키", &["troche"]),
    ("츄어블", &["chewable", "tablet"]),
    ("현탁액", &["suspension"]),
    ("시럽", &["syrup"]),
    ("좌제", &["suppository"]),
    ("좌약", &["suppository"]),
    ("연고", &["ointment"]),
    ("크림", &["cream"]),
    ("연질캡슐", &["softgel", "capsule"]),
    ("캡슐", &["capsule"]),
    ("주사", &["injection"]),
    ("과립", &["granule"]),
    ("스프레이", &["spray"]),
    ("겔", &["gel"]),
];

const ON_SKIN: &[&str] = &[
    "무좀",
    "백선",
    "피부",
    "상처",
    "창상",
    "벌레",
    "타박상",
    "어깨결림",
    "탈모",
    "티눈",
    "사마귀",
    "여드름",
    "화상",
    "살균",
    "소독",
    "땀",
];

/// The forms of a product; none where neither column nor name tells.
pub fn of(column: &str, name: &str, efficacy: &str) -> Forms {
    if !column.is_empty() {
        return of_column(column);
    }
    let plain = plain(name);
    let first = BEFORE_ENDS.iter().find(|(word, _)| plain.contains(word));
    let end = || ENDS.iter().find(|(end, _)| plain.ends_with(end));
    let found = first.or_else(end).or_else(|| WITHIN.iter().find(|(word, _)| plain.contains(word)));
    let mut forms: Forms = found.map(|(_, forms)| forms.iter().copied().collect()).unwrap_or_default();
    if forms.contains("liquid") && ON_SKIN.iter().any(|word| efficacy.contains(word)) {
        forms = Forms::from(["topical_liquid"]);
    }
    if forms.contains("ointment") && ["결막", "각막", "안검", "다래끼"].iter().any(|word| efficacy.contains(word))
    {
        forms = Forms::from(["eye_ointment"]);
    }
    forms
}

fn of_column(column: &str) -> Forms {
    let mut forms = Forms::new();
    for (word, more) in COLUMN {
        // Capsules filled with tablets or powder are capsules.
        let filling = matches!(*word, "정" | "산제" | "장용") && (column.contains("캡슐") || !forms.is_empty());
        if column.contains(word) && (!filling || (*word == "장용" && !column.contains("과립"))) {
            forms.extend(more.iter());
        }
    }
    if forms == Forms::from(["extended_release"])
        || forms == Forms::from(["enteric"])
        || forms.len() == 2 && forms.is_subset(&Forms::from(["extended_release", "enteric"]))
    {
        forms.insert(if column.contains("캡슐") { "capsule" } else { "tablet" });
    }
    forms
}

/// The name up to its first parenthesis, without numbering before it, strengths, and numbers behind it.
fn plain(name: &str) -> String {
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ' ');
    let plain: String = name.split(['(', '[']).next().unwrap_or(name).chars().filter(|c| !c.is_whitespace()).collect();
    let plain = strength::without(&plain);
    plain.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation()).to_owned()
}

/// The part of a name that says the form; empty if none does.
pub fn end_of(name: &str) -> &'static str {
    let plain = plain(name);
    ENDS.iter().find(|(end, _)| plain.ends_with(end)).map_or("", |(end, _)| end)
}

/// Where the drug goes; empty if unknown.
pub fn route(forms: &Forms, efficacy: &str) -> &'static str {
    const ROUTES: &[(&str, &[&str])] = &[
        ("eye", &["eye_drops", "eye_ointment"]),
        ("ear", &["ear_drops"]),
        ("nose", &["nasal_spray"]),
        ("mouth", &["gargle", "mouth_spray", "troche", "buccal"]),
        ("vaginal", &["vaginal_tablet", "vaginal_cream"]),
        ("rectal", &["suppository", "enema"]),
        ("injected", &["injection"]),
        ("inhaled", &["inhaler"]),
        (
            "topical",
            &[
                "patch",
                "cream",
                "ointment",
                "lotion",
                "topical_liquid",
                "topical_powder",
                "nail_lacquer",
                "shampoo",
                "spray",
                "gel",
            ],
        ),
        (
            "oral",
            &[
                "tablet",
                "capsule",
                "syrup",
                "suspension",
                "liquid",
                "powder",
                "granule",
                "chewable",
                "film",
                "gum",
                "pill",
            ],
        ),
    ];
    let found = ROUTES.iter().find(|(_, of)| forms.iter().any(|f| of.contains(f))).map_or("", |(route, _)| route);
    if found == "topical" && forms.contains("gel") && efficacy.contains("위산") { "oral" } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(column: &str, name: &str) -> Vec<&'static str> {
        of(column, name, "").into_iter().collect()
    }

    #[test]
    fn forms_come_from_the_column_or_the_name() {
        assert_eq!(forms("서방성필름코팅정", "가나정"), ["extended_release", "tablet"]);
        assert_eq!(forms("경질캡슐제, 산제", "가나캡슐"), ["capsule"]);
        assert_eq!(forms("서방성캡슐제, 펠렛", "가나캡슐"), ["capsule", "extended_release"]);
        assert_eq!(forms("", "마바액5%(사아자)"), ["liquid"]);
        assert_eq!(forms("", "마바플라스타"), ["patch"]);
        assert_eq!(forms("", "가나20%포도당주사액"), ["injection"]);
        assert_eq!(forms("", "가나8시간서방정650밀리그램(다라)"), ["extended_release", "tablet"]);
        assert_eq!(forms("", "가나연질캡슐"), ["capsule", "softgel"]);
        assert_eq!(forms("", "1. 마바인후스프레이액(사아)"), ["mouth_spray"]);
        assert_eq!(route(&of("", "마바액5%", "발가락의 무좀"), ""), "topical");
    }
}
