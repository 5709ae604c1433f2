//! Shards by hand: the SQL of docs/scaling.md, with databases of one server for its servers.

use postgres::Client;
use server_tests::{column, database, skipped, value};

use crate::{Test, World, backfill, fill};

pub const TESTS: &[Test] =
    &[("merged_by_the_application", merged_by_the_application), ("by_postgres_fdw", by_postgres_fdw)];

const DOCUMENT: &str = include_str!("../../docs/scaling.md");

/// The block of SQL that the document marks by this word.
pub fn block(world: &World, mark: &str) -> String {
    let (_, rest) = DOCUMENT.split_once(&format!("```sql {mark}\n")).unwrap_or_else(|| panic!("no block \"{mark}\""));
    let sql = rest.split("```").next().expect("a closed block");
    sql.replace("HOST", &world.server.sockets().display().to_string())
}

fn empty(world: &World, name: &str, mark: &str) -> Client {
    world.server.connect("postgres").batch_execute(&format!("CREATE DATABASE {name}")).expect("CREATE DATABASE");
    let mut client = world.server.connect(name);
    client.batch_execute(&block(world, mark)).unwrap_or_else(|e| panic!("{mark}: {e:?}"));
    client
}

/// All rows in one table, embedded.
fn unsharded(world: &World, name: &str) -> Client {
    let mut client = database(&world.server, name);
    fill(&mut client, 60);
    client.batch_execute("SELECT drugembed.track('product', 'name')").expect("track");
    backfill(&mut client, "product");
    client
}

fn merged_by_the_application(world: &World) {
    let mut whole = unsharded(world, "whole");
    let mut shards = ["part_0", "part_1"].map(|name| empty(world, name, "shard"));
    let rows = whole.query("SELECT id, name FROM product", &[]).expect("rows");
    for row in &rows {
        let (id, name): (i64, String) = (row.get(0), row.get(1));
        shards[(id % 2) as usize].execute("INSERT INTO product VALUES ($1, $2)", &[&id, &name]).expect("a row");
    }
    let each = block(world, "each");
    let mut found: Vec<(f64, String)> = Vec::new();
    for shard in &mut shards {
        backfill(shard, "product");
        let hits = shard.query(each.as_str(), &[]).expect("hits");
        assert_eq!(hits.len(), 5);
        found.extend(hits.iter().map(|hit| (hit.get("similarity"), hit.get("id"))));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best: Vec<String> = found.into_iter().take(5).map(|(_, id)| id).collect();
    assert_eq!(best, column(&mut whole, &each));
}

fn by_postgres_fdw(world: &World) {
    if !world.install.share().join("extension/postgres_fdw.control").exists() {
        return skipped("shards by postgres_fdw", "this server is built without it");
    }
    let mut whole = unsharded(world, "unsharded");
    let mut shards = ["shard_0", "shard_1"].map(|name| empty(world, name, "shard"));
    let mut coordinator = empty(world, "coordinator", "coordinator");
    for row in whole.query("SELECT id, name FROM product", &[]).expect("rows") {
        let (id, name): (i64, String) = (row.get(0), row.get(1));
        let insert = "INSERT INTO product (id, name) VALUES ($1, $2)";
        coordinator.execute(insert, &[&id, &name]).expect("a row");
    }
    for shard in &mut shards {
        assert_ne!(value(shard, "SELECT count(*) FROM product WHERE embedding_state IS NULL"), "0");
        backfill(shard, "product");
    }
    assert_eq!(value(&mut coordinator, "SELECT count(embedding) FROM product"), "60");
    let search = block(world, "search");
    assert_eq!(column(&mut coordinator, &search), column(&mut whole, &search));
    let plan = column(&mut coordinator, &format!("EXPLAIN VERBOSE {search}")).join("\n");
    assert_eq!(plan.matches("ORDER BY (embedding OPERATOR(public.<=>) $1::public.vector)").count(), 2, "{plan}");
}
