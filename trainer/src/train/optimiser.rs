//! AdamW (Loshchilov and Hutter, 2019, algorithm 2) with clipping by the global norm, and the learning rate's course.

use burn_tensor::Tensor;
use burn_tensor::backend::Backend;
use serde::{Deserialize, Serialize};

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
        parameters: &[Tensor<B, 2>],
        gradients: Vec<Option<Tensor<B, 2>>>,
        rate: f64,
    ) -> Vec<Tensor<B, 2>> {
        self.steps += 1;
        let Settings { beta1, beta2, epsilon, weight_decay, clip, .. } = self.settings;
        let (correction1, correction2) = (1.0 - beta1.powi(self.steps as i32), 1.0 - beta2.powi(self.steps as i32));
        let scale = clip_scale(&gradients, clip);
        let mut updated = Vec::with_capacity(parameters.len());
        for ((parameter, gradient), moments) in parameters.iter().zip(gradients).zip(&mut self.moments) {
            let (Some(gradient), Some(moments), Some(scale)) = (gradient, moments, &scale) else {
                updated.push(parameter.clone());
                continue;
            };
            let (m, v) = moments.clone();
            let gradient = gradient * scale.clone();
            let m = m * beta1 + gradient.clone() * (1.0 - beta1);
            let v = v * beta2 + gradient.clone() * gradient * (1.0 - beta2);
            let direction = (m.clone() / correction1) / ((v.clone() / correction2).sqrt() + epsilon);
            updated.push(parameter.clone() * (1.0 - rate * weight_decay) - direction * rate);
            *moments = (m, v);
        }
        updated
    }
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
        let updated = adam.step(&p, vec![Some(row([0.5, -3.0]))], 0.01);
        let values = floats(&updated[0]);
        assert!((values[0] - (1.0 * 0.999 - 0.01)).abs() < 1e-6, "{values:?}");
        assert!((values[1] - (-2.0 * 0.999 + 0.01)).abs() < 1e-6, "{values:?}");
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
        let updated = adam.step(&p, vec![None, Some(row([1.0, 1.0]))], 0.1);
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
