//! `drug_model`, `drug_token_count`: what answers, and how much of a text it sees.

use encoder::Role;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::errors::{self, SqlResult};
use crate::resident;
use crate::text::Text;

/// Tokens of a document, the model's prefix and special tokens included; compare with `max_tokens` of `drug_model()`.
#[pg_extern(stable, strict, parallel_safe, cost = 100)]
fn drug_token_count(text: Text<'_>) -> SqlResult<i32> {
    let text = text.utf8()?;
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
