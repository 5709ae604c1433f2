//! Citus, where the server has it: docs/scaling.md's SQL on a coordinator and two workers, through a move of a shard.

use postgres::Client;
use server_tests::{Server, column, product_names, skipped, value};

use crate::shards::block;
use crate::{SETTINGS, Test, World};

pub const TESTS: &[Test] = &[("distributed_tables", distributed_tables)];

/// Servers that find each other by the folders of their sockets.
fn cluster(world: &World) -> [Server; 3] {
    let servers = ["coordinator", "worker_1", "worker_2"].map(|name| {
        let own = format!("citus.local_hostname={}", world.install.folder.join(format!("{name}.sockets")).display());
        let preload = "shared_preload_libraries=citus,drugembed";
        let citus = [preload, "citus.enable_statistics_collection=off", "citus.node_conninfo=", &own];
        Server::start(&world.install, name, &[SETTINGS, &citus].concat())
    });
    for server in &servers {
        server.connect("postgres").batch_execute("CREATE EXTENSION citus").expect("citus");
    }
    let [coordinator, workers @ ..] = &servers;
    let mut client = coordinator.connect("postgres");
    client.execute("SELECT citus_set_coordinator_host($1, 5432)", &[&host(coordinator)]).expect("the coordinator");
    for worker in workers {
        client.execute("SELECT citus_add_node($1, 5432)", &[&host(worker)]).expect("a worker");
    }
    client.batch_execute("CREATE EXTENSION drugembed CASCADE").expect("the extension, on all nodes");
    servers
}

fn host(server: &Server) -> String {
    server.sockets().display().to_string()
}

fn backfill(world: &World, client: &mut Client) {
    let results = "SELECT format('%s %s', success, result)";
    let each = block(world, "citus-backfill").replacen("SELECT *", results, 1);
    let run = each.split_once(';').expect("statements").0;
    assert_eq!(column(client, run), vec!["t CALL"; 4]);
}

fn status(client: &mut Client) -> String {
    value(client, "SELECT format('%s %s', embedded, pending) FROM drugembed.status")
}

fn distributed_tables(world: &World) {
    if !world.install.share().join("extension/citus.control").exists() {
        return skipped("distributed tables", "this server has no Citus");
    }
    let servers = cluster(world);
    let mut client = servers[0].connect("postgres");
    client.batch_execute(&block(world, "citus-track")).expect("a tracked distributed table");
    let names: Vec<String> = product_names().into_iter().take(200).collect();
    let insert = "INSERT INTO product SELECT n, name FROM unnest($1::text[]) WITH ORDINALITY AS u (name, n)";
    client.execute(insert, &[&names]).expect("rows");
    assert_eq!(status(&mut client), "0 200");
    backfill(world, &mut client);
    assert_eq!(status(&mut client), "200 0");
    let best = column(&mut client, &block(world, "citus-search"));
    assert_eq!(best.len(), 3);
    assert_eq!(column(&mut client, &block(world, "citus-shards")), best);

    let shard =
        "SELECT shardid, nodename FROM citus_shards WHERE table_name = 'product'::regclass ORDER BY shardid LIMIT 1";
    let shard = client.query_one(shard, &[]).expect("a shard");
    let (from, to) = if shard.get::<_, String>(1) == host(&servers[1]) { (1, 2) } else { (2, 1) };
    let (from, to) = (host(&servers[from]), host(&servers[to]));
    client
        .execute("SELECT citus_move_shard_placement($1, $2, 5432, $3, 5432)", &[&shard.get::<_, i64>(0), &from, &to])
        .expect("a move");
    client.batch_execute("UPDATE product SET name = name || '!' WHERE id <= 40").expect("UPDATE");
    assert_eq!(status(&mut client), "200 40");
    backfill(world, &mut client);
    let wrong = "SELECT count(*) FROM (SELECT embedding, drug_embed(name) AS right FROM product) p WHERE embedding <-> \"right\" > 1e-5";
    assert_eq!(value(&mut client, wrong), "0");
    assert_eq!(status(&mut client), "200 0");
}
