//! A statement ends within 300 ms of a timeout, a cancel or a terminate, whatever it is doing, also on a busy machine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use postgres::Client;
use server_tests::{Server, database, value};

use crate::{Test, World, assert_never_down, prepared_server};

pub const TESTS: &[Test] = &[("on_a_busy_machine", on_a_busy_machine)];
pub const LONG_TESTS: &[Test] = &[("every_moment", every_moment)];

const LIMIT: Duration = Duration::from_millis(300);

/// Every function at its largest argument, or at so many that it runs for seconds.
const STATEMENTS: [&str; 12] = [
    "SELECT drug_embed(array_agg(i || repeat(' 해열.진통.소염제', 12))) FROM generate_series(1, 20000) i",
    "SELECT drug_embed_many(array_agg(i || repeat('진통제', 160))) FROM generate_series(1, 2000) i",
    "SELECT count(drug_embed_query(i || repeat('진통제', 160))) FROM generate_series(1, 2000) i",
    "SELECT count(drug_similarity(i || repeat('진통제', 100), '해열')) FROM generate_series(1, 2000) i",
    "SET drugembed.on_overflow = 'window'; SELECT drug_embed(repeat('가', 80000))",
    "SELECT count(drug_embed(array_fill(NULL::text, ARRAY[9000000]))) FROM generate_series(1, 1000) i WHERE i > 0",
    "SELECT drug_embed(array_agg('x' || i) || ' '::text) FROM generate_series(1, 600000) i",
    "SELECT count(drug_token_count(i || repeat('가', 87000))) FROM generate_series(1, 2000) i",
    "SELECT count(drug_token_count(i || repeat('㌖', 87000))) FROM generate_series(1, 2000) i",
    "SELECT count(drug_document('약', NULL, (SELECT string_agg('성분' || i + j, '/') FROM generate_series(1, 80000) i))) FROM generate_series(1, 1000) j",
    "SELECT count(drugembed._is_blank(repeat(' ', 100000000 + i))) FROM generate_series(1, 1000) i",
    "SELECT count((SELECT count(*) FROM drug_model(), drugembed.prepare())) FROM generate_series(1, 1000) i WHERE i > 0",
];

#[derive(Clone, Copy, Debug)]
enum End {
    Timeout,
    Cancel,
    Terminate,
}

fn on_a_busy_machine(world: &World) {
    let server = prepared_server(world, "busy", false);
    busy(6, || {
        // The second and third moment: while the model is loaded, and while it runs.
        let moments = [Duration::from_millis(20), Duration::from_millis(700)];
        slowest_end(&server, &moments, &[End::Timeout, End::Cancel])
    });
}

fn every_moment(world: &World) {
    let installed = Server::start(&world.install, "every_moment_installed", &[]);
    drop(database(&installed, "faults"));
    let prepared = prepared_server(world, "every_moment", false);
    let moments: Vec<Duration> =
        [5, 10, 20, 40, 80, 120, 170, 230, 300, 500, 900, 1500].map(Duration::from_millis).into();
    for server in [&installed, &prepared] {
        busy(6, || slowest_end(server, &moments, &[End::Timeout, End::Cancel, End::Terminate]));
    }
}

/// Runs `work` beside so many threads that are always busy.
fn busy(threads: usize, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop()
                }
            });
        }
        // Also when an assertion fails.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        done.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn slowest_end(server: &Server, moments: &[Duration], ends: &[End]) {
    let mut late: Vec<(Duration, String)> = Vec::new();
    for sql in STATEMENTS {
        for &moment in moments {
            for &end in ends {
                let of = format!("{end:?} after {moment:?} of {sql}");
                late.push((lateness(server, sql, moment, end, &of), of));
            }
        }
    }
    late.sort();
    assert_never_down(server, "interrupts");
    let median = late[late.len() / 2].0;
    println!("{} ends, {median:?} late in the median; the slowest:", late.len());
    late.iter().rev().take(5).for_each(|(late, of)| println!("    {late:?}: {of}"));
    let (slowest, of) = late.last().expect("an end");
    assert!(*slowest < LIMIT, "{slowest:?} late: {of}");
}

/// How long after it was asked to a statement of a new session ends.
fn lateness(server: &Server, sql: &str, moment: Duration, end: End, of: &str) -> Duration {
    let mut client = server.connect("faults");
    let mut other = server.connect("faults");
    let pid = value(&mut client, "SELECT pg_backend_pid()");
    let timeout = if let End::Timeout = end { moment } else { Duration::from_secs(60) };
    client.batch_execute(&format!("SET statement_timeout = {}", timeout.as_millis())).expect("SET");
    let start = Instant::now();
    let sql = sql.to_owned();
    let running = thread::spawn(move || {
        let result = client.simple_query(&sql).map(|_| ());
        (Instant::now(), result, client)
    });
    let asked = match end {
        End::Timeout => start + moment,
        End::Cancel | End::Terminate => {
            // One that has not begun cannot be cancelled.
            let has_begun =
                format!("SELECT state = 'active' OR query LIKE '%drug%' FROM pg_stat_activity WHERE pid = {pid}");
            while value(&mut other, &has_begun) != "t" {
                sleep(Duration::from_millis(1));
            }
            sleep(moment);
            let function = if let End::Cancel = end { "pg_cancel_backend" } else { "pg_terminate_backend" };
            let asked = Instant::now();
            value(&mut other, &format!("SELECT {function}({pid})"));
            asked
        }
    };
    let (ended, result, client) = running.join().expect("the statement");
    check_end(result, client, end, of);
    ended.saturating_duration_since(asked)
}

fn check_end(result: Result<(), postgres::Error>, mut client: Client, end: End, of: &str) {
    // One that is done already has nothing to end.
    let Err(error) = result else { return };
    let code = error.code().map(|code| code.code().to_owned());
    match end {
        End::Terminate => assert!(code.is_none_or(|code| code == "57P01"), "{of}: {error:?}"),
        End::Timeout | End::Cancel => {
            assert!(code.as_deref().is_some_and(|code| ["57014", "22023"].contains(&code)), "{of}: {error:?}");
            client
                .batch_execute("SET statement_timeout = 0; SELECT drug_embed('게보린정')")
                .unwrap_or_else(|e| panic!("{of}: then {e}"));
        }
    }
}
