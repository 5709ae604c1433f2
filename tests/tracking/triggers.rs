//! Which writes queue which rows.

use std::io::Write;

use postgres::Client;
use server_tests::{column, value};

use crate::{Test, World, assert_in_step, backfill, embedded, pending, tracked};

pub const TESTS: &[Test] = &[
    ("only_changed_texts_are_queued", only_changed_texts_are_queued),
    ("every_kind_of_write", every_kind_of_write),
    ("equal_is_not_the_same", equal_is_not_the_same),
    ("back_and_forth_embeds_nothing", back_and_forth_embeds_nothing),
    ("blank_is_null", blank_is_null),
    ("failing_source_lets_writers_pass", failing_source_lets_writers_pass),
    ("embeddings_come_with_copied_rows", embeddings_come_with_copied_rows),
    ("lost_embedding_is_made_again", lost_embedding_is_made_again),
];

/// What `sql` adds to the queue.
#[track_caller]
fn queues(client: &mut Client, sql: &str, expected: u64) {
    let before = pending(client);
    client.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    assert_eq!(pending(client) - before, expected, "{sql}");
}

fn only_changed_texts_are_queued(world: &World) {
    let mut client = tracked(world, "changed", 40);
    assert_eq!(pending(&mut client), 40);
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
    queues(&mut client, "UPDATE product SET price = price + 1", 0);
    queues(&mut client, "UPDATE product SET name = name, type = '캡슐'", 0);
    queues(&mut client, "UPDATE product SET id = id + 1000", 0);
    queues(&mut client, "UPDATE product SET name = name || ' 골드' WHERE id <= 1003", 3);
    queues(&mut client, "UPDATE product SET name = name || '!' WHERE id = 1001", 0); // waits already
    assert_eq!(embedded(world, "changed", "product"), 3);
    assert_in_step(&mut client, "product", "name");
}

fn every_kind_of_write(world: &World) {
    let mut client = tracked(world, "writes", 10);
    backfill(&mut client, "product");
    queues(&mut client, "INSERT INTO product VALUES (11, '타이레놀정'), (12, '게보린정')", 2);
    queues(
        &mut client,
        "INSERT INTO product VALUES (11, '타이레놀정500밀리그람') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        0,
    );
    queues(
        &mut client,
        "INSERT INTO product VALUES (1, '아스피린정') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        1,
    );
    let merge = if world.install.has(15, "MERGE") {
        "MERGE INTO product p USING (VALUES (2, '부루펜정'), (13, '판콜에이')) v (id, name) ON p.id = v.id
         WHEN MATCHED THEN UPDATE SET name = v.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (v.id, v.name)"
    } else {
        "INSERT INTO product VALUES (2, '부루펜정'), (13, '판콜에이') ON CONFLICT (id) DO UPDATE SET name = excluded.name"
    };
    queues(&mut client, merge, 2);
    let before = pending(&mut client);
    let mut writer = client.copy_in("COPY product (id, name) FROM STDIN").expect("COPY");
    writer.write_all("14\t베아제정\n15\t훼스탈플러스정\n".as_bytes()).expect("rows");
    writer.finish().expect("the end of COPY");
    assert_eq!(pending(&mut client) - before, 2);
    let before = pending(&mut client);
    client.batch_execute("DELETE FROM product WHERE id IN (11, 3)").expect("DELETE");
    assert_eq!(before - pending(&mut client), 1, "11 waited, 3 did not");
    client.batch_execute("BEGIN; UPDATE product SET name = name || '?'; ROLLBACK").expect("a rollback");
    assert_eq!(before - pending(&mut client), 1);
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
    queues(&mut client, "UPDATE product SET name = name || '!'", 13);
    client.batch_execute("TRUNCATE product").expect("TRUNCATE");
    assert_eq!(pending(&mut client), 0);
}

/// Values that a type calls equal can have other texts.
fn equal_is_not_the_same(world: &World) {
    let mut client = server_tests::database(&world.server, "equal");
    client
        .batch_execute(
            "CREATE EXTENSION citext;
             CREATE TABLE product (id integer PRIMARY KEY, a citext, b numeric, c float8, d json, seen integer);
             INSERT INTO product VALUES (1, 'aspirin', 1.0, 0, '{\"a\": 1}');
             SELECT drugembed.track('product', 'a || '' '' || b || '' '' || c || '' '' || d')",
        )
        .expect("a table");
    for change in ["a = 'ASPIRIN'", "b = 1.00", "c = '-0'", "d = '{\"a\":1}'"] {
        backfill(&mut client, "product");
        queues(&mut client, "UPDATE product SET seen = 1, a = a, b = b, c = c, d = d", 0);
        queues(&mut client, &format!("UPDATE product SET {change}"), 1);
    }
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "a || ' ' || b || ' ' || c || ' ' || d");
}

fn back_and_forth_embeds_nothing(world: &World) {
    let mut client = tracked(world, "back", 5);
    backfill(&mut client, "product");
    client
        .batch_execute("UPDATE product SET name = name || '!'; UPDATE product SET name = rtrim(name, '!')")
        .expect("there and back");
    assert_eq!(pending(&mut client), 5);
    assert_eq!(embedded(world, "back", "product"), 0);
    assert_in_step(&mut client, "product", "name");
}

fn blank_is_null(world: &World) {
    let mut client = tracked(world, "blanks", 6);
    client
        .batch_execute(
            "UPDATE product SET name = NULL WHERE id = 1; UPDATE product SET name = '' WHERE id = 2;
             UPDATE product SET name = E' \\u3000\\n' WHERE id = 3",
        )
        .expect("blanks");
    backfill(&mut client, "product");
    let status = "SELECT format('%s %s %s %s', rows, embedded, blank, failed) FROM drugembed.status";
    assert_eq!(value(&mut client, status), "6 3 3 0");
    queues(&mut client, "UPDATE product SET name = '타이레놀정' WHERE id = 1", 1);
    queues(&mut client, "UPDATE product SET name = NULL WHERE id = 4", 1);
    backfill(&mut client, "product");
    assert_eq!(value(&mut client, status), "6 3 3 0");
    assert_eq!(column(&mut client, "SELECT id FROM product WHERE embedding IS NULL ORDER BY id"), ["2", "3", "4"]);
}

fn failing_source_lets_writers_pass(world: &World) {
    let mut client = tracked(world, "failing", 3);
    client
        .batch_execute(
            "SELECT drugembed.untrack('product');
             SELECT drugembed.track('product', 'name || (100 / price)::text');
             UPDATE product SET price = 1 WHERE id <> 2",
        )
        .expect("a source that fails where price is 0");
    client
        .batch_execute("INSERT INTO product (id, name, price) VALUES (4, '게보린정', 0), (5, '타이레놀정', 5)")
        .expect("INSERT");
    backfill(&mut client, "product");
    let failures = "SELECT string_agg((key->>'id') || ' ' || sqlstate, ', ' ORDER BY key) FROM drugembed.failures";
    assert_eq!(value(&mut client, failures), "2 22012, 4 22012");
    assert_eq!(value(&mut client, "SELECT count(embedding) FROM product"), "3");
    client.batch_execute("UPDATE product SET price = 2").expect("the cause is gone");
    backfill(&mut client, "product");
    assert_eq!(value(&mut client, "SELECT count(*) FROM drugembed.failures"), "0");
    assert_in_step(&mut client, "product", "name || (100 / price)::text");
}

/// As pg_restore and CREATE TABLE AS do: what is right already is not made again.
fn embeddings_come_with_copied_rows(world: &World) {
    let mut client = tracked(world, "copied", 8);
    backfill(&mut client, "product");
    client.batch_execute("CREATE TABLE kept AS TABLE product; TRUNCATE product").expect("a copy");
    queues(&mut client, "INSERT INTO product TABLE kept", 0);
    assert_in_step(&mut client, "product", "name");
}

fn lost_embedding_is_made_again(world: &World) {
    let mut client = tracked(world, "lost", 4);
    backfill(&mut client, "product");
    queues(&mut client, "UPDATE product SET embedding = NULL WHERE id = 1", 1);
    client
        .batch_execute("ALTER TABLE product DISABLE TRIGGER USER; UPDATE product SET name = '부루펜정' WHERE id = 2; ALTER TABLE product ENABLE TRIGGER USER")
        .expect("behind the triggers' back");
    backfill(&mut client, "product");
    assert_eq!(value(&mut client, "SELECT count(embedding) FROM product"), "4");
    client.batch_execute("SELECT drugembed.refresh('product')").expect("refresh");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
    assert_eq!(
        value(&mut client, "SELECT enabled FROM drugembed.status"),
        "f",
        "ENABLE TRIGGER USER made the trigger an ordinary one"
    );
    queues(&mut client, "UPDATE product SET name = name || '!'", 4);
}
