//! One ONNX Runtime session: token ids in, L2-normalised vectors out.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ndarray::{Array2, ArrayView2, ArrayViewD, Ix2};
use ort::ep;
use ort::session::Session as OrtSession;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{Tensor, TensorRef};

use crate::bundle::{Bundle, MODEL};
use crate::error::{Error, Result};
use crate::kernel;
use crate::memory;
use crate::runtime;
use crate::tokens::Ids;
use crate::weights::Weights;

const ATTENTION_MASK: &str = "attention_mask";

/// What a token takes while a batch passes through a layer, in the widest model here, and what else a batch takes.
const BYTES_OF_A_TOKEN: usize = 48 << 10;
const BYTES_OF_A_BATCH: usize = 1 << 20;

pub struct Session {
    /// Before `inner`, whose mapping it watches.
    weights: Option<Weights>,
    inner: OrtSession,
    dim: usize,
    /// Whether the graph takes `attention_mask`; inputs are never padded, so it is all ones.
    masked: bool,
}

impl Session {
    /// Loads `model.onnx` of the bundle itself.
    pub fn open(bundle: &Bundle, library: &Path) -> Result<Session> {
        let path = bundle.path(MODEL);
        let builder = builder(library, GraphOptimizationLevel::All)?;
        let inner = commit(builder, |builder| builder.commit_from_file(&path));
        let inner = inner.map_err(|e| Error::of_library(e, |reason| Error::Malformed { path, reason }))?;
        Ok(Session::new(inner, bundle.manifest.dim))
    }

    /// Loads a graph that gives vectors of `dim`, that ONNX Runtime has optimised before, and whose weights lie beside it in `folder`.
    pub fn open_optimised(
        graph: &[u8],
        folder: &Path,
        mut weights: Weights,
        dim: usize,
        library: &Path,
    ) -> Result<Session> {
        let malformed = |reason: String| Error::Malformed { path: folder.join(MODEL), reason };
        let load = || -> Result<OrtSession, Box<dyn std::error::Error>> {
            let builder = builder(library, GraphOptimizationLevel::Disable)?
                .with_config_entry("session.model_external_initializers_file_folder_path", folder.to_string_lossy())?;
            Ok(commit(builder, |builder| builder.commit_from_memory(graph))?)
        };
        let mut session = Session::new(load().map_err(|e| Error::of_library(e, malformed))?, dim);
        // SAFETY: ONNX Runtime unmaps the file with the session, which is dropped after the weights. It and the operators read
        // weights as integers and floats, of which every pattern of bits is valid, and keep nothing that they derive from them.
        unsafe { weights.watch() }.map_err(|e| malformed(e.to_string()))?;
        session.weights = Some(weights);
        Ok(session)
    }

    fn new(inner: OrtSession, dim: usize) -> Session {
        let masked = inner.inputs().iter().any(|input| input.name() == ATTENTION_MASK);
        Session { weights: None, inner, dim, masked }
    }

    /// The weights, where they are a file of their own.
    pub fn weights(&mut self) -> Option<&mut Weights> {
        self.weights.as_mut()
    }

    /// Vectors of a batch of inputs of one length, `[batch, dim]`.
    ///
    /// Equal lengths need no padding, so a text's vector is the same bits in whatever batch it comes.
    pub fn run(&mut self, batch: &[&Ids]) -> Result<Array2<f32>> {
        let vectors = self.infer(batch)?;
        self.weights.as_mut().map_or(Ok(()), Weights::check)?;
        Ok(vectors)
    }

    fn infer(&mut self, batch: &[&Ids]) -> Result<Array2<f32>> {
        let tokens = batch.first().map_or(0, |ids| ids.len());
        if batch.iter().any(|ids| ids.len() != tokens) {
            return Err(inference("the inputs of a batch have different lengths"));
        }
        memory::require(BYTES_OF_A_BATCH + batch.len() * tokens * BYTES_OF_A_TOKEN)?;
        let ids: Vec<i64> = batch.iter().flat_map(|ids| ids.iter().map(|&id| i64::from(id))).collect();
        let ids = ArrayView2::from_shape((batch.len(), tokens), &ids).map_err(inference)?;
        let mut inputs = ort::inputs!["input_ids" => TensorRef::from_array_view(ids).map_err(inference)?];
        if self.masked {
            let mask = Tensor::from_array(Array2::<i64>::ones((batch.len(), tokens))).map_err(inference)?;
            inputs.push((ATTENTION_MASK.into(), mask.into()));
        }
        let outputs = self.inner.run(inputs).map_err(inference)?;
        let output =
            outputs.get("sentence_embedding").ok_or_else(|| inference("the model has no output sentence_embedding"))?;
        let vectors: ArrayViewD<f32> = output.try_extract_array().map_err(inference)?;
        let vectors = vectors.into_dimensionality::<Ix2>().map_err(inference)?;
        if vectors.dim() != (batch.len(), self.dim) {
            return Err(inference(format!("the model gave {:?}, not {:?}", vectors.dim(), (batch.len(), self.dim))));
        }
        if vectors.iter().any(|x| !x.is_finite()) {
            return Err(inference("the model gave a vector that is not finite"));
        }
        Ok(vectors.to_owned())
    }
}

/// Session options that keep a process small and the answer reproducible: no threads, no arena, no memory pattern.
pub fn builder(library: &Path, level: GraphOptimizationLevel) -> Result<SessionBuilder> {
    let environment = runtime::load(library)?;
    let build = || -> Result<SessionBuilder, Box<dyn std::error::Error>> {
        Ok(OrtSession::builder(environment)?
            .with_execution_providers([ep::CPU::default().with_arena_allocator(false).build()])?
            .with_optimization_level(level)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_parallel_execution(false)?
            .with_memory_pattern(false)?
            .with_operators(kernel::domain()?)?)
    };
    let failed = |reason| Error::Runtime { path: library.to_owned(), reason };
    build().map_err(|e| Error::of_library(e, failed))
}

/// Loads a graph; one at a time, since ONNX Runtime adds the operators' domain to a list of the process and fails if two sessions do
/// so at once.
pub fn commit<T>(
    mut builder: SessionBuilder,
    load: impl FnOnce(&mut SessionBuilder) -> ort::Result<T>,
) -> ort::Result<T> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    load(&mut builder)
}

fn inference(reason: impl ToString) -> Error {
    Error::of_library(reason, Error::Inference)
}
