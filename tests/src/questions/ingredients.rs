//! Active ingredients as the tables write them: taken from a column, or from the parentheses of a name, and compared.

/// Salts and finenesses before the name: `염산노르트립틸린`, `미분화에토돌락`.
const PREFIXES: &[&str] = &[
    "브롬화수소산",
    "황산수소",
    "말레인산",
    "푸마르산",
    "주석산",
    "숙신산",
    "호박산",
    "메실산",
    "베실산",
    "토실산",
    "히벤즈산",
    "구연산",
    "염산",
    "초산",
    "황산",
    "인산",
    "무수",
    "제피",
    "건조",
    "농축",
    "미분화",
    "미결정",
    "미세화",
    "미세",
    "펠렛형",
    "묽은",
    "희석",
];
/// Spellings of the tables, and the one of the questions.
const SPELLINGS: &[(&str, &str)] = &[
    ("올메사탄", "올메사르탄"),
    ("아테놀올", "아테놀롤"),
    ("네비보롤", "네비볼롤"),
    ("락툴로오즈", "락툴로오스"),
    ("설타미실린", "술타미실린"),
    ("설파메톡사졸", "술파메톡사졸"),
    ("톨터로딘", "톨테로딘"),
    ("우루소데", "우르소데"),
    ("우르소데스옥시", "우르소데옥시"),
    ("치옥트산", "티옥트산"),
    ("알티옥트산", "티옥트산"),
    ("이나보글리플로진", "에나보글리플로진"),
    ("치오콜치코시드", "티오콜치코시드"),
    ("멜로시캄", "멜록시캄"),
    ("로녹시캄", "로르녹시캄"),
    ("글리벤클라이드", "글리벤클라미드"),
    ("글리세오훌빈", "그리세오풀빈"),
    ("ㅣ-멘톨", "l-멘톨"),
    ("에스-판토프라졸", "에스판토프라졸"),
    ("사카로마이세스", "사카로미세스"),
    ("퓨시드산", "푸시드산"),
    ("베타-카로틴", "베타카로틴"),
    ("β-카로틴", "베타카로틴"),
    ("b-카로틴", "베타카로틴"),
    ("5-일질산이소소르비드", "일질산이소소르비드"),
    ("희질산이소소르비드", "질산이소소르비드"),
    ("염화트로스퓸", "트로스피움"),
    ("트로스퓸", "트로스피움"),
    ("염화트로스피움", "트로스피움"),
    ("염화옥시부티닌", "옥시부티닌"),
    ("칼슘폴리카르보필", "폴리카르보필"),
    ("철-아세틸", "철아세틸"),
    ("인디파미드", "인다파미드"),
    ("메칠-엔", "메칠-n"),
    ("메틸-n", "메칠-n"),
    ("베탁소롤", "베탁솔롤"),
    ("d-브롬페니라민", "브롬페니라민"),
    ("디엘염산메칠에페드린", "dl-메틸에페드린"),
    ("레르카르디핀", "레르카니디핀"),
];
/// Ends of parentheses that hold no ingredient.
const NOT_INGREDIENTS: &[&str] =
    &["맛", "향", "용", "내수", "캡슐", "정제", "일반", "전문", "밀리", "밀리그램", "환", "엑스제제"];

/// Spelling by which names are compared: no spaces, no parentheses, small letters.
pub fn key(name: &str) -> String {
    let mut depth = 0usize;
    let plain = name.chars().filter(|c| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0 && !c.is_whitespace()
    });
    let key: String = plain.flat_map(char::to_lowercase).collect();
    SPELLINGS.iter().fold(key, |key, (table, ours)| if key.contains(table) { key.replace(table, ours) } else { key })
}

/// Whether an ingredient's key is of the substance `asked`, salts and hydrates included; `a|b` asks for either spelling.
pub fn is(key: &str, asked: &str) -> bool {
    let mut bare = key;
    while let Some(shorter) = PREFIXES.iter().find_map(|prefix| bare.strip_prefix(prefix)) {
        bare = shorter;
    }
    asked.split('|').any(|asked| begins(key, asked) || begins(bare, asked))
}

/// Runs for every row and every ingredient asked: no allocation.
fn begins(key: &str, asked: &str) -> bool {
    key.as_bytes().get(..asked.len()).is_some_and(|head| head.eq_ignore_ascii_case(asked.as_bytes()))
}

/// The ingredients of a column such as `[M040702]포도당|[M..]..` or `A/B/C`.
pub fn list(cell: &str) -> Vec<String> {
    let separator = if cell.contains('|') { '|' } else { '/' };
    let name = |part: &str| part.rsplit(']').next().unwrap_or(part).trim().to_owned();
    cell.split(separator).map(name).filter(|n| !n.is_empty()).collect()
}

/// The ingredients in the last parentheses of a product's name that hold any.
pub fn in_name(name: &str) -> Vec<String> {
    let Some(part) = parentheses(name).into_iter().rfind(|part| holds_ingredients(part)) else { return Vec::new() };
    let parts = part.split(['·', ',', '/', 'ㆍ', '+', '및']).map(str::trim);
    parts.filter(|p| hangul(p) >= 2).map(str::to_owned).collect()
}

fn holds_ingredients(part: &str) -> bool {
    hangul(part) >= 3 && !part.contains("수출") && !NOT_INGREDIENTS.iter().any(|n| part.ends_with(n))
}

fn hangul(text: &str) -> usize {
    text.chars().filter(|c| ('가'..='힣').contains(c)).count()
}

/// Parts in outermost parentheses.
fn parentheses(name: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (i, c) in name.char_indices() {
        match c {
            '(' => {
                depth += 1;
                if depth == 1 {
                    start = i + 1;
                }
            }
            ')' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    parts.push(&name[start..i]);
                }
            }
            _ => {}
        }
    }
    parts
}

/// The name before its first parenthesis and strength, without spaces: `리피논정80밀리그램(...)` -> `리피논정`.
pub fn brand(name: &str) -> String {
    let plain: String = name.split('(').next().unwrap_or(name).chars().filter(|c| !c.is_whitespace()).collect();
    let stem: String = plain.chars().take_while(|c| !c.is_ascii_digit()).collect();
    if stem.chars().count() >= 2 { stem } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salts_and_old_spellings_are_the_same_substance() {
        assert!(is(&key("로사르탄칼륨"), "로사르탄"));
        assert!(is(&key("염산노르트립틸린"), "노르트립틸린"));
        assert!(is(&key("설트랄린염산염"), "서트랄린|설트랄린"));
        assert!(is(&key("L-멘톨"), "L-멘톨"));
        assert!(is(&key("무수염산파록세틴"), "파록세틴"));
        assert!(is(&key("올메사탄메독소밀"), "올메사르탄"));
        assert!(!is(&key("에스오메프라졸마그네슘"), "오메프라졸"));
        assert!(!is(&key("덱시부프로펜"), "이부프로펜"));
    }

    #[test]
    fn ingredients_stand_in_columns_and_names() {
        assert_eq!(list("[M040702]포도당|[M1]염화나트륨"), ["포도당", "염화나트륨"]);
        assert_eq!(
            in_name("가나정5/160밀리그램(암로디핀베실산염, 발사르탄)(수출명:Gana)"),
            ["암로디핀베실산염", "발사르탄"]
        );
        assert_eq!(in_name("가나시럽(딸기향)"), Vec::<String>::new());
    }
}
