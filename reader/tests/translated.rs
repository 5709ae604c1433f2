//! Questions in other scripts, other languages, slang and with slips: what is left of them in plain Korean, and what was understood.

use std::collections::BTreeMap;

use reader::{Name, Question};

fn fields(question: &Question) -> Vec<String> {
    let name = |name: &Name| format!("{}:{}", name.kind.code(), name.name);
    let mut fields = Vec::new();
    fields.extend(question.forms.iter().map(|found| format!("form={}", found.value.code())));
    fields.extend(question.strengths.iter().map(|found| format!("strength={}", found.value)));
    fields.extend(question.ingredients.iter().map(|found| format!("ingredient={}", found.value.name)));
    fields.extend(question.classes.iter().map(|found| format!("class={}", found.value.name)));
    fields.extend(question.brands.iter().map(|found| format!("brand={}", found.value.name)));
    fields.extend(question.status.iter().map(|found| format!("status={}", found.value.code())));
    fields.extend(question.age.iter().map(|found| match found.value.months {
        Some(months) if months % 12 == 0 => format!("age={}/{}y", found.value.group.code(), months / 12),
        Some(months) => format!("age={}/{months}m", found.value.group.code()),
        None => format!("age={}", found.value.group.code()),
    }));
    fields.extend(question.excluded.iter().map(|found| format!("not={}", name(&found.value))));
    fields.extend(question.substitution.iter().map(|found| format!("substitute={}", name(&found.value.of))));
    fields.extend(
        question.dur.iter().map(|found| format!("dur={}:{}", found.value.kind.code(), found.value.direction.code())),
    );
    fields.sort();
    fields
}

#[test]
fn questions_in_other_words() {
    let mut voices: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for line in include_str!("translated.tsv").lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [voice, text, rest, expected] = columns[..] else { panic!("{line}") };
        let mut expected: Vec<&str> = expected.split("; ").filter(|field| !field.is_empty()).collect();
        expected.sort_unstable();
        let question = Question::read(text);
        let right = question.rest == rest && fields(&question) == expected;
        if !right {
            println!(
                "{text}\n    expected {rest} | {expected:?}\n    read     {} | {:?}",
                question.rest,
                fields(&question)
            );
        }
        let (all, good) = voices.entry(voice).or_default();
        *all += 1;
        *good += usize::from(right);
    }
    let (mut all, mut good) = (0, 0);
    for (voice, (of, right)) in voices {
        println!("{voice:<12} {right:>3} of {of}");
        all += of;
        good += right;
    }
    assert!(good as f64 >= 0.95 * all as f64, "{good} of {all}");
}

#[test]
fn what_was_translated_is_told() {
    let question = Question::read("  ＡＤＶＩＬ 말고 鎭痛劑 시럽");
    let told: Vec<_> = question
        .translated
        .iter()
        .map(|found| (found.words.as_str(), found.value.as_str(), found.span.start, found.span.end))
        .collect();
    assert_eq!(told, [("ＡＤＶＩＬ", "애드빌", 2, 7), ("鎭痛劑", "진통제", 11, 14)]);
    assert_eq!(question.rest, "진통제");
    assert_eq!(question.excluded[0].words, "ＡＤＶＩＬ 말고");
    assert_eq!(question.forms[0].words, "시럽");
    let json = serde_json::to_value(&question).unwrap();
    assert_eq!(json["translated"][1]["span"]["start"], 11);
    assert!(serde_json::to_value(Question::read("두통약")).unwrap().get("translated").is_none());
}

#[test]
fn safety_is_read_in_other_scripts() {
    for text in ["妊婦 禁忌 진통제", "임산부가 먹으면 안 되는 painkiller"] {
        let question = Question::read(text);
        assert_eq!(fields(&question), ["dur=pregnancy:forbidden"], "{text}");
        assert_eq!(question.rest, "진통제");
    }
}

#[test]
fn a_slip_is_a_candidate_of_the_callers() {
    let question = Question::read("타이레롤 대신");
    assert_eq!(question.substitution.unwrap().value.of.name, "타이레놀");
    assert!(question.candidates.iter().any(|found| found.value == "타이레롤"));
    let known = Question::read_with("타이레롤 대신", &|word| word == "타이레롤");
    assert_eq!(known.substitution.unwrap().value.of.name, "타이레롤");
}

#[test]
fn plain_korean_stays() {
    let questions = include_str!("questions/plain.tsv").lines();
    let plain = questions.filter(|text| !text.contains(|c: char| c.is_ascii_alphabetic()));
    for text in plain {
        let question = Question::read(text);
        assert!(question.translated.is_empty(), "{text}: {:?}", question.translated);
    }
}

/// The products that a class of drugs names.
#[test]
fn a_class_is_met_by_its_ingredients() {
    use reader::Row;
    let row = Row { name: "가나정", ingredients: "란소프라졸", ..Row::default() };
    let met = |text: &str, row: Row<'_>| {
        let facts = row.facts();
        Question::read(text).conditions().into_iter().map(|condition| condition.met(&facts)).collect::<Vec<_>>()
    };
    assert_eq!(met("PPI", row), [Some(true)]);
    assert_eq!(met("PPI 말고 위장약", row), [Some(false)]);
    assert_eq!(met("ARB", row), [Some(false)]);
    assert_eq!(met("사르탄 계열", Row { ingredients: "로사르탄칼륨", ..row }), [Some(true)]);
    assert_eq!(met("스타틴 먹는 중인데 감기약", row), []);
}
