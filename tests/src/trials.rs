//! Runs tests against one server.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use crate::{Install, Server};

/// What every test gets.
pub struct World {
    pub server: Server,
    pub install: Install,
}

pub type Test = (&'static str, fn(&World));
/// A module's name and its tests.
pub type Module = (&'static str, &'static [Test]);

/// Starts a server with `settings` and runs the tests against it, one at a time, because some of them measure time. Those of
/// `long` only with `-- --ignored`.
pub fn run_all(name: &str, settings: &[&str], modules: &[Module], long: &[Module]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    if arguments.list {
        return libtest_mimic::run(&arguments, Vec::new()).exit_code();
    }
    let install = Install::copy();
    let world = Arc::new(World { server: Server::start(&install, name, settings), install });
    let mut trials = trials(&world, modules, false);
    trials.extend(self::trials(&world, long, true));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials(world: &Arc<World>, modules: &[Module], ignored: bool) -> Vec<Trial> {
    let trial = |module: &str, name: &str, test: fn(&World)| {
        let world = Arc::clone(world);
        let run = move || {
            test(&world);
            Ok(())
        };
        Trial::test(format!("{module}::{name}"), run).with_ignored_flag(ignored)
    };
    modules.iter().flat_map(|(module, tests)| tests.iter().map(|(name, test)| trial(module, name, *test))).collect()
}
