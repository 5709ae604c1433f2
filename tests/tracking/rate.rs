//! What keeping in step costs beside the embedding itself: two sessions of backfill against two of bare drug_embed(text[]).

use std::thread;
use std::time::Instant;

use server_tests::value;

use crate::{Test, World, tracked};

pub const TESTS: &[Test] = &[("overhead_of_1500_rows", |world: &World| rate(world, "rate_short", 1500, 1, 0.8))];
pub const LONG: &[Test] = &[("overhead_of_30000_rows", |world: &World| rate(world, "rate_long", 30_000, 15, 0.85))];

/// In turn a slice of bare calls and a slice of backfill. Asserted is processor time, which decides the rate where both cores are
/// busy with it: the time by the clock depends on what else the machine does.
fn rate(world: &World, name: &str, rows: usize, slices: usize, least: f64) {
    let mut client = tracked(world, name, rows);
    client.batch_execute("CALL drugembed.backfill('product', max_rows => 1)").expect("a first row");
    client.batch_execute("UPDATE product SET embedding = NULL WHERE embedding IS NOT NULL").expect("all rows wait");
    let slice = rows / slices;
    let (mut bare, mut backfill) = (Cost::default(), Cost::default());
    for n in 0..slices {
        bare += both(world, name, |half| {
            let (from, to) = (n * slice + half * slice / 2, n * slice + (half + 1) * slice / 2);
            format!(
                "SELECT count(v) FROM (SELECT array_agg(name) AS names FROM product WHERE id > {from} AND id <= {to} GROUP BY id / 256) b,
                        unnest(drug_embed(names)) v"
            )
        });
        backfill += both(world, name, |_| format!("CALL drugembed.backfill('product', max_rows => {})", slice / 2));
    }
    // Whole batches of 256 overshoot max_rows, so that the last slices find less.
    let done: usize = value(&mut client, "SELECT count(embedding) FROM product").parse().expect("a number");
    assert_eq!(done, rows, "each row");
    let share = bare.processor / backfill.processor;
    println!(
        "{rows} rows, 2 sessions: bare drug_embed(text[]) {:.0} rows/s, backfill {:.0} rows/s; by processor time {:.2} and {:.2} ms \
         a row: {:.0} % of the bare rate",
        rows as f64 / bare.clock,
        rows as f64 / backfill.clock,
        1000.0 * bare.processor / rows as f64,
        1000.0 * backfill.processor / rows as f64,
        100.0 * share
    );
    assert!(share >= least, "{share:.2} of the bare rate, not {least}");
}

/// Seconds.
#[derive(Clone, Copy, Default)]
struct Cost {
    clock: f64,
    processor: f64,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        self.clock += other.clock;
        self.processor += other.processor;
    }
}

/// What two sessions need side by side.
fn both(world: &World, name: &str, sql: impl Fn(usize) -> String + Sync) -> Cost {
    let start = Instant::now();
    let session = |half: usize| {
        let mut client = world.server.connect(name);
        client.batch_execute("SET client_min_messages = warning").expect("SET");
        let pid = value(&mut client, "SELECT pg_backend_pid()");
        let before = processor_seconds(&pid);
        client.batch_execute(&sql(half)).expect("a slice");
        processor_seconds(&pid) - before
    };
    let processor = thread::scope(|scope| {
        let sessions: Vec<_> = (0..2)
            .map(|half| {
                let session = &session;
                scope.spawn(move || session(half))
            })
            .collect();
        sessions.into_iter().map(|session| session.join().expect("a session")).sum()
    });
    Cost { clock: start.elapsed().as_secs_f64(), processor }
}

/// User and system time of a process: fields 14 and 15 of /proc/PID/stat, in hundredths.
fn processor_seconds(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the backend's stat");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("the end").split_whitespace().collect();
    let ticks = |field: usize| -> f64 { fields[field - 3].parse().expect("a number") };
    (ticks(14) + ticks(15)) / 100.0
}
