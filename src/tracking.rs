//! Schema `drugembed` and `drug_search`: embeddings kept in step with their tables. All of it is SQL, in sql/, one concept a file.

use pgrx::prelude::*;

extension_sql_file!("../sql/catalog.sql", name = "catalog");
extension_sql_file!("../sql/state.sql", name = "state", requires = ["catalog"]);
extension_sql_file!("../sql/source.sql", name = "source", requires = ["state"]);
extension_sql_file!("../sql/track.sql", name = "track", requires = ["source"]);
extension_sql_file!("../sql/triggers.sql", name = "triggers", requires = ["track"]);
extension_sql_file!("../sql/batch.sql", name = "batch", requires = ["triggers"]);
extension_sql_file!("../sql/backfill.sql", name = "backfill", requires = ["batch"]);
extension_sql_file!("../sql/ddl.sql", name = "ddl", requires = ["backfill"]);
extension_sql_file!("../sql/status.sql", name = "status", requires = ["ddl"]);
extension_sql_file!("../sql/schedule.sql", name = "schedule", requires = ["status"]);
extension_sql_file!("../sql/search.sql", name = "search", requires = ["schedule"]);
extension_sql_file!("../sql/roles.sql", name = "roles", requires = ["search"]);
