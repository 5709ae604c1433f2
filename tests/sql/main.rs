//! `cargo test -p server-tests`: SQL against the encoder, in a private PostgreSQL.
//!
//! One server for all, with nothing set; tests that end or preload a server start their own. They run one at a time, because
//! some of them measure time.

mod bad_input;
mod broken_files;
mod cancel;
mod catalog;
mod concurrency;
mod embed;
mod memory;
mod preload;
mod prepared;
mod readme;
mod schemas;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
pub use server_tests::product_names;
use server_tests::{Install, Server};

/// What every test gets.
pub struct World {
    pub server: Server,
    pub install: Install,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    let conclusion = if arguments.list {
        libtest_mimic::run(&arguments, Vec::new())
    } else {
        let install = Install::copy();
        let world = Arc::new(World { server: Server::start(&install, "plain", &[]), install });
        libtest_mimic::run(&arguments, trials(&world))
    };
    conclusion.exit_code()
}

type Test = (&'static str, fn(&World));

fn trials(world: &Arc<World>) -> Vec<Trial> {
    let modules: [(&str, &[Test]); 11] = [
        ("embed", embed::TESTS),
        ("catalog", catalog::TESTS),
        ("schemas", schemas::TESTS),
        ("concurrency", concurrency::TESTS),
        ("bad_input", bad_input::TESTS),
        ("broken_files", broken_files::TESTS),
        ("cancel", cancel::TESTS),
        ("memory", memory::TESTS),
        ("preload", preload::TESTS),
        ("prepared", prepared::TESTS),
        ("readme", readme::TESTS),
    ];
    let trial = |module: &str, name: &str, test: fn(&World)| {
        let world = Arc::clone(world);
        Trial::test(format!("{module}::{name}"), move || {
            test(&world);
            Ok(())
        })
    };
    modules.iter().flat_map(|(module, tests)| tests.iter().map(|(name, test)| trial(module, name, *test))).collect()
}
