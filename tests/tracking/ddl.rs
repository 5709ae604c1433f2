//! DDL on a tracked table.

use server_tests::{assert_error, column, database, value};

use crate::{Test, World, assert_in_step, backfill, embedded, pending, tracked};

pub const TESTS: &[Test] = &[
    ("renames_are_followed", renames_are_followed),
    ("changed_types_are_looked_at", changed_types_are_looked_at),
    ("dropped_columns_end_tracking", dropped_columns_end_tracking),
    ("dropped_tables_are_forgotten", dropped_tables_are_forgotten),
    ("another_primary_key", another_primary_key),
    ("drop_extension", drop_extension),
    ("every_object_has_a_comment", every_object_has_a_comment),
];

fn renames_are_followed(world: &World) {
    let mut client = tracked(world, "renames", 6);
    client
        .batch_execute(
            "SELECT drugembed.untrack('product');
             SELECT drugembed.track('product', 'name || '' \"@row\" name '' || type');
             CALL drugembed.backfill('product')",
        )
        .expect_err("CALL must be alone");
    client.batch_execute("SELECT drugembed.untrack('product')").expect("untrack");
    client.batch_execute("SELECT drugembed.track('product', 'name || '' name '' || type')").expect("track");
    backfill(&mut client, "product");
    client
        .batch_execute(
            r#"ALTER TABLE product RENAME TO "제품"; ALTER TABLE "제품" RENAME COLUMN name TO "이름"; ALTER TABLE "제품" RENAME COLUMN id TO "번호";
             ALTER TABLE "제품" RENAME COLUMN embedding TO "벡터"; ALTER TABLE "제품" RENAME COLUMN embedding_state TO "상태";
             CREATE SCHEMA s; ALTER TABLE "제품" SET SCHEMA s;
             UPDATE s."제품" SET "이름" = "이름" || '!' WHERE "번호" <= 2; DELETE FROM s."제품" WHERE "번호" = 1"#,
        )
        .expect("renames");
    assert_eq!(pending(&mut client), 1);
    let renamed = "SELECT target || ' ' || state FROM drugembed.tracked";
    assert_eq!(value(&mut client, renamed), "벡터 상태");
    backfill(&mut client, r#"s."제품""#);
    client.batch_execute(r#"ALTER TABLE s."제품" RENAME COLUMN "벡터" TO embedding"#).expect("a rename");
    assert_in_step(&mut client, r#"s."제품""#, r#""이름" || ' name ' || type"#);
    assert_eq!(column(&mut client, r#"SELECT key->>'번호' FROM drug_search('s."제품"', '약', 1, 'vector')"#).len(), 1);
    client.batch_execute(r#"SELECT drugembed.untrack('s."제품"')"#).expect("untrack");
}

fn changed_types_are_looked_at(world: &World) {
    let mut client = tracked(world, "types", 5);
    client
        .batch_execute(
            "SELECT drugembed.untrack('product'); SELECT drugembed.track('product', 'name || '' '' || price')",
        )
        .expect("track");
    backfill(&mut client, "product");
    let refused = server_tests::error_of(&mut client, "ALTER TABLE product ALTER COLUMN price TYPE numeric(8, 1)");
    assert!(refused.message().contains("used in a trigger"), "{refused:?}");
    client
        .batch_execute(
            "SELECT drugembed.untrack('product', keep => true);
             ALTER TABLE product ALTER COLUMN price TYPE numeric(8, 1) USING price, ALTER COLUMN id TYPE integer",
        )
        .expect("ALTER TYPE");
    client.batch_execute("SELECT drugembed.track('product', 'name || '' '' || price')").expect("track anew");
    assert_eq!(pending(&mut client), 5, "the state column went with the old tracking");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name || ' ' || price");
    client.batch_execute("UPDATE product SET price = 7.00 WHERE id = 1").expect("UPDATE");
    assert_eq!(pending(&mut client), 1);
    client.batch_execute("UPDATE product SET price = 0.00 WHERE id = 2").expect("an equal number, and the same text");
    assert_eq!(pending(&mut client), 1);
}

fn dropped_columns_end_tracking(world: &World) {
    let mut client = tracked(world, "columns", 3);
    client
        .batch_execute("ALTER TABLE product DROP COLUMN price; UPDATE product SET name = name || '!'")
        .expect("another column");
    assert_error(&mut client, "ALTER TABLE product DROP COLUMN name", "2BP01", "name");
    client.batch_execute("ALTER TABLE product DROP COLUMN name CASCADE").expect("a column of the source");
    client.batch_execute("INSERT INTO product (id) VALUES (9)").expect("writes go on");
    assert_error(&mut client, "CALL drugembed.backfill('product')", "42704", "not tracked");
    client.batch_execute("SELECT drugembed.track('product', 'type')").expect("track anew");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "type");
}

fn dropped_tables_are_forgotten(world: &World) {
    let mut client = tracked(world, "dropped", 3);
    client.batch_execute("CREATE SCHEMA s; CREATE TABLE s.other (id int PRIMARY KEY, name text); SELECT drugembed.track('s.other', 'name')").expect("another");
    client.batch_execute("DROP TABLE product").expect("DROP TABLE");
    client.batch_execute("DROP SCHEMA s CASCADE").expect("DROP SCHEMA");
    let left = "SELECT (SELECT count(*) FROM drugembed.tracked) + (SELECT count(*) FROM drugembed.status)";
    assert_eq!(value(&mut client, left), "0");
}

fn another_primary_key(world: &World) {
    let mut client = tracked(world, "primary_key", 4);
    backfill(&mut client, "product");
    client
        .batch_execute(
            "UPDATE product SET name = name || '!' WHERE id = 1;
             ALTER TABLE product DROP CONSTRAINT product_pkey, ADD PRIMARY KEY (name, id);
             UPDATE product SET name = name || '?' WHERE id = 2",
        )
        .expect("another key");
    assert_eq!(embedded(world, "primary_key", "product"), 2);
    assert_in_step(&mut client, "product", "name");
    assert_eq!(value(&mut client, "SELECT key FROM drugembed.tracked"), "{name,id}");
}

fn drop_extension(world: &World) {
    let mut client = tracked(world, "dropping", 3);
    backfill(&mut client, "product");
    assert_eq!(server_tests::error_of(&mut client, "DROP EXTENSION drugembed").code().code(), "2BP01");
    client.batch_execute("DROP EXTENSION drugembed CASCADE; UPDATE product SET name = 'x'").expect("DROP EXTENSION");
    assert_eq!(value(&mut client, "SELECT count(embedding) FROM product"), "3", "data stays");
    client.batch_execute("CREATE EXTENSION drugembed; SELECT drugembed.track('product', 'name')").expect("back again");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
    drop(client);
    let mut client = database(&world.server, "plain_ddl");
    client.batch_execute("CREATE TABLE t (a int); ALTER TABLE t ADD b int; DROP TABLE t").expect("DDL on other tables");
}

fn every_object_has_a_comment(world: &World) {
    let mut client = database(&world.server, "comments");
    let bare = "SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'drugembed'
                 LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
                 WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND c.relkind IS DISTINCT FROM 'S'
                   AND d.classid <> 'pg_type'::regclass AND COALESCE(obj_description(d.objid, d.classid::regclass::name), '') = ''";
    assert_eq!(column(&mut client, bare), Vec::<String>::new());
    // As pgspot asks: a path of its own for every function that runs SQL, and no rights but the caller's.
    let open = "SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
                  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'drugembed'
                 WHERE p.prosecdef OR p.prolang NOT IN (SELECT oid FROM pg_language WHERE lanname = 'c') AND p.prokind = 'f'
                   AND NOT COALESCE(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)
                    OR p.provolatile <> 'i' AND p.pronamespace = 'drugembed'::regnamespace AND p.prokind = 'f'
                   AND p.proname NOT IN ('track', 'retry', 'refresh', '_mark_stale', '_model_in_use', 'prepare',
                                         'create_dur_list', '_dur_list', 'load_dur')
                   AND NOT COALESCE(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)";
    assert_eq!(column(&mut client, open), Vec::<String>::new(), "functions without a search_path of their own");
    let kinds = "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'drugembed'::regnamespace AND relkind <> 'v') || ' '
                     || (SELECT count(*) FROM pg_event_trigger)";
    assert_eq!(value(&mut client, kinds), "0 0", "tables and event triggers of the extension");
    let functions =
        "SELECT count(*) FILTER (WHERE proname !~ '^_') <= 12 AND count(*) FILTER (WHERE proname ~ '^_') <= 30
                       FROM pg_proc WHERE pronamespace = 'drugembed'::regnamespace";
    assert_eq!(value(&mut client, functions), "t", "few functions");
}
