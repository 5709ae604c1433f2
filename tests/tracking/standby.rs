//! Streaming replication: a standby searches, the primary backfills for it, and a promoted standby goes on.

use std::fs;

use server_tests::{Server, assert_error, column, run, value};

use crate::replication::wait_for;
use crate::{SETTINGS, Test, World, assert_in_step, backfill, embedded, tracked};

pub const TESTS: &[Test] = &[("standby_searches_and_takes_over", standby_searches_and_takes_over)];

/// A standby of the server that all tests use.
fn standby(world: &World, name: &str) -> Server {
    let data = world.install.folder.join(name);
    let mut copy = world.install.command(world.install.root().join("bin/pg_basebackup"));
    run(copy
        .arg("-h")
        .arg(world.server.sockets())
        .args(["-U", "postgres", "-R", "--no-sync", "-c", "fast", "-D"])
        .arg(&data));
    let sockets = world.install.folder.join(format!("{name}.sockets"));
    fs::create_dir(&sockets).expect("a socket folder");
    world.install.own(&sockets);
    Server::reopen(&world.install, name, SETTINGS)
}

fn standby_searches_and_takes_over(world: &World) {
    let mut primary = tracked(world, "streamed", 20);
    backfill(&mut primary, "product");
    primary
        .batch_execute("BEGIN; SELECT drug_search('product', '두통약'); SELECT * FROM drugembed.status")
        .expect("reads");
    assert_eq!(
        value(&mut primary, "SELECT txid_current_if_assigned() IS NULL"),
        "t",
        "who reads takes no transaction id"
    );
    primary.batch_execute("COMMIT").expect("COMMIT");
    let standby = standby(world, "standby");
    let mut reader = standby.connect("streamed");
    let pending = "SELECT pending FROM drugembed.status";
    let search = "SELECT key FROM drug_search('product', '두통약', 5)";
    assert_eq!(column(&mut reader, search), column(&mut primary, search));
    assert_eq!(value(&mut reader, "SELECT made FROM drugembed.prepare()"), "t", "each server prepares for itself");
    assert_error(&mut reader, "CALL drugembed.backfill('product')", "25006", "standby");

    primary.batch_execute("UPDATE product SET name = name || '!' WHERE id <= 3").expect("UPDATE");
    wait_for(&mut reader, pending, "3");
    backfill(&mut primary, "product");
    wait_for(&mut reader, pending, "0");
    assert_in_step(&mut reader, "product", "name");

    primary.batch_execute("UPDATE product SET name = name || '?' WHERE id <= 4").expect("UPDATE");
    wait_for(&mut reader, pending, "4");
    assert_eq!(value(&mut reader, "SELECT pg_promote()"), "t");
    backfill(&mut reader, "product");
    assert_in_step(&mut reader, "product", "name");
    assert_eq!(embedded(world, "streamed", "product"), 4, "the old primary knows nothing of it");
}
