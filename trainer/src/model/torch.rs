//! The encoder's pass in libtorch: its kernels need no compiling, its autograd no node a multiplication.
//!
//! Tokens of all batches stand in one matrix, so that a linear layer is one product however long the texts are; attention takes the
//! batches one by one.

use super::encoder::{HEAD, MASKED, PER_LAYER, is_linear_weight};
use super::{Batch, Dropout, Encoder};
use crate::backend::{Backend, Pass};
use burn_tch::{LibTorch, TchTensor};
use burn_tensor::{Tensor, TensorPrimitive};
use tch::{Kind, Tensor as Torch};

/// What 8 bits hold, as in [`super::rounding`].
const LARGEST: i64 = 127;
const SMALLEST: f64 = 1e-30;

impl Backend for LibTorch {
    fn forward(encoder: &Encoder<Self>, batches: &[&Batch]) -> Option<Tensor<Self, 2>> {
        let weights: Vec<Torch> = encoder.parameters().iter().map(torch).collect();
        Some(burn(vectors(encoder, &weights, batches, None)))
    }

    fn pass(
        encoder: &Encoder<Self>,
        batches: &[&Batch],
        trained: &[bool],
        dropout: Option<Dropout>,
    ) -> Option<Pass<Self>> {
        let leaf = |(p, &trained): (&Tensor<Self, 2>, &bool)| torch(p).detach().set_requires_grad(trained);
        let leaves: Vec<Torch> = encoder.parameters().iter().zip(trained).map(leaf).collect();
        let vectors = vectors(encoder, &leaves, batches, dropout);
        let values = burn(vectors.detach());
        let trained = trained.to_vec();
        let backward = move |gradient: Tensor<Self, 2>| {
            let surrogate = (vectors * torch(&gradient)).sum(Kind::Float);
            let wanted: Vec<&Torch> =
                leaves.iter().zip(&trained).filter(|(_, trained)| **trained).map(|(leaf, _)| leaf).collect();
            let mut gradients = Torch::run_backward(&[surrogate], &wanted, false, false).into_iter();
            trained.iter().map(|trained| if *trained { gradients.next().map(burn) } else { None }).collect()
        };
        Some(Pass { vectors: values, backward: Box::new(backward) })
    }
}

fn torch<const D: usize>(tensor: &Tensor<LibTorch, D>) -> Torch {
    tensor.clone().into_primitive().tensor().tensor.shallow_clone()
}

fn burn<const D: usize>(tensor: Torch) -> Tensor<LibTorch, D> {
    Tensor::from_primitive(TensorPrimitive::Float(TchTensor::new(tensor)))
}

/// Unit vectors, `[rows of all batches, hidden]`.
fn vectors(encoder: &Encoder<LibTorch>, weights: &[Torch], batches: &[&Batch], dropout: Option<Dropout>) -> Torch {
    let config = encoder.config();
    let (hidden, heads) = (config.hidden_size as i64, config.num_attention_heads as i64);
    let eps = f64::from(config.layer_norm_eps);
    let drop = |x: Torch| match dropout {
        Some(d) if d.probability > 0.0 => x.dropout(d.probability, true),
        _ => x,
    };
    if let Some(d) = dropout {
        tch::manual_seed(d.seed as i64);
    }
    let weights = multiplied(encoder, weights);
    let [word, position, norm_scale, norm_shift, ..] = weights.as_slice() else { unreachable!("a head of four") };
    let norm = |x: Torch, scale: &Torch, shift: &Torch| {
        x.layer_norm([hidden], Some(scale.flatten(0, -1)), Some(shift.flatten(0, -1)), eps, false)
    };
    let input = |x: &Torch| if encoder.rounds() { rounded(x, 0) } else { x.shallow_clone() };
    let linear = |x: &Torch, weight: &Torch, bias: &Torch| bias.addmm(&input(x), weight);

    let input = Input::new(batches, word.device());
    let place = position + torch(encoder.token_type());
    let embedded = |table: &Torch, rows: &Torch| Torch::embedding(table, rows, -1, false, false);
    let mut x = drop(norm(embedded(word, &input.ids) + embedded(&place, &input.positions), norm_scale, norm_shift));
    for layer in weights[HEAD..].chunks_exact(PER_LAYER) {
        let [qkv, qkv_b, out, out_b, scale1, shift1, up, up_b, down, down_b, scale2, shift2] = layer else {
            unreachable!("a layer of twelve")
        };
        let attended = input.attention(&linear(&x, qkv, qkv_b), heads);
        x = norm(&x + drop(linear(&attended, out, out_b)), scale1, shift1);
        let wide = linear(&x, up, up_b).gelu("none");
        x = norm(&x + drop(linear(&wide, down, down_b)), scale2, shift2);
    }
    let mean = input.mean(&x);
    let length = (&mean * &mean).sum_dim_intlist([1i64].as_slice(), true, Kind::Float).sqrt() + 1e-12;
    mean / length
}

/// The weights as the layers multiply by them.
fn multiplied(encoder: &Encoder<LibTorch>, weights: &[Torch]) -> Vec<Torch> {
    let each = |(i, (name, weight)): (usize, (String, &Torch))| match () {
        () if encoder.has_rounded_weights() || !encoder.rounds() => weight.shallow_clone(),
        () if i == 0 => rounded(weight, 0),
        () if is_linear_weight(&name) => rounded(weight, 1),
        () => weight.shallow_clone(),
    };
    encoder.names().into_iter().zip(weights).enumerate().map(each).collect()
}

/// Symmetric 8-bit rounding with one scale for every index of `axis`; its gradient is that of no rounding.
fn rounded(x: &Torch, axis: i64) -> Torch {
    let scale = x.detach().abs().amax([1 - axis], false).clamp_min(SMALLEST) / LARGEST as f64;
    let zero = scale.zeros_like().to_kind(Kind::Int);
    x.fake_quantize_per_channel_affine(&scale, &zero, axis, -LARGEST, LARGEST)
}

/// The batches' tokens, one after the other, on the device.
struct Input {
    ids: Torch,
    positions: Torch,
    /// Tokens of each batch in all.
    sizes: Vec<i64>,
    groups: Vec<Group>,
}

/// One batch.
struct Group {
    rows: i64,
    tokens: i64,
    /// What is added to padding's scores, `[rows, 1, 1, tokens]`; None where there is none.
    bias: Option<Torch>,
    /// 1 / length at a row's tokens and 0 at its padding, `[rows, tokens, 1]`.
    shares: Torch,
}

impl Input {
    fn new(batches: &[&Batch], device: tch::Device) -> Self {
        let whole = |values: Vec<i64>| Torch::from_slice(&values).to_device(device);
        let ids = batches.iter().flat_map(|b| b.ids.iter().map(|&id| i64::from(id))).collect();
        let positions = batches.iter().flat_map(|b| (0..b.rows).flat_map(|_| 0..b.tokens as i64)).collect();
        let sizes: Vec<i64> = batches.iter().map(|b| (b.rows * b.tokens) as i64).collect();
        let shares: Vec<f32> = batches.iter().flat_map(|b| shares(b)).collect();
        let shares = Torch::from_slice(&shares).to_device(device).split_with_sizes(sizes.as_slice(), 0);
        let groups = batches.iter().zip(shares).map(|(b, shares)| {
            let (rows, tokens) = (b.rows as i64, b.tokens as i64);
            let padded = b.lengths.iter().any(|&length| length < b.tokens);
            let bias = padded.then(|| {
                let padding = shares.eq(0.0).to_kind(Kind::Float) * MASKED;
                padding.view([rows, 1, 1, tokens])
            });
            Group { rows, tokens, bias, shares: shares.view([rows, tokens, 1]) }
        });
        Self { ids: whole(ids), positions: whole(positions), groups: groups.collect(), sizes }
    }

    /// Scaled dot-product attention of all heads: `[all tokens, 3 hidden]` -> `[all tokens, hidden]`.
    fn attention(&self, qkv: &Torch, heads: i64) -> Torch {
        let hidden = qkv.size()[1] / 3;
        let of = |(part, group): (Torch, &Group)| {
            let parts =
                part.view([group.rows, group.tokens, 3, heads, hidden / heads]).permute([2, 0, 3, 1, 4]).unbind(0);
            let [q, k, v] = parts.as_slice() else { unreachable!("cut in three") };
            let bias =
                group.bias.as_ref().map(|bias| bias.expand([group.rows, heads, group.tokens, group.tokens], false));
            let context = Torch::scaled_dot_product_attention(q, k, v, bias, 0.0, false, None, false);
            context.transpose(1, 2).reshape([group.rows * group.tokens, hidden])
        };
        let contexts: Vec<Torch> =
            qkv.split_with_sizes(self.sizes.as_slice(), 0).into_iter().zip(&self.groups).map(of).collect();
        Torch::cat(&contexts, 0)
    }

    /// Each row's mean over its tokens, `[rows of all batches, hidden]`.
    fn mean(&self, x: &Torch) -> Torch {
        let of = |(part, group): (Torch, &Group)| {
            let part = part.view([group.rows, group.tokens, -1]) * &group.shares;
            part.sum_dim_intlist([1i64].as_slice(), false, Kind::Float)
        };
        let means: Vec<Torch> =
            x.split_with_sizes(self.sizes.as_slice(), 0).into_iter().zip(&self.groups).map(of).collect();
        Torch::cat(&means, 0)
    }
}

/// 1 / length at real tokens, 0 at padding, row by row.
fn shares(batch: &Batch) -> Vec<f32> {
    let row = |&n: &usize| (0..batch.tokens).map(move |t| if t < n { 1.0 / n as f32 } else { 0.0 });
    batch.lengths.iter().flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::tests::random;
    use crate::model::embed::{Shapes, embed};
    use crate::model::encoder::floats;
    use burn_autodiff::Autodiff;
    use burn_flex::Flex;
    use burn_tensor::DType;
    use std::sync::Arc;

    /// What 8 bits leave of a number between two steps, which goes to either.
    const LEAST_COSINE: f32 = 0.999;

    /// Vectors and gradients by burn's composed pass and by libtorch's own.
    fn both(bits: Option<usize>) -> [(Vec<f32>, Vec<Vec<f32>>); 2] {
        type B = Autodiff<LibTorch>;
        let mut checkpoint = random(30, 2, 5);
        checkpoint.config.activation_bits = bits.map(|bits| bits.try_into().expect("8 bits"));
        let encoder: Encoder<LibTorch> = Encoder::new(&checkpoint, &Default::default(), DType::F32);
        let trained = vec![true; encoder.parameters().len()];
        let texts: [&[u32]; 3] = [&[0, 7, 9, 2], &[0, 11, 2], &[0, 3, 4, 5, 6, 2]];
        let batches = [Batch::new(&texts[..2], 2, 4, 1), Batch::new(&texts[2..], 1, 6, 1)];
        let width = encoder.width();
        let weights: Vec<f32> = (0..3 * width).map(|i| (i % 7) as f32 - 3.0).collect();
        let weights = Tensor::<LibTorch, 1>::from_floats(weights.as_slice(), &Default::default()).reshape([3, width]);

        let tracked = Encoder::<B>::tracked(&encoder, &trained);
        let rounded = tracked.rounded();
        let vectors = Tensor::cat(batches.iter().map(|batch| rounded.forward(batch, None)).collect(), 0);
        let gradients = (vectors.clone() * Tensor::from_inner(weights.clone())).sum().backward();
        let composed = tracked.parameters().iter().map(|p| floats(&p.grad(&gradients).unwrap())).collect();

        let pass = <LibTorch as Backend>::pass(&encoder, &batches.each_ref(), &trained, None).unwrap();
        let own = floats(&pass.vectors);
        let plain = <LibTorch as Backend>::forward(&encoder.rounded(), &batches.each_ref()).unwrap();
        assert!(own.iter().zip(floats(&plain)).all(|(a, b)| (a - b).abs() < 1e-5));
        let gradients = (pass.backward)(weights).into_iter().map(|g| floats(&g.unwrap())).collect();
        [(floats(&vectors), composed), (own, gradients)]
    }

    #[test]
    fn a_pass_is_what_burn_composes() {
        for bits in [None, Some(8)] {
            let [(composed, of_composed), (own, of_own)] = both(bits);
            assert!(composed.iter().zip(&own).all(|(a, b)| (a - b).abs() < 1e-4), "{bits:?}");
            for (a, b) in of_composed.iter().zip(&of_own) {
                let largest = a.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
                assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-2 * largest), "{bits:?}: {a:?} {b:?}");
            }
        }
    }
    #[test]
    fn packed_passes_give_the_vectors_of_the_cpu() {
        let mut checkpoint = random(30, 2, 5);
        let texts: Vec<Arc<[u32]>> =
            (0..40).map(|i| (0..1 + i * 11 % 60).map(|t| (i * 7 + t * 5) % 30).collect()).collect();
        for bits in [None, Some(8)] {
            checkpoint.config.activation_bits = bits.map(|bits| bits.try_into().expect("8 bits"));
            let cpu: Encoder<Flex> = Encoder::new(&checkpoint, &Default::default(), DType::F32);
            let own: Encoder<LibTorch> = Encoder::new(&checkpoint, &Default::default(), DType::F32);
            let wanted = embed(&cpu, &texts, Shapes::Rows(1), 1);
            let width = own.width();
            // All in one pass, several batches a pass, and several passes of one batch.
            for tokens in [4096, 256, 64] {
                let vectors = embed(&own, &texts, Shapes::Packed(tokens), 1);
                for (i, (a, b)) in wanted.chunks_exact(width).zip(vectors.chunks_exact(width)).enumerate() {
                    let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    assert!(cosine > LEAST_COSINE, "{bits:?}, {tokens}: text {i}, {cosine}");
                }
            }
        }
    }
}
