//! Logical replication: rows that the apply worker writes are queued on the subscriber.

use std::time::{Duration, Instant};

use postgres::Client;
use server_tests::value;

use crate::{Test, World, assert_in_step, backfill, embedded, fill, tracked};

pub const TESTS: &[Test] = &[
    ("subscriber_embeds_what_arrives", subscriber_embeds_what_arrives),
    ("embeddings_arrive_ready_made", embeddings_arrive_ready_made),
];

fn subscribe(world: &World, publisher: &mut Client, subscriber: &mut Client, name: &str) {
    publisher.batch_execute("CREATE PUBLICATION product_out FOR TABLE product").expect("a publication");
    // CREATE SUBSCRIPTION would wait for itself where both databases are of one server.
    value(publisher, &format!("SELECT slot_name FROM pg_create_logical_replication_slot('{name}', 'pgoutput')"));
    let host = world.server.sockets().display();
    let database = value(publisher, "SELECT current_database()");
    subscriber
        .batch_execute(&format!(
            "CREATE SUBSCRIPTION {name} CONNECTION 'host={host} user=postgres dbname={database}' PUBLICATION product_out WITH (create_slot = false)"
        ))
        .expect("a subscription");
}

#[track_caller]
pub fn wait_for(client: &mut Client, sql: &str, expected: &str) {
    let start = Instant::now();
    loop {
        let now = value(client, sql);
        if now == expected {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{sql} stays at {now}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn unsubscribe(subscriber: &mut Client, name: &str) {
    subscriber.batch_execute(&format!("ALTER SUBSCRIPTION {name} DISABLE")).expect("DISABLE");
    subscriber.batch_execute(&format!("DROP SUBSCRIPTION {name}")).expect("DROP SUBSCRIPTION");
}

fn subscriber_embeds_what_arrives(world: &World) {
    let mut publisher = server_tests::database(&world.server, "publisher");
    fill(&mut publisher, 12);
    let mut subscriber = tracked(world, "subscriber", 0);
    subscribe(world, &mut publisher, &mut subscriber, "arriving");
    wait_for(&mut subscriber, "SELECT count(*) FROM product", "12");
    backfill(&mut subscriber, "product");
    assert_in_step(&mut subscriber, "product", "name");
    publisher
        .batch_execute(
            "UPDATE product SET price = 5; UPDATE product SET name = name || '!' WHERE id <= 3; DELETE FROM product WHERE id IN (3, 12);
             INSERT INTO product VALUES (13, '타이레놀정'); UPDATE product SET id = 20 WHERE id = 11",
        )
        .expect("writes");
    wait_for(&mut subscriber, "SELECT count(*) FROM product WHERE id IN (13, 20)", "2");
    wait_for(&mut subscriber, "SELECT count(*) FROM product WHERE id IN (1, 2, 13) AND embedding_state IS NULL", "3");
    assert_eq!(embedded(world, "subscriber", "product"), 3);
    assert_in_step(&mut subscriber, "product", "name");
    publisher.batch_execute("UPDATE product SET name = name || '?'; TRUNCATE product").expect("TRUNCATE");
    wait_for(&mut subscriber, "SELECT count(*) FROM product", "0");
    unsubscribe(&mut subscriber, "arriving");
}

fn embeddings_arrive_ready_made(world: &World) {
    let mut publisher = tracked(world, "maker", 6);
    let mut subscriber = tracked(world, "reader", 0);
    backfill(&mut publisher, "product");
    subscribe(world, &mut publisher, &mut subscriber, "ready");
    wait_for(&mut subscriber, "SELECT count(embedding) FROM product", "6");
    publisher.batch_execute("UPDATE product SET name = name || '!' WHERE id = 1").expect("UPDATE");
    backfill(&mut publisher, "product");
    wait_for(&mut subscriber, "SELECT count(*) FROM product WHERE name LIKE '%!' AND embedding_state IS NOT NULL", "1");
    assert_eq!(embedded(world, "reader", "product"), 0);
    assert_in_step(&mut subscriber, "product", "name");
    unsubscribe(&mut subscriber, "ready");
}
