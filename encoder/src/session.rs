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
use crate::runtime;
use crate::signals;
use crate::tokens::Ids;

const ATTENTION_MASK: &str = "attention_mask";

pub struct Session {
    inner: OrtSession,
    dim: usize,
    /// Whether the graph takes `attention_mask`; inputs are never padded, so it is all ones.
    masked: bool,
}

impl Session {
    /// Loads `model.onnx` of the bundle itself.
    pub fn open(bundle: &Bundle, library: &Path, threads: usize) -> Result<Session> {
        Session::load(&bundle.path(MODEL), bundle.manifest.dim, builder(library, threads, GraphOptimizationLevel::All)?)
    }

    /// Loads a graph that gives vectors of `dim`, and that ONNX Runtime has optimised before.
    pub fn open_optimised(graph: &Path, dim: usize, library: &Path, threads: usize) -> Result<Session> {
        Session::load(graph, dim, builder(library, threads, GraphOptimizationLevel::Disable)?)
    }

    fn load(graph: &Path, dim: usize, builder: SessionBuilder) -> Result<Session> {
        let inner =
            commit(builder, graph).map_err(|e| Error::Malformed { path: graph.to_owned(), reason: e.to_string() })?;
        let masked = inner.inputs().iter().any(|input| input.name() == ATTENTION_MASK);
        Ok(Session { inner, dim, masked })
    }

    /// Vectors of a batch of inputs of one length, `[batch, dim]`.
    ///
    /// Equal lengths need no padding, so a text's vector is the same bits in whatever batch it comes.
    pub fn run(&mut self, batch: &[&Ids]) -> Result<Array2<f32>> {
        let tokens = batch.first().map_or(0, |ids| ids.len());
        debug_assert!(batch.iter().all(|ids| ids.len() == tokens));
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

/// Session options that keep a process small and the answer reproducible: no arena, no memory pattern, no spinning.
pub fn builder(library: &Path, threads: usize, level: GraphOptimizationLevel) -> Result<SessionBuilder> {
    let environment = runtime::load(library)?;
    let build = || -> Result<SessionBuilder, Box<dyn std::error::Error>> {
        Ok(OrtSession::builder(environment)?
            .with_execution_providers([ep::CPU::default().with_arena_allocator(false).build()])?
            .with_optimization_level(level)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            .with_parallel_execution(false)?
            .with_memory_pattern(false)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_operators(kernel::domain()?)?)
    };
    build().map_err(|e| Error::Runtime { path: library.to_owned(), reason: e.to_string() })
}

/// Loads a graph; one at a time, since ONNX Runtime adds the operators' domain to a list of the process and fails if two sessions do
/// so at once.
pub fn commit(mut builder: SessionBuilder, graph: &Path) -> ort::Result<OrtSession> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    signals::blocked(|| builder.commit_from_file(graph))
}

fn inference(reason: impl ToString) -> Error {
    Error::Inference(reason.to_string())
}
