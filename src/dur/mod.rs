//! MFDS's drug utilisation review (DUR): which drugs must not be taken together, in pregnancy, at an age, ...
//!
//! * [`list`]: the one table of the user's that holds the entries; which one a session means.
//! * [`load`]: lists as they are published, into that table. The `dur-lists` crate reads them.
//! * [`errors`]: what goes wrong.

mod errors;
pub mod list;
mod load;

use pgrx::prelude::*;

use crate::errors::SqlResult;
use crate::text::Text;

extension_sql_file!("../../sql/dur.sql", name = "dur", requires = ["schema"]);

/// `drugembed._dur_kind`.
#[pg_extern(sql = false)]
fn dur_kind(value: Text<'_>) -> SqlResult<Vec<String>> {
    let kinds = reader::dur_kinds_of(value.utf8(encoder::MAX_DOCUMENT_BYTES)?);
    Ok(kinds.into_iter().map(|kind| kind.code().to_owned()).collect())
}
