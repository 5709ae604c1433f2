//! What keeping in step costs beside the embedding itself: two sessions of backfill against two of bare drug_embed(text[]).

use std::thread;
use std::time::Instant;

use server_tests::value;

use crate::{Test, World, tracked};

pub const TESTS: &[Test] = &[("overhead_of_1500_rows", |world: &World| rate(world, "rate_short", 1500, 0.6))];
pub const LONG: &[Test] = &[("overhead_of_30000_rows", |world: &World| rate(world, "rate_long", 30_000, 0.85))];

fn rate(world: &World, name: &str, rows: usize, least: f64) {
    let mut client = tracked(world, name, rows);
    // Halves in turn, so that a busy moment of the machine meets both.
    let bare = both(world, name, |half| {
        format!(
            "SELECT count(v) FROM (SELECT array_agg(name) AS names FROM product WHERE id % 2 = {half} GROUP BY id / 512) b, unnest(drug_embed(names)) v"
        )
    });
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                world.server.connect(name).batch_execute("CALL drugembed.backfill('product')").expect("backfill")
            });
        }
    });
    let backfill = start.elapsed().as_secs_f64();
    assert_eq!(value(&mut client, "SELECT count(embedding) FROM product"), rows.to_string());
    let per_second = |seconds: f64| rows as f64 / seconds;
    println!(
        "{rows} rows, 2 sessions: bare drug_embed(text[]) {:.0} rows/s, queue + embed + write {:.0} rows/s: {:.0} %",
        per_second(bare),
        per_second(backfill),
        100.0 * bare / backfill
    );
    assert!(bare / backfill >= least, "{:.2} of the bare rate, not {least}", bare / backfill);
}

/// Seconds that two sessions take side by side.
fn both(world: &World, name: &str, sql: impl Fn(usize) -> String + Sync) -> f64 {
    let start = Instant::now();
    thread::scope(|scope| {
        for half in 0..2 {
            let sql = &sql;
            scope.spawn(move || value(&mut world.server.connect(name), &sql(half)));
        }
    });
    start.elapsed().as_secs_f64()
}
