//! MFDS's drug utilisation review (DUR): which drugs must not be taken together, in pregnancy, at an age, ...
//!
//! * [`list`]: the one table of the user's that holds the entries; which one a session means.
//! * [`errors`]: what goes wrong.

mod errors;
pub mod list;

use pgrx::prelude::*;

extension_sql_file!("../../sql/dur.sql", name = "dur", requires = ["schema"]);
