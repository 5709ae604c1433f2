//! A long call stops within 300 ms of being asked to.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use server_tests::{database, error_of, value};

use crate::{Test, World};

pub const TESTS: &[Test] = &[("statement_timeout", statement_timeout), ("pg_cancel_backend", pg_cancel_backend)];

const LIMIT: Duration = Duration::from_millis(300);

/// Embeds for minutes: texts of about a hundred tokens, all different.
const LONG_CALL: &str =
    "SELECT drug_embed(array_agg(i || repeat(' 해열.진통.소염제', 12))) FROM generate_series(1, 20000) i";

fn statement_timeout(world: &World) {
    let mut client = database(&world.server, "timeouts");
    client.batch_execute("SELECT drug_embed('타이레놀정'); SET statement_timeout = '1s'").expect("SET");
    let start = Instant::now();
    let error = error_of(&mut client, LONG_CALL);
    let late = start.elapsed().saturating_sub(Duration::from_secs(1));
    assert_eq!(error.code().code(), "57014", "{error:?}");
    assert!(late < LIMIT, "{late:?} late");
    assert_eq!(value(&mut client, "SELECT vector_dims(drug_embed('게보린정'))"), "384");
}

fn pg_cancel_backend(world: &World) {
    let mut client = database(&world.server, "cancels");
    client.batch_execute("SELECT drug_embed('타이레놀정')").expect("loaded");
    let pid = value(&mut client, "SELECT pg_backend_pid()");
    let mut other = world.server.connect("cancels");
    let running = thread::spawn(move || {
        let error = error_of(&mut client, LONG_CALL);
        (Instant::now(), error, client)
    });
    sleep(Duration::from_millis(1500));
    let asked = Instant::now();
    assert_eq!(value(&mut other, &format!("SELECT pg_cancel_backend({pid})")), "t");
    let (ended, error, mut client) = running.join().expect("the long call");
    assert_eq!(error.code().code(), "57014", "{error:?}");
    assert!(ended - asked < LIMIT, "{:?} late", ended - asked);
    assert_eq!(value(&mut client, "SELECT vector_dims(drug_embed('게보린정'))"), "384");
}
