//! CALL drugembed.backfill: batches, failures, cancellation, sessions side by side.

use std::thread;
use std::time::{Duration, Instant};

use server_tests::{assert_error, column, error_of, value};

use crate::{Test, World, assert_in_step, backfill, notices, pending, tracked};

pub const TESTS: &[Test] = &[
    ("commits_batch_by_batch", commits_batch_by_batch),
    ("poison_rows_do_not_block", poison_rows_do_not_block),
    ("failing_writes_are_isolated", failing_writes_are_isolated),
    ("cancelled_and_resumed", cancelled_and_resumed),
    ("sessions_side_by_side_embed_once", sessions_side_by_side_embed_once),
    ("locked_rows_are_left_for_later", locked_rows_are_left_for_later),
    ("row_that_kills_its_backend_is_given_up", row_that_kills_its_backend_is_given_up),
    ("row_that_nobody_can_write_is_left_alone", row_that_nobody_can_write_is_left_alone),
    ("ends_when_its_table_does", ends_when_its_table_does),
    ("idle_backfills_never_fail", idle_backfills_never_fail),
    ("broken_model_fails_the_run_not_the_rows", broken_model_fails_the_run_not_the_rows),
    ("refuses_a_transaction", refuses_a_transaction),
];

/// Notes every write of an embedding, so that one done twice is seen.
pub const AUDIT: &str = "CREATE TABLE written (id bigint, state uuid, at timestamptz DEFAULT clock_timestamp(), pid integer DEFAULT pg_backend_pid());
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO written VALUES (NEW.id, NEW.embedding_state); RETURN NULL; END $$;
    CREATE TRIGGER note AFTER UPDATE OF embedding ON product FOR EACH ROW EXECUTE FUNCTION note()";

pub const TWICE: &str = "SELECT count(*) FROM (SELECT FROM written GROUP BY id, state HAVING count(*) > 1) s";

fn commits_batch_by_batch(world: &World) {
    let mut client = tracked(world, "batches", 50);
    client
        .batch_execute(
            "SET client_min_messages = warning; CALL drugembed.backfill('product', batch => 10, max_rows => 20)",
        )
        .expect_err("CALL must be alone");
    client.batch_execute("SET client_min_messages = warning").expect("SET");
    client.batch_execute("CALL drugembed.backfill('product', batch => 10, max_rows => 20)").expect("backfill");
    assert_eq!(value(&mut client, "SELECT count(embedding) FROM product"), "20");
    assert_eq!(value(&mut client, "SELECT count(DISTINCT xmin::text) FROM product WHERE embedding IS NOT NULL"), "2");
    assert_eq!(
        value(&mut client, "SELECT count(*) FROM product WHERE embedding IS NOT NULL AND id <= 20"),
        "20",
        "in the order of their places"
    );
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
    let status = "SELECT format('%s %s %s %s %s', rows, embedded, pending, failed, stale) FROM drugembed.status";
    assert_eq!(value(&mut client, status), "50 50 0 0 0");
    let last =
        "SELECT last_error IS NULL AND enabled AND model = (SELECT model FROM drug_model()) FROM drugembed.status";
    assert_eq!(value(&mut client, last), "t");
}

fn poison_rows_do_not_block(world: &World) {
    let mut client = tracked(world, "poison", 30);
    client
        .batch_execute("SET drugembed.on_overflow = 'error'; UPDATE product SET name = repeat('아주 긴 이름 ', 2000) WHERE id IN (5, 17)")
        .expect("two texts over the limit");
    backfill(&mut client, "product");
    let failures = "SELECT string_agg(concat_ws(' ', key->>'id', sqlstate, hint <> ''), ', ' ORDER BY key) FROM drugembed.failures";
    assert_eq!(value(&mut client, failures), "5 54000 t, 17 54000 t");
    let status = "SELECT format('%s %s %s %s', rows, embedded, pending, failed) FROM drugembed.status";
    assert_eq!(value(&mut client, status), "30 28 0 2");
    assert!(value(&mut client, "SELECT last_error FROM drugembed.status").contains("token"), "the reason is in status");
    assert_eq!(value(&mut client, "SELECT drugembed.retry('product')"), "2");
    assert_eq!(pending(&mut client), 2);
    backfill(&mut client, "product");
    assert_eq!(value(&mut client, status), "30 28 0 2");
    client.batch_execute("UPDATE product SET name = '타이레놀정' WHERE id = 5").expect("UPDATE");
    client.batch_execute("DELETE FROM product WHERE id = 17").expect("DELETE");
    backfill(&mut client, "product");
    assert_eq!(value(&mut client, "SELECT count(*) FROM drugembed.failures"), "0");
    assert_in_step(&mut client, "product", "name");
}

/// The user's own trigger refuses a row, by an error or in silence: it waits, the others go on, and the run says so and ends.
fn failing_writes_are_isolated(world: &World) {
    let mut client = tracked(world, "refusing", 20);
    client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN IF NEW.id = 7 THEN RAISE EXCEPTION 'seven is closed'; ELSIF NEW.id = 8 THEN RETURN NULL; END IF; RETURN NEW; END $$;
             CREATE TRIGGER refuse BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .expect("a trigger");
    for _ in 0..2 {
        let warnings = notices(world, "refusing", "CALL drugembed.backfill('product')");
        assert!(warnings.iter().any(|text| text.contains("seven is closed")), "{warnings:?}");
        assert!(warnings.iter().any(|text| text.contains("2 rows") && text.contains("wait")), "{warnings:?}");
        let status = "SELECT format('%s %s %s', embedded, pending, failed) FROM drugembed.status";
        assert_eq!(value(&mut client, status), "18 2 0");
    }
    client.batch_execute("DROP TRIGGER refuse ON product").expect("the cause is gone");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
}

fn cancelled_and_resumed(world: &World) {
    let mut client = tracked(world, "cancelled", 1500);
    client.batch_execute(AUDIT).expect("audit");
    client.batch_execute("SET statement_timeout = '700ms'").expect("SET");
    let start = Instant::now();
    let error = error_of(&mut client, "CALL drugembed.backfill('product', batch => 20)");
    assert_eq!(error.code().code(), "57014");
    assert!(start.elapsed() < Duration::from_millis(1500), "cancelled after {:?}", start.elapsed());
    client.batch_execute("SET statement_timeout = 0").expect("SET");
    let done: u64 = value(&mut client, "SELECT count(embedding) FROM product").parse().expect("a number");
    assert!((1..1500).contains(&done), "{done} done when it was cancelled");
    assert_eq!(pending(&mut client), 1500 - done);
    client.batch_execute("DELETE FROM product WHERE id > 400").expect("the test need not be long");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
    assert_eq!(value(&mut client, TWICE), "0");
}

fn sessions_side_by_side_embed_once(world: &World) {
    let mut client = tracked(world, "sides", 400);
    client.batch_execute(AUDIT).expect("audit");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = world.server.connect("sides");
                client.batch_execute("CALL drugembed.backfill('product', batch => 16)").expect("backfill");
            });
        }
        let progress = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^CALL drugembed.backfill: product: \\d+ of \\d+ rows, .* left$'";
        let start = Instant::now();
        while value(&mut client, progress).parse::<u32>().expect("a number") < 2 {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "pg_stat_activity never showed the progress of two sessions"
            );
        }
    });
    assert_eq!(value(&mut client, TWICE), "0");
    assert_eq!(value(&mut client, "SELECT count(*) FROM written"), "400");
    assert!(column(&mut client, "SELECT DISTINCT pid FROM written").len() >= 2, "the sessions shared the work");
    assert_in_step(&mut client, "product", "name");
}

fn locked_rows_are_left_for_later(world: &World) {
    let mut client = tracked(world, "locked", 20);
    let mut writer = world.server.connect("locked");
    writer.batch_execute("BEGIN; UPDATE product SET name = name || '!' WHERE id IN (3, 4)").expect("a slow writer");
    client.batch_execute("SET lock_timeout = '2s'").expect("SET");
    backfill(&mut client, "product");
    assert_eq!(value(&mut client, "SELECT count(embedding) FROM product"), "18");
    assert_eq!(pending(&mut client), 2);
    writer.batch_execute("COMMIT").expect("COMMIT");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
}

/// Its backend is ended each time while it reads row 9: the other rows go on, and 9 is set aside.
fn row_that_kills_its_backend_is_given_up(world: &World) {
    let mut client = tracked(world, "killing", 40);
    client
        .batch_execute(
            "CREATE FUNCTION label(id bigint, name text) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN IF id = 9 THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); END IF; RETURN name; END $$;
             SELECT drugembed.untrack('product'); SELECT drugembed.track('product', 'label(id, name)')",
        )
        .expect("a deadly source");
    assert!(deaths(world) <= 6);
    assert_eq!(value(&mut client, "SELECT string_agg(key->>'id', ' ') FROM drugembed.failures"), "9");
    assert_eq!(value(&mut client, "SELECT count(embedding) FROM product"), "39");
    assert_eq!(pending(&mut client), 0);
    // A change of the row, or retry, gives it another chance.
    client
        .batch_execute(
            "CREATE OR REPLACE FUNCTION label(id bigint, name text) RETURNS text LANGUAGE sql AS 'SELECT name'",
        )
        .expect("a cure");
    assert_eq!(value(&mut client, "SELECT drugembed.retry('product')"), "1");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
}

/// Even setting it aside ends the backend: it is left alone, and no run dies of it any more.
fn row_that_nobody_can_write_is_left_alone(world: &World) {
    let mut client = tracked(world, "deadly", 40);
    client
        .batch_execute(
            "CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN IF NEW.id = 9 THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); END IF; RETURN NEW; END $$;
             CREATE TRIGGER kill BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION kill()",
        )
        .expect("a trigger");
    let mut deaths = 0;
    while world.server.connect("deadly").batch_execute("CALL drugembed.backfill('product')").is_err() {
        deaths += 1;
        assert!(deaths < 10, "it never ends");
    }
    assert_eq!(value(&mut client, "SELECT count(embedding) FROM product"), "39");
    assert_eq!(pending(&mut client), 1);
    let warnings = notices(world, "deadly", "CALL drugembed.backfill('product')");
    assert!(warnings.iter().any(|text| text.contains("left alone")), "{warnings:?}");
    client
        .batch_execute("DROP TRIGGER kill ON product; UPDATE product SET name = name || '!' WHERE id = 9")
        .expect("a cure");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
}

fn deaths(world: &World) -> u32 {
    let mut deaths = 0;
    while world.server.connect("killing").batch_execute("CALL drugembed.backfill('product')").is_err() {
        deaths += 1;
        assert!(deaths < 12, "it never ends");
    }
    deaths
}

fn broken_model_fails_the_run_not_the_rows(world: &World) {
    let mut client = tracked(world, "broken", 10);
    backfill(&mut client, "product");
    client.batch_execute("UPDATE product SET name = name || '!'").expect("UPDATE");
    client.batch_execute("SET drugembed.model = 'no-such-model'").expect("SET");
    assert_error(&mut client, "CALL drugembed.backfill('product')", "58P01", "could not read model bundle");
    assert_eq!(value(&mut client, "SELECT pending FROM drugembed.status"), "10", "status works without a model");
    client.batch_execute("RESET drugembed.model").expect("RESET");
    assert_eq!(value(&mut client, "SELECT count(*) FROM drugembed.failures"), "0");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
}

/// Untracked, dropped or renamed meanwhile: it ends at once, with an error that says so, or goes on.
fn ends_when_its_table_does(world: &World) {
    for (name, ddl, sqlstate) in [
        ("undone", "SELECT drugembed.untrack('product')", Some("55000")),
        ("dropped_amid", "DROP TABLE product", Some("55000")),
        ("renamed_amid", "ALTER TABLE product RENAME TO other; ALTER TABLE other RENAME COLUMN embedding TO vec", None),
    ] {
        let mut client = tracked(world, name, 600);
        let run = thread::scope(|scope| {
            let run = scope
                .spawn(|| world.server.connect(name).batch_execute("CALL drugembed.backfill('product', batch => 8)"));
            let start = Instant::now();
            while value(&mut client, "SELECT count(*) > 10 FROM product WHERE embedding IS NOT NULL") != "t" {
                assert!(start.elapsed() < Duration::from_secs(20), "it never began");
            }
            client.batch_execute("SET lock_timeout = '5s'").expect("SET");
            client.batch_execute(ddl).unwrap_or_else(|e| panic!("{ddl}: {e:?}"));
            run.join().expect("a session")
        });
        let ended = run.err().and_then(|error| error.code().map(|code| code.code().to_owned()));
        assert_eq!(ended.as_deref(), sqlstate, "{ddl}");
    }
}

/// Two sessions with nothing to do, over and over: no run is taken for dead.
fn idle_backfills_never_fail(world: &World) {
    let mut client = tracked(world, "idle", 5);
    backfill(&mut client, "product");
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = world.server.connect("idle");
                client.batch_execute("SET client_min_messages = warning").expect("SET");
                for _ in 0..100 {
                    client.batch_execute("CALL drugembed.backfill('product')").expect("nothing to do");
                }
            });
        }
    });
}

fn refuses_a_transaction(world: &World) {
    let mut client = tracked(world, "inside", 3);
    let error =
        client.batch_execute("BEGIN; CALL drugembed.backfill('product'); COMMIT").expect_err("it commits by itself");
    assert_eq!(error.code().map(|code| code.code()), Some("2D000"));
    let hint = error.as_db_error().and_then(|error| error.hint()).unwrap_or_default().to_owned();
    assert!(hint.contains("autocommit"), "{hint}");
    client.batch_execute("ROLLBACK; SET default_transaction_isolation = 'serializable'").expect("SET");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
}
