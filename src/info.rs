//! `drug_model`, `drug_token_count`, `drugembed._is_blank`: what answers, how much of a text it sees, and whether there is any.

use encoder::Role;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::errors::{self, SqlResult};
use crate::resident;
use crate::text::Text;

/// Tokens of a document, the model's prefix and special tokens included; compare with `max_tokens` of `drug_model()`.
#[pg_extern(stable, strict, parallel_safe, cost = 100)]
fn drug_token_count(text: Text<'_>) -> SqlResult<i32> {
    let text = text.utf8(encoder::MAX_TEXT_BYTES)?;
    let count = resident::with_encoder(|encoder| encoder.token_count(Role::Document, text).map_err(errors::report))?;
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

#[pg_extern(stable, strict, parallel_safe, cost = 100)]
#[allow(clippy::type_complexity)]
fn drug_model() -> Result<
    TableIterator<
        'static,
        (
            name!(model, String),
            name!(dim, i32),
            name!(max_tokens, i32),
            name!(precision, String),
            name!(base_model, String),
            name!(license, String),
            name!(preloaded, bool),
            name!(prepared, bool),
        ),
    >,
    ErrorReport,
> {
    let (preloaded, prepared) = resident::origin()?;
    let manifest = resident::with_encoder(|encoder| Ok(encoder.manifest().clone()))?;
    let row = (
        manifest.id(),
        manifest.dim as i32,
        manifest.max_tokens as i32,
        manifest.precision,
        manifest.base_model,
        manifest.license,
        preloaded,
        prepared,
    );
    Ok(TableIterator::once(row))
}

/// Whether a text is NULL or there is nothing to read in it: it then has no vector.
///
/// The SQL stands here because pgrx puts functions only into schemas that it creates itself.
#[pg_extern(
    sql = "
CREATE FUNCTION drugembed._is_blank(source text) RETURNS boolean
IMMUTABLE PARALLEL SAFE COST 1
LANGUAGE c AS 'MODULE_PATHNAME', '@FUNCTION_NAME@';
COMMENT ON FUNCTION drugembed._is_blank(text) IS
    'internal: whether a text is NULL or holds only characters that show nothing: its embedding is NULL';
",
    requires = ["schema"]
)]
fn is_blank(source: Option<Text<'_>>) -> SqlResult<bool> {
    source.map_or(Ok(true), |source| source.is_blank())
}
