//! Where a run stands, saved whole by rename: weights, moments and position.

use crate::backend::Backend;
use crate::checkpoint::write_folder;
use crate::model::Encoder;
use crate::model::encoder::floats;
use crate::train::optimiser::AdamW;
use anyhow::{Context, Result, ensure};
use burn_tensor::{Tensor, TensorData};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::path::Path;

const POSITION: &str = "position.json";
const TENSORS: &str = "tensors.safetensors";

/// The next thing to do. `step` counts within the stage, `total` over the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    pub stage: usize,
    pub step: usize,
    pub total: usize,
    /// Best mean nDCG@10 of this stage and its epoch, for early stopping.
    pub best: Option<(f64, usize)>,
    /// Early stopping ended the stage.
    #[serde(default)]
    pub ended: bool,
    /// Steps of the stage, where its time said how many.
    #[serde(default)]
    pub steps: Option<usize>,
}

/// Reads only the position; None when nothing was saved.
pub fn position(folder: &Path) -> Result<Option<Position>> {
    let path = folder.join(POSITION);
    if !path.exists() {
        return Ok(None);
    }
    let text = crate::data::text::read(&path)?;
    Ok(Some(serde_json::from_str(&text).with_context(|| path.display().to_string())?))
}

/// Saves weights, and the moments of a stage under way.
pub fn save<B: Backend>(
    folder: &Path,
    position: &Position,
    encoder: &Encoder<B>,
    adam: Option<&AdamW<B>>,
) -> Result<()> {
    let mut tensors: Vec<(String, [usize; 2], Vec<u8>)> = Vec::new();
    let mut push = |name: String, tensor: &Tensor<B, 2>| {
        tensors.push((name, tensor.dims(), floats(tensor).iter().flat_map(|v| v.to_le_bytes()).collect()));
    };
    for (i, name) in encoder.names().iter().enumerate() {
        push(format!("weight {name}"), &encoder.parameters()[i]);
        if let Some((m, v)) = adam.and_then(|a| a.moments[i].as_ref()) {
            push(format!("first {name}"), m);
            push(format!("second {name}"), v);
        }
    }
    write_folder(folder, &[POSITION, TENSORS], |temporary| {
        let views: Result<Vec<_>, _> = tensors
            .iter()
            .map(|(name, shape, data)| {
                Ok::<_, safetensors::SafeTensorError>((name, TensorView::new(Dtype::F32, shape.to_vec(), data)?))
            })
            .collect();
        safetensors::serialize_to_file(views?, None, &temporary.join(TENSORS))?;
        std::fs::write(temporary.join(POSITION), serde_json::to_vec(position)?)?;
        Ok(())
    })
}

/// Puts saved weights into `encoder`, and saved moments into `adam`.
pub fn load<B: Backend>(
    folder: &Path,
    encoder: &mut Encoder<B>,
    adam: &mut AdamW<B>,
    position: &Position,
) -> Result<()> {
    let path = folder.join(TENSORS);
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let file = SafeTensors::deserialize(&bytes).with_context(|| path.display().to_string())?;
    let device = encoder.parameters()[0].device();
    let read = |name: String, like: &Tensor<B, 2>| -> Result<Option<Tensor<B, 2>>> {
        let Ok(view) = file.tensor(&name) else { return Ok(None) };
        ensure!(view.shape() == like.dims(), "{}: \"{name}\" has another shape than the model", path.display());
        let data: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Some(Tensor::from_data(TensorData::new(data, like.dims()), &device)))
    };
    let mut weights = Vec::new();
    for (i, name) in encoder.names().iter().enumerate() {
        let like = &encoder.parameters()[i];
        weights
            .push(read(format!("weight {name}"), like)?.with_context(|| format!("{}: no \"{name}\"", path.display()))?);
        let moments = (read(format!("first {name}"), like)?, read(format!("second {name}"), like)?);
        if let (Some(m), Some(v), true) = (moments.0, moments.1, adam.moments[i].is_some()) {
            adam.moments[i] = Some((m, v));
        }
    }
    *encoder = encoder.with_parameters(weights);
    adam.steps = position.step;
    Ok(())
}
