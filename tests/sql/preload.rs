//! A server that preloads the model, and one that cannot.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Instant;

use encoder::{Overflow, Role};
use pgvector::Vector;
use server_tests::{Server, database, value};

use crate::embed::assert_close;
use crate::memory::private_kb;
use crate::{Test, World, product_names};

pub const TESTS: &[Test] = &[
    ("answers_are_the_same", answers_are_the_same),
    ("killed_backend", killed_backend),
    ("failure_is_a_warning", failure_is_a_warning),
];

const PRELOAD: &str = "shared_preload_libraries=drugembed";

fn answers_are_the_same(world: &World) {
    let server = Server::start(&world.install, "preloaded", &[PRELOAD]);
    let threads = fs::read_dir(format!("/proc/{}/task", server.pid())).expect("tasks").count();
    assert_eq!(threads, 1, "the postmaster must have one thread");
    let mut client = database(&server, "answers");
    assert_eq!(value(&mut client, "SELECT preloaded FROM drug_model()"), "t");
    let mut encoder = world.install.encoder();
    let names: Vec<String> = product_names().into_iter().take(20).collect();
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let expected = encoder.embed(Role::Document, &texts, Overflow::Error, &mut || Ok(())).expect("vectors");
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut client = server.connect("answers");
                for (text, expected) in texts.iter().zip(&expected) {
                    let vector: Vector =
                        client.query_one("SELECT drug_embed($1::text)", &[text]).expect("a row").get(0);
                    assert_close(vector.as_slice(), expected, text);
                }
            });
        }
    });
    report_first_call(&server, "preloaded");
    report_first_call(&world.server, "lazy");
}

fn report_first_call(server: &Server, how: &str) {
    let mut client = server.connect("postgres");
    client.batch_execute("CREATE EXTENSION IF NOT EXISTS drugembed CASCADE").expect("the extension");
    drop(client);
    let mut client = server.connect("postgres");
    let pid: u32 = value(&mut client, "SELECT pg_backend_pid()").parse().expect("a number");
    let start = Instant::now();
    value(&mut client, "SELECT vector_dims(drug_embed('타이레놀정'))");
    println!("{how}: first call {:?}, private memory {} kB", start.elapsed(), private_kb(pid));
}

fn killed_backend(world: &World) {
    let server = Server::start(&world.install, "killed", &[PRELOAD]);
    let mut client = database(&server, "victims");
    let before = value(&mut client, "SELECT drug_embed('타이레놀정')");
    let pid = value(&mut client, "SELECT pg_backend_pid()");
    assert!(Command::new("kill").args(["-KILL", &pid]).status().expect("kill").success());
    while client.batch_execute("SELECT 1").is_ok() {}
    // Until it notices, the postmaster still takes connections, and then ends them.
    server.wait_for_log("reinitializing");
    server.wait_until_ready();
    let mut client = server.connect("victims");
    assert_eq!(value(&mut client, "SELECT drug_embed('타이레놀정')"), before);
    assert_eq!(value(&mut client, "SELECT preloaded FROM drug_model()"), "t");
}

/// The server must start all the same; sessions then say what is wrong.
fn failure_is_a_warning(world: &World) {
    let server = Server::start(&world.install, "unloadable", &[PRELOAD, "drugembed.model=absent"]);
    assert!(server.log().contains("WARNING:  drugembed is not preloaded"), "{}", server.log());
    let mut client = database(&server, "lazily");
    server_tests::assert_error(&mut client, "SELECT drug_embed('타이레놀정')", "58P01", "absent");
    client.batch_execute("SET drugembed.model = 'drug-e5-mini-ko'").expect("SET");
    assert_eq!(value(&mut client, "SELECT preloaded FROM drug_model()"), "f");
}
