//! kill -9 of backends and of the postmaster while four sessions backfill.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use server_tests::{Server, run, value};

use crate::backfill::{AUDIT, TWICE};
use crate::{SETTINGS, Test, World, assert_in_step, fill};

pub const TESTS: &[Test] = &[("killed_3_times", |world: &World| killed(world, "killed", 3, 1200))];
pub const LONG: &[Test] = &[("killed_20_times", |world: &World| killed(world, "killed_often", 20, 12_000))];

/// Every other time a backend, every other time the postmaster.
fn killed(world: &World, name: &str, times: u32, rows: usize) {
    let mut server = Server::start(&world.install, name, SETTINGS);
    let mut client = server_tests::database(&server, "killing");
    fill(&mut client, rows);
    client.batch_execute("SELECT drugembed.track('product', 'name')").expect("track");
    client.batch_execute(AUDIT).expect("audit");
    drop(client);

    let over = AtomicBool::new(false);
    let broken = AtomicU32::new(0);
    let sockets = server.sockets().to_owned();
    let work = || loop {
        let connected =
            postgres::Config::new().host_path(&sockets).user("postgres").dbname("killing").connect(postgres::NoTls);
        let done =
            connected.and_then(|mut client| client.batch_execute("CALL drugembed.backfill('product', batch => 32)"));
        match done {
            Ok(()) if over.load(Ordering::Relaxed) => return,
            Ok(()) => sleep(Duration::from_millis(20)),
            Err(error) => {
                if error.as_db_error().is_none() {
                    broken.fetch_add(1, Ordering::Relaxed);
                }
                sleep(Duration::from_millis(20));
            }
        }
    };
    let mut kills_while_working = 0;
    thread::scope(|scope| {
        (0..4).for_each(|_| {
            scope.spawn(work);
        });
        for round in 0..times {
            sleep(Duration::from_millis(300 + u64::from(round * 137 % 400)));
            let mut client = server.connect("killing");
            client.batch_execute("UPDATE product SET name = name || '!' WHERE id % 97 = 1").expect("a writer");
            let busy = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL drugembed%' AND state = 'active' ORDER BY random() LIMIT 1";
            let victim = server_tests::column(&mut client, busy).pop();
            kills_while_working += u32::from(victim.is_some());
            match victim {
                Some(pid) if round % 2 == 0 => {
                    run(Command::new("kill").args(["-KILL", &pid]));
                    drop(client);
                    sleep(Duration::from_millis(200));
                    server.wait_until_ready();
                }
                _ => server.kill_and_restart(&world.install, SETTINGS),
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    let mut client = server.connect("killing");
    client.batch_execute("SET client_min_messages = warning").expect("SET");
    client.batch_execute("CALL drugembed.backfill('product')").expect("the rest");
    println!(
        "{times} kills, {kills_while_working} of them amid work, {} connections broke; {} embeddings written",
        broken.load(Ordering::Relaxed),
        value(&mut client, "SELECT count(*) FROM written"),
    );
    assert!(kills_while_working * 2 >= times, "only {kills_while_working} kills hit a backfill at work");
    assert_eq!(value(&mut client, TWICE), "0", "nothing is written twice");
    assert_eq!(value(&mut client, "SELECT count(*) FROM drugembed.failures"), "0");
    assert_in_step(&mut client, "product", "name");
}
