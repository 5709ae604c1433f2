//! Every level gives the bits of plain Rust, and plain Rust gives what the formulas say.

use proptest::prelude::*;

use super::gemm::{ACTIVATION_MAX, Rows, Sink, Tile, Weights, linear, pack};
use super::lanes::{LANES, Lanes, Plain};
use super::layer::{Embeddings, Layer, mean};
use super::level::{Arch, Level, Work, run};
use super::math::{Norm, exp, gelu};

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

fn levels() -> impl Iterator<Item = Level> {
    Level::ALL.into_iter().filter(|level| level.here())
}

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
struct Multiply<'a>(&'a [f32], Weights<'a>, &'a mut Vec<(usize, usize, Vec<Tile>)>, &'a mut [f32]);

impl Work for Multiply<'_> {
    #[inline(always)]
    fn run<A: Arch>(self) {
        let Multiply(x, weights, sums, to) = self;
        let mut rows = Rows::default();
        rows.reset::<A>(x.len() / weights.ins, weights.ins);
        x.chunks_exact(weights.ins).enumerate().for_each(|(at, x)| rows.set::<A>(at, x));
        A::blocks(&rows, &weights, &mut Kept(sums));
        linear::<A, false>(&rows, &weights, to);
    }
}

struct Kept<'a>(&'a mut Vec<(usize, usize, Vec<Tile>)>);

impl Sink for Kept<'_> {
    fn take<A: Arch>(&mut self, first: usize, block: usize, sums: &[Tile]) {
        self.0.push((first, block, sums.to_vec()));
    }
}

/// `[rows, outs]` sums and results.
fn multiply(level: Level, x: &[f32], weights: Weights) -> (Vec<i32>, Vec<f32>) {
    let count = x.len() / weights.ins;
    let (mut parts, mut to) = (Vec::new(), vec![0.0; count * weights.outs]);
    run(level, Multiply(x, weights, &mut parts, &mut to));
    let mut sums = vec![0; count * weights.outs];
    for (first, block, tiles) in parts {
        for (row, tile) in (first..).zip(tiles) {
            sums[row * weights.outs + block * LANES..][..LANES].copy_from_slice(&tile);
        }
    }
    (sums, to)
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn sums_are_those_of_the_matrix() {
    let mut numbers = Numbers(1);
    let (ins, outs, count) = (64, 32, 3);
    let matrix = numbers.bytes(ins * outs);
    let (scales, bias) = (vec![0.5; outs], vec![0.25; outs]);
    let packed = pack(&matrix, ins, outs);
    let weights = Weights { packed: &packed, scales: &scales, bias: &bias, ins, outs };
    // Integers whose largest is the largest there is stay as they are.
    let mut x: Vec<f32> = numbers.floats(count * ins).into_iter().map(|x| (x * 100.0).round()).collect();
    x.iter_mut().step_by(ins).for_each(|x| *x = ACTIVATION_MAX as f32);
    let expected: Vec<i32> = (0..count * outs)
        .map(|i| (0..ins).map(|k| x[i / outs * ins + k] as i32 * i32::from(matrix[k * outs + i % outs])).sum())
        .collect();
    for level in levels() {
        let (sums, to) = multiply(level, &x, weights);
        assert_eq!(sums, expected, "{level:?}");
        let plain: Vec<f32> = expected.iter().map(|&sum| sum as f32 * 0.5 + 0.25).collect();
        assert_eq!(to, plain, "{level:?}");
    }
}

#[test]
fn the_longest_sums_of_the_largest_numbers_do_not_overflow() {
    let (ins, outs) = (1536, LANES);
    let packed = vec![127; ins * outs];
    let (scales, bias) = (vec![1.0; outs], vec![0.0; outs]);
    let weights = Weights { packed: &packed, scales: &scales, bias: &bias, ins, outs };
    for (level, sign) in levels().flat_map(|level| [(level, 1.0), (level, -1.0)]) {
        let (sums, _) = multiply(level, &vec![sign; 33 * ins], weights);
        assert!(sums.iter().all(|&sum| sum == sign as i32 * 1536 * ACTIVATION_MAX * 127), "{level:?}");
    }
    assert!(super::check_widths(1536, 384).is_ok());
    assert!(super::check_widths(4096, 384).is_err(), "4,096 products may not fit");
    assert!(super::check_widths(96, 384).is_err() && super::check_widths(64, 24).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_level_multiplies_alike(seed in 1u64.., count in 1usize..70, ins in 1usize..7, outs in 1usize..4) {
        let mut numbers = Numbers(seed);
        let layer = Linear::new(&mut numbers, 64 * ins, LANES * outs);
        let x = numbers.floats(count * 64 * ins);
        let (sums, to) = multiply(Level::Plain, &x, layer.weights());
        for level in levels() {
            let (same_sums, same) = multiply(level, &x, layer.weights());
            prop_assert_eq!(&sums, &same_sums, "{:?}", level);
            prop_assert_eq!(bits(&to), bits(&same), "{:?}", level);
        }
    }

    #[test]
    fn every_level_passes_texts_alike(seed in 1u64.., texts in 1usize..5, tokens in 1usize..40) {
        let model = Model::new(&mut Numbers(seed));
        let ids: Vec<i64> = (0..texts * tokens).map(|i| (seed >> (i % 50)) as i64 % VOCABULARY as i64).map(i64::abs).collect();
        let expected = model.embed(Level::Plain, &ids, tokens);
        prop_assert!(expected.iter().all(|x| x.is_finite()));
        for level in levels() {
            prop_assert_eq!(bits(&expected), bits(&model.embed(level, &ids, tokens)), "{:?}", level);
            // Alone as among others.
            for (text, vector) in ids.chunks_exact(tokens).zip(expected.chunks_exact(WIDTH)) {
                prop_assert_eq!(bits(vector), bits(&model.embed(level, text, tokens)), "{:?}", level);
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
}

impl Model {
    fn new(numbers: &mut Numbers) -> Model {
        let shapes = [(WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, INNER), (INNER, WIDTH)];
        Model {
            words: numbers.bytes(VOCABULARY * WIDTH),
            scales: numbers.floats(VOCABULARY),
            positions: numbers.floats(64 * WIDTH),
            linear: shapes.map(|(ins, outs)| Linear::new(numbers, ins, outs)),
            norms: [0; 3].map(|_| (numbers.floats(WIDTH), numbers.floats(WIDTH))),
        }
    }

    fn norm(&self, at: usize) -> Norm<'_> {
        Norm { gain: &self.norms[at].0, shift: &self.norms[at].1, epsilon: 1e-12 }
    }

    fn embed(&self, level: Level, ids: &[i64], tokens: usize) -> Vec<f32> {
        let Model { words, scales, positions, .. } = self;
        let embeddings = Embeddings { words, scales, positions, norm: self.norm(0), width: WIDTH };
        let [attention, context, up, down] = [0, 1, 2, 3].map(|i| self.linear[i].weights());
        let layer =
            Layer { attention, context, context_norm: self.norm(1), up, down, norm: self.norm(2), heads: WIDTH / 32 };
        let mut x = vec![0.0; ids.len() * WIDTH];
        embeddings.run(level, ids, tokens, &mut x);
        layer.blocks(tokens, &mut x).for_each(|block| layer.run(level, tokens, block));
        let mut to = vec![0.0; ids.len() / tokens * WIDTH];
        mean(level, &x, tokens, WIDTH, &mut to);
        to
    }
}

fn one(f: impl Fn(Plain) -> Plain, x: f32) -> f32 {
    let mut to = [0.0; LANES];
    f(Plain::splat(x)).store(&mut to);
    to[0]
}

#[test]
fn exp_is_right_to_the_last_places() {
    for i in 0..=87_000 {
        let x = -(i as f32) / 1000.0;
        let (got, wanted) = (f64::from(one(exp, x)), f64::from(x).exp());
        assert!((got / wanted - 1.0).abs() < 2.5e-7, "exp({x}) = {got}, not {wanted}");
    }
    assert_eq!(one(exp, 0.0), 1.0);
    assert!(one(exp, f32::NEG_INFINITY) < 2e-38);
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
            let got = f64::from(one(gelu, x as f32));
            assert!((got - wanted).abs() < 3e-7 * x.abs().max(1.0), "gelu({x}) = {got}, not {wanted}");
        }
        below += step / 6.0 * (density(x) + 4.0 * density(x + step / 2.0) + density(x + step));
    }
    assert!((one(gelu, 20.0) - 20.0).abs() < 6e-6 && one(gelu, -20.0).abs() < 6e-6);
}

#[test]
fn a_normalised_row_has_mean_zero_and_variance_one() {
    struct Normalise<'a>(&'a mut [f32]);
    impl Work for Normalise<'_> {
        #[inline(always)]
        fn run<A: Arch>(self) {
            Norm { gain: &[1.0; 96], shift: &[0.0; 96], epsilon: 0.0 }.apply::<A>(self.0);
        }
    }
    let mut x = Numbers(9).floats(96);
    x.iter_mut().for_each(|x| *x = *x * 3.0 + 7.0);
    run(Level::Plain, Normalise(&mut x));
    let mean = x.iter().sum::<f32>() / 96.0;
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / 96.0;
    assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-5, "{mean}, {variance}");
}

#[test]
fn a_row_of_zeros_stays_zero_and_one_that_is_not_finite_does_not_panic() {
    let layer = Linear::new(&mut Numbers(3), 64, LANES);
    for level in levels() {
        let (sums, to) = multiply(level, &[0.0; 64], layer.weights());
        assert!(sums.iter().all(|&sum| sum == 0) && bits(&to) == bits(&layer.2), "{level:?}");
        multiply(level, &[f32::NAN; 64], layer.weights());
        multiply(level, &[f32::INFINITY; 64], layer.weights());
    }
}
