//! Every instruction set gives the bits of plain Rust, and plain Rust gives what the formulas say.

use proptest::prelude::*;

use super::gemm::{Accumulator, Epilogue, Weights, linear, pack};
use super::isa::{Isa, Simd, WithSimd, dispatch};
use super::layer::{Embeddings, Layer, mean};
use super::math::{Norm, exp, gelu};
use super::quantize::{ActivationBits, QuantizedRows};
use super::simd::{LANES, SimdF32};

/// Numbers that look like activations: mostly small, a few large.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        // Xorshift64*.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let x = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40;
        let x = x as f32 / (1 << 23) as f32 - 1.0;
        x * x * x * 4.0
    }

    fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }

    fn bytes(&mut self, count: usize) -> Vec<i8> {
        (0..count).map(|_| (self.next() * 31.0) as i8).collect()
    }
}

/// Plain Rust, the judge.
fn portable() -> Isa {
    *Isa::all().last().expect("plain Rust is on every processor")
}

const BITS: [ActivationBits; 2] = [ActivationBits::Eight, ActivationBits::Fourteen];

/// Packed weights, scales and bias of a linear layer.
struct Linear(Vec<i8>, Vec<f32>, Vec<f32>, usize);

impl Linear {
    fn new(numbers: &mut Numbers, ins: usize, outs: usize) -> Linear {
        let scales = numbers.floats(outs).into_iter().map(|x| x.abs() * 0.002 + 1e-4).collect();
        Linear(pack(&numbers.bytes(ins * outs), ins, outs), scales, numbers.floats(outs), ins)
    }

    fn weights(&self) -> Weights<'_> {
        Weights { packed: &self.0, scales: &self.1, bias: &self.2, ins: self.3, outs: self.1.len() }
    }
}

/// Sums and results of a linear layer.
struct Multiply<'a> {
    bits: ActivationBits,
    x: &'a [f32],
    weights: Weights<'a>,
    sums: &'a mut [i32],
    to: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let mut rows = QuantizedRows::default();
        rows.set::<S>(self.bits, self.x, self.weights.ins);
        linear::<S, false>(&rows, &self.weights, self.to);
        // With every scale 1 and no bias, the results are the sums; float32 holds those of 8 bits exactly.
        S::gemm(&rows, &self.weights, &mut Kept { sums: self.sums, outs: self.weights.outs });
    }
}

/// Keeps the sums of lines.
struct Kept<'a> {
    sums: &'a mut [i32],
    outs: usize,
}

impl Epilogue for Kept<'_> {
    fn take<S: Simd>(&mut self, first: usize, block: usize, sums: &[Accumulator]) {
        for (line, sums) in (first..).zip(sums) {
            self.sums[line * self.outs + block * LANES..][..LANES].copy_from_slice(sums);
        }
    }
}

/// `[rows, outs]` sums and results.
fn multiply(isa: Isa, bits: ActivationBits, x: &[f32], weights: Weights) -> (Vec<i32>, Vec<f32>) {
    let count = x.len() / weights.ins;
    let lines = if bits == ActivationBits::Eight { count } else { 2 * count };
    let (mut sums, mut to) = (vec![0; lines * weights.outs], vec![0.0; count * weights.outs]);
    dispatch(isa, Multiply { bits, x, weights, sums: &mut sums, to: &mut to });
    if bits == ActivationBits::Fourteen {
        let pairs = sums.chunks_exact(2 * weights.outs).map(|lines| lines.split_at(weights.outs));
        sums = pairs.flat_map(|(high, low)| high.iter().zip(low).map(|(high, low)| 128 * high + low)).collect();
    }
    (sums, to)
}

fn bits_of(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn sums_are_those_of_the_matrix() {
    let mut numbers = Numbers(1);
    let (ins, outs, count) = (64, 48, 3);
    let matrix = numbers.bytes(ins * outs);
    let (scales, bias) = (vec![0.5; outs], vec![0.25; outs]);
    let packed = pack(&matrix, ins, outs);
    let weights = Weights { packed: &packed, scales: &scales, bias: &bias, ins, outs };
    for (&isa, bits) in Isa::all().iter().flat_map(|isa| BITS.map(|bits| (isa, bits))) {
        // Integers whose largest is the largest there is stay as they are.
        let mut x: Vec<f32> = numbers.floats(count * ins).into_iter().map(|x| (x * 30.0).round()).collect();
        x.iter_mut().step_by(ins).for_each(|x| *x = -bits.max() as f32);
        let expected: Vec<i32> = (0..count * outs)
            .map(|i| (0..ins).map(|k| x[i / outs * ins + k] as i32 * i32::from(matrix[k * outs + i % outs])).sum())
            .collect();
        let (sums, to) = multiply(isa, bits, &x, weights);
        assert_eq!(sums, expected, "{isa:?}, {bits:?}");
        let plain: Vec<f32> = expected.iter().map(|&sum| sum as f32 * 0.5 + 0.25).collect();
        assert_eq!(to, plain, "{isa:?}, {bits:?}");
    }
}

#[test]
fn activations_are_rounded_to_the_nearest_step_and_halves_to_even() {
    for (bits, steps) in [(ActivationBits::Eight, 127.0), (ActivationBits::Fourteen, 8191.0)] {
        let mut x: Vec<f32> = (0..64).map(|i| i as f32 * 1.5 - 40.0).collect();
        x[5] = steps;
        // Against the identity the sums are the integers.
        let identity: Vec<i8> = (0..64 * 64).map(|i| i8::from(i % 65 == 0)).collect();
        let (packed, scales, bias) = (pack(&identity, 64, 64), vec![1.0; 64], vec![0.0; 64]);
        let weights = Weights { packed: &packed, scales: &scales, bias: &bias, ins: 64, outs: 64 };
        let expected: Vec<i32> = x.iter().map(|x| x.round_ties_even() as i32).collect();
        assert!(x.iter().any(|x| x.fract() != 0.0));
        for &isa in Isa::all() {
            assert_eq!(multiply(isa, bits, &x, weights).0, expected, "{isa:?}, {bits:?}");
        }
    }
}

#[test]
fn the_longest_sums_of_the_largest_numbers_are_exact() {
    let (ins, outs) = (1536, 3 * LANES);
    for (weight, sign) in [(127, 1), (127, -1), (-127, 1), (-127, -1), (-128, 1)] {
        let packed = vec![weight; ins * outs];
        let (scales, bias) = (vec![1.0; outs], vec![0.0; outs]);
        let weights = Weights { packed: &packed, scales: &scales, bias: &bias, ins, outs };
        let x = vec![sign as f32; 33 * ins];
        for (&isa, bits) in Isa::all().iter().flat_map(|isa| BITS.map(|bits| (isa, bits))) {
            let (sums, _) = multiply(isa, bits, &x, weights);
            let expected = sign * i32::from(weight) * 1536 * bits.max();
            assert!(sums.iter().all(|&sum| sum == expected), "{isa:?}, {bits:?}: {weight} * {sign}");
        }
    }
    assert!(super::check_widths(1536, 384).is_ok());
    assert!(super::check_widths(4096, 384).is_err(), "4,096 products may not fit");
    assert!(super::check_widths(96, 384).is_err() && super::check_widths(64, 24).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_instruction_set_multiplies_alike(seed in 1u64.., count in 1usize..70, ins in 1usize..7, outs in 1usize..4) {
        let mut numbers = Numbers(seed);
        let layer = Linear::new(&mut numbers, 64 * ins, LANES * outs);
        let x = numbers.floats(count * 64 * ins);
        for bits in BITS {
            let (sums, to) = multiply(portable(), bits, &x, layer.weights());
            for &isa in Isa::all() {
                let (same_sums, same) = multiply(isa, bits, &x, layer.weights());
                prop_assert_eq!(&sums, &same_sums, "{:?}, {:?}", isa, bits);
                prop_assert_eq!(bits_of(&to), bits_of(&same), "{:?}, {:?}", isa, bits);
            }
        }
    }

    #[test]
    fn every_instruction_set_passes_texts_alike(seed in 1u64.., texts in 1usize..5, tokens in 1usize..40, bits in 0usize..2) {
        let model = Model::new(&mut Numbers(seed), BITS[bits]);
        let ids: Vec<i64> = (0..texts * tokens).map(|i| (seed >> (i % 50)) as i64 % VOCABULARY as i64).map(i64::abs).collect();
        let expected = model.embed(portable(), &ids, tokens);
        prop_assert!(expected.iter().all(|x| x.is_finite()));
        for &isa in Isa::all() {
            prop_assert_eq!(bits_of(&expected), bits_of(&model.embed(isa, &ids, tokens)), "{:?}", isa);
            // Alone as among others.
            for (text, vector) in ids.chunks_exact(tokens).zip(expected.chunks_exact(WIDTH)) {
                prop_assert_eq!(bits_of(vector), bits_of(&model.embed(isa, text, tokens)), "{:?}", isa);
            }
        }
    }
}

const VOCABULARY: usize = 50;
const WIDTH: usize = 64;
const INNER: usize = 192;

/// An encoder of one random layer.
struct Model {
    words: Vec<i8>,
    scales: Vec<f32>,
    positions: Vec<f32>,
    linear: [Linear; 4],
    norms: [(Vec<f32>, Vec<f32>); 3],
    bits: ActivationBits,
}

impl Model {
    fn new(numbers: &mut Numbers, bits: ActivationBits) -> Model {
        let shapes = [(WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, INNER), (INNER, WIDTH)];
        Model {
            words: numbers.bytes(VOCABULARY * WIDTH),
            scales: numbers.floats(VOCABULARY),
            positions: numbers.floats(64 * WIDTH),
            linear: shapes.map(|(ins, outs)| Linear::new(numbers, ins, outs)),
            norms: [0; 3].map(|_| (numbers.floats(WIDTH), numbers.floats(WIDTH))),
            bits,
        }
    }

    fn norm(&self, at: usize) -> Norm<'_> {
        Norm { gamma: &self.norms[at].0, beta: &self.norms[at].1, epsilon: 1e-12 }
    }

    fn embed(&self, isa: Isa, ids: &[i64], tokens: usize) -> Vec<f32> {
        let Model { words, scales, positions, .. } = self;
        let embeddings = Embeddings { words, scales, positions, norm: self.norm(0), width: WIDTH };
        let [attention, context, up, down] = [0, 1, 2, 3].map(|i| self.linear[i].weights());
        let [context_norm, norm] = [1, 2].map(|i| self.norm(i));
        let layer = Layer { attention, context, context_norm, up, down, norm, heads: WIDTH / 32, bits: self.bits };
        let mut x = vec![0.0; ids.len() * WIDTH];
        embeddings.run(isa, ids, tokens, &mut x);
        layer.blocks(tokens, &mut x).for_each(|block| layer.run(isa, tokens, block));
        let mut to = vec![0.0; ids.len() / tokens * WIDTH];
        mean(isa, &x, tokens, WIDTH, &mut to);
        to
    }
}

/// A function of one number, by plain Rust.
trait Function {
    fn of<F: SimdF32>(x: F) -> F;
}

fn one<F: Function>(x: f32) -> f32 {
    struct At<'a, F>(std::marker::PhantomData<F>, &'a mut [f32; LANES]);
    impl<F: Function> WithSimd for At<'_, F> {
        fn with_simd<S: Simd>(self) {
            F::of(S::F::load(self.1)).store(self.1);
        }
    }
    let mut lanes = [x; LANES];
    dispatch(portable(), At(std::marker::PhantomData::<F>, &mut lanes));
    lanes[0]
}

struct Exp;
impl Function for Exp {
    fn of<F: SimdF32>(x: F) -> F {
        exp(x)
    }
}

struct Gelu;
impl Function for Gelu {
    fn of<F: SimdF32>(x: F) -> F {
        gelu(x)
    }
}

#[test]
fn exp_is_right_to_the_last_places() {
    for i in 0..=87_000 {
        let x = -(i as f32) / 1000.0;
        let (got, wanted) = (f64::from(one::<Exp>(x)), f64::from(x).exp());
        assert!((got / wanted - 1.0).abs() < 2.5e-7, "exp({x}) = {got}, not {wanted}");
    }
    assert_eq!(one::<Exp>(0.0), 1.0);
    assert!(one::<Exp>(f32::NEG_INFINITY) < 2e-38);
}

#[test]
fn gelu_is_x_times_the_normal_distribution_function() {
    // By an independent way: the distribution function as an integral of the density, by Simpson's rule.
    let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let step = 1.0 / 512.0;
    let mut below = 0.0;
    for i in 0..=(6 * 512) {
        let x = f64::from(i) * step;
        for x in [x, -x] {
            let wanted = x * (0.5 + below * x.signum());
            let got = f64::from(one::<Gelu>(x as f32));
            assert!((got - wanted).abs() < 3e-7 * x.abs().max(1.0), "gelu({x}) = {got}, not {wanted}");
        }
        below += step / 6.0 * (density(x) + 4.0 * density(x + step / 2.0) + density(x + step));
    }
    assert!((one::<Gelu>(20.0) - 20.0).abs() < 6e-6 && one::<Gelu>(-20.0).abs() < 6e-6);
}

#[test]
fn a_normalised_row_has_mean_zero_and_variance_one() {
    struct Normalise<'a>(&'a mut [f32]);
    impl WithSimd for Normalise<'_> {
        #[inline(always)]
        fn with_simd<S: Simd>(self) {
            Norm { gamma: &[1.0; 96], beta: &[0.0; 96], epsilon: 0.0 }.apply::<S>(self.0);
        }
    }
    let mut x = Numbers(9).floats(96);
    x.iter_mut().for_each(|x| *x = *x * 3.0 + 7.0);
    dispatch(portable(), Normalise(&mut x));
    let mean = x.iter().sum::<f32>() / 96.0;
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / 96.0;
    assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-5, "{mean}, {variance}");
}

#[test]
fn a_row_of_zeros_stays_zero_and_one_that_is_not_finite_does_not_panic() {
    let layer = Linear::new(&mut Numbers(3), 64, LANES);
    for (&isa, bits) in Isa::all().iter().flat_map(|isa| BITS.map(|bits| (isa, bits))) {
        let (sums, to) = multiply(isa, bits, &[0.0; 64], layer.weights());
        assert!(sums.iter().all(|&sum| sum == 0) && bits_of(&to) == bits_of(&layer.2), "{isa:?}, {bits:?}");
        multiply(isa, bits, &[f32::NAN; 64], layer.weights());
        multiply(isa, bits, &[f32::INFINITY; 64], layer.weights());
    }
}
