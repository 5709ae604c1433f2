//! `drug_question`: what a question asks for beside its meaning.

use pgrx::JsonB;
use pgrx::prelude::*;
use reader::Question;

use crate::errors::SqlResult;
use crate::text::Text;

#[pg_extern(immutable, strict, parallel_safe, cost = 1000)]
fn drug_question(query: Text<'_>) -> SqlResult<JsonB> {
    let question = Question::read(query.utf8(encoder::MAX_TEXT_BYTES)?);
    Ok(JsonB(serde_json::to_value(question).unwrap_or_default()))
}
