//! `cargo test -p server-tests --test faults`: nothing that is sent, and nothing that a machine lacks, takes the server down.
//!
//! Every test has a bounded form, with fixed seeds, and a long one: `-- --ignored`, or `make torture`.

mod arrays;
mod changed_files;
mod interrupts;
mod memory_limits;
mod nth_failure;

use std::process::ExitCode;

use server_tests::{Module, Server, Test, World, run_all};

const BOUNDED: &[Module] = &[
    ("arrays", arrays::TESTS),
    ("memory_limits", memory_limits::TESTS),
    ("changed_files", changed_files::TESTS),
    ("interrupts", interrupts::TESTS),
    ("nth_failure", nth_failure::TESTS),
];

const LONG: &[Module] = &[
    ("arrays", arrays::LONG_TESTS),
    ("memory_limits", memory_limits::LONG_TESTS),
    ("changed_files", changed_files::LONG_TESTS),
    ("interrupts", interrupts::LONG_TESTS),
    ("nth_failure", nth_failure::LONG_TESTS),
];

fn main() -> ExitCode {
    run_all("faults", &[], BOUNDED, LONG)
}

/// A server on a cluster of its own, with the model prepared, and preloaded if so asked.
fn prepared_server(world: &World, name: &str, preloaded: bool) -> Server {
    let server = Server::start(&world.install, name, &[]);
    let mut client = server_tests::database(&server, "faults");
    client.batch_execute("SELECT drugembed.prepare()").expect("prepared");
    drop(client);
    if !preloaded {
        return server;
    }
    drop(server);
    Server::reopen(&world.install, name, &["shared_preload_libraries=drugembed"])
}

/// That no process of the server has ended by a signal, and none was restarted.
#[track_caller]
fn assert_never_down(server: &Server, after: &str) {
    let log = server.log();
    let signs = ["terminated by signal", "all server processes terminated", "PANIC"];
    let down = log.lines().find(|line| signs.iter().any(|sign| line.contains(sign)));
    assert!(down.is_none(), "after {after}: {}", down.unwrap_or_default());
}
