//! pgbench at full speed beside a backfill: no deadlock, no failed transaction, and what it costs the writers.

use std::fs;
use std::path::Path;
use std::thread;

use server_tests::value;

use crate::{Test, World, assert_in_step, backfill, tracked};

pub const TESTS: &[Test] = &[("no_deadlock_and_little_delay", |world: &World| beside(world, "beside", 1, 2, 10.0))];
pub const LONG: &[Test] = &[("delay_measured", |world: &World| beside(world, "beside_long", 6, 4, 1.2))];

/// A third each: another price, another name, and one transaction that updates two names.
const SCRIPT: &str = "\\set a random(1, 600)
\\set b random(1, 600)
\\set low least(:a, :b)
\\set high greatest(:a, :b)
\\set kind random(1, 3)
\\if :kind = 1
UPDATE product SET price = price + 1 WHERE id = :a;
\\elif :kind = 2
UPDATE product SET name = left(name, 40) || ' ' || now() WHERE id = :a;
\\else
BEGIN;
UPDATE product SET name = left(name, 40) || ' ' || now() WHERE id = :low;
UPDATE product SET name = left(name, 40) || ' ' || now() WHERE id = :high;
END;
\\endif
";

/// Rounds of runs in turn, so that a busy moment of the machine meets all; `most` is how many times longer a transaction may take
/// beside a backfill than beside bare embedding, the trigger's own cost left out. Few short runs say little of that.
fn beside(world: &World, name: &str, rounds: u32, seconds: u32, most: f64) {
    let mut client = tracked(world, name, 600);
    backfill(&mut client, "product");
    let script = world.install.folder.join(format!("{name}.pgbench"));
    fs::write(&script, SCRIPT).expect("a script");
    let pgbench = || pgbench(world, name, seconds, &script);
    let (mut off, mut on, mut off_busy, mut on_busy) = (0.0, 0.0, 0.0, 0.0);
    for _ in 0..rounds {
        client.batch_execute("ALTER TABLE product DISABLE TRIGGER USER").expect("triggers off");
        off += pgbench();
        let bare = "SELECT count(v) FROM (SELECT drug_embed(array_agg(name)) AS v FROM product, generate_series(1, 1000) i GROUP BY i) s";
        off_busy += during(world, name, bare, &pgbench);
        client.batch_execute("ALTER TABLE product ENABLE TRIGGER USER").expect("triggers on");
        client
            .batch_execute("ALTER TABLE product ENABLE ALWAYS TRIGGER zz_drugembed_embedding")
            .expect("the trigger as it was");
        on += pgbench();
        on_busy += during(world, name, "CALL drugembed.backfill('product')", &pgbench);
    }
    let each = f64::from(rounds);
    let delay = (on_busy - (on - off).max(0.0)) / off_busy;
    println!(
        "latency of a transaction, 4 clients: {:.3} ms, with triggers {:.3} (the triggers: {:.3}); beside a bare drug_embed {:.3}, beside a \
         backfill {:.3}: {delay:.2} x without the triggers' own cost",
        off / each,
        on / each,
        (on - off) / each,
        off_busy / each,
        on_busy / each
    );
    assert_eq!(value(&mut client, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), "0");
    assert!(delay < most, "writers wait too long: {delay:.2} x");
    client.batch_execute("SELECT drugembed.refresh('product')").expect("refresh");
    backfill(&mut client, "product");
    assert_in_step(&mut client, "product", "name");
}

/// Mean latency in milliseconds.
fn pgbench(world: &World, name: &str, seconds: u32, script: &Path) -> f64 {
    let mut command = world.install.command(world.install.root().join("bin/pgbench"));
    command
        .arg("-h")
        .arg(world.server.sockets())
        .args(["-U", "postgres", "-n", "-c", "4", "-j", "1", "-M", "prepared", "-T"]);
    let output = command.arg(seconds.to_string()).arg("-f").arg(script).arg(name).output().expect("pgbench");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // Before 15 a failure ends pgbench with an error.
    assert!(world.install.major() < 15 || text.contains("number of failed transactions: 0 "), "{text}");
    let latency = text.lines().find_map(|line| line.strip_prefix("latency average = ")).expect("a latency");
    latency.trim_end_matches(" ms").parse().expect("a number")
}

/// The latency while another session repeats `sql`.
fn during(world: &World, name: &str, sql: &str, pgbench: &dyn Fn() -> f64) -> f64 {
    let mut worker = world.server.connect(name);
    worker.batch_execute("SET client_min_messages = warning; SET drugembed.cache_entries = 0").expect("SET");
    let cancel = worker.cancel_token();
    thread::scope(|scope| {
        let work = scope.spawn(move || while worker.batch_execute(sql).is_ok() {});
        let latency = pgbench();
        while !work.is_finished() {
            let _ = cancel.cancel_query(postgres::NoTls);
            thread::sleep(std::time::Duration::from_millis(50));
        }
        latency
    })
}
