//! `cargo test -p server-tests`: SQL against the encoder, in a private PostgreSQL.
//!
//! One server for all, with nothing set; tests that end or preload a server start their own.

mod bad_input;
mod broken_files;
mod cancel;
mod catalog;
mod concurrency;
mod dur;
mod embed;
mod literals;
mod memory;
mod preload;
mod prepared;
mod readme;
mod schemas;

use std::process::ExitCode;

pub use server_tests::product_names;
use server_tests::{Module, Test, World, run_all};

const MODULES: &[Module] = &[
    ("embed", embed::TESTS),
    ("literals", literals::TESTS),
    ("catalog", catalog::TESTS),
    ("schemas", schemas::TESTS),
    ("concurrency", concurrency::TESTS),
    ("dur", dur::TESTS),
    ("bad_input", bad_input::TESTS),
    ("broken_files", broken_files::TESTS),
    ("cancel", cancel::TESTS),
    ("memory", memory::TESTS),
    ("preload", preload::TESTS),
    ("prepared", prepared::TESTS),
    ("readme", readme::TESTS),
];

fn main() -> ExitCode {
    run_all("plain", &[], MODULES, &[])
}
