//! drug_search: what it finds, by which index, and what it refuses.

use postgres::Client;
use server_tests::{assert_error, column, value};

use crate::{Test, World, backfill, notices, tracked};

pub const TESTS: &[Test] = &[
    ("finds_by_vector_letters_and_both", finds_by_vector_letters_and_both),
    ("mistyped_names", mistyped_names),
    ("filters", filters),
    ("nothing_can_be_injected", nothing_can_be_injected),
    ("uses_both_indexes", uses_both_indexes),
    ("without_pg_trgm", without_pg_trgm),
    ("where_ctype_is_c", where_ctype_is_c),
    ("leaves_settings_alone", leaves_settings_alone),
    ("bad_arguments", bad_arguments),
    ("sees_changes_of_its_transaction", sees_changes_of_its_transaction),
    ("first_search_of_a_session", first_search_of_a_session),
    ("filters_of_every_type", filters_of_every_type),
    ("pgvector_moved", pgvector_moved),
    ("long_documents_and_questions", long_documents_and_questions),
];

const KNOWN: &str = "INSERT INTO product (id, name, type, price) VALUES
    (9001, '타이레놀정500밀리그람(아세트아미노펜)', '해열.진통.소염제', 500), (9002, '타이레놀정160밀리그람(아세트아미노펜)', '해열.진통.소염제', 160),
    (9003, '글리폴민정 500/2.5mg', '당뇨병용제', 500), (9004, 'Tylenol 8 Hours ER', '해열.진통.소염제', 650), (9005, '어린이 해열 시럽', '해열.진통.소염제', 5)";

fn searchable(world: &World, name: &str, rows: usize) -> Client {
    let mut client = tracked(world, name, rows);
    client.batch_execute(KNOWN).expect("known products");
    backfill(&mut client, "product");
    index(&mut client);
    client
}

fn index(client: &mut Client) {
    let statements = column(client, "SELECT drugembed.index_sql('product')");
    assert!(statements.iter().all(|sql| sql.contains("CONCURRENTLY")), "{statements:?}");
    statements.iter().for_each(|sql| client.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}")));
    client.batch_execute("ANALYZE product").expect("ANALYZE");
}

fn ids(client: &mut Client, arguments: &str) -> Vec<String> {
    column(client, &format!("SELECT key->>'id' FROM drug_search('product', {arguments})"))
}

fn finds_by_vector_letters_and_both(world: &World) {
    let mut client = searchable(world, "finds", 200);
    assert_eq!(ids(&mut client, "'타이레놀 500', 2, 'lexical'"), ["9001", "9002"]);
    assert_eq!(ids(&mut client, "'타이레놀정500밀리그람(아세트아미노펜)', 1, 'lexical'"), ["9001"]);
    assert_eq!(ids(&mut client, "'tylenol', 1, 'lexical'"), ["9004"]);
    assert_eq!(ids(&mut client, "'타이레놀 500', 1"), ["9001"]);
    let nearest = "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM product ORDER BY embedding <=> drug_embed_query('열을 내리는 약') LIMIT 5) s";
    let found = ids(&mut client, "'열을 내리는 약', 5, 'vector', read => false").join(" ");
    assert_eq!(found, value(&mut client, nearest));
    let fused = "SELECT bool_and(abs(score - COALESCE(1.0 / (60 + vector_rank), 0) - COALESCE(1.0 / (60 + lexical_rank), 0)) < 1e-9)
                    AND bool_or(vector_rank IS NOT NULL) AND bool_or(lexical_rank IS NOT NULL) AND count(*) = 10
                   FROM drug_search('product', '아세트아미노펜', read => false)";
    assert_eq!(value(&mut client, fused), "t");
    // Letters count beside vectors only where they are much alike, not where a question happens to share some.
    let lexical = |query: &str| format!("SELECT count(lexical_rank) FROM drug_search('product', '{query}')");
    assert_eq!(value(&mut client, &lexical("열을 내리는 약 이름이 뭐였더라")), "0");
    assert_ne!(value(&mut client, &lexical("타이레놀 500")), "0");
    let similarity = "SELECT bool_and(abs(similarity - drug_similarity(p.embedding, '두통약')) < 1e-5 AND document = p.name)
                        FROM drug_search('product', '두통약', 20, 'vector') s JOIN product p ON p.id = (s.key->>'id')::bigint";
    assert_eq!(value(&mut client, similarity), "t");
}

/// Letters must not spoil what the vector knows of a mistyped name: a syllable lost, another vowel, a space within.
fn mistyped_names(world: &World) {
    let mut client = searchable(world, "mistyped", 300);
    let right = |mode: &str| {
        format!(
            "WITH brand AS (SELECT DISTINCT (regexp_match(name, '^[가-힣]{{4,}}'))[1] AS b FROM product),
                  typed AS (SELECT b, q FROM brand, unnest(ARRAY[overlay(b PLACING '' FROM 3 FOR 1), left(b, 2) || ' ' || substr(b, 3),
                                                                 overlay(b PLACING chr(ascii(substr(b, 2, 1)) + 28) FROM 2 FOR 1)]) q WHERE b IS NOT NULL)
             SELECT round(avg(starts_with(s.document, b)::integer), 3) FROM typed LEFT JOIN LATERAL drug_search('product', q, 1, '{mode}') s ON true"
        )
    };
    let [vector, lexical, hybrid] =
        ["vector", "lexical", "hybrid"].map(|mode| value(&mut client, &right(mode)).parse::<f64>().expect("a share"));
    println!("mistyped names, right product first: vector {vector}, lexical {lexical}, hybrid {hybrid}");
    assert!(hybrid >= vector.max(lexical) && hybrid > 0.9, "vector {vector}, lexical {lexical}, hybrid {hybrid}");
}

fn filters(world: &World) {
    let mut client = searchable(world, "filters", 300);
    for (filter, condition) in [
        (r#"{"type": "당뇨병용제"}"#, "type = '당뇨병용제'"),
        (r#"{"type": ["당뇨병용제", "해열.진통.소염제"]}"#, "type IN ('당뇨병용제', '해열.진통.소염제')"),
        (r#"{"price": {"gte": 160, "lt": 650}}"#, "price >= 160 AND price < 650"),
        (r#"{"type": "해열.진통.소염제", "price": {"ne": 500}}"#, "type = '해열.진통.소염제' AND price <> 500"),
        (r#"{"name": {"like": "%밀리그람%"}, "price": {"gt": 0}}"#, "name LIKE '%밀리그람%' AND price > 0"),
        (r#"{"name": null}"#, "name IS NULL"),
        (r#"{"price": 0}"#, "price = 0"),
    ] {
        for mode in ["vector", "hybrid"] {
            let found = ids(&mut client, &format!("'약', 20, '{mode}', '{filter}'"));
            let expected = value(&mut client, &format!("SELECT LEAST(count(*), 20) FROM product WHERE {condition}"));
            assert_eq!(found.len().to_string(), expected, "{mode} {filter}");
            let all = format!(
                "SELECT count(*) FROM product WHERE NOT ({condition}) AND id = ANY ('{{{}}}')",
                found.join(",")
            );
            assert_eq!(value(&mut client, &all), "0", "{mode} {filter}");
        }
    }
    assert_error(&mut client, r#"SELECT drug_search('product', '약', filter => '{"colour": 1}')"#, "42703", "colour");
    assert_error(&mut client, r#"SELECT drug_search('product', '약', filter => '[1]')"#, "22023", "JSON object");
    assert_error(
        &mut client,
        r#"SELECT drug_search('product', '약', filter => '{"price": {"~": 1}}')"#,
        "22023",
        "price",
    );
    assert_error(
        &mut client,
        r#"SELECT drug_search('product', '약', filter => '{"price": {"gte": {"a": 1}}}')"#,
        "22023",
        "price",
    );
}

fn nothing_can_be_injected(world: &World) {
    let mut client = searchable(world, "injected", 20);
    client
        .batch_execute(r#"ALTER TABLE product ADD COLUMN "x'; DROP TABLE product; --" text DEFAULT 'y', ADD COLUMN "a""b" text DEFAULT 'z'"#)
        .expect("columns with evil names");
    let evil = "x'; DROP TABLE product; --";
    for text in [
        evil,
        "%s %I $1 \\ ' \" {}",
        "'||(SELECT 1)||'",
        "\\'; SELECT 1; --",
        "약\0약".split('\0').next().expect("a part"),
    ] {
        let rows = client.query("SELECT key->>'id' FROM drug_search('product', $1, 3)", &[&text]).expect("a search");
        assert_eq!(rows.len(), 3, "{text}");
        let rows = client
            .query(
                "SELECT 1 FROM drug_search('product', '약', 3, filter => jsonb_build_object('name', $1::text))",
                &[&text],
            )
            .expect("a filter");
        assert_eq!(rows.len(), 0, "{text}");
    }
    let by_evil_names =
        r#"'약', 3, filter => jsonb_build_object('x''; DROP TABLE product; --', 'y', 'a"b', '{"gte": "z"}'::jsonb)"#;
    assert_eq!(ids(&mut client, by_evil_names).len(), 3);
    client.query("SELECT drug_search('product', '약', 3, $1)", &[&evil]).expect_err("a mode that is none");
    client
        .query("SELECT drug_search('product', '약', 3, target => $1::text::name)", &[&evil])
        .expect_err("a target that is none");
    assert_eq!(value(&mut client, "SELECT count(*) FROM product"), "25");
}

/// The plan of the statement that drug_search runs.
fn plan(world: &World, database: &str, arguments: &str) -> String {
    let search = format!(
        "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET client_min_messages = log;
         SELECT drug_search('product', '타이레놀 500', {arguments})"
    );
    notices(world, database, &search).into_iter().find(|text| text.contains("sum(1.0")).expect("a plan")
}

fn uses_both_indexes(world: &World) {
    let mut client = searchable(world, "indexes", 100);
    // Rows enough that indexes pay; vectors need not be real for that.
    client
        .batch_execute(
            "INSERT INTO product (id, name, embedding, embedding_state)
             SELECT 20000 + row_number() OVER (), p.name || '-' || i, p.embedding, p.embedding_state
               FROM product p, generate_series(1, 60) i WHERE p.id < 9000;
             ANALYZE product",
        )
        .expect("more rows");
    for filter in ["{}", r#"{"price": {"gte": 0}}"#] {
        let plan = plan(world, "indexes", &format!("read => false, filter => '{filter}'"));
        assert!(plan.contains("Index Scan using product_embedding_idx"), "{filter}\n{plan}");
        assert!(plan.contains("Bitmap Index Scan on product__letters_idx"), "{filter}\n{plan}");
    }
    let plan = plan(world, "indexes", "read => true");
    assert!(plan.contains("Bitmap Index Scan on product__facts_idx"), "{plan}");
    let found = ids(&mut client, "'타이레놀 500', 10, filter => '{\"price\": {\"gte\": 160}}'");
    assert!(found.contains(&"9001".to_owned()), "{found:?}: an iterative scan reaches rare rows");
}

fn without_pg_trgm(world: &World) {
    let mut client = tracked(world, "letterless", 20);
    client.batch_execute("DROP EXTENSION pg_trgm").expect("DROP EXTENSION");
    backfill(&mut client, "product");
    index(&mut client);
    assert_error(&mut client, "SELECT drug_search('product', '약', mode => 'lexical')", "0A000", "pg_trgm");
    assert_eq!(ids(&mut client, "'두통약', 5").len(), 5, "hybrid goes on by vector");
}

fn where_ctype_is_c(world: &World) {
    let create = format!("CREATE DATABASE ctype TEMPLATE template0 ENCODING 'UTF8' {}", world.install.libc_locale());
    world.server.connect("postgres").batch_execute(&create).expect("CREATE DATABASE");
    let mut client = world.server.connect("ctype");
    client.batch_execute("CREATE EXTENSION drugembed CASCADE; CREATE EXTENSION pg_trgm").expect("extensions");
    crate::fill(&mut client, 200);
    client.batch_execute(KNOWN).expect("known products");
    client.batch_execute("SELECT drugembed.track('product', 'name')").expect("track");
    backfill(&mut client, "product");
    index(&mut client);
    assert_eq!(ids(&mut client, "'타이레놀 500', 2, 'lexical'"), ["9001", "9002"]);
    assert_eq!(ids(&mut client, "'TYLENOL', 1, 'lexical'"), ["9004"]);
    assert!(
        value(&mut client, "SELECT string_agg(indexdef, ' ') FROM pg_indexes")
            .contains("_bigrams(drugembed._letters(name")
    );
    client.batch_execute("ALTER DATABASE ctype SET enable_seqscan = off").expect("ALTER DATABASE");
    assert!(plan(world, "ctype", "read => false").contains("Bitmap Index Scan on product__bigrams_idx"));
}

fn leaves_settings_alone(world: &World) {
    let mut client = searchable(world, "unset", 10);
    client
        .batch_execute(
            "SET hnsw.ef_search = 77; SET hnsw.iterative_scan = off; SET pg_trgm.word_similarity_threshold = 0.9",
        )
        .expect("SET");
    client.batch_execute("BEGIN; SELECT drug_search('product', '약', 100)").expect("a search");
    for (setting, expected) in
        [("hnsw.ef_search", "77"), ("hnsw.iterative_scan", "off"), ("pg_trgm.word_similarity_threshold", "0.9")]
    {
        assert_eq!(value(&mut client, &format!("SHOW {setting}")), expected);
    }
    client.batch_execute("COMMIT").expect("COMMIT");
}

fn bad_arguments(world: &World) {
    let mut client = tracked(world, "arguments", 3);
    client.batch_execute("CREATE TABLE other (id integer PRIMARY KEY)").expect("a table");
    for (call, sqlstate, part) in [
        ("drug_search('other', '약')", "42704", "not tracked"),
        ("drug_search('product', '')", "22023", "query is empty"),
        ("drug_search('product', NULL)", "22023", "query is empty"),
        ("drug_search('product', '약', 0)", "22023", "k is 0"),
        ("drug_search('product', '약', 1001)", "22023", "k is 1001"),
        ("drug_search('product', '약', NULL)", "22023", "k is NULL"),
        ("drug_search('product', '약', mode => 'fuzzy')", "22023", "fuzzy"),
        ("drug_search('product', '약', target => 'vec')", "42704", "vec"),
    ] {
        assert_error(&mut client, &format!("SELECT {call}"), sqlstate, part);
    }
    assert_eq!(ids(&mut client, "'약', 5, 'vector'").len(), 0, "nothing is embedded yet");
}

fn sees_changes_of_its_transaction(world: &World) {
    let mut client = searchable(world, "within", 10);
    client.batch_execute("BEGIN; DELETE FROM product WHERE id = 9001").expect("DELETE");
    assert_eq!(ids(&mut client, "'타이레놀 500', 1, 'lexical'"), ["9002"]);
    client.batch_execute("ROLLBACK").expect("ROLLBACK");
}

/// pgvector's settings exist only once its library is loaded.
fn first_search_of_a_session(world: &World) {
    let mut client = searchable(world, "first", 300);
    client
        .batch_execute(
            "INSERT INTO product (id, name, type, embedding, embedding_state)
             SELECT 20000 + row_number() OVER (), p.name || '-' || i, p.type, p.embedding, p.embedding_state
               FROM product p, generate_series(1, 20) i WHERE p.id < 9000; ANALYZE product",
        )
        .expect("more rows");
    for arguments in ["'약', 100, 'vector'", "'약', 100", "'약', 5, 'vector', '{\"price\": {\"gt\": 0}}'"] {
        let mut fresh = world.server.connect("first");
        fresh.batch_execute("SET enable_seqscan = off").expect("SET");
        let first = ids(&mut fresh, arguments);
        assert_eq!(first, ids(&mut fresh, arguments), "{arguments}");
        assert_eq!(first.len(), if arguments.contains("100") { 100 } else { 5 }, "{arguments}");
    }
}

fn filters_of_every_type(world: &World) {
    let mut client = tracked(world, "types_of_filters", 0);
    client
        .batch_execute(
            "DROP TABLE product; CREATE DOMAIN code AS char(9) CHECK (VALUE <> 'none'); CREATE TYPE kind AS ENUM ('일반', '전문');
             CREATE EXTENSION citext; CREATE TYPE pair AS (a integer, b integer);
             CREATE TABLE product (id bigint PRIMARY KEY, name text, c char(9), v varchar(9), b bit(4), d code, k kind, t text[], cs code[],
                                   ci citext, n numeric, u uuid, day date, r int4range, p pair, j json);
             INSERT INTO product VALUES (1, '타이레놀정', '19680', '19680', B'1010', '19680', '일반', '{가,나}', '{19680,2}', 'ABC', 1.50,
                'c0ffee00-0000-0000-0000-000000000000', '2024-02-03', '[1,3)', '(1,2)', '{}'), (2, '게보린정', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                NULL, NULL, NULL, NULL, NULL, NULL, NULL);
             SELECT drugembed.track('product', 'name')",
        )
        .expect("a table of many types");
    backfill(&mut client, "product");
    for filter in [
        r#"{"c": "19680"}"#,
        r#"{"c": {"gte": "19680"}}"#,
        r#"{"c": ["19680", "x"]}"#,
        r#"{"c": {"like": "1968%"}}"#,
        r#"{"v": "19680"}"#,
        r#"{"b": "1010"}"#,
        r#"{"d": "19680"}"#,
        r#"{"d": {"ne": "none"}}"#,
        r#"{"k": {"lt": "전문"}}"#,
        r#"{"t": "{가,나}"}"#,
        r#"{"t": ["{나}", "{가,나}"]}"#,
        r#"{"cs": "{19680,2}"}"#,
        r#"{"ci": "abc"}"#,
        r#"{"n": 1.5}"#,
        r#"{"u": "C0FFEE00-0000-0000-0000-000000000000"}"#,
        r#"{"day": {"gt": "2024-02-02"}}"#,
        r#"{"r": "[1,2]"}"#,
    ] {
        for mode in ["vector", "hybrid"] {
            assert_eq!(ids(&mut client, &format!("'약', 5, '{mode}', '{filter}'")), ["1"], "{filter}");
        }
    }
    client
        .batch_execute(
            "CREATE TABLE named (id integer PRIMARY KEY, name text, v integer, x integer);
             INSERT INTO named VALUES (1, 'a', 7, 7), (2, 'b', 2, 2); SELECT drugembed.track('named', 'name')",
        )
        .expect("columns v and x");
    backfill(&mut client, "named");
    let first = "SELECT key->>'id' FROM drug_search('named', 'a', mode => 'vector', filter => '{\"id\": [1]}')";
    assert_eq!(column(&mut client, first), ["1"]);
    assert_error(&mut client, "SELECT drug_search(0, '약')", "42P01", "does not exist");
    for (filter, sqlstate) in [
        (r#"{"n": "much"}"#, "22P02"),
        (r#"{"p": "(1,2)"}"#, "0A000"),
        (r#"{"j": "{}"}"#, "0A000"),
        (r#"{"day": "soon"}"#, "22007"),
    ] {
        assert_error(&mut client, &format!("SELECT drug_search('product', '약', filter => '{filter}')"), sqlstate, "");
    }
}

fn pgvector_moved(world: &World) {
    let mut client = searchable(world, "moved", 20);
    client
        .batch_execute("CREATE SCHEMA extensions; ALTER EXTENSION vector SET SCHEMA extensions; ALTER EXTENSION pg_trgm SET SCHEMA extensions; UPDATE product SET name = name || '!'")
        .expect("SET SCHEMA");
    backfill(&mut client, "product");
    assert_eq!(ids(&mut client, "'타이레놀 500', 1"), ["9001"]);
    assert_eq!(column(&mut client, "SELECT drugembed.index_sql('product')").len(), 0, "the indexes are there");
    client
        .batch_execute(
            "CREATE TABLE other (id integer PRIMARY KEY, name text); SELECT drugembed.track('other', 'name')",
        )
        .expect("track");
}

/// Letters of long documents and of long questions take no longer than the vector.
fn long_documents_and_questions(world: &World) {
    let mut client = tracked(world, "long", 1);
    client
        .batch_execute(
            "INSERT INTO product (id, name, embedding, embedding_state)
             SELECT 10 + g, left(string_agg('이 약은 감기의 제증상 두통 해열 소화불량 포도당 주사액 ' || md5(g::text || i), ' '), 1000), NULL,
                    '00000000-0000-0000-0000-000000000000' FROM generate_series(1, 3000) g, generate_series(1, 30) i GROUP BY g",
        )
        .expect("long documents");
    index(&mut client);
    client.batch_execute("SET statement_timeout = '3s'; SET client_min_messages = error").expect("SET");
    assert_ne!(ids(&mut client, "'포도당 주사액', 5, 'lexical'").len(), 0);
    client
        .batch_execute("SELECT drug_search('product', repeat('가나다라 ', 12000), mode => 'lexical')")
        .expect("a long question");
}
