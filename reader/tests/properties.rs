//! No text may bring the reader to a panic, to spans outside of the text, or to more than linear time.

use std::time::Instant;

use proptest::prelude::*;
use reader::{MAX_CHARS, Question, form_of, ingredients_of, strengths_of};

/// Pieces that the lexica react to, to be put together at random.
const PIECES: &[&str] = &[
    "임산부",
    "가",
    "먹으면",
    "안",
    "되는",
    "먹어도",
    "되나요",
    "약",
    "시럽",
    "정",
    "겔",
    "파스",
    "500",
    "mg",
    "밀리",
    "/",
    "5",
    "mL",
    "%",
    "카페인",
    "없는",
    "말고",
    "무",
    "타이레놀",
    "로사르탄",
    "칼륨",
    "대신",
    "제네릭",
    "같이",
    "랑",
    "술",
    "3살",
    "아이",
    "개월",
    "처방",
    "없이",
    "종근당",
    "혈압",
    "올리는",
    "지 않",
    "는",
    " ",
    "  ",
    ",",
    "?",
    "㎎",
    "５",
    "\u{1100}",
    "\u{1161}",
    "\u{11a8}",
    "ㅋ",
    "ㅏ",
    "\u{301}",
    "\u{200b}",
    "\0",
    "ﬁ",
    "½",
    "e\u{301}",
    "İ",
    "ß",
    "👩‍👩‍👧",
    "\u{fdfa}",
    "만",
    "백",
    ".",
    "-",
    "(",
    "[",
    "1.2.3",
    "999999999999999999999",
    "오백",
    "염산",
    "돌",
    "non-",
    "without",
    "鎭咳",
    "劑",
    "不",
    "藥",
    "advil",
    "Gabapentin",
    "losartan potassium",
    "instead of ",
    "head",
    "ache",
    "gamgi",
    "yak",
    "xkdlfpshf",
    "rkarl",
    "ㅅㅛㅣ두ㅐㅣ",
    "ㅅㅅ",
    "폭풍",
    "PPI",
    "BB",
    "타이래놀",
    "아세트아미노팬",
    "인싸돌",
    "ﬀ",
    "K",
];

fn check(text: &str) {
    let question = Question::read(text);
    let length = text.chars().count();
    let json = serde_json::to_value(&question).unwrap();
    check_spans(&json, text, length);
    assert!(question.strengths.iter().all(|found| found.value.amount.is_finite()));
    form_of(text);
    ingredients_of(text);
    assert!(strengths_of(text).iter().all(|strength| strength.amount.is_finite()));
}

/// Every span lies in the text and is that of its words.
fn check_spans(value: &serde_json::Value, text: &str, length: usize) {
    match value {
        serde_json::Value::Array(values) => values.iter().for_each(|value| check_spans(value, text, length)),
        serde_json::Value::Object(fields) => {
            if let (Some(span), Some(words)) = (fields.get("span"), fields.get("words")) {
                let at = |name: &str| span[name].as_u64().unwrap() as usize;
                let (start, end) = (at("start"), at("end"));
                assert!(start < end && end <= length, "{text:?}: {span}");
                let there: String = text.chars().skip(start).take(end - start).collect();
                assert_eq!(words.as_str(), Some(there.as_str()));
            }
            fields.values().for_each(|value| check_spans(value, text, length));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "\\PC{0,80}") {
        check(&text);
    }

    #[test]
    fn any_bytes(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn pieces_of_questions(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        check(&pieces.concat());
    }

    #[test]
    fn decomposed_jamo_read_the_same(pieces in prop::collection::vec(prop::sample::select(&PIECES[..40]), 0..12)) {
        use unicode_normalization::UnicodeNormalization;
        let text: String = pieces.concat().nfc().collect();
        let decomposed: String = text.nfd().collect();
        let values = |question: Question| (question.forms.len(), question.dur.len(), question.excluded.len(), question.strengths.len());
        prop_assert_eq!(values(Question::read(&text)), values(Question::read(&decomposed)));
    }
}

#[test]
fn the_end_of_a_long_text_is_not_read_but_kept() {
    let text = format!("{} 시럽", "가 ".repeat(MAX_CHARS));
    let question = Question::read(&text);
    assert!(question.truncated && question.forms.is_empty());
    assert!(question.rest.ends_with("시럽"));
}

#[test]
fn the_longest_text_is_read_in_bounded_time() {
    for text in [
        "임산부가먹으면안되는".repeat(1000),
        "0".repeat(100_000),
        "염산".repeat(50_000),
        "a".repeat(100_000),
        "5/".repeat(50_000),
        "먹어도 ".repeat(20_000),
        "藥鎭".repeat(50_000),
        "gamgiyak ".repeat(20_000),
        "yakyak".repeat(20_000),
        "head ache ".repeat(20_000),
        "rkarldir".repeat(20_000),
        "ㅅㅛ".repeat(50_000),
        "아세트아미노".repeat(20_000),
        "아세트아미노팬 ".repeat(20_000),
    ] {
        Question::read("");
        let start = Instant::now();
        Question::read(&text);
        assert!(start.elapsed().as_secs_f64() < 2.0, "{:?} for {}", start.elapsed(), &text[..10]);
    }
}
