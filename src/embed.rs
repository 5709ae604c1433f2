//! `drug_embed`, `drug_embed_many`, `drug_embed_query`: text to vector.
//!
//! COST 10000 (25 pages read): about what an inference of 3 ms is to the planner's own unit without making it reach for JIT.

use encoder::{Overflow, Role};
use pgrx::prelude::*;

use crate::errors::{self, SqlResult};
use crate::resident;
use crate::settings;
use crate::text::Text;
use crate::texts::Texts;
use crate::vector::Vector;
use crate::vectors::{Finished, Vectors};

#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn drug_embed(text: Text<'_>) -> SqlResult<Vector> {
    one(Role::Document, &text)
}

#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn drug_embed_query(text: Text<'_>) -> SqlResult<Vector> {
    one(Role::Query, &text)
}

#[pg_extern(name = "drug_embed", stable, strict, parallel_safe, cost = 100000)]
fn drug_embed_array(texts: Texts<'_>) -> SqlResult<Finished> {
    many(&texts)
}

/// `drug_embed` of an array by a name of its own: what a driver sends untyped cannot be taken for one text.
#[pg_extern(stable, strict, parallel_safe, cost = 100000)]
fn drug_embed_many(texts: Texts<'_>) -> SqlResult<Finished> {
    many(&texts)
}

extension_sql!(
    "COMMENT ON FUNCTION drug_embed_many(text[]) IS
         'vectors of documents, in their order, as drug_embed(text[]): for a list that a driver sends without a type';",
    name = "comment_embed_many",
    requires = [drug_embed_many]
);

/// Depends on no setting: another model, or a text over the limit, is an error. That is what makes it immutable.
#[pg_extern(name = "drug_embed", immutable, strict, parallel_safe, cost = 10000)]
fn drug_embed_pinned(model: Text<'_>, text: Text<'_>) -> SqlResult<Vector> {
    let (model, text) = (model.utf8(encoder::MAX_TEXT_BYTES)?, text.utf8(encoder::MAX_TEXT_BYTES)?);
    resident::with_encoder(|encoder| {
        let held = encoder.manifest().id();
        if model != held {
            return Err(errors::other_model(model, &held));
        }
        resident::embed_one(encoder, Role::Document, text, Overflow::Error).map(Vector)
    })
}

fn one(role: Role, text: &Text<'_>) -> SqlResult<Vector> {
    resident::with_encoder(|encoder| {
        let text = text.to_embed(encoder.manifest().dim)?;
        resident::embed_one(encoder, role, text, settings::on_overflow()).map(Vector)
    })
}

fn many(texts: &Texts<'_>) -> SqlResult<Finished> {
    resident::with_encoder(|encoder| {
        let dimension = encoder.manifest().dim;
        let list = texts.read(Vectors::limit(dimension))?;
        let overflow = settings::on_overflow();
        Vectors::new(&list, dimension).filled(|set| {
            resident::embed_each(encoder, Role::Document, &list.texts, overflow, &mut |i, vector| set(i, vector))
        })
    })
}
