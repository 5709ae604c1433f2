//! Lists of the drug utilisation review (DUR): made, found, loaded.

use postgres::Client;
use server_tests::{assert_error, column, database, error_of, value};

use crate::{Test, World};

pub const TESTS: &[Test] = &[
    ("list_is_made", list_is_made),
    ("list_is_found", list_is_found),
    ("list_is_loaded", list_is_loaded),
    ("loads_take_turns", loads_take_turns),
    ("nothing_is_loaded", nothing_is_loaded),
    ("many_pairs", many_pairs),
    ("documents_tell_kinds", documents_tell_kinds),
];

fn list_is_made(world: &World) {
    let mut client = database(&world.server, "dur_made");
    assert_eq!(value(&mut client, "SELECT drugembed.create_dur_list()"), "dur");
    assert_eq!(value(&mut client, "SELECT count(*) FROM pg_index WHERE indrelid = 'public.dur'::regclass"), "4");
    let bare = "SELECT attname FROM pg_attribute WHERE attrelid = 'dur'::regclass AND attnum > 0 AND col_description(attrelid, attnum) IS NULL";
    assert_eq!(column(&mut client, bare), Vec::<String>::new());
    let other = error_of(&mut client, "INSERT INTO dur (kind) VALUES ('other')");
    assert_eq!(other.constraint(), Some("dur_kind_check"));
    for (name, sqlstate, part) in [
        ("dur", "42P07", "already exists"),
        ("", "42602", "is not the name"),
        ("a.b.c", "42602", "is not the name"),
        ("a..b", "42602", "is not the name"),
        ("\"unclosed", "42602", "is not the name"),
    ] {
        assert_error(&mut client, &format!("SELECT drugembed.create_dur_list('{name}')"), sqlstate, part);
    }
    client.batch_execute("CREATE SCHEMA \"Drug; x\"; SET search_path = \"Drug; x\", public").expect("a schema");
    assert_eq!(value(&mut client, "SELECT drugembed.create_dur_list('\"My ''dur''\"')::text"), "\"My 'dur'\"");
    assert_eq!(value(&mut client, "SELECT drugembed.create_dur_list('public.Other')::text"), "other");
    // In its own schema first, although public has one of that name.
    assert_eq!(value(&mut client, "SELECT drugembed.create_dur_list()::oid <> 'public.dur'::regclass"), "t");
    client.batch_execute("SET search_path = ''").expect("SET");
    assert_error(&mut client, "SELECT drugembed.create_dur_list()", "3F000", "no schema");
    // The caller's rights alone; before 15 all may create in public.
    client.batch_execute("SET search_path = public; REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE dur_nobody; GRANT USAGE ON SCHEMA public TO dur_nobody; SET ROLE dur_nobody").expect("a role");
    let denied = client.batch_execute("SELECT drugembed.create_dur_list('denied')").expect_err("permission denied");
    assert_eq!(denied.code().map(|code| code.code().to_owned()).as_deref(), Some("42501"));
    client.batch_execute("RESET ROLE; DROP OWNED BY dur_nobody; DROP ROLE dur_nobody").expect("cleared up");
}

fn list_is_found(world: &World) {
    let mut client = database(&world.server, "dur_found");
    let found = "SELECT drugembed._dur_list()";
    assert_eq!(value(&mut client, found), "NULL");
    client.batch_execute("SET drugembed.dur_list = 'missing'").expect("SET");
    assert_error(&mut client, found, "42P01", "\"missing\"");
    client
        .batch_execute(
            "SELECT drugembed.create_dur_list('public.\"List\"'); SET drugembed.dur_list = 'public.\"List\"'",
        )
        .expect("a list");
    assert_eq!(value(&mut client, found), "public.\"List\"");
    client.batch_execute("ALTER TABLE \"List\" ADD note text, DROP source").expect("ALTER TABLE");
    assert_error(&mut client, found, "42809", "no column \"source\"");
    client.batch_execute("ALTER TABLE \"List\" ADD source varchar").expect("ALTER TABLE");
    assert_error(&mut client, found, "42809", "no column \"source\" of type text");
    client
        .batch_execute("CREATE VIEW public.seen AS SELECT * FROM \"List\"; SET drugembed.dur_list = seen")
        .expect("a view");
    assert_error(&mut client, found, "42809", "not a table");
    for wrong in ["a.b.c", "a..b", "\"a", "a b"] {
        assert_error(&mut client, &format!("SET drugembed.dur_list = '{wrong}'"), "22023", "drugembed.dur_list");
    }
    // By the caller's search_path; set for a database, it outlives the session.
    client
        .batch_execute(
            "CREATE SCHEMA app; SELECT drugembed.create_dur_list('app.dur');
             ALTER DATABASE dur_found SET drugembed.dur_list = 'dur'",
        )
        .expect("a list in a schema");
    let mut client = world.server.connect("dur_found");
    assert_error(&mut client, found, "42P01", "\"dur\"");
    client.batch_execute("SET search_path = app, public").expect("SET");
    assert_eq!(value(&mut client, "SELECT drugembed._dur_list()"), "app.dur");
    client
        .batch_execute("CREATE ROLE dur_reader; GRANT USAGE ON SCHEMA app TO dur_reader; SET ROLE dur_reader")
        .expect("a role");
    assert_error(&mut client, "SELECT drugembed._dur_list()", "42501", "dur");
    client.batch_execute("RESET ROLE; GRANT SELECT ON app.dur TO dur_reader; SET ROLE dur_reader").expect("GRANT");
    assert_eq!(value(&mut client, "SELECT drugembed._dur_list()"), "app.dur");
    client.batch_execute("RESET ROLE; DROP OWNED BY dur_reader; DROP ROLE dur_reader").expect("cleared up");
}

/// As the service answers: pages, with their envelope.
fn page(items: &str) -> String {
    format!(
        r#"{{"header":{{"resultCode":"00","resultMsg":"NORMAL SERVICE."}},"body":{{"pageNo":1,"totalCount":1,"numOfRows":100,"items":[{items}]}}}}"#
    )
}

const PREGNANCY: &str = r#"{"TYPE_NAME":"임부금기","ITEM_SEQ":"209900001","ITEM_NAME":"없던정","INGR_NAME":"로사르탄칼륨","INGR_ENG_NAME":"Losartan Potassium","GRADE":"2등급","NOTIFICATION_DATE":"20130712","PROHBT_CONTENT":"태아에 해롭다"}"#;
const AGE: &str = r#"{"TYPE_NAME":"특정연령대금기","INGR_NAME":"없던성분","AGE_BASE":"7세 이하","DEL_YN":"정상"}"#;
const PAIRS: &str = "성분명1,성분코드1,제품코드1,제품명1,성분명2,성분코드2,제품코드2,제품명2,공고일자,금기사유\r\n\
    losartan potassium,1ATB,209900001,없던정_(50mg/1정),nonesuchine,2ATB,209900002,꾸민정,20090303,\"작용이\r\n세진다\"\r\n";

fn list_is_loaded(world: &World) {
    let mut client = database(&world.server, "dur_loaded");
    client.batch_execute("SELECT drugembed.create_dur_list()").expect("a list");
    let pages = format!("{}\n{}", page(PREGNANCY), page(AGE));
    let load = |client: &mut Client, data: &[u8], rest: &str| -> i64 {
        client
            .query_one(&format!("SELECT drugembed.load_dur('dur', $1::bytea{rest})"), &[&data])
            .expect("a load")
            .get(0)
    };
    assert_eq!(load(&mut client, pages.as_bytes(), ", source => 'a'"), 2);
    assert_eq!(load(&mut client, pages.as_bytes(), ", source => 'a'"), 0);
    assert_eq!(load(&mut client, pages.as_bytes(), ""), 2);
    assert_eq!(load(&mut client, pages.as_bytes(), ""), 0);
    client.batch_execute("DELETE FROM dur WHERE source IS NULL").expect("DELETE");
    assert_eq!(
        column(&mut client, "SELECT to_jsonb(d) - '{item_name,source}'::text[] FROM dur d ORDER BY kind DESC"),
        [
            r#"{"kind": "pregnancy", "grade": "2", "reason": "태아에 해롭다", "item_seq": "209900001", "notified": "2013-07-12", "quantity": null, "ingredient": "로사르탄", "months_from": null, "effect_group": null, "months_below": null, "partner_item_seq": null, "partner_item_name": null, "ingredient_english": "Losartan Potassium", "partner_ingredient": null, "partner_ingredient_english": null}"#,
            r#"{"kind": "age", "grade": null, "reason": null, "item_seq": null, "notified": null, "quantity": null, "ingredient": "없던성분", "months_from": null, "effect_group": null, "months_below": 96, "partner_item_seq": null, "partner_item_name": null, "ingredient_english": null, "partner_ingredient": null, "partner_ingredient_english": null}"#,
        ]
    );
    // A new month's list in place of the old.
    client.batch_execute("BEGIN; DELETE FROM dur WHERE source = 'a'").expect("DELETE");
    assert_eq!(load(&mut client, page(PREGNANCY).as_bytes(), ", source => 'a'"), 1);
    client.batch_execute("COMMIT").expect("COMMIT");
    // CP949.
    let (cp949, _, _) = encoding_rs::EUC_KR.encode(PAIRS);
    assert_eq!(load(&mut client, &cp949, ", source => 'pairs'"), 1);
    assert_eq!(load(&mut client, PAIRS.as_bytes(), ", source => 'pairs'"), 0);
    let pair =
        "SELECT concat_ws('/', ingredient, partner_ingredient, item_name, reason) FROM dur WHERE kind = 'combination'";
    assert_eq!(value(&mut client, pair), "로사르탄/nonesuchine/없던정/작용이 세진다");
    // Texts; the kind by its Korean name.
    let elderly = "제품코드,제품명,약품상세정보\n209900003,꾸민캡슐,어지럽다";
    assert_eq!(value(&mut client, &format!("SELECT drugembed.load_dur('dur', '{elderly}', '노인주의')")), "1");
    assert_eq!(value(&mut client, &format!("SELECT drugembed.load_dur('dur', '[{AGE}]'::jsonb::text)")), "1");
    assert_eq!(value(&mut client, "SELECT drugembed.load_dur('dur', NULL::text) IS NULL"), "t");
    assert_eq!(value(&mut client, "SELECT drugembed._dur_kind('임부금기,노인주의')"), "{pregnancy,elderly}");
}

/// Who waits for another load of the same list then sees what it has added.
fn loads_take_turns(world: &World) {
    let mut client = database(&world.server, "dur_turns");
    client.batch_execute("SELECT drugembed.create_dur_list()").expect("a list");
    let load = format!("SELECT drugembed.load_dur('dur', '[{PREGNANCY}]', source => 'a')");
    let mut first = world.server.connect("dur_turns");
    first.batch_execute("BEGIN").expect("BEGIN");
    assert_eq!(value(&mut first, &load), "1");
    let mut second = world.server.connect("dur_turns");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| value(&mut second, &load));
        let locks = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'dur'::regclass";
        while value(&mut client, locks) != "t" {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        first.batch_execute("COMMIT").expect("COMMIT");
        assert_eq!(waiting.join().expect("the second load"), "0");
    });
    assert_eq!(value(&mut client, "SELECT count(*) FROM dur"), "1");
}

fn nothing_is_loaded(world: &World) {
    let mut client = database(&world.server, "dur_refused");
    client.batch_execute("SELECT drugembed.create_dur_list(); CREATE TABLE other (kind text)").expect("a list");
    for (arguments, sqlstate, part) in [
        ("'dur', ''", "22023", "empty"),
        ("'dur', '<a/>'", "22023", "XML"),
        ("'dur', '{\"a\": 1}'", "22023", "no DUR entries"),
        ("'dur', '{\"header\":{\"resultCode\":\"30\",\"resultMsg\":\"NOT REGISTERED\"}}'", "22023", "NOT REGISTERED"),
        ("'dur', '[{'", "22P02", "line 1"),
        ("'dur', 'PK\\003\\004'::bytea", "22023", "spreadsheet"),
        ("'dur', E'이름,값\\n가,나'", "42703", "\"이름\", \"값\""),
        ("'dur', E'제품코드,제품명,약품상세정보\\n1,가,나'", "22023", "does not tell"),
        ("'dur', E'제품코드,제품명,약품상세정보\\n1,가,나', 'unknown'", "22023", "\"unknown\""),
        ("'other', 'x'", "42809", "not a DUR list"),
    ] {
        assert_error(&mut client, &format!("SELECT drugembed.load_dur({arguments})"), sqlstate, part);
    }
    let second = format!("SELECT drugembed.load_dur('dur', '[{PREGNANCY},{{\"ITEM_SEQ\":\"1\"}}]')");
    assert_error(&mut client, &second, "22023", "does not tell");
    assert_eq!(value(&mut client, "SELECT count(*) FROM dur"), "0");
    // The caller's rights, and nothing of his search_path.
    client
        .batch_execute(
            "CREATE ROLE dur_loader; GRANT SELECT ON dur TO dur_loader; CREATE SCHEMA trap;
             CREATE FUNCTION trap.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
             SET search_path = trap, pg_catalog, public; SET ROLE dur_loader",
        )
        .expect("a role");
    let load = format!("SELECT drugembed.load_dur('public.dur', '[{PREGNANCY}]')");
    assert_error(&mut client, &load, "42501", "dur");
    client.batch_execute("RESET ROLE; GRANT INSERT ON public.dur TO dur_loader; SET ROLE dur_loader").expect("GRANT");
    assert_eq!(value(&mut client, &load), "1");
    client.batch_execute("RESET ROLE; DROP OWNED BY dur_loader; DROP ROLE dur_loader").expect("cleared up");
}

fn many_pairs(world: &World) {
    const PAIRS: usize = 200_000;
    let mut client = database(&world.server, "dur_many");
    client.batch_execute("SELECT drugembed.create_dur_list()").expect("a list");
    let mut list = String::from("성분명A,제품코드A,제품명A,성분명B,제품코드B,제품명B,상세정보\n");
    for i in 0..PAIRS {
        let (a, b) = (200_000_000 + i / 500, 201_000_000 + i % 500);
        list.push_str(&format!("losartan potassium,{a},없던정{a},nonesuchine,{b},꾸민정{b},작용이 세진다\n"));
    }
    let load = "SELECT drugembed.load_dur('dur', $1::bytea, NULL, 'many')";
    client.batch_execute("SET statement_timeout = '300ms'").expect("SET");
    let cancelled = client.query_one(load, &[&list.as_bytes()]).expect_err("a timeout");
    assert_eq!(cancelled.code().map(|code| code.code().to_owned()).as_deref(), Some("57014"));
    client.batch_execute("RESET statement_timeout").expect("RESET");
    let start = std::time::Instant::now();
    assert_eq!(client.query_one(load, &[&list.as_bytes()]).expect("a load").get::<_, i64>(0), PAIRS as i64);
    let first = start.elapsed();
    assert_eq!(client.query_one(load, &[&list.as_bytes()]).expect("a load").get::<_, i64>(0), 0);
    println!("{PAIRS} pairs in {first:?}, again in {:?}", start.elapsed() - first);
    assert!(first.as_secs() < 30, "{PAIRS} pairs took {first:?}");
    assert_eq!(value(&mut client, "SELECT count(*) FROM dur"), PAIRS.to_string());
}

fn documents_tell_kinds(world: &World) {
    let mut client = database(&world.server, "dur_documents");
    for (arguments, document) in [
        ("'없던정', '해열제', '없던성분'", "없던정 | 해열제 | 없던성분"),
        (
            "'없던정', '해열제', '없던성분', '[''age'', ''임부금기'']'",
            "없던정 | 해열제 | 없던성분 | 특정연령대금기, 임부금기",
        ),
        ("'없던정', dur => '{노인주의}'", "없던정 | 노인주의"),
        ("'없던정', dur => '첨가제주의'", "없던정"),
        ("NULL, dur => '노인주의'", "노인주의"),
    ] {
        assert_eq!(value(&mut client, &format!("SELECT drug_document({arguments})")), document);
    }
}
