//! `drug_similarity`: cosine, from -1 to 1.

use encoder::{Role, dot};
use pgrx::prelude::*;

use crate::errors::{self, SqlResult};
use crate::resident;
use crate::settings;
use crate::text::Text;
use crate::vector::StoredVector;

/// Symmetric, and exactly 1 for equal texts.
#[pg_extern(stable, strict, parallel_safe, cost = 20000)]
fn drug_similarity(a: Text<'_>, b: Text<'_>) -> SqlResult<f64> {
    resident::with_encoder(|encoder| {
        let dimension = encoder.manifest().dim;
        let texts = [a.to_embed(dimension)?, b.to_embed(dimension)?];
        let vectors = resident::embed(encoder, Role::Similarity, &texts, settings::on_overflow())?;
        cosine(&vectors[0], &vectors[1])
    })
}

/// A stored document vector against a question. Only `embedding <=> drug_embed_query(...)` can use an index.
#[pg_extern(name = "drug_similarity", stable, strict, parallel_safe, cost = 10000)]
fn drug_similarity_stored(embedding: StoredVector<'_>, question: Text<'_>) -> SqlResult<f64> {
    let embedding = embedding.elements()?;
    resident::with_encoder(|encoder| {
        let manifest = encoder.manifest();
        if embedding.len() != manifest.dim {
            return Err(errors::wrong_dimension(embedding.len(), manifest.dim, &manifest.id()));
        }
        let question = question.to_embed(manifest.dim)?;
        let vector = resident::embed_one(encoder, Role::Query, question, settings::on_overflow())?;
        cosine(&embedding, &vector)
    })
}

/// Two stored vectors, of whatever model.
#[pg_extern(name = "drug_similarity", immutable, strict, parallel_safe, cost = 10)]
fn drug_similarity_vectors(a: StoredVector<'_>, b: StoredVector<'_>) -> SqlResult<f64> {
    let (a, b) = (a.elements()?, b.elements()?);
    if a.len() != b.len() {
        return Err(errors::different_dimensions(a.len(), b.len()));
    }
    cosine(&a, &b)
}

extension_sql!(
    "COMMENT ON FUNCTION drug_similarity(vector, vector) IS
         'similarity of two stored vectors, from -1 to 1: the cosine; cannot use an index';",
    name = "comment_similarity_vectors",
    requires = [drug_similarity_vectors]
);

/// a.b / sqrt(a.a * b.b): for a = b the root is exact, so the answer is 1.
fn cosine(a: &[f32], b: &[f32]) -> SqlResult<f64> {
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    if cosine.is_finite() { Ok(cosine.clamp(-1.0, 1.0)) } else { Err(errors::no_direction()) }
}
