//! `cargo test -p server-tests --test isolation`: a backfill beside DDL, writers, other backfills and deaths, in every order of their
//! steps. A few orders of each case; all of them with `-- --ignored`, or `make torture`.
//!
//! Whatever the order: no deadlock, no error but those that the case allows, nothing that a writer wrote is lost, every vector is of
//! its row's text or its row waits, and the next backfill does the rest.

mod cases;
mod interleaving;
mod session;
mod tables;

use std::process::ExitCode;

use postgres::Client;
use server_tests::{Module, Server, Test, World, run_all, value};

use cases::{BACKFILLS, Case, DDL, DEATHS, PARTITIONS, WRITERS};
use interleaving::{Impossible, Interleaving, orders};
use session::{Failure, Session};

const SETTINGS: &[&str] = &["shared_preload_libraries=drugembed", "deadlock_timeout=100ms", "autovacuum=off"];
const FEW: usize = 3;

const BOUNDED: &[Test] = &[
    ("ddl", |world| some("ddl", world, DDL, FEW)),
    ("partitions", |world| some("partitions", world, PARTITIONS, FEW)),
    ("writers", |world| some("writers", world, WRITERS, FEW)),
    ("backfills", |world| some("backfills", world, BACKFILLS, FEW)),
    ("deaths", |world| some("deaths", world, DEATHS, FEW)),
];
const LONG: &[Test] = &[
    ("ddl", |world| some("all_ddl", world, DDL, usize::MAX)),
    ("partitions", |world| some("all_partitions", world, PARTITIONS, usize::MAX)),
    ("writers", |world| some("all_writers", world, WRITERS, usize::MAX)),
    ("backfills", |world| some("all_backfills", world, BACKFILLS, usize::MAX)),
    ("deaths", |world| some("all_deaths", world, DEATHS, usize::MAX)),
];
const MODULES: &[Module] = &[("orders", BOUNDED)];
const LONG_MODULES: &[Module] = &[("every_order", LONG)];

fn main() -> ExitCode {
    run_all("isolation", &[], MODULES, LONG_MODULES)
}

/// Up to `most` orders of each case, evenly spread; those that cannot be are left out.
fn some(name: &str, world: &World, cases: &[Case], most: usize) {
    let server = Server::start(&world.install, &format!("isolation_{name}"), SETTINGS);
    let mut client = tables::prepare(&server);
    let only = std::env::var("DRUGEMBED_ISOLATION").unwrap_or_default();
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|case| case.name.contains(&only) && case.since <= world.install.major()) {
        let start = std::time::Instant::now();
        let lengths: Vec<usize> = case.sessions.iter().map(|steps| steps.len()).collect();
        let orders = orders(&lengths);
        let step = (orders.len() / most.min(orders.len())).max(1);
        let (mut impossible, mut pool, mut tried) = (Impossible::default(), Vec::new(), 0);
        for order in orders.iter().skip(step / 2).step_by(step) {
            if impossible.has(order) {
                continue;
            }
            tried += 1;
            let complaints = run(&server, &mut client, case, order, &mut impossible, &mut pool);
            wrong.extend(complaints.into_iter().map(|complaint| format!("{}, {order:?}: {complaint}", case.name)));
        }
        println!("{}: {tried} orders, {} ms each", case.name, start.elapsed().as_millis() / tried.max(1));
    }
    for complaint in wrong.iter().take(40) {
        println!("{complaint}");
    }
    assert!(wrong.is_empty(), "{} faults", wrong.len());
}

/// What is wrong after one order.
fn run(
    server: &Server,
    client: &mut Client,
    case: &Case,
    order: &[usize],
    impossible: &mut Impossible,
    pool: &mut Vec<Session>,
) -> Vec<String> {
    if client.is_closed() {
        *client = tables::connect(server);
    }
    tables::fresh(client, case.shape);
    let failures = Interleaving::new(server, client, case.sessions, pool).run(order, impossible, pool);
    if client.is_closed() {
        *client = tables::connect(server);
    }
    let mut wrong: Vec<String> = failures.iter().flatten().filter_map(|failure| unexpected(case, failure)).collect();
    if value(client, &format!("SELECT {}", case.after)) != "t" {
        wrong.push(format!("not so: {}", case.after));
    }
    if let Some((table, text)) = case.tracked {
        wrong.extend(tables::wrong(client, table, text));
        wrong.extend(tables::wrong_in_the_end(client, table, text));
    }
    wrong
}

/// A step that ended as it should not. One whose session, or whose server, was ended on purpose may break.
fn unexpected(case: &Case, failure: &Failure) -> Option<String> {
    match &failure.error {
        Some((code, message)) if !case.errors.contains(&code.as_str()) => {
            Some(format!("{:?}: {code} {message}", failure.step))
        }
        None if !case.is_deadly() => Some(format!("{:?}: the connection broke", failure.step)),
        _ => None,
    }
}
