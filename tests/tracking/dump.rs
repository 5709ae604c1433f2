//! pg_dump and restore, pg_upgrade: tracking goes on where it stood.

use std::path::Path;

use postgres::Client;
use server_tests::{Install, Server, run, value};

use crate::{Test, World, assert_in_step, backfill, pending, tracked};

pub const TESTS: &[Test] = &[("dump_and_restore", dump_and_restore), ("pg_upgrade", pg_upgrade)];

fn dump_and_restore(world: &World) {
    let mut client = tracked(world, "dumped", 30);
    standing(&mut client);
    drop(client);
    let file = world.install.folder.join("dump.custom");
    let bin = world.install.root().join("bin");
    let sockets = world.server.sockets();
    let host = ["-h".as_ref(), sockets.as_os_str(), "-U".as_ref(), "postgres".as_ref()];
    let mut dump = world.install.command(bin.join("pg_dump"));
    run(dump.args(host).args(["-Fc", "-f"]).arg(&file).arg("dumped"));
    world.server.connect("postgres").batch_execute("CREATE DATABASE restored").expect("CREATE DATABASE");
    let mut restore = world.install.command(bin.join("pg_restore"));
    run(restore.args(host).args(["--exit-on-error", "-d", "restored"]).arg(&file));
    goes_on(&mut world.server.connect("restored"));
}

fn pg_upgrade(world: &World) {
    let old = Server::start(&world.install, "old", &[]);
    old.connect("postgres").batch_execute("CREATE DATABASE dumped").expect("CREATE DATABASE");
    let mut client = old.connect("dumped");
    client.batch_execute("CREATE EXTENSION drugembed CASCADE; CREATE EXTENSION pg_trgm").expect("extensions");
    crate::fill(&mut client, 30);
    client.batch_execute("SELECT drugembed.track('product', 'name')").expect("track");
    standing(&mut client);
    drop(client);
    let old_data = old.data().to_owned();
    drop(old);
    let new = Server::start(&world.install, "new", &[]);
    let new_data = new.data().to_owned();
    drop(new);
    upgrade(&world.install, &old_data, &new_data);
    let new = Server::reopen(&world.install, "new", &[]);
    goes_on(&mut new.connect("dumped"));
}

/// From the wheel's version to itself: the path that OIDs, members of the extension and generated functions take is the same.
fn upgrade(install: &Install, old: &Path, new: &Path) {
    let bin = install.root().join("bin");
    let work = install.folder.join("upgrade");
    std::fs::create_dir(&work).expect("a folder");
    install.own(&work);
    let mut upgrade = install.command(bin.join("pg_upgrade"));
    upgrade.current_dir(&work).args(["-U", "postgres", "-b"]).arg(&bin).arg("-B").arg(&bin);
    if install.major() >= 15 {
        upgrade.arg("--no-sync");
    }
    run(upgrade.arg("-d").arg(old).arg("-D").arg(new).arg("-s").arg(&work));
}

/// 30 rows: some embedded, two changed since, one failed, a partitioned table, a column dropped so that numbers shift.
fn standing(client: &mut Client) {
    client
        .batch_execute(
            "ALTER TABLE product DROP COLUMN price; UPDATE product SET name = repeat('긴 이름 ', 3000) WHERE id = 4;
             CREATE TABLE parts (id integer PRIMARY KEY, name text) PARTITION BY RANGE (id);
             CREATE TABLE a_part PARTITION OF parts FOR VALUES FROM (0) TO (10);
             CREATE TABLE z_part PARTITION OF parts FOR VALUES FROM (10) TO (20);
             INSERT INTO parts VALUES (1, '타이레놀정'), (11, '게보린정'); SELECT drugembed.track('parts', 'name')",
        )
        .expect("a standing table");
    backfill(client, "product");
    backfill(client, "parts");
    client.batch_execute("UPDATE product SET name = name || '!' WHERE id IN (1, 2)").expect("UPDATE");
}

fn goes_on(client: &mut Client) {
    let status = "SELECT string_agg(format('%s %s %s %s %s', relation, rows, embedded, pending, failed), ', ' ORDER BY relation::text) FROM drugembed.status";
    assert_eq!(value(client, status), "parts 2 2 0 0, product 30 29 2 1");
    client
        .batch_execute(
            "UPDATE product SET name = '짧은 이름' WHERE id IN (4, 5); INSERT INTO product VALUES (31, '부루펜정'); DELETE FROM product WHERE id = 2;
             UPDATE product SET type = type; UPDATE z_part SET name = name || '!'; CREATE TABLE b_part PARTITION OF parts FOR VALUES FROM (20) TO (30);
             INSERT INTO b_part VALUES (21, '판콜'); ALTER TABLE product RENAME COLUMN name TO label; UPDATE product SET label = label || '?' WHERE id = 6",
        )
        .expect("writes after the move");
    assert_eq!(pending(client), 7);
    backfill(client, "product");
    backfill(client, "parts");
    assert_in_step(client, "product", "label");
    assert_in_step(client, "parts", "name");
    assert_eq!(value(client, "SELECT count(*) FROM drugembed.failures"), "0");
    let anew = "CREATE TABLE later (id integer PRIMARY KEY, name text); SELECT drugembed.track('later', 'name'); SELECT drugembed.untrack('product')";
    client.batch_execute(anew).expect("numbers of tracked tables go on too");
}
