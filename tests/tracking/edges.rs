//! Tables, sessions and arguments at the edge of what can be tracked: an ERROR that says what to do.

use server_tests::{assert_error, column, database, value};

use crate::{Test, World, assert_in_step, backfill, notices, tracked};

pub const TESTS: &[Test] = &[
    ("rules_are_named", rules_are_named),
    ("other_relations_are_refused", other_relations_are_refused),
    ("policies_that_bind_the_owner", policies_that_bind_the_owner),
    ("read_only_sessions", read_only_sessions),
    ("null_arguments", null_arguments),
];

fn rules_are_named(world: &World) {
    let mut client = tracked(world, "rules", 3);
    client.batch_execute("CREATE TABLE log (id bigint)").expect("a table");
    for rule in [
        "DO ALSO INSERT INTO log VALUES (NEW.id)",
        "DO INSTEAD NOTHING",
        "DO INSTEAD INSERT INTO log VALUES (NEW.id)",
        "WHERE NEW.id = 1 DO INSTEAD NOTHING",
    ] {
        client
            .batch_execute(&format!("CREATE RULE follow AS ON UPDATE TO product {rule}"))
            .unwrap_or_else(|e| panic!("{rule}: {e:?}"));
        for sql in [
            "CALL drugembed.backfill('product')",
            "SELECT drugembed.refresh('product')",
            "SELECT drugembed.retry('product')",
        ] {
            assert_error(&mut client, sql, "0A000", "rule \"follow\"");
        }
        client.batch_execute("DROP RULE follow ON product").expect("DROP RULE");
    }
    client
        .batch_execute(
            "CREATE RULE follow AS ON DELETE TO product DO ALSO INSERT INTO log VALUES (OLD.id);
             CREATE RULE other AS ON INSERT TO product DO ALSO INSERT INTO log VALUES (NEW.id)",
        )
        .expect("rules on other commands");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
}

fn other_relations_are_refused(world: &World) {
    let mut client = tracked(world, "relations", 2);
    client
        .batch_execute(
            "CREATE VIEW a_view AS SELECT * FROM product; CREATE MATERIALIZED VIEW stored AS SELECT * FROM product;
             CREATE TEMP TABLE mine (id int PRIMARY KEY, name text); CREATE SEQUENCE numbers;
             CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE far (id int, name text) SERVER s;
             CREATE TYPE pair AS (id int, name text); CREATE TABLE typed OF pair (PRIMARY KEY (id));
             CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, name text); INSERT INTO unlogged VALUES (1, '게보린정')",
        )
        .expect("relations");
    for relation in ["a_view", "stored", "mine", "far", "typed", "numbers", "product_pkey", "pg_class"] {
        assert_error(&mut client, &format!("SELECT drugembed.track('{relation}', 'name')"), "42809", relation);
        assert_error(&mut client, &format!("CALL drugembed.backfill('{relation}')"), "42704", "not tracked");
    }
    for sql in ["CALL drugembed.backfill(99999)", "SELECT drugembed.refresh(99999)", "SELECT drugembed.untrack(99999)"]
    {
        assert_error(&mut client, sql, "42P01", "does not exist");
    }
    client.batch_execute("SELECT drugembed.track('unlogged', 'name')").expect("track");
    backfill(&mut client, "unlogged");
    assert_in_step(&mut client, "unlogged", "name");
}

fn policies_that_bind_the_owner(world: &World) {
    let mut client = tracked(world, "bound", 4);
    client
        .batch_execute(
            "CREATE ROLE bound_owner; GRANT ALL ON SCHEMA public TO bound_owner; ALTER TABLE product OWNER TO bound_owner;
             ALTER TABLE product ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
             CREATE POLICY few ON product USING (id < 3)",
        )
        .expect("a policy");
    let said = notices(world, "bound", "CALL drugembed.backfill('product')");
    assert!(said.iter().any(|text| text.contains("bind its owner")), "{said:?}");
    assert_eq!(
        value(&mut client, "SELECT string_agg(id::text, ' ' ORDER BY id) FROM product WHERE embedding IS NOT NULL"),
        "1 2"
    );
    client
        .batch_execute("UPDATE product SET name = name || '!'; CREATE POLICY closed ON product AS RESTRICTIVE FOR UPDATE WITH CHECK (false)")
        .expect("a policy that refuses");
    assert_error(&mut client, "CALL drugembed.backfill('product')", "42501", "row-level security");
    client.batch_execute("ALTER TABLE product NO FORCE ROW LEVEL SECURITY").expect("the cause is gone");
    let said = notices(world, "bound", "CALL drugembed.backfill('product')");
    assert!(!said.iter().any(|text| text.contains("bind its owner")), "{said:?}");
    assert_in_step(&mut client, "product", "name");
}

fn read_only_sessions(world: &World) {
    let mut client = tracked(world, "reading", 2);
    client.batch_execute("SET default_transaction_read_only = on").expect("SET");
    for sql in [
        "CALL drugembed.backfill('product')",
        "SELECT drugembed.refresh('product')",
        "SELECT drugembed.retry('product')",
        "SELECT drugembed.untrack('product')",
        "SELECT drugembed.track('product', 'type', 'other')",
    ] {
        assert_error(&mut client, sql, "25006", "read-only");
    }
    assert_eq!(value(&mut client, "SELECT pending FROM drugembed.status"), "2", "who reads may");
}

fn null_arguments(world: &World) {
    let mut client = database(&world.server, "nulls");
    let calls = "SELECT format('SELECT %s(%s)', p.oid::regproc, (SELECT string_agg('NULL::' ||
                        CASE WHEN t = '\"any\"'::regtype THEN 'int' ELSE format_type(t, NULL) END, ', ') FROM unnest(proargtypes) t))
                   FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
                   JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'drugembed'
                  WHERE NOT proisstrict AND prokind = 'f' AND prorettype <> 'trigger'::regtype";
    for sql in column(&mut client, calls) {
        let Err(error) = client.batch_execute(&sql) else { continue };
        let error = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error}"));
        assert!(error.code().code() != "XX000" && error.hint().is_some(), "{sql}: {error:?}");
    }
    assert_error(&mut client, "CALL drugembed.backfill(NULL)", "22004", "must be given");
    for rows in [0, -1] {
        let sql = format!("CALL drugembed.backfill('pg_class', max_rows => {rows})");
        assert_error(&mut client, &sql, "22023", "max_rows");
    }
}
