//! `cargo test -p server-tests --test tracking`: embeddings that keep themselves in step with their tables, and `drug_search`.
//!
//! One server for all; tests that kill a server, or need other settings, start their own. `-- --ignored` runs the long ones.
//! `DATA=folder` lets the update workload use the real tables.

mod backfill;
mod citus;
mod crash;
mod cron;
mod ddl;
mod dump;
mod edges;
mod keys;
mod models;
mod questions;
mod rate;
mod replication;
mod roles;
mod search;
mod shards;
mod standby;
mod triggers;
mod workload;
mod writers;

use std::process::ExitCode;

use postgres::Client;
use server_tests::{Module, Test, World, database, product_names, run_all, value};

pub const SETTINGS: &[&str] = &["shared_preload_libraries=drugembed", "wal_level=logical", "deadlock_timeout=200ms"];

const MODULES: &[Module] = &[
    ("triggers", triggers::TESTS),
    ("keys", keys::TESTS),
    ("backfill", backfill::TESTS),
    ("models", models::TESTS),
    ("search", search::TESTS),
    ("questions", questions::TESTS),
    ("roles", roles::TESTS),
    ("ddl", ddl::TESTS),
    ("dump", dump::TESTS),
    ("edges", edges::TESTS),
    ("replication", replication::TESTS),
    ("standby", standby::TESTS),
    ("shards", shards::TESTS),
    ("citus", citus::TESTS),
    ("workload", workload::TESTS),
    ("writers", writers::TESTS),
    ("crash", crash::TESTS),
    ("rate", rate::TESTS),
    ("cron", cron::TESTS),
];
const LONG: &[Module] = &[("crash", crash::LONG), ("writers", writers::LONG), ("rate", rate::LONG)];

fn main() -> ExitCode {
    run_all("tracking", SETTINGS, MODULES, LONG)
}

/// A fresh database with pg_trgm, and table `product (id, name, type, price)` with `rows` real names, tracked by name.
pub fn tracked(world: &World, name: &str, rows: usize) -> Client {
    let mut client = database(&world.server, name);
    client.batch_execute("CREATE EXTENSION pg_trgm").expect("pg_trgm");
    fill(&mut client, rows);
    client.batch_execute("SELECT drugembed.track('product', 'name')").expect("track");
    client
}

/// Table `product`, not tracked.
pub fn fill(client: &mut Client, rows: usize) {
    let names: Vec<String> = product_names().into_iter().cycle().take(rows).collect();
    let sql = "CREATE TABLE product (id bigint PRIMARY KEY, name text, type text NOT NULL DEFAULT '정제', price integer NOT NULL DEFAULT 0)";
    client.batch_execute(sql).expect("CREATE TABLE");
    // Names repeat in large tables: the number tells them apart.
    let insert = "INSERT INTO product (id, name) SELECT n, CASE WHEN n > 300 THEN name || ' ' || n ELSE name END
                    FROM unnest($1::text[]) WITH ORDINALITY AS u (name, n)";
    client.execute(insert, &[&names]).expect("rows");
}

pub fn backfill(client: &mut Client, table: &str) {
    let sql = format!("SET client_min_messages = warning; CALL drugembed.backfill('{table}')");
    sql.split("; ").for_each(|sql| client.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}")));
}

/// Runs a backfill of `table` in a session of its own; how many rows it embedded.
pub fn embedded(world: &World, database: &str, table: &str) -> u64 {
    let said = notices(world, database, &format!("CALL drugembed.backfill('{table}')"));
    let last = said.iter().rev().find_map(|text| text.split(" embedded").next()?.rsplit(": ").next()?.parse().ok());
    last.unwrap_or_else(|| panic!("{said:?}"))
}

/// What a session is told while it runs `sql`.
pub fn notices(world: &World, database: &str, sql: &str) -> Vec<String> {
    let (send, receive) = std::sync::mpsc::channel();
    let mut client = postgres::Config::new()
        .host_path(world.server.sockets())
        .user("postgres")
        .dbname(database)
        .notice_callback(move |notice| {
            let _ = send.send(notice.message().to_owned());
        })
        .connect(postgres::NoTls)
        .expect("a connection");
    client.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    drop(client);
    receive.into_iter().collect()
}

pub fn pending(client: &mut Client) -> u64 {
    value(client, "SELECT sum(pending) FROM drugembed.status").parse().expect("a number")
}

/// Asserts that nothing waits, and that each row of `table` has the embedding of `source`, NULL where that is blank.
#[track_caller]
pub fn assert_in_step(client: &mut Client, table: &str, source: &str) {
    let waiting =
        format!("SELECT sum(pending) FROM drugembed.status WHERE relation = '{}'::regclass", table.replace('\'', "''"));
    assert_eq!(value(client, &waiting), "0", "rows of {table} wait");
    let wrong = format!(
        "WITH r AS MATERIALIZED (SELECT row_number() OVER () AS n, NULLIF(btrim({source}), '') AS source, embedding FROM {table}),
              e AS (SELECT drug_embed(array_agg(source ORDER BY n)) AS vectors FROM r)
         SELECT count(*) FROM r, e
          WHERE (r.embedding IS NULL) <> (r.source IS NULL) OR r.embedding <-> e.vectors[r.n] > 1e-5"
    );
    assert_eq!(value(client, &wrong), "0", "embeddings of {table} are wrong");
}
