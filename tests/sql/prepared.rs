//! `drugembed.prepare`, and sessions that use what it made, or find it spoilt.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};
use server_tests::{Server, assert_error, database, value};

use crate::memory::{private_kb, proportional_kb};
use crate::{Test, World, product_names};

pub const TESTS: &[Test] = &[
    ("superusers_only", superusers_only),
    ("same_bits", same_bits),
    ("damage_is_a_warning", damage_is_a_warning),
    ("replaced_model", replaced_model),
    ("preloaded", preloaded),
];

const PREPARE: &str = "SELECT made FROM drugembed.prepare()";
const PREPARED: &str = "SELECT prepared FROM drug_model()";

fn server(world: &World, name: &str) -> Server {
    Server::start(&world.install, name, &[])
}

fn folder(server: &Server) -> PathBuf {
    server.data().join("drugembed/drug-e5-mini-ko")
}

fn superusers_only(world: &World) {
    let mut client = database(&world.server, "prepare_rights");
    client.batch_execute("CREATE ROLE preparer; SET ROLE preparer").expect("a role");
    assert_error(&mut client, PREPARE, "42501", "permission denied to prepare a model");
    assert!(!folder(&world.server).exists());
    client.batch_execute("RESET ROLE; DROP ROLE preparer").expect("the role");
}

fn same_bits(world: &World) {
    let server = server(world, "prepared_bits");
    let mut client = database(&server, "bits");
    let names = product_names();
    client.batch_execute("CREATE TABLE expected (name text, embedding vector)").expect("a table");
    let fill = "INSERT INTO expected SELECT n, e FROM unnest($1::text[], drug_embed($1::text[])) AS t (n, e)";
    client.execute(fill, &[&names]).expect("rows");
    assert_eq!(value(&mut client, PREPARED), "f");
    assert_eq!(value(&mut client, PREPARE), "t");
    assert_eq!(value(&mut client, PREPARED), "t", "the session that prepared goes on with what it made");
    assert_eq!(value(&mut client, PREPARE), "f");

    drop(database(&world.server, "as_installed"));
    report_first_call(&world.server, "as_installed", "as installed, lazy");
    report_first_call(&server, "bits", "prepared, lazy");
    let mut client = server.connect("bits");
    let pid: u32 = value(&mut client, "SELECT pg_backend_pid()").parse().expect("a number");
    assert_eq!(value(&mut client, PREPARED), "t");
    let other = "SELECT count(*) FROM expected WHERE vector_send(embedding) <> vector_send(drug_embed(name))";
    assert_eq!(value(&mut client, other), "0");
    assert!(private_kb(pid) < 30 * 1024, "the weights are not shared: {} kB", private_kb(pid));
}

/// Median of some new connections' first calls, by the clock and in processor time, and the private memory of one after it.
fn report_first_call(server: &Server, database: &str, how: &str) {
    let mut calls: Vec<(Duration, Duration, u64)> = (0..9)
        .map(|_| {
            let mut client = server.connect(database);
            let pid: u32 = value(&mut client, "SELECT pg_backend_pid()").parse().expect("a number");
            let (start, busy) = (Instant::now(), processor_time(pid));
            value(&mut client, "SELECT vector_dims(drug_embed('타이레놀정'))");
            (start.elapsed(), processor_time(pid) - busy, private_kb(pid))
        })
        .collect();
    calls.sort();
    let (clock, busy, memory) = calls[4];
    println!("{how}: first call {clock:?} ({busy:?} of a processor), private memory {memory} kB");
}

fn processor_time(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).expect("schedstat");
    Duration::from_nanos(text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds"))
}

/// Memory of a whole server with a hundred connections that have embedded: the sum of its processes' proportional shares.
fn report_connections(server: &Server) {
    let mut clients: Vec<Client> = (0..100).map(|_| server.connect("preloaded")).collect();
    for client in &mut clients {
        value(client, "SELECT vector_dims(drug_embed('타이레놀정'))");
    }
    let postmaster = server.pid();
    let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).expect("children");
    let pids = children.split_whitespace().map(|pid| pid.parse().expect("a number")).chain([postmaster]);
    let megabytes = pids.map(proportional_kb).sum::<u64>() / 1024;
    println!("100 connections: {megabytes} MB for the whole server");
    assert!(megabytes < 900, "{megabytes} MB");
}

/// A session and the WARNINGs that it gets.
fn listen(server: &Server, database: &str) -> (Client, std::sync::mpsc::Receiver<postgres::error::DbError>) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let client = Config::new()
        .host_path(server.sockets())
        .user("postgres")
        .dbname(database)
        .notice_callback(move |notice| {
            let _ = sender.send(notice);
        })
        .connect(NoTls)
        .expect("a connection");
    (client, receiver)
}

fn assert_falls_back(server: &Server, expected: &str, reason: &str) {
    let (mut client, notices) = listen(server, "damage");
    assert_eq!(value(&mut client, "SELECT drug_embed('타이레놀정')"), expected);
    assert_eq!(value(&mut client, PREPARED), "f");
    let warning = notices.try_recv().expect("a WARNING");
    assert_eq!(warning.severity(), "WARNING");
    assert!(warning.detail().is_some_and(|detail| detail.contains(reason)), "{warning:?} lacks {reason:?}");
    assert!(warning.hint().is_some_and(|hint| hint.contains("drugembed.prepare()")), "{warning:?}");
    assert!(notices.try_recv().is_err(), "one is enough");
}

fn damage_is_a_warning(world: &World) {
    let server = server(world, "prepared_damage");
    let mut client = database(&server, "damage");
    let expected = value(&mut client, "SELECT drug_embed('타이레놀정')");
    for (file, reason) in
        [("model.weights", "has changed"), ("model.onnx", "has changed"), ("stamp.toml", "stamp.toml")]
    {
        assert_eq!(value(&mut client, PREPARE), "t", "{file}");
        let path = folder(&server).join(file);
        let mut bytes = fs::read(&path).expect("the file");
        let middle = bytes.len() / 2;
        bytes[middle] = b'\n';
        fs::write(&path, &bytes).expect("a flipped byte");
        assert_falls_back(&server, &expected, reason);
        fs::write(&path, &bytes[..middle]).expect("truncated");
        assert_falls_back(&server, &expected, reason);
        fs::remove_file(&path).expect("removed");
        assert_falls_back(&server, &expected, file);
    }
    assert_eq!(value(&mut client, PREPARE), "t");
    assert_eq!(value(&mut server.connect("damage"), PREPARED), "t");
}

fn replaced_model(world: &World) {
    let server = server(world, "prepared_replaced");
    let mut client = database(&server, "damage");
    let expected = value(&mut client, "SELECT drug_embed('타이레놀정')");
    assert_eq!(value(&mut client, PREPARE), "t");
    let stamp = folder(&server).join("stamp.toml");
    let text = fs::read_to_string(&stamp).expect("a stamp");
    fs::write(&stamp, text.replacen('@', "@older", 1)).expect("the stamp of another revision");
    assert_falls_back(&server, &expected, "was made from model");
    // Another model has not been prepared: no WARNING.
    let another = world.install.copy_model("another");
    let manifest = another.join("manifest.toml");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    fs::write(&manifest, text.replacen("drug-e5-mini-ko", "another", 1)).expect("written");
    let (mut client, notices) = listen(&server, "damage");
    client.batch_execute(&format!("SET drugembed.model = '{}'", another.display())).expect("SET");
    assert_eq!(value(&mut client, "SELECT drug_embed('타이레놀정')"), expected);
    assert_eq!(value(&mut client, PREPARED), "f");
    assert!(notices.try_recv().is_err());
}

fn preloaded(world: &World) {
    let server = server(world, "prepared_preload");
    let mut client = database(&server, "preloaded");
    let expected = value(&mut client, "SELECT drug_embed('타이레놀정')");
    drop(client);
    drop(server);
    let preload = ["shared_preload_libraries=drugembed", "max_connections=120"];
    let server = Server::reopen(&world.install, "prepared_preload", &preload);
    report_first_call(&server, "preloaded", "as installed, preloaded");
    assert_eq!(value(&mut server.connect("preloaded"), PREPARE), "t");
    drop(server);
    let server = Server::reopen(&world.install, "prepared_preload", &preload);
    let mut client = server.connect("preloaded");
    assert_eq!(value(&mut client, "SELECT preloaded AND prepared FROM drug_model()"), "t");
    assert_eq!(value(&mut client, "SELECT drug_embed('타이레놀정')"), expected);
    report_first_call(&server, "preloaded", "prepared, preloaded");
    report_connections(&server);
    fs::write(folder(&server).join("stamp.toml"), "spoilt").expect("written");
    drop(client);
    drop(server);
    let server = Server::reopen(&world.install, "prepared_preload", &preload);
    server.wait_for_log("WARNING:  drugembed loads the model as it is installed");
    let mut client = server.connect("preloaded");
    assert_eq!(value(&mut client, "SELECT preloaded AND NOT prepared FROM drug_model()"), "t");
    assert_eq!(value(&mut client, "SELECT drug_embed('타이레놀정')"), expected);
}
