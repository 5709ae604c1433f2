//! `drug_document`: the text that stands for a product.

use pgrx::prelude::*;

use crate::errors::{self, SqlResult};
use crate::text::Text;

#[pg_extern(immutable, parallel_safe, cost = 10)]
fn drug_document(
    name: Option<Text<'_>>,
    product_type: default!(Option<Text<'_>>, "NULL"),
    ingredients: default!(Option<Text<'_>>, "NULL"),
    dur: default!(Option<Text<'_>>, "NULL"),
) -> SqlResult<Option<String>> {
    let (name, product_type, ingredients) = (or_empty(name)?, or_empty(product_type)?, or_empty(ingredients)?);
    let mut document = encoder::try_document(name, product_type, ingredients).map_err(errors::report)?;
    let kinds: Vec<&str> = reader::dur_kinds_of(or_empty(dur)?).into_iter().map(|kind| kind.korean()).collect();
    if !kinds.is_empty() {
        let separator = if document.is_empty() { "" } else { " | " };
        document = format!("{document}{separator}{}", kinds.join(", "));
    }
    Ok(Some(document).filter(|document| !document.is_empty()))
}

fn or_empty(text: Option<Text<'_>>) -> SqlResult<&str> {
    text.map_or(Ok(""), |text| text.utf8(encoder::MAX_DOCUMENT_BYTES))
}
