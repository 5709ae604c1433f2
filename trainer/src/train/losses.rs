//! The training losses, on unit vectors.

use crate::backend::Backend;
use burn_tensor::{DType, Int, Tensor, TensorData, activation};

/// What stands for minus infinity in a masked score: its softmax weight is 0 in float32.
const MASKED: f64 = -1e4;

/// Which documents may be negatives: `true` at `[i, j]` leaves document `j` out of question `i`'s softmax.
/// `rows` questions, `columns >= rows` documents, of which document `i` answers question `i`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    pub rows: usize,
    pub columns: usize,
    pub masked: Vec<bool>,
}

impl Mask {
    pub fn new(rows: usize, columns: usize, masked: impl Fn(usize, usize) -> bool) -> Self {
        let at = |k: usize| k / columns != k % columns && masked(k / columns, k % columns);
        Self { rows, columns, masked: (0..rows * columns).map(at).collect() }
    }

    /// What takes every score out that is no negative: masked ones, and a question's own answer.
    fn tensor<B: Backend>(&self, device: &B::Device, dtype: DType) -> Tensor<B, 2> {
        let out = |k: usize| self.masked[k] || k / self.columns == k % self.columns;
        let values: Vec<f32> = (0..self.masked.len()).map(|k| if out(k) { MASKED as f32 } else { 0.0 }).collect();
        Tensor::from_data(TensorData::new(values, [self.rows, self.columns]).convert_dtype(dtype), (device, dtype))
    }
}

/// The other right answers in the batch: `right` at `[i, j]`, `n` x `n`, when document `j` answers question `i` as well as its
/// own does (false on the diagonal).
#[derive(Clone, Debug, PartialEq)]
pub struct Others {
    pub right: Vec<bool>,
    /// Of all others of a question together; its own answer has 1.
    pub weight: f64,
}

/// InfoNCE in both directions (van den Oord et al., 2018, eq. 4; symmetric as in CLIP): the mean of the cross-entropies
/// of question -> document over all documents and of document -> question over all questions, cosines divided by
/// `temperature`. `questions` `[n, h]`, `documents` `[m, h]`, m >= n; documents from n on are hard negatives. With `others` each
/// further right answer takes its turn in the place of the question's own, among the same negatives.
pub fn contrastive<B: Backend>(
    questions: Tensor<B, 2>,
    documents: Tensor<B, 2>,
    mask: &Mask,
    others: Option<&Others>,
    temperature: f64,
) -> Tensor<B, 1> {
    let (device, dtype, n) = (questions.device(), questions.dtype(), mask.rows);
    let scores = questions.matmul(documents.transpose()) * (1.0 / temperature);
    let negatives = scores.clone() + mask.tensor(&device, dtype);
    let square = |x: &Tensor<B, 2>| x.clone().slice([0..n, 0..n]);
    let weight = others.map_or(0.0, |o| o.weight);
    let right = |i: usize, j: usize| others.is_some_and(|o| o.right[i * n + j]);
    let forth = cross_entropy(square(&scores), negatives.clone(), shares(n, weight, right));
    let back = shares(n, weight, |i, j| right(j, i));
    let back = cross_entropy(square(&scores).transpose(), square(&negatives).transpose(), back);
    (forth + back) * 0.5
}

/// What each answer's cross-entropy counts, `[n, n]`: a row's own 1 / n, its others `weight` / n together.
fn shares(n: usize, weight: f64, right: impl Fn(usize, usize) -> bool) -> Vec<f32> {
    let mut shares = vec![0.0; n * n];
    for (i, row) in shares.chunks_exact_mut(n).enumerate() {
        let others: Vec<usize> = (0..n).filter(|&j| right(i, j)).collect();
        others.iter().for_each(|&j| row[j] = (weight / (others.len() * n) as f64) as f32);
        row[i] = 1.0 / n as f32;
    }
    shares
}

/// Sum of the cross-entropies of single answers, each in the softmax over itself and its row's negatives, times their `shares`.
fn cross_entropy<B: Backend>(answers: Tensor<B, 2>, negatives: Tensor<B, 2>, shares: Vec<f32>) -> Tensor<B, 1> {
    let (shape, device, dtype) = (answers.dims(), answers.device(), answers.dtype());
    let largest = negatives.clone().max_dim(1).detach();
    let against = (negatives - largest.clone()).exp().sum_dim(1).log() + largest - answers;
    // log(1 + exp(x)) without overflow.
    let each = against.clone().clamp_min(0.0) + against.abs().neg().exp().log1p();
    (each * Tensor::from_data(TensorData::new(shares, shape).convert_dtype(dtype), (&device, dtype))).sum()
}

/// Mean squared error of the cosines against labels: the loss of the seed project's scripts.
pub fn cosine_regression<B: Backend>(a: Tensor<B, 2>, b: Tensor<B, 2>, labels: &[f32]) -> Tensor<B, 1> {
    let (device, dtype) = (a.device(), a.dtype());
    let wanted = TensorData::new(labels.to_vec(), [labels.len(), 1]).convert_dtype(dtype);
    let error = (a * b).sum_dim(1) - Tensor::from_data(wanted, (&device, dtype));
    (error.clone() * error).mean()
}

/// Relational distillation: Kullback-Leibler divergence, mean over rows, of the student's softmax over the other sentences of
/// the batch from the teacher's. Both `[n, h]`; each has its own temperature.
pub fn distillation<B: Backend>(
    student: Tensor<B, 2>,
    teacher: Tensor<B, 2>,
    student_temperature: f64,
    teacher_temperature: f64,
) -> Tensor<B, 1> {
    let own = own_masked(&student);
    let scores =
        |x: Tensor<B, 2>, temperature: f64| x.clone().matmul(x.transpose()) * (1.0 / temperature) + own.clone();
    divergence(scores(student, student_temperature), scores(teacher, teacher_temperature))
}

/// What takes every row's own score out of a softmax over the batch, `[n, n]`.
fn own_masked<B: Backend>(rows: &Tensor<B, 2>) -> Tensor<B, 2> {
    let (n, device, dtype) = (rows.dims()[0], rows.device(), rows.dtype());
    let place = Tensor::<B, 1, Int>::arange(0..n as i64, &device).reshape([n, 1]);
    place.clone().equal(place.transpose()).float().cast(dtype) * MASKED
}

/// Kullback-Leibler divergence, mean over rows, of the softmax of the student's scores from that of the teacher's.
fn divergence<B: Backend>(student: Tensor<B, 2>, teacher: Tensor<B, 2>) -> Tensor<B, 1> {
    let rows = student.dims()[0];
    let teacher = activation::log_softmax(teacher, 1).detach();
    let student = activation::log_softmax(student, 1);
    (teacher.clone().exp() * (teacher - student)).sum() * (1.0 / rows as f64)
}

/// Distillation into the teacher's own vector space (after LEAF, Vujanic and Rueckstiess, 2025): `cosine_weight` times the mean of
/// 1 - cos to the teacher's vector of the same text, plus the divergence of the student's from the teacher's softmax over the
/// teacher's vectors of the batch's other texts. Both `[n, h]`, unit rows.
pub fn embedding_distillation<B: Backend>(
    student: Tensor<B, 2>,
    teacher: Tensor<B, 2>,
    cosine_weight: f64,
    temperature: f64,
) -> Tensor<B, 1> {
    let own = own_masked(&student);
    let away = (student.clone() * teacher.clone()).sum_dim(1).mean() * -1.0 + 1.0;
    let scores = |x: Tensor<B, 2>| x.matmul(teacher.clone().transpose()) * (1.0 / temperature) + own.clone();
    away * cosine_weight + divergence(scores(student), scores(teacher.clone()))
}

/// Distillation of how questions relate to passages: the divergence over each question's softmax over the passages, plus
/// `cosine_weight` times the mean squared difference of the cosines. Row i of either side belongs to pair i, which nothing here
/// needs to know: the teacher's cosines say which passage answers what. All `[n, h]`, unit rows.
pub fn passage_distillation<B: Backend>(
    student: [Tensor<B, 2>; 2],
    teacher: [Tensor<B, 2>; 2],
    cosine_weight: f64,
    temperature: f64,
) -> Tensor<B, 1> {
    let cosines = |[questions, passages]: [Tensor<B, 2>; 2]| questions.matmul(passages.transpose());
    let (student, teacher) = (cosines(student), cosines(teacher).detach());
    let off = student.clone() - teacher.clone();
    let squares = (off.clone() * off).mean();
    divergence(student * (1.0 / temperature), teacher * (1.0 / temperature)) + squares * cosine_weight
}

/// Distillation of the cosines themselves: mean squared difference, over pairs of different rows, between the student's cosines
/// and the teacher's. The softmax of [`distillation`] does not see a shift of all cosines of a row, and sentences that training
/// never tells apart drift together under it; this sees it. Both `[n, h]`, unit rows.
pub fn cosine_distillation<B: Backend>(student: Tensor<B, 2>, teacher: Tensor<B, 2>) -> Tensor<B, 1> {
    let rows = student.dims()[0];
    let cosines = |x: Tensor<B, 2>| x.clone().matmul(x.transpose());
    let off = cosines(student) - cosines(teacher).detach();
    // Cosines of a row with itself are 1 on both sides: the diagonal adds nothing.
    (off.clone() * off).sum() * (1.0 / (rows * (rows - 1)) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    fn matrix(rows: &[[f32; 2]]) -> Tensor<Flex, 2> {
        let data: Vec<f32> = rows.iter().flatten().copied().collect();
        Tensor::from_data(TensorData::new(data, [rows.len(), 2]), &Default::default())
    }

    fn value(loss: Tensor<Flex, 1>) -> f64 {
        f64::from(loss.into_scalar())
    }

    #[test]
    fn contrastive_by_hand() {
        // Cosines [[1, 0], [0.6, 0.8]], temperature 0.5: scores [[2, 0], [1.2, 1.6]].
        let (q, d) = (matrix(&[[1.0, 0.0], [0.6, 0.8]]), matrix(&[[1.0, 0.0], [0.0, 1.0]]));
        let rows = ((1.0f64 + (-2.0f64).exp()).ln() + (1.0 + (-0.4f64).exp()).ln()) / 2.0;
        let columns = ((1.0f64 + (-0.8f64).exp()).ln() + (1.0 + (-1.6f64).exp()).ln()) / 2.0;
        let loss = value(contrastive(q, d, &Mask::new(2, 2, |_, _| false), None, 0.5));
        assert!((loss - (rows + columns) / 2.0).abs() < 1e-6, "{loss}");
    }

    #[test]
    fn masked_documents_are_no_negatives() {
        let (q, d) = (matrix(&[[1.0, 0.0], [0.6, 0.8]]), matrix(&[[1.0, 0.0], [0.0, 1.0]]));
        // With every other document masked nothing is left to tell apart.
        assert!(value(contrastive(q.clone(), d.clone(), &Mask::new(2, 2, |_, _| true), None, 0.5)).abs() < 1e-6);
        // Only [1, 0] masked: row 1 has no negative, column 0 neither.
        let loss = value(contrastive(q, d, &Mask::new(2, 2, |i, j| (i, j) == (1, 0)), None, 0.5));
        let wanted = ((1.0f64 + (-2.0f64).exp()).ln() / 2.0 + (1.0 + (-1.6f64).exp()).ln() / 2.0) / 2.0;
        assert!((loss - wanted).abs() < 1e-6, "{loss} {wanted}");
    }

    #[test]
    fn hard_negatives_count_for_questions_only() {
        let (q, d) = (matrix(&[[1.0, 0.0]]), matrix(&[[1.0, 0.0], [0.8, 0.6]]));
        let loss = value(contrastive(q, d, &Mask::new(1, 2, |_, _| false), None, 1.0));
        assert!((loss - (1.0f64 + (-0.2f64).exp()).ln() / 2.0).abs() < 1e-6, "{loss}");
    }

    #[test]
    fn other_answers_by_hand() {
        // Cosines [[1, 0.6, 0], [0.6, 1, 0.8], [0, 0.8, 1]]; question 0 is answered by documents 0 and 1, the others by their own.
        let rows = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]];
        let mask = Mask::new(3, 3, |i, j| (i, j) == (0, 1));
        let right = vec![false, true, false, false, false, false, false, false, false];
        let of = |others: Option<&Others>| value(contrastive(matrix(&rows), matrix(&rows), &mask, others, 0.5));
        let loss = of(Some(&Others { right, weight: 1.0 })) - of(None);
        // Forth: document 1 (score 1.2) against document 2 (0). Back: question 0 (1.2) against question 2 (1.6).
        let forth = (1.0f64 + (-1.2f64).exp()).ln() / 3.0;
        let back = (1.0f64 + (1.6f64 - 1.2).exp()).ln() / 3.0;
        assert!((loss - (forth + back) / 2.0).abs() < 1e-6, "{loss}");
        assert_eq!(of(Some(&Others { right: vec![false; 9], weight: 1.0 })) - of(None), 0.0);
    }

    #[test]
    fn regression_by_hand() {
        let (a, b) = (matrix(&[[1.0, 0.0], [1.0, 0.0]]), matrix(&[[0.6, 0.8], [0.0, 1.0]]));
        assert!((value(cosine_regression(a, b, &[1.0, 0.0])) - 0.08).abs() < 1e-6);
    }

    #[test]
    fn distillation_is_zero_for_the_teacher_itself_and_by_hand_otherwise() {
        let t = matrix(&[[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]);
        assert!(value(distillation(t.clone(), t.clone(), 0.1, 0.1)).abs() < 1e-6);
        // Teacher cosines 01: 0.6, 02: 0, 12: 0.8; a student with all cosines equal gives 1/2 each.
        let s = matrix(&[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]);
        let entropy = |a: f64, b: f64| {
            let (ea, eb) = (a.exp(), b.exp());
            let (p, q) = (ea / (ea + eb), eb / (ea + eb));
            p * (2.0 * p).ln() + q * (2.0 * q).ln()
        };
        let wanted = (entropy(0.6, 0.0) + entropy(0.6, 0.8) + entropy(0.0, 0.8)) / 3.0;
        let loss = value(distillation(s, t, 1.0, 1.0));
        assert!((loss - wanted).abs() < 1e-6, "{loss} {wanted}");
    }

    #[test]
    fn embedding_distillation_by_hand() {
        let t = matrix(&[[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]);
        assert!(value(embedding_distillation(t.clone(), t.clone(), 10.0, 0.1)).abs() < 1e-5);
        // Turned by a right angle: cosines 0, 0.28 and 0; rows see the teacher's others at (0.8, 1), (-0.8, 0.6) and (-1, -0.6).
        let s = matrix(&[[0.0, 1.0], [-0.8, 0.6], [-1.0, 0.0]]);
        let softmax = |a: f64, b: f64| (a.exp() / (a.exp() + b.exp()), b.exp() / (a.exp() + b.exp()));
        let row = |teacher: (f64, f64), student: (f64, f64)| {
            let (p, q) = (softmax(teacher.0, teacher.1), softmax(student.0, student.1));
            p.0 * (p.0 / q.0).ln() + p.1 * (p.1 / q.1).ln()
        };
        let own = |i: usize| [(0.6, 0.0), (0.6, 0.8), (0.0, 0.8)][i];
        let seen = |i: usize| [(0.8, 1.0), (-0.8, 0.6), (-1.0, -0.6)][i];
        let kl = (0..3).map(|i| row(own(i), seen(i))).sum::<f64>() / 3.0;
        let loss = value(embedding_distillation(s, t, 10.0, 1.0));
        assert!((loss - (10.0 + kl)).abs() < 1e-4, "{loss} {}", 10.0 + kl);
    }

    #[test]
    fn passage_distillation_by_hand() {
        let (q, p) = (matrix(&[[1.0, 0.0], [0.0, 1.0]]), matrix(&[[0.6, 0.8], [0.0, 1.0]]));
        let same = passage_distillation([q.clone(), p.clone()], [q.clone(), p.clone()], 100.0, 0.05);
        assert!(value(same).abs() < 1e-6);
        // Teacher cosines [[0.6, 0], [0.8, 1]]; a student that calls everything alike has all ones.
        let one = matrix(&[[1.0, 0.0], [1.0, 0.0]]);
        let entropy = |a: f64, b: f64| {
            let (p, q) = (a.exp() / (a.exp() + b.exp()), b.exp() / (a.exp() + b.exp()));
            p * (2.0 * p).ln() + q * (2.0 * q).ln()
        };
        let wanted = (entropy(0.6, 0.0) + entropy(0.8, 1.0)) / 2.0 + 10.0 * (0.16 + 1.0 + 0.04) / 4.0;
        let loss = value(passage_distillation([one.clone(), one], [q, p], 10.0, 1.0));
        assert!((loss - wanted).abs() < 1e-5, "{loss} {wanted}");
    }

    #[test]
    fn cosine_distillation_sees_a_common_shift() {
        let t = matrix(&[[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]);
        assert!(value(cosine_distillation(t.clone(), t.clone())).abs() < 1e-12);
        // All student cosines 1: differences 0.4, 1 and 0.2.
        let s = matrix(&[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]);
        let wanted = (0.16 + 1.0 + 0.04) / 3.0;
        assert!((value(cosine_distillation(s, t)) - wanted).abs() < 1e-6);
    }
}
