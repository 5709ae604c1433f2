//! The parts of a BERT encoder, on texts of one length: embeddings, layers, the mean of the tokens.

use std::cell::RefCell;

use super::attention::{self, attend};
use super::gemm::{Weights, linear};
use super::isa::{Isa, Simd, WithSimd, dispatch};
use super::math::{Norm, add_row, to_unit_length};
use super::profile::{Part, timed};
use super::quantize::{ActivationBits, QuantizedRows};
use super::simd::{LANES, SimdF32};

/// Rows that go through a layer together, if texts are shorter: more would leave the processor's cache.
const ROWS: usize = 128;
/// Scratch of more bytes than this is given back after a call.
const KEPT_BYTES: usize = 1 << 19;

/// Word, position and normalisation: what the first layer reads.
#[derive(Clone, Copy)]
pub struct Embeddings<'a> {
    /// `[tokens of the vocabulary, width]`, each row to be multiplied by its scale.
    pub words: &'a [i8],
    pub scales: &'a [f32],
    /// `[longest text, width]`.
    pub positions: &'a [f32],
    pub norm: Norm<'a>,
    pub width: usize,
}

/// One transformer layer, normalised after each half.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    /// Query, key and value side by side: `width` to `3 * width`.
    pub attention: Weights<'a>,
    pub context: Weights<'a>,
    pub context_norm: Norm<'a>,
    pub up: Weights<'a>,
    pub down: Weights<'a>,
    pub norm: Norm<'a>,
    pub heads: usize,
    /// Of the activations that enter the four products.
    pub bits: ActivationBits,
}

#[derive(Default)]
struct Scratch {
    rows: QuantizedRows,
    /// `[rows, 3 * width]`.
    qkv: Vec<f32>,
    /// `[rows, width]`: context, then what a half of the layer adds.
    hidden: Vec<f32>,
    /// `[rows, inner width]`.
    ffn: Vec<f32>,
    attention: attention::Scratch,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Embeddings<'_> {
    /// Embeds ids, `[texts, tokens]`, into `to`, `[texts, tokens, width]`. Ids are below the vocabulary's size, `tokens` at most
    /// the longest text's.
    pub fn run(&self, isa: Isa, ids: &[i64], tokens: usize, to: &mut [f32]) {
        struct Embed<'a>(&'a Embeddings<'a>, &'a [i64], usize, &'a mut [f32]);
        impl WithSimd for Embed<'_> {
            #[inline(always)]
            fn with_simd<S: Simd>(self) {
                self.0.rows::<S>(self.1, self.2, self.3);
            }
        }
        dispatch(isa, Embed(self, ids, tokens, to));
    }

    #[inline(always)]
    fn rows<S: Simd>(&self, ids: &[i64], tokens: usize, to: &mut [f32]) {
        for (i, (to, &id)) in to.chunks_exact_mut(self.width).zip(ids).enumerate() {
            let word = &self.words[id as usize * self.width..][..self.width];
            let position = &self.positions[i % tokens * self.width..][..self.width];
            let scale = S::F::splat(self.scales[id as usize]);
            let parts = word.as_chunks::<LANES>().0.iter().zip(position.as_chunks().0);
            for (to, (word, position)) in to.as_chunks_mut().0.iter_mut().zip(parts) {
                S::F::from_i8(word).fma(scale, S::F::load(position)).store(to);
            }
            self.norm.apply::<S>(to);
        }
    }
}

impl Layer<'_> {
    /// Cuts texts of `tokens` tokens, `[texts, tokens, width]`, into what goes through the layer together.
    pub fn blocks<'x>(&self, tokens: usize, x: &'x mut [f32]) -> impl Iterator<Item = &'x mut [f32]> {
        x.chunks_mut(tokens * self.context.outs * (ROWS / tokens).max(1))
    }

    /// Passes one of these blocks through the layer. A text's numbers depend on no other text.
    pub fn run(&self, isa: Isa, tokens: usize, x: &mut [f32]) {
        struct Pass<'a>(&'a Layer<'a>, usize, &'a mut [f32], &'a mut Scratch);
        impl WithSimd for Pass<'_> {
            #[inline(always)]
            fn with_simd<S: Simd>(self) {
                self.0.block::<S>(self.1, self.2, self.3);
            }
        }
        SCRATCH.with_borrow_mut(|scratch| dispatch(isa, Pass(self, tokens, x, scratch)));
    }

    #[inline(always)]
    fn block<S: Simd>(&self, tokens: usize, x: &mut [f32], scratch: &mut Scratch) {
        let width = self.context.outs;
        let count = x.len() / width;
        let Scratch { rows, qkv, hidden, ffn, attention } = scratch;
        qkv.resize(count * 3 * width, 0.0);
        hidden.resize(count * width, 0.0);
        ffn.resize(count * self.up.outs, 0.0);

        timed!(Part::Quantizing, rows.set::<S>(self.bits, x, width));
        timed!(Part::Products, linear::<S, false>(rows, &self.attention, qkv));
        timed!(Part::Attention, {
            for (qkv, context) in qkv.chunks_exact(tokens * 3 * width).zip(hidden.chunks_exact_mut(tokens * width)) {
                attend::<S>(qkv, self.heads, width, attention, context);
            }
        });
        timed!(Part::Quantizing, rows.set::<S>(self.bits, hidden, width));
        timed!(Part::Products, linear::<S, false>(rows, &self.context, hidden));
        timed!(Part::Norms, add_and_normalise::<S>(x, hidden, &self.context_norm));

        timed!(Part::Quantizing, rows.set::<S>(self.bits, x, width));
        timed!(Part::Gelu, linear::<S, true>(rows, &self.up, ffn));
        timed!(Part::Quantizing, rows.set::<S>(self.bits, ffn, self.up.outs));
        timed!(Part::Products, linear::<S, false>(rows, &self.down, hidden));
        timed!(Part::Norms, add_and_normalise::<S>(x, hidden, &self.norm));
    }
}

#[inline(always)]
fn add_and_normalise<S: Simd>(x: &mut [f32], more: &[f32], norm: &Norm) {
    let width = norm.gamma.len();
    for (x, more) in x.chunks_exact_mut(width).zip(more.chunks_exact(width)) {
        add_row::<S>(x, more);
        norm.apply::<S>(x);
    }
}

/// The mean of each text's tokens, `[texts, tokens, width]`, at unit length, into `to`, `[texts, width]`.
pub fn mean(isa: Isa, x: &[f32], tokens: usize, width: usize, to: &mut [f32]) {
    struct Mean<'a>(&'a [f32], usize, usize, &'a mut [f32]);
    impl WithSimd for Mean<'_> {
        #[inline(always)]
        fn with_simd<S: Simd>(self) {
            let Mean(x, tokens, width, to) = self;
            for (x, to) in x.chunks_exact(tokens * width).zip(to.chunks_exact_mut(width)) {
                // The sum has the mean's direction.
                to.fill(0.0);
                for token in x.chunks_exact(width) {
                    add_row::<S>(to, token);
                }
                to_unit_length::<S>(to);
            }
        }
    }
    dispatch(isa, Mean(x, tokens, width, to));
}

/// Gives this thread's scratch back if it is large.
pub fn give_back() {
    SCRATCH.with_borrow_mut(|scratch| {
        let floats = scratch.qkv.capacity() + scratch.hidden.capacity() + scratch.ffn.capacity();
        if 4 * floats > KEPT_BYTES {
            *scratch = Scratch::default();
        }
    });
}
