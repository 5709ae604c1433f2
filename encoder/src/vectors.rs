//! Arithmetic on vectors, in an order that does not depend on how they were batched.

/// Inner product in f64; symmetric to the bit. Of L2-normalised vectors it is their cosine.
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}

/// Mean of `(vector, weight)` pairs, L2-normalised.
pub fn weighted_mean(parts: &[(&[f32], f64)]) -> Vec<f32> {
    let mut sum = vec![0f64; parts.first().map_or(0, |(v, _)| v.len())];
    for (vector, weight) in parts {
        sum.iter_mut().zip(*vector).for_each(|(s, &x)| *s += weight * f64::from(x));
    }
    let norm = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    sum.iter().map(|x| (x / norm.max(f64::MIN_POSITIVE)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighted_mean_by_hand() {
        let mean = weighted_mean(&[(&[1.0, 0.0], 3.0), (&[0.0, 1.0], 4.0)]);
        assert_eq!(mean, [0.6, 0.8]);
    }

    #[test]
    fn dot_is_symmetric() {
        let (a, b) = ([0.1f32, -0.7, 0.3], [0.9f32, 0.2, -0.4]);
        assert_eq!(dot(&a, &b).to_bits(), dot(&b, &a).to_bits());
    }
}
