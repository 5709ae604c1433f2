//! How good is a model: ranking metrics, tables against other models and BM25.

pub mod bm25;
pub mod command;
pub mod guard;
pub mod metrics;
pub mod models;
pub mod report;
pub mod score;
