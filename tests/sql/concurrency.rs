//! Many processes, one answer.

use std::thread;

use server_tests::{column, database, value};

use crate::{Test, World, product_names};

pub const TESTS: &[Test] = &[("parallel_query", parallel_query), ("sixteen_connections", sixteen_connections)];

fn parallel_query(world: &World) {
    let mut client = database(&world.server, "parallel");
    client.batch_execute("CREATE TABLE products (name text)").expect("a table");
    let names = product_names();
    client.execute("INSERT INTO products SELECT unnest($1::text[])", &[&names]).expect("rows");
    client
        .batch_execute(
            "ANALYZE products;
             SET max_parallel_workers_per_gather = 2; SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
             SET parallel_leader_participation = off;
             CREATE TABLE parallel AS SELECT name, drug_embed(name) AS embedding FROM products;
             CREATE TABLE serial (name text, embedding vector);
             INSERT INTO serial SELECT name, drug_embed(name) FROM products",
        )
        .expect("both");
    let plan = column(&mut client, "EXPLAIN (ANALYZE) SELECT name, drug_embed(name) FROM products LIMIT 50");
    let launched = plan.iter().any(|line| line.contains("Workers Launched: 1") || line.contains("Workers Launched: 2"));
    assert!(launched, "{plan:?}");
    let differing =
        "SELECT count(*) FROM parallel p JOIN serial s USING (name) WHERE (p.embedding <-> s.embedding) > 1e-6";
    assert_eq!(value(&mut client, differing), "0");
    assert_eq!(value(&mut client, "SELECT count(*) FROM parallel"), names.len().to_string());
}

fn sixteen_connections(world: &World) {
    let mut client = database(&world.server, "sixteen");
    let names: Vec<String> = product_names().into_iter().take(20).collect();
    client.batch_execute("CREATE TABLE expected (name text, embedding vector)").expect("a table");
    client.execute("INSERT INTO expected SELECT n, drug_embed(n) FROM unnest($1::text[]) n", &[&names]).expect("rows");
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut client = world.server.connect("sixteen");
                let same = "SELECT count(*) FROM expected WHERE (embedding <-> drug_embed(name)) < 1e-6";
                assert_eq!(value(&mut client, same), names.len().to_string());
            });
        }
    });
}
