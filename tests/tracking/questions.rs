//! `drug_search` reads the question: what was asked for comes first, DUR lists decide on safety, and a list never means the reverse.

use postgres::Client;
use server_tests::{Test, World, assert_error, column, database, value};

use crate::{backfill, notices};

pub const TESTS: &[Test] = &[
    ("constraints_come_first", constraints_come_first),
    ("what_no_column_tells_is_said", what_no_column_tells_is_said),
    ("no_list_means_the_reverse", no_list_means_the_reverse),
    ("lists_decide_on_safety", lists_decide_on_safety),
    ("ages_are_groups_of_patients", ages_are_groups_of_patients),
    ("pairs_are_read_both_ways", pairs_are_read_both_ways),
    ("a_column_of_kinds_will_do", a_column_of_kinds_will_do),
    ("substitutes_have_the_same_ingredients", substitutes_have_the_same_ingredients),
    ("attributes_are_named", attributes_are_named),
    ("letters_are_of_one_form", letters_are_of_one_form),
];

/// Invented products in the columns of MFDS's permit list.
const PRODUCTS: &str = "
    CREATE TABLE drug (item_seq text PRIMARY KEY, item_name text, item_eng_name text, entp_name text, etc_otc_code text,
                       main_item_ingr text, form_code_name text);
    INSERT INTO drug VALUES
    ('1', '가나콜정500밀리그램(아세트아미노펜)', 'Ganacol Tab.', '(주)종근당', '일반의약품', '[M1]아세트아미노펜', '정제'),
    ('2', '가나콜정160밀리그램(아세트아미노펜)', 'Ganacol Tab.', '(주)종근당', '일반의약품', '[M1]아세트아미노펜', '정제'),
    ('3', '어린이다라시럽(아세트아미노펜)', 'Dara Syrup', '한미약품(주)', '일반의약품', '[M1]아세트아미노펜', '시럽제'),
    ('4', '마바펜정200밀리그램(이부프로펜)', 'Mabafen Tab.', '한미약품(주)', '일반의약품', '[M2]이부프로펜', '정제'),
    ('5', '마바펜시럽(이부프로펜)', 'Mabafen Syrup', '한미약품(주)', '일반의약품', '[M2]이부프로펜', '시럽제'),
    ('6', '사아정(아세트아미노펜, 카페인무수물)', 'Saa Tab.', '(주)종근당', '일반의약품', '[M1]아세트아미노펜|[M3]카페인무수물', '정제'),
    ('7', '자차정5밀리그램(와파린나트륨)', 'Jacha Tab.', '제일약품(주)', '전문의약품', '[M4]와파린나트륨', '정제'),
    ('8', '카타정5밀리그램(엽산)', 'Kata Tab.', '제일약품(주)', '일반의약품', '[M5]엽산', '정제'),
    ('9', '파하정(클로르페니라민말레산염)', 'Paha Tab.', '제일약품(주)', '일반의약품', '[M6]클로르페니라민말레산염', '정제'),
    ('10', '거너연고(히드로코르티손)', 'Geoneo Oint.', '제일약품(주)', '일반의약품', '[M7]히드로코르티손', '연고제')";

/// A list by product, by ingredient, and pairs one way.
const LIST: &str = "
    SELECT drugembed.create_dur_list('public.dur');
    INSERT INTO dur (kind, item_seq, ingredient, grade, reason) VALUES
    ('pregnancy', '4', '이부프로펜', '2', '태아 동맥관 조기 폐쇄'), ('pregnancy', '5', '이부프로펜', '2', '태아 동맥관 조기 폐쇄'),
    ('pregnancy', NULL, '와파린', '1', '기형 유발');
    INSERT INTO dur (kind, item_seq, ingredient, partner_item_seq, partner_ingredient, reason) VALUES
    ('combination', '4', '이부프로펜', '7', '와파린', '출혈 위험'), ('combination', '5', '이부프로펜', '7', '와파린', '출혈 위험');
    INSERT INTO dur (kind, item_seq, ingredient, months_below, reason) VALUES ('age', '9', '클로르페니라민', 24, '2세 미만')";

fn drugs(world: &World, name: &str, list: bool) -> Client {
    let mut client = database(&world.server, name);
    client.batch_execute("CREATE EXTENSION pg_trgm").expect("pg_trgm");
    client.batch_execute(PRODUCTS).expect("products");
    client.batch_execute("SELECT drugembed.track('drug', 'item_name')").expect("track");
    backfill(&mut client, "drug");
    if list {
        client.batch_execute(LIST).expect("a list");
        let setting = format!(
            "ALTER DATABASE {name} SET drugembed.dur_list = 'public.dur'; SET drugembed.dur_list = 'public.dur'"
        );
        client.batch_execute(&setting).expect("the setting");
    }
    client
}

/// Numbers of the rows found, in their order.
fn found(client: &mut Client, question: &str) -> Vec<String> {
    column(client, &format!("SELECT key->>'item_seq' FROM drug_search('drug', '{question}')"))
}

#[track_caller]
fn assert_first(client: &mut Client, question: &str, wanted: &[&str]) {
    let found = found(client, question);
    let mut first = found[..wanted.len().min(found.len())].to_vec();
    first.sort();
    assert_eq!(first, wanted, "{question}: {found:?}");
}

/// All rows found, in any order.
#[track_caller]
fn assert_only(client: &mut Client, question: &str, wanted: &[&str]) {
    let mut found = found(client, question);
    found.sort();
    assert_eq!(found, wanted, "{question}");
}

fn constraints_come_first(world: &World) {
    let mut client = drugs(world, "constraints", false);
    assert_first(&mut client, "열 내리는 시럽", &["3", "5"]);
    assert_first(&mut client, "아세트아미노펜 500밀리", &["1"]);
    assert_first(&mut client, "아세트아미노펜 0.5g", &["1"]);
    assert_first(&mut client, "한미약품 두통약", &["3", "4", "5"]);
    assert_first(&mut client, "전문의약품", &["7"]);
    assert_first(&mut client, "아세트아미노펜 복합제", &["6"]);
    assert_first(&mut client, "아세트아미노펜만 든 약", &["1", "2", "3"]);
    assert_first(&mut client, "ganacol", &["1", "2"]);
    let without = found(&mut client, "카페인 없는 두통약");
    assert!(!without.contains(&"6".to_owned()), "{without:?}: what was refused never comes");
    let drowsy = found(&mut client, "안 졸린 콧물약");
    assert!(!drowsy.contains(&"9".to_owned()), "{drowsy:?}");
    let matched = "SELECT matched::text FROM drug_search('drug', '아세트아미노펜 시럽', 2) ORDER BY score DESC";
    let matched = column(&mut client, matched);
    assert!(matched[0].contains(r#""met": true, "asked": "syrup""#) && !matched[0].contains("false"), "{matched:?}");
    assert!(matched[1].contains("false"), "{matched:?}: what a row misses is said");
    let plain = "SELECT bool_and(matched = '[]') FROM drug_search('drug', '아세트아미노펜 시럽', read => false)";
    assert_eq!(value(&mut client, plain), "t");
    let scores = "SELECT bool_and(a >= b) FROM (SELECT score AS a, lead(score, 1, 0::float8) OVER () AS b FROM drug_search('drug', '아세트아미노펜 시럽')) s";
    assert_eq!(value(&mut client, scores), "t", "scores fall");
    client
        .batch_execute("UPDATE drug SET form_code_name = '시럽제', item_name = '가나콜시럽' WHERE item_seq = '1'")
        .expect("UPDATE");
    backfill(&mut client, "drug");
    assert_first(&mut client, "열 내리는 시럽", &["1", "3", "5"]);
}

fn what_no_column_tells_is_said(world: &World) {
    let mut client = drugs(world, "untold", false);
    client
        .batch_execute("ALTER TABLE drug DROP COLUMN entp_name")
        .expect("no dependency keeps a column that goes by its name");
    let said = notices(world, "untold", "SELECT * FROM drug_search('drug', '종근당 두통약')");
    assert!(said.iter().any(|text| text.contains("종근당") && text.contains("nothing in table")), "{said:?}");
    assert_eq!(found(&mut client, "종근당 두통약").len(), 10);
    let said = notices(world, "untold", "SELECT * FROM drug_search('drug', '두통약')");
    assert_eq!(said, Vec::<String>::new());
}

fn no_list_means_the_reverse(world: &World) {
    let mut client = drugs(world, "unlisted", false);
    for question in [
        "임산부가 복용하면 안 되는 약은?",
        "임산부가 먹어도 되는 진통제",
        "와파린이랑 같이 먹으면 안 되는 약",
        "수유부가 먹으면 안 되는 감기약",
        "노인이 먹으면 안 되는 약",
    ] {
        let said = notices(world, "unlisted", &format!("SELECT * FROM drug_search('drug', '{question}')"));
        assert!(said.iter().any(|text| text.contains("there is no DUR list")), "{question}: {said:?}");
        assert_eq!(found(&mut client, question), Vec::<String>::new(), "{question}");
    }
    let plain = "SELECT count(*) FROM drug_search('drug', '임산부가 먹어도 되는 진통제', read => false)";
    assert_eq!(value(&mut client, plain), "10");
}

fn lists_decide_on_safety(world: &World) {
    let mut client = drugs(world, "listed", true);
    assert_only(&mut client, "임산부가 복용하면 안 되는 약은?", &["4", "5", "7"]);
    assert_first(&mut client, "임산부가 먹으면 안 되는 시럽", &["5"]);
    assert_only(&mut client, "임산부가 먹어도 되는 해열진통제", &["1", "10", "2", "3", "6", "8", "9"]);
    let said = notices(world, "listed", "SELECT * FROM drug_search('drug', '임산부가 먹어도 되는 진통제')");
    assert!(said.iter().any(|text| text.contains("no proof of safety")), "{said:?}");
    let why = "SELECT matched::text FROM drug_search('drug', '임산부가 먹으면 안 되는 시럽', 1)";
    let why = value(&mut client, why);
    assert!(why.contains("태아 동맥관 조기 폐쇄") && why.contains(r#""grade": "2""#), "{why}");
    // A kind that the list has nothing of is not told by the others.
    let said = notices(world, "listed", "SELECT * FROM drug_search('drug', '수유부가 먹으면 안 되는 약')");
    assert!(said.iter().any(|text| text.contains("no entry for it: no row is given")), "{said:?}");
    assert_only(&mut client, "10개월 아기가 먹으면 안 되는 약", &["9"]);
    let child = found(&mut client, "10개월 아기 콧물약");
    assert!(!child.contains(&"9".to_owned()), "{child:?}: listed for that age");
    // Names stay names: a list that is gone is an error, not an answer.
    client.batch_execute("DROP TABLE dur").expect("DROP TABLE");
    assert_error(&mut client, "SELECT drug_search('drug', '임산부가 먹어도 되는 진통제')", "42P01", "dur");
}

fn ages_are_groups_of_patients(world: &World) {
    let mut client = drugs(world, "ages", true);
    client
        .batch_execute(
            "INSERT INTO dur (kind, item_seq, ingredient, months_from, months_below, reason) VALUES
             ('age', '4', '이부프로펜', NULL, 144, '12세 미만'), ('age', '7', '와파린', 228, NULL, '19세 이상')",
        )
        .expect("more ages");
    assert_only(&mut client, "12세 미만이 먹으면 안 되는 약", &["4", "9"]);
    assert_only(&mut client, "두 돌 지난 아기가 먹으면 안 되는 약", &["4"]);
    assert_only(&mut client, "12세 이상이 먹으면 안 되는 약", &["7"]);
    assert_only(
        &mut client,
        "13세 이상 18세 이하가 먹어도 되는 약",
        &["1", "10", "2", "3", "4", "5", "6", "7", "8", "9"],
    );
    assert_only(&mut client, "12세 이상이 먹어도 되는 약", &["1", "10", "2", "3", "4", "5", "6", "8", "9"]);
    for question in ["두 돌 안 된 아기가 먹어도 되는 약", "12세 미만 콧물약"] {
        let allowed = found(&mut client, question);
        assert!(!allowed.is_empty() && !allowed.iter().any(|row| row == "4" || row == "9"), "{question}: {allowed:?}");
    }
    let age = "SELECT drug_question('12세 미만 감기약')->'age'->'value'";
    assert_eq!(value(&mut client, age), r#"{"group": "child", "months": 144, "months_below": 144}"#);
}

fn pairs_are_read_both_ways(world: &World) {
    let mut client = drugs(world, "pairs", true);
    assert_only(&mut client, "와파린이랑 같이 먹으면 안 되는 약", &["4", "5"]);
    assert_only(&mut client, "이부프로펜과 병용금기인 약", &["7"]);
    assert_only(&mut client, "자차정 먹고 있는데 같이 먹으면 안 되는 약", &["4", "5"]);
    let allowed = found(&mut client, "와파린 먹는 중인데 먹어도 되는 진통제");
    assert!(
        !allowed.is_empty() && !allowed.contains(&"4".to_owned()) && !allowed.contains(&"5".to_owned()),
        "{allowed:?}"
    );
    let food = notices(world, "pairs", "SELECT * FROM drug_search('drug', '술이랑 같이 먹으면 안 되는 약')");
    assert!(food.iter().any(|text| text.contains("no row is given")), "{food:?}");
}

fn a_column_of_kinds_will_do(world: &World) {
    let mut client = drugs(world, "kinds", false);
    client
        .batch_execute(
            "ALTER TABLE drug ADD dur_type text; UPDATE drug SET dur_type = '임부금기,노인주의' WHERE item_seq IN ('4', '5');
             UPDATE drug SET dur_type = '용량주의' WHERE item_seq = '1'",
        )
        .expect("a column");
    backfill(&mut client, "drug");
    assert_only(&mut client, "임산부가 먹으면 안 되는 약", &["4", "5"]);
    assert_only(&mut client, "용량주의 약", &["1"]);
    let said = notices(world, "kinds", "SELECT * FROM drug_search('drug', '수유부가 먹으면 안 되는 약')");
    assert!(said.iter().any(|text| text.contains("no row is given")), "{said:?}");
}

fn substitutes_have_the_same_ingredients(world: &World) {
    let mut client = drugs(world, "instead", false);
    let of = |client: &mut Client, arguments: &str| {
        let mut found = column(client, &format!("SELECT key->>'item_seq' FROM drug_substitutes('drug', {arguments})"));
        found.sort();
        found
    };
    client
        .batch_execute("INSERT INTO drug VALUES ('11', '너더정500밀리그램(아세트아미노펜)', NULL, NULL, NULL, '아세트아미노펜', '정제'), ('12', '너더겔(아세트아미노펜)', NULL, NULL, NULL, '아세트아미노펜', '겔제')")
        .expect("more products");
    backfill(&mut client, "drug");
    assert_eq!(
        of(&mut client, "'가나콜정500밀리그램(아세트아미노펜)', 2"),
        ["11", "3"],
        "another brand, swallowed too"
    );
    assert_eq!(of(&mut client, "'가나콜정500밀리그램', 1, same_strength => true, same_form => true"), ["11"]);
    assert_first(&mut client, "가나콜 대신 먹을 같은 성분 약", &["11", "3"]);
    let said = notices(world, "instead", "SELECT * FROM drug_substitutes('drug', '없는약')");
    assert!(said.iter().any(|text| text.contains("does not tell the active ingredients")), "{said:?}");
    assert_eq!(of(&mut client, "'없는약'"), Vec::<String>::new());
    assert_error(&mut client, "SELECT drug_substitutes('drug', ' ')", "22023", "query is empty");
}

fn attributes_are_named(world: &World) {
    let mut client = database(&world.server, "named");
    client
        .batch_execute(
            "CREATE TABLE t (id int PRIMARY KEY, title text, kind_of text, maker text);
             INSERT INTO t VALUES (1, '가나콜', '시럽제', '한미약품'), (2, '다라콜', '정제', '종근당')",
        )
        .expect("a table");
    let track = |attributes: &str| format!("SELECT drugembed.track('t', 'title', attributes => '{attributes}')");
    for (attributes, sqlstate, part) in [
        (r#"{"colour": "title"}"#, "22023", "attribute \\\"colour\\\" is unknown"),
        (r#"["form"]"#, "22023", "attributes is not a JSON object"),
        (r#"{"form": 7}"#, "22023", "neither a string nor null"),
        (r#"{"form": "missing"}"#, "42703", "missing"),
        (r#"{"form": "to_char(now(), kind_of)"}"#, "42P17", "is not IMMUTABLE"),
    ] {
        assert_error(&mut client, &track(attributes), sqlstate, &part.replace('\\', ""));
    }
    client.batch_execute(&track(r#"{"name": "title", "form": "kind_of", "company": "lower(maker)"}"#)).expect("track");
    client.batch_execute("ALTER TABLE t RENAME kind_of TO shape").expect("PostgreSQL follows a column that is renamed");
    backfill(&mut client, "t");
    let first = |client: &mut Client, question: &str| {
        value(client, &format!("SELECT key->>'id' FROM drug_search('t', '{question}', 1)"))
    };
    assert_eq!(first(&mut client, "콜 시럽"), "1");
    assert_eq!(first(&mut client, "종근당 콜"), "2");
    // Who may not read a column that goes by its name is answered without it.
    client.batch_execute("ALTER TABLE t RENAME maker TO company; SELECT drugembed.untrack('t', keep => true); SELECT drugembed.track('t', 'title');
                          DROP ROLE IF EXISTS reader_of_titles; CREATE ROLE reader_of_titles; GRANT SELECT (id, title, embedding) ON t TO reader_of_titles").expect("a role");
    backfill(&mut client, "t");
    client.batch_execute("SET ROLE reader_of_titles").expect("SET ROLE");
    assert_eq!(column(&mut client, "SELECT key->>'id' FROM drug_search('t', '종근당 콜')").len(), 2);
    client.batch_execute("RESET ROLE; DROP OWNED BY reader_of_titles; DROP ROLE reader_of_titles").expect("RESET");
}

fn letters_are_of_one_form(world: &World) {
    let mut client = drugs(world, "letters", false);
    for question in ["가나콜정 ５００㎎", "GANACOL", "ｇａｎａｃｏｌ"] {
        let found = column(
            &mut client,
            &format!("SELECT key->>'item_seq' FROM drug_search('drug', '{question}', 2, 'lexical', read => false)"),
        );
        assert!(found.contains(&"1".to_owned()), "{question}: {found:?}");
    }
    let decomposed: String =
        "SELECT key->>'item_seq' FROM drug_search('drug', normalize('가나콜정', NFD), 2, 'lexical', read => false)"
            .to_owned();
    if world.server.connect("letters").query("SELECT normalize('a', NFD)", &[]).is_ok() {
        assert_eq!(column(&mut client, &decomposed).len(), 2);
    }
    // The store may hold any form as well.
    client.batch_execute("UPDATE drug SET item_name = '러머정５００㎎' WHERE item_seq = '8'").expect("UPDATE");
    let found = column(
        &mut client,
        "SELECT key->>'item_seq' FROM drug_search('drug', '러머정 500mg', 1, 'lexical', read => false)",
    );
    assert_eq!(found, ["8"]);
}
