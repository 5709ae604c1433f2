//! AdamW (Loshchilov and Hutter, 2019, algorithm 2) with clipping by the global norm, and the learning rate's course.

use crate::backend::Backend;
use burn_tensor::{DType, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// Fewer numbers are not worth a thread.
const SMALLEST_PART: usize = 100_000;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    pub weight_decay: f64,
    /// Largest global gradient norm; longer gradients are scaled down to it.
    pub clip: f64,
    /// Share of a stage's steps over which the learning rate rises linearly.
    pub warmup: f64,
    /// Smallest share of the learning rate that the linear decay goes down to.
    pub floor: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01, clip: 1.0, warmup: 0.06, floor: 0.02 }
    }
}

impl Settings {
    /// Learning rate of step `step` (from 0) of `steps`: linear warm-up times linear decay.
    pub fn rate(&self, base: f64, step: usize, steps: usize) -> f64 {
        let warm = ((step + 1) as f64 / (self.warmup * steps as f64).max(1.0)).min(1.0);
        base * warm * ((steps - step.min(steps)) as f64 / steps as f64).max(self.floor)
    }
}

/// First and second moments of each parameter, None of those not trained.
pub struct AdamW<B: Backend> {
    pub settings: Settings,
    pub moments: Vec<Option<(Tensor<B, 2>, Tensor<B, 2>)>>,
    /// Steps done, for the bias correction.
    pub steps: usize,
}

impl<B: Backend> AdamW<B> {
    pub fn new(settings: Settings, parameters: &[Tensor<B, 2>], trained: &[bool]) -> Self {
        let zero = |(p, &trained): (&Tensor<B, 2>, &bool)| trained.then(|| (p.zeros_like(), p.zeros_like()));
        Self { settings, moments: parameters.iter().zip(trained).map(zero).collect(), steps: 0 }
    }

    /// One step; returns the new parameters. `gradients` are in the parameters' order.
    pub fn step(
        &mut self,
        parameters: Vec<Tensor<B, 2>>,
        gradients: Vec<Option<Tensor<B, 2>>>,
        rate: f64,
    ) -> Vec<Tensor<B, 2>> {
        self.steps += 1;
        let on_cpu =
            parameters.first().is_some_and(|p| p.dtype() == DType::F32 && B::name(&p.device()).contains("flex"));
        if on_cpu { self.in_place(parameters, gradients, rate) } else { self.by_tensors(parameters, gradients, rate) }
    }

    fn corrections(&self) -> (f64, f64) {
        (1.0 - self.settings.beta1.powi(self.steps as i32), 1.0 - self.settings.beta2.powi(self.steps as i32))
    }

    /// In tensor operations, which a GPU fuses.
    fn by_tensors(
        &mut self,
        parameters: Vec<Tensor<B, 2>>,
        gradients: Vec<Option<Tensor<B, 2>>>,
        rate: f64,
    ) -> Vec<Tensor<B, 2>> {
        let Settings { beta1, beta2, epsilon, weight_decay, clip, .. } = self.settings;
        let (correction1, correction2) = self.corrections();
        let scale = clip_scale(&gradients, clip);
        let mut updated = Vec::with_capacity(parameters.len());
        for ((parameter, gradient), moments) in parameters.into_iter().zip(gradients).zip(&mut self.moments) {
            let (Some(gradient), Some(moments), Some(scale)) = (gradient, moments, &scale) else {
                updated.push(parameter);
                continue;
            };
            let (m, v) = moments.clone();
            let gradient = gradient * scale.clone();
            let m = m * beta1 + gradient.clone() * (1.0 - beta1);
            let v = v * beta2 + gradient.clone() * gradient * (1.0 - beta2);
            let direction = (m.clone() / correction1) / ((v.clone() / correction2).sqrt() + epsilon);
            updated.push(parameter * (1.0 - rate * weight_decay) - direction * rate);
            *moments = (m, v);
        }
        updated
    }

    /// The same in one pass over the numbers, without a tensor for every step of the formula: on a CPU memory is what it waits for.
    fn in_place(
        &mut self,
        parameters: Vec<Tensor<B, 2>>,
        gradients: Vec<Option<Tensor<B, 2>>>,
        rate: f64,
    ) -> Vec<Tensor<B, 2>> {
        let gradients: Vec<Option<Vec<f32>>> = gradients.into_iter().map(|g| g.map(into_floats)).collect();
        let squares: f64 = gradients.iter().flatten().map(|g| sum_of_squares(g)).sum();
        let scale = (self.settings.clip / (squares.sqrt() + 1e-6)).min(1.0);
        let update = Update::new(&self.settings, self.corrections(), scale, rate);
        let mut updated = Vec::with_capacity(parameters.len());
        for ((parameter, gradient), moments) in parameters.into_iter().zip(gradients).zip(&mut self.moments) {
            let (Some(gradient), Some((m, v))) = (gradient, moments.take()) else {
                updated.push(parameter);
                continue;
            };
            let (shape, device) = (parameter.dims(), parameter.device());
            let (mut p, mut m, mut v) = (into_floats(parameter), into_floats(m), into_floats(v));
            update.apply(&mut p, &gradient, &mut m, &mut v);
            let tensor = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, shape), &device);
            updated.push(tensor(p));
            *moments = Some((tensor(m), tensor(v)));
        }
        updated
    }
}

/// One step's constants.
struct Update {
    beta1: f32,
    beta2: f32,
    /// The clip's factor of the gradients.
    scale: f32,
    /// Learning rate over the first moment's correction; 1 over the second's.
    rate: f32,
    correction2: f32,
    epsilon: f32,
    /// What weight decay leaves of a parameter.
    kept: f32,
}

impl Update {
    fn new(settings: &Settings, (correction1, correction2): (f64, f64), scale: f64, rate: f64) -> Self {
        Self {
            beta1: settings.beta1 as f32,
            beta2: settings.beta2 as f32,
            scale: scale as f32,
            rate: (rate / correction1) as f32,
            correction2: (1.0 / correction2) as f32,
            epsilon: settings.epsilon as f32,
            kept: (1.0 - rate * settings.weight_decay) as f32,
        }
    }

    /// Updates parameters and moments, all of one length, on every core.
    fn apply(&self, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let part = p.len().div_ceil(cores).max(SMALLEST_PART);
        if part >= p.len() {
            return self.apply_part(p, g, m, v);
        }
        std::thread::scope(|scope| {
            let parts = p.chunks_mut(part).zip(g.chunks(part)).zip(m.chunks_mut(part).zip(v.chunks_mut(part)));
            for ((p, g), (m, v)) in parts {
                scope.spawn(move || self.apply_part(p, g, m, v));
            }
        });
    }

    fn apply_part(&self, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            let g = g * self.scale;
            *m = *m * self.beta1 + g * (1.0 - self.beta1);
            *v = *v * self.beta2 + g * g * (1.0 - self.beta2);
            *p = *p * self.kept - self.rate * *m / ((*v * self.correction2).sqrt() + self.epsilon);
        }
    }
}

/// A tensor's numbers; without a copy where nothing else holds them.
fn into_floats<B: Backend>(tensor: Tensor<B, 2>) -> Vec<f32> {
    tensor.into_data().into_vec().expect("parameters are float32")
}

fn sum_of_squares(values: &[f32]) -> f64 {
    values.chunks(4096).map(|part| f64::from(part.iter().map(|x| x * x).sum::<f32>())).sum()
}

/// min(1, clip / norm) over all gradients together, `[1, 1]`; None without any gradient. Stays on the device.
fn clip_scale<B: Backend>(gradients: &[Option<Tensor<B, 2>>], clip: f64) -> Option<Tensor<B, 2>> {
    let squares: Vec<Tensor<B, 1>> = gradients.iter().flatten().map(|g| (g.clone() * g.clone()).sum()).collect();
    if squares.is_empty() {
        return None;
    }
    let norm = Tensor::cat(squares, 0).sum().sqrt();
    Some(((norm + 1e-6).recip() * clip).clamp_max(1.0).reshape([1, 1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encoder::floats;
    use burn_flex::Flex;

    fn row(values: [f32; 2]) -> Tensor<Flex, 2> {
        Tensor::from_floats([values], &Default::default())
    }

    #[test]
    fn one_step_by_hand() {
        let settings = Settings { clip: 1e9, weight_decay: 0.1, ..Settings::default() };
        let p = [row([1.0, -2.0])];
        let mut adam = AdamW::new(settings, &p, &[true]);
        // After bias correction the first step is g / (|g| + epsilon) = sign(g).
        let updated = adam.step(p.to_vec(), vec![Some(row([0.5, -3.0]))], 0.01);
        let values = floats(&updated[0]);
        assert!((values[0] - (1.0 * 0.999 - 0.01)).abs() < 1e-6, "{values:?}");
        assert!((values[1] - (-2.0 * 0.999 + 0.01)).abs() < 1e-6, "{values:?}");
    }

    #[test]
    fn one_pass_is_what_the_tensor_operations_give() {
        // Large enough for several threads, gradients large enough to be clipped.
        let (rows, columns) = (2, SMALLEST_PART);
        let wave = |phase: f32| -> Tensor<Flex, 2> {
            let values: Vec<f32> = (0..rows * columns).map(|i| (i as f32 * 0.37 + phase).sin()).collect();
            Tensor::from_data(TensorData::new(values, [rows, columns]), &Default::default())
        };
        let start = vec![wave(0.0), row([1.0, 2.0]), wave(1.0)];
        let trained = [true, false, true];
        let mut one = AdamW::new(Settings::default(), &start, &trained);
        let mut other = AdamW::new(Settings::default(), &start, &trained);
        let (mut a, mut b) = (start.clone(), start);
        for step in 0..3 {
            let gradients = vec![Some(wave(step as f32)), None, Some(wave(2.0 - step as f32))];
            (one.steps, other.steps) = (step + 1, step + 1);
            a = one.in_place(a, gradients.clone(), 0.01);
            b = other.by_tensors(b, gradients, 0.01);
        }
        for (a, b) in a.iter().zip(&b) {
            assert!(floats(a).iter().zip(floats(b)).all(|(x, y)| (x - y).abs() < 1e-5));
        }
    }

    #[test]
    fn clipping_is_global() {
        // Norm of (3, 0) and (0, 4) together is 5: both shrink by 5, which a per-tensor clip would not do.
        let gradients = vec![Some(row([3.0, 0.0])), Some(row([0.0, 4.0]))];
        let scale = floats(&clip_scale(&gradients, 1.0).unwrap())[0];
        assert!((scale - 0.2).abs() < 1e-6);
        assert_eq!(floats(&clip_scale(&gradients, 10.0).unwrap())[0], 1.0);
    }

    #[test]
    fn frozen_parameters_stay() {
        let p = [row([1.0, 2.0]), row([1.0, 2.0])];
        let mut adam = AdamW::new(Settings::default(), &p, &[false, true]);
        let updated = adam.step(p.to_vec(), vec![None, Some(row([1.0, 1.0]))], 0.1);
        assert_eq!(floats(&updated[0]), [1.0, 2.0]);
        assert_ne!(floats(&updated[1]), [1.0, 2.0]);
    }

    #[test]
    fn rate_rises_and_falls() {
        let settings = Settings { warmup: 0.1, floor: 0.02, ..Settings::default() };
        assert!((settings.rate(1.0, 0, 100) - 0.1).abs() < 1e-12);
        assert!((settings.rate(1.0, 9, 100) - 0.91).abs() < 1e-12);
        assert!((settings.rate(1.0, 50, 100) - 0.5).abs() < 1e-12);
        assert!((settings.rate(1.0, 99, 100) - 0.02).abs() < 1e-12);
    }
}
