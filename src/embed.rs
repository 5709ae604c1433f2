//! `drug_embed`, `drug_embed_query`: text to vector.
//!
//! COST 10000 (25 pages read): about what an inference of 3 ms is to the planner's own unit without making it reach for JIT.

use encoder::{Overflow, Role};
use pgrx::prelude::*;

use crate::errors::{self, SqlResult};
use crate::resident;
use crate::settings;
use crate::text::{Text, Texts};
use crate::vector::{Vector, Vectors};

#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn drug_embed(text: Text<'_>) -> SqlResult<Vector> {
    one(Role::Document, &text)
}

#[pg_extern(stable, strict, parallel_safe, cost = 10000)]
fn drug_embed_query(text: Text<'_>) -> SqlResult<Vector> {
    one(Role::Query, &text)
}

#[pg_extern(name = "drug_embed", stable, strict, parallel_safe, cost = 100000)]
fn drug_embed_array(texts: Texts<'_>) -> SqlResult<Vectors> {
    let texts = texts.utf8()?;
    let present: Vec<&str> = texts.iter().flatten().copied().collect();
    let mut vectors = resident::embed(Role::Document, &present, settings::on_overflow())?.into_iter();
    Ok(Vectors(texts.iter().map(|text| text.and_then(|_| vectors.next())).collect()))
}

/// Depends on no setting: another model, or a text over the limit, is an error. That is what makes it immutable.
#[pg_extern(name = "drug_embed", immutable, strict, parallel_safe, cost = 10000)]
fn drug_embed_pinned(model: Text<'_>, text: Text<'_>) -> SqlResult<Vector> {
    let (model, text) = (model.utf8()?, text.utf8()?);
    resident::with_encoder(|encoder| {
        let held = encoder.manifest().id();
        if model != held {
            return Err(errors::other_model(model, &held));
        }
        Ok(Vector(resident::embed_with(encoder, Role::Document, &[text], Overflow::Error)?.remove(0)))
    })
}

fn one(role: Role, text: &Text<'_>) -> SqlResult<Vector> {
    Ok(Vector(resident::embed(role, &[text.utf8()?], settings::on_overflow())?.remove(0)))
}
