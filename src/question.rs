//! `drug_question`: what a question asks for beside its meaning.

use pgrx::JsonB;
use pgrx::prelude::*;
use reader::Question;

use crate::errors::SqlResult;
use crate::text::Text;

#[pg_extern(immutable, strict, parallel_safe, cost = 1000)]
fn drug_question(query: Text<'_>) -> SqlResult<JsonB> {
    // Serialising fails only for maps whose keys are no strings; there are none.
    Ok(JsonB(serde_json::to_value(Question::read(query.utf8()?)).unwrap_or_default()))
}
