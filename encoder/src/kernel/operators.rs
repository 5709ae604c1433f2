//! The parts of the encoder as operators of ONNX Runtime, in the domain [`DOMAIN`]; the trainer's exporter writes graphs of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use ort::operator::{ComputeContext, Kernel, KernelContext, Operator, OperatorDomain, OperatorInput, OperatorOutput};

use ort::value::{DynTensorValueType, PrimitiveTensorElementType, TensorElementType};
use ort::{Error, Result};

use super::gemm::{Weights, check_widths};
use super::isa::Isa;
use super::layer::{Embeddings, Layer, mean};
use super::math::Norm;
use super::quantize::ActivationBits;
use super::simd::LANES;

/// Domain of the operators, version 1.
pub const DOMAIN: &str = "drugembed";
/// `ids, words, word scales, positions, gamma, beta` to embeddings. Attribute: `epsilon`.
pub const EMBEDDINGS: &str = "Embeddings";
/// `x, (packed weights, scales, bias) of qkv, (..) of context, gamma, beta, (..) of up, (..) of down, gamma, beta` to the next x.
/// Attributes: `heads`, `epsilon`, [`ACTIVATION_BITS`].
pub const LAYER: &str = "EncoderLayer";
/// Bits to which activations are quantised: 8; 14 if it is not said.
pub const ACTIVATION_BITS: &str = "activation_bits";
/// `x` to the mean of each text's tokens at unit length.
pub const MEAN: &str = "UnitMean";

const FLOAT: TensorElementType = TensorElementType::Float32;
const BYTE: TensorElementType = TensorElementType::Int8;
const ID: TensorElementType = TensorElementType::Int64;

/// The operators, computing by [`Isa::current`].
pub fn domain() -> Result<OperatorDomain> {
    let isa = Isa::current();
    OperatorDomain::new(DOMAIN)?.add(EmbeddingsOperator(isa))?.add(LayerOperator(isa))?.add(MeanOperator(isa))
}

struct EmbeddingsOperator(Isa);

impl Operator for EmbeddingsOperator {
    type Kernel<'a> = EmbeddingsKernel<'a>;

    fn name(&self) -> &str {
        EMBEDDINGS
    }
    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [ID, BYTE, FLOAT, FLOAT, FLOAT, FLOAT].map(OperatorInput::required)
    }
    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(FLOAT)]
    }
    fn create_kernel<'a>(&self, context: &KernelContext<'a>) -> Result<EmbeddingsKernel<'a>> {
        catch_panic(|| {
            let mut constants = Constants { context, next: 1 };
            let (words, scales, positions) = (constants.take()?, constants.take::<f32>()?, constants.take::<f32>()?);
            let norm = constants.norm()?;
            let width = norm.gamma.len();
            let whole = width > 0 && width.is_multiple_of(LANES);
            if !whole || words.len() != scales.len() * width || !positions.len().is_multiple_of(width) {
                return Err(Error::new("tables of embeddings do not fit together"));
            }
            Ok(EmbeddingsKernel { isa: self.0, embeddings: Embeddings { words, scales, positions, norm, width } })
        })
    }
}

struct EmbeddingsKernel<'a> {
    isa: Isa,
    embeddings: Embeddings<'a>,
}

impl Kernel for EmbeddingsKernel<'_> {
    fn compute(&mut self, context: &ComputeContext) -> Result<()> {
        catch_panic(|| {
            let Embeddings { scales, positions, width, .. } = self.embeddings;
            let ids = context.input(0)?.ok_or_else(missing)?;
            let (shape, ids) = ids.try_extract_tensor::<i64>()?;
            let &[texts, tokens] = &shape[..] else { return Err(Error::new("ids are not [texts, tokens]")) };
            if ids.iter().any(|&id| usize::try_from(id).map_or(true, |id| id >= scales.len())) {
                return Err(Error::new("an id is outside the vocabulary"));
            }
            if tokens as usize * width > positions.len() {
                return Err(Error::new(format!("{tokens} tokens are more than the model has positions")));
            }
            let mut output = context.output(0, vec![texts, tokens, width as i64])?.ok_or_else(missing)?;
            let (_, x) = output.try_extract_tensor_mut::<f32>()?;
            if !ids.is_empty() {
                self.embeddings.run(self.isa, ids, tokens as usize, x);
            }
            Ok(())
        })
    }
}

struct LayerOperator(Isa);

impl Operator for LayerOperator {
    type Kernel<'a> = LayerKernel<'a>;

    const INPLACES: &[(u32, u32)] = &[(0, 0)];

    fn name(&self) -> &str {
        LAYER
    }
    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        let linear = [BYTE, FLOAT, FLOAT];
        let norm = [FLOAT, FLOAT];
        let all = [&[FLOAT][..], &linear, &linear, &norm, &linear, &linear, &norm].concat();
        all.into_iter().map(OperatorInput::required)
    }
    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(FLOAT)]
    }
    fn create_kernel<'a>(&self, context: &KernelContext<'a>) -> Result<LayerKernel<'a>> {
        catch_panic(|| {
            let heads: i64 = context.get("heads").ok_or_else(|| Error::new("no attribute heads"))?;
            let bits: i64 = context.get(ACTIVATION_BITS).unwrap_or(14);
            let bits = ActivationBits::of(bits).ok_or_else(|| Error::new(format!("activations of {bits} bits")))?;
            let mut constants = Constants { context, next: 1 };
            let (attention, projected) = (constants.weights()?, constants.weights()?);
            let context_norm = constants.norm()?;
            let (up, down, norm) = (constants.weights()?, constants.weights()?, constants.norm()?);
            let width = norm.gamma.len();
            let heads = heads.max(0) as usize;
            let layer = Layer { attention, context: projected, context_norm, up, down, norm, heads, bits };
            let fits = [
                (attention.ins, attention.outs) == (width, 3 * width),
                (projected.ins, projected.outs) == (width, width),
                context_norm.gamma.len() == width,
                (up.ins, down.outs) == (width, width),
                up.outs == down.ins,
                layer.heads > 0 && width.is_multiple_of(layer.heads * LANES),
            ];
            if fits.contains(&false) {
                return Err(Error::new("the layer's weights do not fit together"));
            }
            Ok(LayerKernel { isa: self.0, layer })
        })
    }
}

struct LayerKernel<'a> {
    isa: Isa,
    layer: Layer<'a>,
}

impl Kernel for LayerKernel<'_> {
    fn compute(&mut self, context: &ComputeContext) -> Result<()> {
        catch_panic(|| {
            let (from, tokens, shape) = {
                let input = context.input(0)?.ok_or_else(missing)?;
                let (shape, x) = input.try_extract_tensor::<f32>()?;
                let &[_, tokens, width] = &shape[..] else { return Err(Error::new("x is not [texts, tokens, width]")) };
                if width as usize != self.layer.context.outs {
                    return Err(Error::new("x is not of the layer's width"));
                }
                (x.as_ptr(), tokens as usize, shape.to_vec())
            };
            let mut output = context.output(0, shape)?.ok_or_else(missing)?;
            let (_, x) = output.try_extract_tensor_mut::<f32>()?;
            if from != x.as_ptr() {
                // SAFETY: the input is another tensor of the same shape.
                unsafe { std::ptr::copy_nonoverlapping(from, x.as_mut_ptr(), x.len()) };
            }
            if x.is_empty() {
                return Ok(());
            }
            let blocks: Vec<Mutex<&mut [f32]>> = self.layer.blocks(tokens, x).map(Mutex::new).collect();
            let run = |block: usize| {
                let mut x = blocks[block].lock().map_err(|_| Error::new("a thread panicked"))?;
                catch_panic(|| {
                    self.layer.run(self.isa, tokens, &mut x);
                    Ok(())
                })
            };
            if let [_] = blocks[..] {
                return run(0);
            }
            let failed = Mutex::new(None);
            context.par_for(blocks.len(), 0, |block| {
                if let (Err(error), Ok(mut failed)) = (run(block), failed.lock()) {
                    *failed = Some(error);
                }
            })?;
            failed.into_inner().map_err(|_| Error::new("a thread panicked"))?.map_or(Ok(()), Err)
        })
    }
}

struct MeanOperator(Isa);

impl Operator for MeanOperator {
    type Kernel<'a> = MeanKernel;

    fn name(&self) -> &str {
        MEAN
    }
    fn inputs(&self) -> impl IntoIterator<Item = OperatorInput> {
        [OperatorInput::required(FLOAT)]
    }
    fn outputs(&self) -> impl IntoIterator<Item = OperatorOutput> {
        [OperatorOutput::required(FLOAT)]
    }
    fn create_kernel<'a>(&self, _: &KernelContext<'a>) -> Result<MeanKernel> {
        Ok(MeanKernel(self.0))
    }
}

struct MeanKernel(Isa);

impl Kernel for MeanKernel {
    fn compute(&mut self, context: &ComputeContext) -> Result<()> {
        catch_panic(|| {
            let input = context.input(0)?.ok_or_else(missing)?;
            let (shape, x) = input.try_extract_tensor::<f32>()?;
            let &[texts, tokens, width] = &shape[..] else { return Err(Error::new("x is not [texts, tokens, width]")) };
            let mut output = context.output(0, vec![texts, width])?.ok_or_else(missing)?;
            let (_, to) = output.try_extract_tensor_mut::<f32>()?;
            if !x.is_empty() {
                mean(self.0, x, tokens as usize, width as usize, to);
            }
            Ok(())
        })
    }
}

/// Reads a node's constant inputs in their order.
struct Constants<'c, 'a> {
    context: &'c KernelContext<'a>,
    next: usize,
}

impl<'a> Constants<'_, 'a> {
    fn take<T: PrimitiveTensorElementType>(&mut self) -> Result<&'a [T]> {
        let value = self.context.constant_input::<DynTensorValueType>(self.next)?;
        self.next += 1;
        let (_, data) = value.try_extract_tensor::<T>()?;
        if !data.as_ptr().is_aligned() {
            return Err(Error::new("a constant is not aligned to its numbers"));
        }
        // SAFETY: `data` is such a slice, borrowed from `value` though, which is only a handle. The numbers are an initializer's,
        // which ONNX Runtime owns by the session: it neither moves, changes nor frees them before it has destroyed the session's
        // kernels, and `'a` is the time of a kernel.
        Ok(unsafe { std::slice::from_raw_parts(data.as_ptr(), data.len()) })
    }

    fn weights(&mut self) -> Result<Weights<'a>> {
        let (packed, scales, bias) = (self.take::<i8>()?, self.take::<f32>()?, self.take::<f32>()?);
        let outs = scales.len();
        let ins = packed.len().checked_div(outs).unwrap_or(0);
        check_widths(ins, outs).map_err(Error::new)?;
        if packed.len() != ins * outs || bias.len() != outs {
            return Err(Error::new("weights, scales and bias do not fit together"));
        }
        Ok(Weights { packed, scales, bias, ins, outs })
    }

    fn norm(&mut self) -> Result<Norm<'a>> {
        let epsilon = self.context.get("epsilon").ok_or_else(|| Error::new("no attribute epsilon"))?;
        let (gamma, beta) = (self.take::<f32>()?, self.take::<f32>()?);
        match gamma.len() == beta.len() {
            true => Ok(Norm { gamma, beta, epsilon }),
            false => Err(Error::new("gamma and beta do not fit together")),
        }
    }
}

/// A panic must not cross ONNX Runtime, which is C++: it becomes an error. So does an interrupt that waits.
fn catch_panic<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    if crate::interrupt::stop() {
        return Err(Error::new("interrupted"));
    }
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::new("an operator of drugembed panicked")))
}

fn missing() -> Error {
    Error::new("an input or output is missing")
}
