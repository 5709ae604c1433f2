//! DDL on a tracked table.

use server_tests::{assert_error, column, database, value};

use crate::{Test, World, assert_in_step, backfill, pending, tracked};

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
    client
        .batch_execute(
            "ALTER TABLE product ALTER COLUMN price TYPE numeric(8, 1) USING price, ALTER COLUMN id TYPE integer",
        )
        .expect("ALTER TYPE");
    assert_eq!(value(&mut client, "SELECT scan FROM drugembed.tracked"), "t");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name || ' ' || price");
    assert_eq!(value(&mut client, "SELECT sum(embedded) FROM drugembed.run"), "10", "0 became 0.0 in each row");
    client.batch_execute("UPDATE product SET price = 7 WHERE id = 1").expect("UPDATE");
    assert_eq!(pending(&mut client), 1);
}

fn dropped_columns_end_tracking(world: &World) {
    let mut client = tracked(world, "columns", 3);
    client
        .batch_execute("ALTER TABLE product DROP COLUMN price; UPDATE product SET name = name || '!'")
        .expect("another column");
    client.batch_execute("ALTER TABLE product DROP COLUMN name").expect("a column of the source");
    client.batch_execute("INSERT INTO product (id) VALUES (9)").expect("writes go on");
    assert_error(&mut client, "CALL drugembed.backfill('product')", "42703", "name");
    client.batch_execute("SELECT drugembed.untrack('product')").expect("untrack");
    client.batch_execute("SELECT drugembed.track('product', 'type')").expect("track anew");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "type");
}

fn dropped_tables_are_forgotten(world: &World) {
    let mut client = tracked(world, "dropped", 3);
    client.batch_execute("CREATE SCHEMA s; CREATE TABLE s.other (id int PRIMARY KEY, name text); SELECT drugembed.track('s.other', 'name')").expect("another");
    client.batch_execute("DROP TABLE product").expect("DROP TABLE");
    client.batch_execute("DROP SCHEMA s CASCADE").expect("DROP SCHEMA");
    let left =
        "SELECT (SELECT count(*) FROM pg_proc WHERE proname LIKE 'keep\\_%') + (SELECT count(*) FROM drugembed.tracked)
                     + (SELECT count(*) FROM drugembed.queue) + (SELECT count(*) FROM drugembed.status)";
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
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
    assert_eq!(value(&mut client, "SELECT sum(embedded) FROM drugembed.run"), "6");
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
    let search_paths = "SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'drugembed'::regnamespace AND prolang <>
                         ALL (SELECT oid FROM pg_language WHERE lanname IN ('sql', 'c')) AND prokind = 'f' AND NOT COALESCE(proconfig::text LIKE '%search_path%', false)";
    assert_eq!(column(&mut client, search_paths), Vec::<String>::new(), "functions without a search_path of their own");
}
