//! Names taken apart: the salt-free key of an ingredient, the brand of a product, the ingredients in its parentheses.

/// Acid and base names that are salts' tails in Korean ingredient names, old (`말레인산염`) and new (`말레산염`) spelling.
const SALTS: &[&str] = &[
    "염산염",
    "이염산염",
    "삼염산염",
    "브롬화수소산염",
    "브로민화수소산염",
    "하이드로브로마이드",
    "말레산염",
    "말레인산염",
    "베실산염",
    "메실산염",
    "토실산염",
    "캄실산염",
    "에디실산염",
    "타르타르산염",
    "주석산염",
    "숙신산염",
    "호박산염",
    "푸마르산염",
    "시트르산염",
    "구연산염",
    "황산염",
    "인산염",
    "질산염",
    "아세트산염",
    "초산염",
    "옥살산염",
    "벤조산염",
    "글루콘산염",
    "락트산염",
    "젖산염",
    "파모산염",
    "히벤즈산염",
    "펜디조산염",
    "테오클산염",
    "나디실산염",
    "니코틴산염",
    "오로트산염",
    "아디프산염",
    "이세티온산염",
    "살리실산염",
    "아스파르트산염",
    "프로판디올",
    "나트륨",
    "이나트륨",
    "칼륨",
    "칼슘",
    "마그네슘",
    "아연",
    "스트론튬",
    "트로메타민",
    "트로메타몰",
    "아르기닌",
    "에르부민",
    "리신",
    "메글루민",
    "메독소밀",
    "실렉세틸",
    "아실레틸",
    "수화물",
    "반수화물",
    "일수화물",
    "이수화물",
    "삼수화물",
    "사수화물",
    "오수화물",
    "육수화물",
    "칠수화물",
    "1수화물",
    "2수화물",
    "2.5수화물",
    "3수화물",
    "무수물",
    "무수",
    "에탄올레이트",
    "제피세립",
    "과립",
    "미분화",
];
const OLD_PREFIXES: &[&str] = &[
    "염산",
    "구연산",
    "말레인산",
    "초산",
    "황산",
    "인산",
    "주석산",
    "푸마르산",
    "숙신산",
    "브롬화수소산",
    "메실산",
    "베실산",
    "무수",
];
/// What a metal is bound to in a plain mineral: stripping the metal would merge unlike minerals.
const MINERAL_STEMS: &[&str] = &[
    "탄산",
    "탄산수소",
    "황산",
    "인산",
    "인산수소",
    "질산",
    "붕산",
    "염화",
    "산화",
    "수산화",
    "글루콘산",
    "락트산",
    "젖산",
    "시트르산",
    "구연산",
    "판토텐산",
    "아스코르브산",
    "아스파르트산",
    "스테아르산",
    "요오드화",
    "브롬화",
    "불화",
    "규산",
    "알긴산",
];

/// The key under which salts and hydrates of one active ingredient meet: `아토르바스타틴칼슘삼수화물` -> `아토르바스타틴`.
pub fn ingredient_key(name: &str) -> String {
    let mut key: String =
        without_parentheses(name).chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    while let Some(shorter) = SALTS.iter().filter_map(|s| key.strip_suffix(s)).min_by_key(|k| k.len()) {
        if shorter.chars().count() < 3 || MINERAL_STEMS.contains(&shorter) {
            break;
        }
        key = shorter.to_owned();
    }
    for prefix in OLD_PREFIXES {
        if let Some(rest) = key.strip_prefix(prefix).filter(|r| r.chars().count() >= 3 && !r.ends_with("염")) {
            return rest.to_owned();
        }
    }
    key
}

/// The brand a product is asked for by: its name up to the strength or the first parenthesis, without spaces.
/// `리피논정80밀리그램(아토르바스타틴칼슘삼수화물)` -> `리피논정`.
pub fn brand(name: &str) -> String {
    let plain: String = without_parentheses(name).chars().filter(|c| !c.is_whitespace()).collect();
    let stem: String = plain.chars().take_while(|c| !c.is_ascii_digit()).collect();
    if stem.chars().count() >= 2 { stem } else { plain }
}

/// The name without its strength and parentheses but with its spaces, as people type it.
pub fn short_name(name: &str) -> String {
    let plain = without_parentheses(name);
    let stem: String = plain.chars().take_while(|c| !c.is_ascii_digit()).collect();
    if stem.trim().chars().count() >= 2 { stem.trim().to_owned() } else { plain.trim().to_owned() }
}

/// Tails of brands that say in which form a drug comes; longer ones first.
const DOSAGE_FORMS: &[&str] = &[
    "장용성캡슐",
    "서방캡슐",
    "연질캡슐",
    "필름코팅정",
    "구강붕해정",
    "현탁액",
    "서방정",
    "장용정",
    "점안액",
    "과립",
    "캡슐",
    "시럽",
    "크림",
    "연고",
    "좌약",
    "정",
    "액",
    "주",
    "산",
    "겔",
];

/// A brand without its dosage form, as people say it: `리피논정` -> `리피논`; one of which less than two syllables would stay is left.
pub fn stem(brand: &str) -> &str {
    let bare = DOSAGE_FORMS.iter().find_map(|form| brand.strip_suffix(form));
    bare.filter(|bare| bare.chars().count() >= 2).unwrap_or(brand)
}

/// The first number that follows the brand in a name: `트라디엠듀오정2.5/500밀리그램` -> `2.5/500`.
pub fn strength(name: &str) -> Option<String> {
    let plain: String = without_parentheses(name).chars().filter(|c| !c.is_whitespace()).collect();
    let rest = plain.strip_prefix(&brand(name))?;
    let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || "./".contains(*c)).collect();
    let number = number.trim_end_matches(['.', '/']);
    number.starts_with(|c: char| c.is_ascii_digit()).then(|| number.to_owned())
}

/// Drops every parenthesised part, nested ones too.
pub fn without_parentheses(name: &str) -> String {
    let mut depth = 0usize;
    name.chars()
        .filter(|&c| match c {
            '(' | '[' => {
                depth += 1;
                false
            }
            ')' | ']' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

/// Top-level parenthesised parts of a name, in order: candidates for its ingredients.
pub fn parenthesised(name: &str) -> Vec<String> {
    let (mut depth, mut parts, mut part) = (0usize, Vec::new(), String::new());
    for c in name.chars() {
        match c {
            '(' => {
                depth += 1;
                if depth > 1 {
                    part.push(c);
                }
            }
            ')' => {
                depth = depth.saturating_sub(1);
                if depth > 0 {
                    part.push(c);
                } else if !part.is_empty() {
                    parts.push(std::mem::take(&mut part));
                }
            }
            _ if depth > 0 => part.push(c),
            _ => {}
        }
    }
    parts
}

/// Splits `[M040702]포도당|[M040450]옥수수전분` (seed, details) or `아세트아미노펜/구아이페네신` (MFDS lists) into names.
pub fn ingredient_list(cell: &str) -> Vec<String> {
    let (cell, separators): (&str, &[char]) = if cell.contains("[M") { (cell, &['|']) } else { (cell, &['/', '|']) };
    cell.split(separators)
        .map(|part| part.trim().trim_start_matches('['))
        .map(|part| part.split_once(']').map_or(part, |(_, name)| name).trim())
        .filter(|name| !name.is_empty() && *name != "NULL")
        .map(str::to_owned)
        .collect()
}

/// Splits `[01140]해열.진통.소염제` into code and name.
pub fn coded(cell: &str) -> Option<(&str, &str)> {
    let (code, name) = cell.trim().strip_prefix('[')?.split_once(']')?;
    (code.len() == 5 && code.bytes().all(|b| b.is_ascii_digit())).then_some((code, name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salts_meet_and_minerals_stay_apart() {
        for name in ["아토르바스타틴칼슘삼수화물", "아토르바스타틴칼슘", "아토르바스타틴"]
        {
            assert_eq!(ingredient_key(name), "아토르바스타틴");
        }
        assert_eq!(ingredient_key("염산피리독신"), "피리독신");
        assert_eq!(ingredient_key("피리독신염산염"), "피리독신");
        assert_eq!(ingredient_key("탄산칼슘"), "탄산칼슘");
        assert_ne!(ingredient_key("탄산칼슘"), ingredient_key("탄산마그네슘"));
    }

    #[test]
    fn product_names() {
        assert_eq!(brand("리피논정80밀리그램(아토르바스타틴칼슘삼수화물)"), "리피논정");
        assert_eq!(brand("트라디엠듀오정2.5/500밀리그램"), "트라디엠듀오정");
        assert_eq!(stem("리피논정"), "리피논");
        assert_eq!(stem("타이레놀8시간이알서방정"), "타이레놀8시간이알");
        assert_eq!(stem("안정"), "안정");
        assert_eq!(strength("트라디엠듀오정2.5/500밀리그램").as_deref(), Some("2.5/500"));
        assert_eq!(strength("리피논정 80밀리그램(아토르바스타틴칼슘삼수화물)").as_deref(), Some("80"));
        assert_eq!(strength("판콜에이내복액"), None);
        assert_eq!(
            parenthesised("메디크라정(아목시실린·클라불란산칼륨(2:1))(수출용)"),
            ["아목시실린·클라불란산칼륨(2:1)", "수출용"]
        );
    }

    #[test]
    fn coded_lists() {
        assert_eq!(ingredient_list("[M040702]포도당|[M040450]옥수수전분"), ["포도당", "옥수수전분"]);
        assert_eq!(ingredient_list("아세트아미노펜/구아이페네신"), ["아세트아미노펜", "구아이페네신"]);
        assert_eq!(coded("[01140]해열.진통.소염제"), Some(("01140", "해열.진통.소염제")));
        assert_eq!(coded("해열제"), None);
    }
}
