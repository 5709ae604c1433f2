//! Tables of every shape: composite keys, Korean names, partitions, generated columns, key types whose text depends on settings.

use server_tests::{assert_error, column, database, value};

use crate::{Test, World, assert_in_step, backfill, fill, pending, tracked};

pub const TESTS: &[Test] = &[
    ("korean_identifiers_and_composite_keys", korean_identifiers_and_composite_keys),
    ("partitioned_tables", partitioned_tables),
    ("generated_columns", generated_columns),
    ("keys_do_not_depend_on_settings", keys_do_not_depend_on_settings),
    ("own_vector_column_and_second_target", own_vector_column_and_second_target),
    ("extensions_in_schemas_of_their_own", extensions_in_schemas_of_their_own),
    ("what_cannot_be_tracked", what_cannot_be_tracked),
    ("names_taken_again", names_taken_again),
    ("untrack_leaves_nothing", untrack_leaves_nothing),
];

fn korean_identifiers_and_composite_keys(world: &World) {
    let mut client = database(&world.server, "korean");
    client
        .batch_execute(
            r#"CREATE SCHEMA "약 창고";
             CREATE TABLE "약 창고"."의약품 ""목록""" ("품목 코드" text, "순번" smallint, "품목명" varchar(200), "분류" text, embedding vector(384),
                PRIMARY KEY ("순번", "품목 코드"));
             INSERT INTO "약 창고"."의약품 ""목록""" VALUES ('A''1', 1, '타이레놀정', '[01140]해열.진통.소염제'), ('A"2,{}', 1, '게보린정', NULL),
                ('A''1', 2, '부루펜정', ''), ('NULL', 3, '판콜에이', NULL), ('', 3, '훼스탈', NULL);
             SELECT drugembed.track('"약 창고"."의약품 ""목록"""', 'drug_document("품목명", "분류")')"#,
        )
        .expect("a table with Korean names");
    let table = r#""약 창고"."의약품 ""목록""""#;
    backfill(&mut client, table);
    assert_in_step(&mut client, table, r#"drug_document("품목명", "분류")"#);
    assert_eq!(value(&mut client, "SELECT embedded FROM drugembed.status"), "5");
    client.batch_execute(&format!(r#"UPDATE {table} SET "품목명" = '아스피린' WHERE "순번" = 1"#)).expect("UPDATE");
    assert_eq!(pending(&mut client), 2);
    client.batch_execute(&format!(r#"DELETE FROM {table} WHERE "품목 코드" = 'A"2,{{}}'"#)).expect("DELETE");
    assert_eq!(pending(&mut client), 1);
    backfill(&mut client, table);
    assert_in_step(&mut client, table, r#"drug_document("품목명", "분류")"#);
    let found = format!(r#"SELECT key->>'품목 코드' FROM drug_search('{table}', '아스피린', 1, mode => 'vector')"#);
    assert_eq!(value(&mut client, &found), "A'1");
}

fn partitioned_tables(world: &World) {
    let mut client = database(&world.server, "partitions");
    client
        .batch_execute(
            "CREATE TABLE product (id bigint, year integer, name text, PRIMARY KEY (id, year)) PARTITION BY RANGE (year);
             CREATE TABLE p2020 PARTITION OF product FOR VALUES FROM (2020) TO (2021);
             CREATE TABLE p2021 PARTITION OF product FOR VALUES FROM (2021) TO (2030) PARTITION BY LIST (year);
             CREATE TABLE p2021_1 PARTITION OF p2021 FOR VALUES IN (2021);
             INSERT INTO product SELECT i, 2020 + i % 2, '약 ' || i FROM generate_series(1, 10) i;
             SELECT drugembed.track('product', 'name')",
        )
        .expect("a partitioned table");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
    // Through the root, into partitions directly, from one partition to another, into one made later and one attached.
    client
        .batch_execute(
            "UPDATE product SET name = name || '가' WHERE id <= 2; UPDATE p2020 SET name = name || '나' WHERE id = 4;
             INSERT INTO p2021_1 VALUES (11, 2021, '약 11'); UPDATE product SET year = 2021 WHERE id = 6;
             CREATE TABLE p2022 PARTITION OF p2021 FOR VALUES IN (2022); INSERT INTO p2022 VALUES (12, 2022, '약 12');
             CREATE TABLE p2023 (LIKE product INCLUDING ALL); INSERT INTO p2023 VALUES (13, 2023, '약 13');
             ALTER TABLE p2021 ATTACH PARTITION p2023 FOR VALUES IN (2023); UPDATE p2023 SET name = '약 십삼'",
        )
        .expect("writes");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
    assert_eq!(value(&mut client, "SELECT count(embedding) FROM product"), "13");
    client
        .batch_execute("UPDATE product SET name = name || '다'; DELETE FROM p2022; DROP TABLE p2023")
        .expect("fewer rows");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
    let valid = column(&mut client, "SELECT drugembed.index_sql('product')");
    valid.iter().for_each(|sql| client.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}")));
    let invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
    assert_eq!(value(&mut client, invalid), "0");
    client.batch_execute("SELECT drugembed.untrack('product')").expect("untrack");
    assert_eq!(value(&mut client, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%drugembed%'"), "0");
}

/// STORED and VIRTUAL ones alike: what they are computed from is watched.
fn generated_columns(world: &World) {
    let mut client = database(&world.server, "generated");
    client
        .batch_execute(
            "CREATE TABLE product (id integer PRIMARY KEY, name text, strength integer,
                label text GENERATED ALWAYS AS (name || ' ' || strength::text || '밀리그램') STORED, seen integer);
             INSERT INTO product VALUES (1, '타이레놀정', 500), (2, '부루펜정', 200);
             SELECT drugembed.track('product', 'label')",
        )
        .expect("a generated column");
    backfill(&mut client, "product");
    client.batch_execute("UPDATE product SET strength = 650 WHERE id = 1").expect("UPDATE");
    assert_eq!(pending(&mut client), 1);
    client.batch_execute("UPDATE product SET seen = 1").expect("UPDATE");
    assert_eq!(pending(&mut client), 1);
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "label");
    if !world.install.has(18, "a virtual generated column") {
        return;
    }
    client
        .batch_execute(
            "CREATE TABLE virtual (id integer PRIMARY KEY, name text, label text GENERATED ALWAYS AS (name || '!') VIRTUAL);
             INSERT INTO virtual VALUES (1, '타이레놀정'); SELECT drugembed.track('virtual', 'label')",
        )
        .expect("a virtual column");
    backfill(&mut client, "virtual");
    client.batch_execute("UPDATE virtual SET name = '게보린정'").expect("UPDATE");
    assert_eq!(pending(&mut client), 1);
    backfill(&mut client, "virtual");
    assert_in_step(&mut client, "virtual", "label");
}

fn keys_do_not_depend_on_settings(world: &World) {
    let mut client = database(&world.server, "settings");
    client
        .batch_execute(
            "SET TimeZone = 'Asia/Seoul'; SET DateStyle = 'SQL, DMY'; SET bytea_output = 'escape';
             CREATE TABLE product (at timestamptz, day date, raw bytea, number double precision, name text, PRIMARY KEY (at, day, raw, number));
             INSERT INTO product VALUES ('2024-03-04 05:06:07+09', '2024-02-03', '\\x00ff', 0.1, '타이레놀정'),
                ('2024-03-04 05:06:07.123456+09', '2024-02-03', '\\x00ff', 1e300, '게보린정');
             SELECT drugembed.track('product', 'name || to_char(at, '' YYYY-MM-DD HH24:MI TZ'')')",
        )
        .expect("a table");
    client
        .batch_execute("SET TimeZone = 'America/New_York'; SET DateStyle = 'German'; SET bytea_output = 'hex'")
        .expect("SET");
    backfill(&mut client, "product");
    assert_eq!(value(&mut client, "SELECT embedded FROM drugembed.status"), "2");
    client.batch_execute("SET TimeZone = 'Asia/Seoul'; UPDATE product SET name = name").expect("UPDATE");
    assert_eq!(pending(&mut client), 0, "the same text in another time zone");
    client.batch_execute("UPDATE product SET name = '부루펜정' WHERE number > 1").expect("UPDATE");
    backfill(&mut client, "product");
    client.batch_execute("SET TimeZone = 'UTC'").expect("SET");
    assert_in_step(&mut client, "product", "name || to_char(at, ' YYYY-MM-DD HH24:MI TZ')");
}

fn own_vector_column_and_second_target(world: &World) {
    let mut client = database(&world.server, "targets");
    fill(&mut client, 5);
    client
        .batch_execute(
            "ALTER TABLE product ADD COLUMN own vector;
             SELECT drugembed.track('product', 'name', 'own'), drugembed.track('product', 'type || '' '' || name', target => 'both_vec')",
        )
        .expect("two targets");
    assert_error(&mut client, "SELECT drugembed.retry('product')", "42P08", "more than one");
    for target in ["own", "both_vec"] {
        client.batch_execute(&format!("CALL drugembed.backfill('product', target => '{target}')")).expect("backfill");
    }
    assert_eq!(value(&mut client, "SELECT count(own) + count(both_vec) FROM product"), "10");
    assert_eq!(pending(&mut client), 0);
    client
        .batch_execute("SELECT drugembed.untrack('product', 'own'), drugembed.untrack('product', 'both_vec')")
        .expect("untrack");
    let columns = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
                    WHERE attrelid = 'product'::regclass AND attnum > 0 AND NOT attisdropped";
    assert_eq!(value(&mut client, columns), "id name type price own");
}

fn extensions_in_schemas_of_their_own(world: &World) {
    world.server.connect("postgres").batch_execute("CREATE DATABASE schemas").expect("CREATE DATABASE");
    let mut client = world.server.connect("schemas");
    client
        .batch_execute(
            "CREATE SCHEMA vectors; CREATE SCHEMA drug; CREATE SCHEMA letters; CREATE SCHEMA app;
             CREATE EXTENSION vector SCHEMA vectors; CREATE EXTENSION drugembed SCHEMA drug; CREATE EXTENSION pg_trgm SCHEMA letters;
             SET search_path = app;
             CREATE FUNCTION app.label(name text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT '약 ' || name $$;
             CREATE TABLE product (id integer PRIMARY KEY, name text);
             INSERT INTO product VALUES (1, '타이레놀정'), (2, '게보린정');
             SELECT drugembed.track('product', 'label(name)');
             SET search_path = ''",
        )
        .expect("schemas");
    client.batch_execute("CALL drugembed.backfill('app.product')").expect("backfill with an empty search_path");
    let statements = column(&mut client, "SELECT drugembed.index_sql('app.product')");
    statements.iter().for_each(|sql| client.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}")));
    let found = "SELECT key->>'id' FROM drug.drug_search('app.product', '게보린')";
    assert_eq!(column(&mut client, found)[0], "2");
    client.batch_execute("UPDATE app.product SET name = '부루펜정' WHERE id = 1").expect("UPDATE");
    assert_eq!(value(&mut client, "SELECT pending FROM drugembed.status"), "1");
}

fn what_cannot_be_tracked(world: &World) {
    let mut client = database(&world.server, "refused");
    fill(&mut client, 2);
    client
        .batch_execute(
            "CREATE TABLE bare (name text); CREATE VIEW seen AS SELECT * FROM product; CREATE TABLE other (name text);
             CREATE TABLE parent (id integer PRIMARY KEY, name text); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);
             CREATE TABLE clash (id integer PRIMARY KEY, name text, embedding_state text);
             CREATE TABLE narrow (id integer PRIMARY KEY, name text, embedding vector(3))",
        )
        .expect("tables");
    for (sql, sqlstate, part) in [
        ("SELECT drugembed.track('bare', 'name')", "55000", "no primary key"),
        ("SELECT drugembed.track('seen', 'name')", "42809", "not a permanent table"),
        ("SELECT drugembed.track('child', 'name')", "42809", "inheritance"),
        ("SELECT drugembed.track('parent', 'name')", "42809", "inheritance"),
        ("SELECT drugembed.track('narrow', 'name')", "42804", "vector(3)"),
        ("SELECT drugembed.track('clash', 'name')", "42701", "embedding_state"),
        ("SELECT drugembed.track('product', 'old::text')", "0A000", "whole row"),
        ("SELECT drugembed.track('product', 'name) FROM product WHERE (true')", "42601", "more than one expression"),
        ("SELECT drugembed.track('product', 'nmae')", "42703", "nmae"),
        ("SELECT drugembed.track('product', 'max(name)')", "42803", "aggregate"),
        ("SELECT drugembed.track('product', 'name)')", "42601", "syntax error"),
        ("SELECT drugembed.track('product', 'name || (SELECT max(name) FROM other)')", "0A000", "subquery"),
        ("SELECT drugembed.track('product', '')", "22004", "must be given"),
        ("SELECT drugembed.track('product', NULL)", "22004", "must be given"),
        ("SELECT drugembed.untrack('product')", "42704", "not tracked"),
        (
            "SELECT drugembed.track('product', 'name', lexical => 'concat_ws('' '', name, type)')",
            "42P17",
            "not immutable",
        ),
    ] {
        assert_error(&mut client, sql, sqlstate, part);
    }
    client.batch_execute("SELECT drugembed.track('product', 'name')").expect("track");
    assert_error(&mut client, "SELECT drugembed.track('product', 'type')", "42710", "tracked already");
    assert_error(&mut client, "CALL drugembed.backfill('bare')", "42704", "not tracked");
    assert_error(&mut client, "CALL drugembed.backfill('product', batch => 0)", "22023", "batch is 0");
}

/// Columns renamed, and the same names taken by another tracking; a child by inheritance made later.
fn names_taken_again(world: &World) {
    let mut client = tracked(world, "taken", 2);
    client
        .batch_execute("ALTER TABLE product RENAME embedding TO e; ALTER TABLE product RENAME embedding_state TO s; ALTER TABLE product RENAME embedding_error TO x")
        .expect("renames");
    assert_error(&mut client, "SELECT drugembed.track('product', 'type')", "42710", "embedding_state");
    client.batch_execute("SELECT drugembed.track('product', 'type', 'other')").expect("another name");
    for target in ["e", "other"] {
        client.batch_execute(&format!("CALL drugembed.backfill('product', target => '{target}')")).expect("backfill");
    }
    client.batch_execute("UPDATE product SET type = '캡슐'").expect("UPDATE");
    assert_eq!(pending(&mut client), 2, "of one of the two");
    client
        .batch_execute("CREATE TABLE child () INHERITS (product); INSERT INTO child (id, name) VALUES (99, '약')")
        .expect("a child");
    assert_eq!(value(&mut client, "SELECT sum(rows) FROM drugembed.status"), "4", "its rows are its own");
}

fn untrack_leaves_nothing(world: &World) {
    let mut client = tracked(world, "untracked", 3);
    let shape = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
                  WHERE attrelid = 'product'::regclass AND attnum > 0 AND NOT attisdropped";
    client.batch_execute("SELECT drugembed.untrack('product')").expect("untrack");
    assert_eq!(value(&mut client, shape), "id name type price");
    client.batch_execute("SELECT drugembed.track('product', 'name')").expect("track again");
    backfill(&mut client, "product");
    client.batch_execute("SELECT drugembed.untrack('product', keep => true)").expect("untrack");
    assert_eq!(value(&mut client, shape), "id name type price embedding");
    assert_eq!(value(&mut client, "SELECT count(embedding) FROM product"), "3");
    let left = "SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal) + (SELECT count(*) FROM pg_proc WHERE proname LIKE 'keep\\_%')
                     + (SELECT count(*) FROM drugembed.tracked) + (SELECT count(*) FROM pg_index WHERE indrelid = 'product'::regclass AND NOT indisprimary)";
    assert_eq!(value(&mut client, left), "0");
}
