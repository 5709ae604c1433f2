//! Rights: what PUBLIC may not do, what the granted sets allow, row-level security.

use postgres::Client;
use server_tests::{column, database, error_of, value};

use crate::{Test, World, backfill, fill, tracked};

pub const TESTS: &[Test] = &[
    ("public_writes_nothing", public_writes_nothing),
    ("granted_sets", granted_sets),
    ("writers_need_only_the_table", writers_need_only_the_table),
    ("row_level_security_of_search", row_level_security_of_search),
    ("row_level_security_of_backfill", row_level_security_of_backfill),
    ("source_runs_as_the_owner_only", source_runs_as_the_owner_only),
];

fn role(world: &World, name: &str) {
    world.server.connect("postgres").batch_execute(&format!("CREATE ROLE {name} LOGIN")).expect("CREATE ROLE");
}

#[track_caller]
fn denied(client: &mut Client, sql: &str) {
    assert_eq!(error_of(client, sql).code().code(), "42501", "{sql}");
}

fn public_writes_nothing(world: &World) {
    let mut owner = tracked(world, "public_rights", 3);
    role(world, "stranger");
    owner.batch_execute("GRANT SELECT ON product TO stranger").expect("GRANT");
    backfill(&mut owner, "product");
    let mut client = world.server.connect_as("stranger", "public_rights");
    for sql in [
        "SELECT drugembed.track('product', 'type', 'other')",
        "SELECT drugembed.untrack('product')",
        "CALL drugembed.backfill('product')",
        "SELECT drugembed.schedule('product', '* * * * *')",
        "SELECT drugembed.retry('product')",
        "SELECT drugembed.refresh('product')",
        "SELECT drugembed.allow('stranger', 'track')",
        "SELECT drugembed.install_function(1)",
        "INSERT INTO drugembed.queue (tracked, key) VALUES (1, '{1}')",
        "UPDATE drugembed.tracked SET source = 'now()::text'",
        "DELETE FROM drugembed.failures",
        "SELECT * FROM drugembed.queue",
        "CREATE FUNCTION drugembed.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ] {
        denied(&mut client, sql);
    }
    assert_eq!(
        value(&mut client, "SELECT embedded FROM drugembed.status"),
        "3",
        "who may read the table sees its status"
    );
    assert_eq!(column(&mut client, "SELECT key FROM drug_search('product', '약', 2, 'vector')").len(), 2);
    let open =
        "SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'drugembed'::regnamespace AND provolatile = 'v'
                   AND has_function_privilege('stranger', p.oid, 'EXECUTE')";
    assert_eq!(
        column(&mut client, open),
        ["drugembed.prepare()"],
        "it refuses all but superusers by itself, with a HINT"
    );
    owner.batch_execute("REVOKE SELECT ON product FROM stranger").expect("REVOKE");
    assert_eq!(column(&mut client, "SELECT relation FROM drugembed.status").len(), 0);
    denied(&mut client, "SELECT drug_search('product', '약')");
}

fn granted_sets(world: &World) {
    let mut superuser = database(&world.server, "granted");
    role(world, "tracker");
    role(world, "worker");
    superuser
        .batch_execute(
            "GRANT CREATE ON SCHEMA public TO tracker; SELECT drugembed.allow('tracker', 'track'), drugembed.allow('worker', 'backfill');
             CREATE TABLE foreign_table (id integer PRIMARY KEY, name text)",
        )
        .expect("grants");
    let mut tracker = world.server.connect_as("tracker", "granted");
    fill(&mut tracker, 4);
    tracker.batch_execute("SELECT drugembed.track('product', 'name')").expect("a tracker tracks its own table");
    denied(&mut tracker, "SELECT drugembed.track('foreign_table', 'name')");
    denied(&mut tracker, "INSERT INTO drugembed.tracked (relation, target, state, key, source, lexical, columns, attnums, seen_as, added_target, model)
        VALUES ('foreign_table', 'e', 's', '{id}', 'name', 'name', '{}', '{}', 0, false, 'm')");
    denied(&mut tracker, "UPDATE drugembed.tracked SET source = 'x'");
    denied(&mut tracker, "CALL drugembed.backfill('product')");
    let mut worker = world.server.connect_as("worker", "granted");
    denied(&mut worker, "CALL drugembed.backfill('product')"); // not the table's
    tracker.batch_execute("GRANT SELECT, UPDATE (embedding, embedding_state) ON product TO worker").expect("GRANT");
    backfill(&mut worker, "product");
    assert_eq!(value(&mut worker, "SELECT embedded FROM drugembed.status WHERE relation = 'product'::regclass"), "4");
    denied(&mut worker, "SELECT drugembed.untrack('product')");
    denied(&mut worker, "UPDATE drugembed.tracked SET source = 'x'");
    tracker
        .batch_execute("UPDATE product SET name = name || '!'; SELECT drugembed.untrack('product')")
        .expect("untrack");
}

fn writers_need_only_the_table(world: &World) {
    let mut owner = tracked(world, "writing", 2);
    role(world, "writer");
    owner.batch_execute("GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON product TO writer").expect("GRANT");
    let mut client = world.server.connect_as("writer", "writing");
    client
        .batch_execute("INSERT INTO product VALUES (8, '게보린정'), (9, '타이레놀정'); UPDATE product SET name = name || '!' WHERE id < 9; DELETE FROM product WHERE id = 8")
        .expect("writes");
    assert_eq!(value(&mut client, "SELECT pending FROM drugembed.status"), "3");
    client.batch_execute("TRUNCATE product").expect("TRUNCATE");
    assert_eq!(value(&mut owner, "SELECT count(*) FROM drugembed.queue"), "0");
}

const TENANTS: &str = "ALTER TABLE product ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON product USING (type = current_user)";

fn row_level_security_of_search(world: &World) {
    let mut owner = tracked(world, "tenants", 40);
    role(world, "tenant");
    owner.batch_execute(TENANTS).expect("a policy");
    owner
        .batch_execute("UPDATE product SET type = 'tenant' WHERE id % 2 = 0; GRANT SELECT ON product TO tenant")
        .expect("rows of the tenant");
    backfill(&mut owner, "product");
    let mut client = world.server.connect_as("tenant", "tenants");
    for mode in ["vector", "hybrid"] {
        let found = column(
            &mut client,
            &format!("SELECT (key->>'id')::int % 2 FROM drug_search('product', '약', 100, '{mode}')"),
        );
        assert_eq!(found, vec!["0"; 20], "{mode}");
    }
    assert_eq!(value(&mut client, "SELECT rows FROM drugembed.status"), "20", "status counts what one may see");
}

/// A worker that sees a part of the rows embeds that part and leaves the rest waiting.
fn row_level_security_of_backfill(world: &World) {
    let mut owner = tracked(world, "shared_table", 20);
    role(world, "half");
    owner.batch_execute(TENANTS).expect("a policy");
    owner
        .batch_execute(
            "UPDATE product SET type = 'half' WHERE id > 12; SELECT drugembed.allow('half', 'backfill');
             GRANT SELECT, UPDATE ON product TO half",
        )
        .expect("grants");
    backfill(&mut owner, "product");
    owner.batch_execute("UPDATE product SET name = name || '!'").expect("UPDATE");
    let mut client = world.server.connect_as("half", "shared_table");
    backfill(&mut client, "product");
    assert_eq!(value(&mut owner, "SELECT pending FROM drugembed.status"), "12");
    assert_eq!(value(&mut owner, "SELECT embedded FROM drugembed.run ORDER BY id DESC LIMIT 1"), "8");
    backfill(&mut owner, "product");
    crate::assert_in_step(&mut owner, "product", "name");
}

/// The source of a table runs with the rights of the table's owner, not of the superuser who owns the extension.
fn source_runs_as_the_owner_only(world: &World) {
    let mut superuser = database(&world.server, "owned");
    role(world, "sly");
    superuser
        .batch_execute("GRANT CREATE ON SCHEMA public TO sly; SELECT drugembed.allow('sly', 'track')")
        .expect("grants");
    let mut sly = world.server.connect_as("sly", "owned");
    fill(&mut sly, 1);
    sly.batch_execute(
        "CREATE FUNCTION whoami(text) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE WARNING 'runs as %', current_user; RETURN $1; END $$;
         SELECT drugembed.track('product', 'whoami(name)')",
    )
    .expect("a sly source");
    superuser
        .batch_execute(
            "CREATE TABLE ran (by name); GRANT INSERT ON ran TO sly;
             CREATE OR REPLACE FUNCTION whoami(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran VALUES (current_user); RETURN $1; END $$;
             INSERT INTO product VALUES (2, '타이레놀정')",
        )
        .expect("a write by the superuser");
    assert_eq!(value(&mut superuser, "SELECT string_agg(DISTINCT by, ' ') FROM ran"), "sly");
}
