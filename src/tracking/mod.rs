//! Embeddings kept in step with their tables by the rows themselves: a row whose state is NULL waits.
//!
//! * [`catalog`]: what is tracked, read from PostgreSQL's own triggers; nothing is kept beside the table.
//! * [`track`]: `drugembed.track` and `untrack`, ordinary DDL.
//! * [`expression`]: the source, parsed once and kept by PostgreSQL. [`attributes`]: which columns say what of a product.
//! * [`marker`]: the one trigger function, which lets a changed row wait.
//! * [`state`]: what a vector was made from, in 16 bytes beside it.
//! * [`backfill`]: `CALL drugembed.backfill`.
//! * [`status`]: counts, failures, retry, refresh.
//! * [`rights`]: whose rights a statement has; the fixed settings.
//! * [`sql`], [`errors`]: statements that Rust runs, and what goes wrong.

pub mod attributes;
pub mod backfill;
pub mod catalog;
pub mod errors;
pub mod expression;
mod marker;
pub mod rights;
pub mod sql;
pub mod state;
mod status;
mod track;

use pgrx::prelude::*;

extension_sql_file!("../../sql/schema.sql", name = "schema", bootstrap);
extension_sql_file!("../../sql/tracking.sql", name = "tracking", requires = ["schema"]);
extension_sql_file!("../../sql/schedule.sql", name = "schedule", requires = ["tracking"]);
extension_sql_file!("../../sql/search.sql", name = "search", requires = ["tracking"]);
