//! Efficacy text (효능) cut into the phrases by which people ask: `속쓰림`, `인후통`.

/// Words of the form's prose that name no complaint.
const PROSE: &[&str] = &[
    "다음",
    "증상",
    "질환",
    "제증상",
    "여러증상",
    "여러가지증상",
    "완화",
    "개선",
    "치료",
    "예방",
    "보조치료",
    "보조요법",
    "경우",
    "기타",
    "이하",
    "주효능",
    "효능",
    "효과",
    "주효능·효과",
    "성인",
    "소아",
    "환자",
    "증상의완화",
    "증상의개선",
    "다음증상",
    "다음질환",
    "시",
    "등",
    "다음경우",
    "다음질환및증상",
    "한함",
    "동통",
    "통증",
    "유효균종",
    "적응증",
    "외",
    "원인",
    "상태",
    "발생",
    "필요",
    "투여",
    "사용",
    "요법",
    "부작용",
    "의한",
    "임신",
    "수유기",
    "병후",
    "병중",
    "노년기",
    "발육기",
    "효과는다음과같다",
    "증상의진통",
    "춥고떨리는",
    "외상",
    "인후",
    "목구멍",
    "허리",
    "수술후",
    "산욕기",
    "임신ㆍ수유기",
    "소염",
    "진통",
    "해열",
    "항염",
    "보급",
    "보조",
    "급성",
    "만성",
    "감염",
    "염증",
    "여러증상",
];

/// The phrases of an efficacy text, without repetition, in order. A phrase is 2-14 characters and at most three words.
pub fn phrases(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let cuts = |c: char| {
        matches!(
            c,
            ',' | ';'
                | ':'
                | '·'
                | '•'
                | '-'
                | '/'
                | '('
                | ')'
                | '['
                | ']'
                | '.'
                | '\n'
                | '\r'
                | '、'
                | 'ㆍ'
                | '○'
                | '*'
                | '◦'
                | '▪'
        ) || ('①'..='⑳').contains(&c)
    };
    for part in text.split(cuts) {
        for part in part.split(" 및 ").flat_map(|p| p.split(" 또는 ")) {
            let phrase = trim_prose(part);
            let length = phrase.chars().count();
            let squeezed: String = phrase.chars().filter(|c| !c.is_whitespace()).collect();
            let hangul = phrase.chars().filter(|c| ('가'..='힣').contains(c)).count();
            let fits = (2..=14).contains(&length) && phrase.split_whitespace().count() <= 3 && hangul * 3 >= length * 2;
            if fits && !PROSE.contains(&squeezed.as_str()) && !found.contains(&phrase) {
                found.push(phrase);
            }
        }
    }
    found
}

/// Drops numbering and the prose words around a complaint: `급성 감기의 치료` -> `급성 감기`.
fn trim_prose(part: &str) -> String {
    let mut words: Vec<&str> = part.split_whitespace().collect();
    while words
        .first()
        .is_some_and(|w| w.chars().all(|c| c.is_ascii_digit() || c.is_ascii_punctuation()) || PROSE.contains(w))
    {
        words.remove(0);
    }
    if words.first().is_some_and(|w| matches!(*w, "의" | "이" | "와" | "과")) {
        words.remove(0);
    }
    let tail = |w: &str| PROSE.contains(&w) || ["완화", "치료", "개선", "예방", "보조치료", "증상"].contains(&w);
    while words.last().is_some_and(|w| tail(w)) {
        words.pop();
    }
    let mut phrase = words.join(" ");
    for particle in ["으로 인한", "에 의한", "로 인한", "에서의", "에서", "에의", "의", "을", "를", "에", "시"]
    {
        if let Some(stem) = phrase.strip_suffix(particle).filter(|s| s.chars().count() >= 2) {
            phrase = stem.trim().to_owned();
            break;
        }
    }
    phrase
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_without_the_prose() {
        assert_eq!(
            phrases("감기의 제증상(여러증상)(콧물, 코막힘, 인후(목구멍)통, 기침)의 완화"),
            ["감기", "콧물", "코막힘", "기침"]
        );
        assert_eq!(phrases("위산과다, 속쓰림, 신트림"), ["위산과다", "속쓰림", "신트림"]);
        assert_eq!(phrases("1. 다음 질환의 치료 : 급성 위염"), ["위염"]);
    }
}
