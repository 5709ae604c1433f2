//! The development questions of `trainer/data/eval/search`: what is asked, which products answer it, and which mean the reverse.
//!
//! Truth is a predicate over columns of the public tables ([`predicate`]), evaluated over the rows of a corpus ([`corpus`]). No model
//! takes part in it.

pub mod corpus;
pub mod dur;
pub mod file;
pub mod forms;
pub mod ingredients;
pub mod metrics;
pub mod pairs;
pub mod predicate;
pub mod reader;
pub mod strength;
mod tables;
pub mod unseen;

use std::path::PathBuf;

/// Folder of the questions in the checkout.
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../trainer/data/eval/search"))
}
