//! `drug_document`: the text that stands for a product.

use encoder::memory;
use pgrx::prelude::*;

use crate::errors::{self, SqlResult};
use crate::text::Text;

/// What making a document takes at most, for each byte: copies of the parts, and a table of the ingredients seen.
const BYTES_OF_A_PART: usize = 8;
const BYTES_OF_INGREDIENTS: usize = 64;

#[pg_extern(immutable, parallel_safe, cost = 10)]
fn drug_document(
    name: Option<Text<'_>>,
    product_type: default!(Option<Text<'_>>, "NULL"),
    ingredients: default!(Option<Text<'_>>, "NULL"),
) -> SqlResult<Option<String>> {
    let (name, product_type, ingredients) = (or_empty(name)?, or_empty(product_type)?, or_empty(ingredients)?);
    let bytes = BYTES_OF_A_PART * (name.len() + product_type.len()) + BYTES_OF_INGREDIENTS * ingredients.len();
    memory::require(bytes).map_err(errors::report)?;
    let document = encoder::document(name, product_type, ingredients);
    Ok(Some(document).filter(|document| !document.is_empty()))
}

fn or_empty(text: Option<Text<'_>>) -> SqlResult<&str> {
    text.map_or(Ok(""), |text| text.utf8(encoder::MAX_DOCUMENT_BYTES))
}
