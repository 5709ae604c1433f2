//! One optimisation step: embed a batch's texts, the losses, the gradients.
//!
//! A batch that fits is one graph. A larger one goes by GradCache (Gao et al., 2021): embed without a graph, take the loss's
//! gradient on the vectors, then embed again part by part and push that gradient through. Dropout repeats by its seed.

use super::items::{Document, Ids, Item, mask, right};
use super::losses::{self, Mask, Others};
use super::teacher::Targets;
use crate::backend::{AutodiffBackend, Backend, Pass};
use crate::model::embed::{Plan, Shapes, plan};
use crate::model::{Batch, Dropout, Encoder};
use burn_tensor::{DType, Int, Tensor, TensorData};
use std::ops::Range;

/// What a step minimises.
pub enum Objective {
    Contrastive(Contrast),
    Cosine {
        labels: Vec<f32>,
    },
    /// `teacher`: its vectors of the `followed` texts, of questions and then documents. `contrast`, with its weight: what the pairs
    /// themselves say, beside the teacher.
    Distil {
        followed: Range<usize>,
        teacher: Vec<f32>,
        temperature: f64,
        cosine_weight: f64,
        contrast: Option<(Contrast, f64)>,
    },
}

/// InfoNCE of a batch.
pub struct Contrast {
    pub mask: Mask,
    pub temperature: f64,
    pub others: Option<Others>,
}

impl Contrast {
    /// Of items and their hard negatives (None = a gap, masked); `others` is the weight of a question's other right answers.
    fn new(batch: &[&Item], negatives: &[Option<&Document>], temperature: f64, others: f64) -> Self {
        let others = (others > 0.0).then(|| Others { right: right(batch), weight: others });
        Self { mask: mask(batch, negatives), temperature, others }
    }

    fn loss<B: Backend>(&self, questions: Tensor<B, 2>, documents: Tensor<B, 2>) -> Tensor<B, 1> {
        losses::contrastive(questions, documents, &self.mask, self.others.as_ref(), self.temperature)
    }
}

/// Texts of a batch in order: questions, documents, hard negatives; a gap is filled with some document.
fn texts(batch: &[&Item], negatives: &[Option<&Document>]) -> Vec<Ids> {
    let gap = &batch[0].document.ids;
    let documents = batch.iter().map(|i| &i.document.ids).chain(negatives.iter().map(|n| n.map_or(gap, |d| &d.ids)));
    batch.iter().map(|i| &i.query).chain(documents).cloned().collect()
}

/// How a batch follows its teacher.
#[derive(Clone, Copy, Debug)]
pub struct Following {
    pub temperature: f64,
    pub cosine_weight: f64,
    /// Whether the teacher understands the questions, and the documents; what it does not is free.
    pub questions: bool,
    pub documents: bool,
}

/// General sentences of the step: the base's vectors of the batch's last `rows` texts.
pub struct Distil {
    pub rows: usize,
    pub teacher: Vec<f32>,
    pub weight: f64,
    pub kept: Kept,
}

/// Questions and passages of the step, its last texts: the base's vectors of `rows` questions, then of as many passages.
pub struct Passages {
    pub rows: usize,
    pub teacher: Vec<f32>,
    pub weight: f64,
    pub cosine_weight: f64,
    pub temperature: f64,
}

/// What is kept of the base's similarities.
#[derive(Clone, Copy, Debug)]
pub enum Kept {
    /// Which sentences are nearer: the softmax over the others, each side with its temperature.
    Ranks { temperature: f64, teacher_temperature: f64 },
    /// The cosines themselves.
    Cosines,
}

/// Texts in order: `questions` questions, the documents, the general sentences, the passages' questions, the passages.
pub struct Step {
    pub texts: Vec<Ids>,
    pub questions: usize,
    pub objective: Objective,
    pub distil: Option<Distil>,
    pub passages: Option<Passages>,
}

/// How to compute it on a device.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    pub shapes: Shapes,
    /// Rows times tokens that fit into one graph.
    pub graph_tokens: usize,
    pub pad: u32,
}

/// A step's losses, still on the device, and the gradients in the parameters' order.
pub struct Outcome<B: Backend> {
    /// Main loss, that of general sentences, and that of passages, `[3]`.
    pub losses: Tensor<B, 1>,
    pub gradients: Vec<Option<Tensor<B, 2>>>,
}

impl Step {
    /// A contrastive step of items and `per_item` negatives each (None = a gap, filled and masked); `others` is the weight of
    /// a question's other right answers in the batch.
    pub fn contrastive(batch: &[&Item], negatives: &[Option<&Document>], temperature: f64, others: f64) -> Self {
        let contrast = Contrast::new(batch, negatives, temperature, others);
        Self::of(texts(batch, negatives), batch.len(), Objective::Contrastive(contrast))
    }

    fn of(texts: Vec<Ids>, questions: usize, objective: Objective) -> Self {
        Self { texts, questions, objective, distil: None, passages: None }
    }

    /// A step that follows the teacher; with `contrast` (weight, weight of other right answers) it also tells the pairs' own
    /// answers from the batch's others and from `negatives`.
    pub fn distilled(
        batch: &[&Item],
        negatives: &[Option<&Document>],
        targets: &Targets,
        following: Following,
        contrast: Option<(f64, f64)>,
    ) -> Self {
        let (texts, n) = (texts(batch, negatives), batch.len());
        let Following { temperature, cosine_weight, questions, documents } = following;
        let followed = if questions { 0 } else { n }..if documents { 2 * n } else { n };
        let teacher = targets.rows(&texts[followed.clone()]);
        let contrast = contrast.map(|(weight, others)| (Contrast::new(batch, negatives, temperature, others), weight));
        Self::of(texts, n, Objective::Distil { followed, teacher, temperature, cosine_weight, contrast })
    }

    /// A step of labelled pairs.
    pub fn cosine(batch: &[&Item]) -> Self {
        let texts = batch.iter().map(|i| &i.query).chain(batch.iter().map(|i| &i.document.ids)).cloned().collect();
        let labels = batch.iter().map(|i| i.label).collect();
        Self::of(texts, batch.len(), Objective::Cosine { labels })
    }

    /// Adds general sentences.
    pub fn distilling(mut self, sentences: impl IntoIterator<Item = Ids>, distil: Distil) -> Self {
        self.texts.extend(sentences);
        self.distil = Some(distil);
        self
    }

    /// Adds questions and passages, after any general sentences.
    pub fn with_passages(mut self, texts: impl IntoIterator<Item = Ids>, passages: Passages) -> Self {
        self.texts.extend(texts);
        self.passages = Some(passages);
        self
    }

    /// Losses and gradients with the weights `encoder`; parameters where `trained` is false get none.
    pub fn run<B: AutodiffBackend>(
        &self,
        encoder: &Encoder<B::InnerBackend>,
        trained: &[bool],
        dropout: Option<Dropout>,
        device: Device,
    ) -> Outcome<B::InnerBackend> {
        let plans = plan(&self.texts, device.shapes, device.pad);
        let tokens: usize = plans.iter().map(|p| p.batch.rows * p.batch.tokens).sum();
        if tokens <= device.graph_tokens {
            let batches: Vec<&Batch> = plans.iter().map(|p| &p.batch).collect();
            if let Some(pass) = B::InnerBackend::pass(encoder, &batches, trained, dropout) {
                return self.by_pass::<B>(pass, &plans);
            }
            let tracked = Encoder::<B>::tracked(encoder, trained);
            let rounded = tracked.rounded();
            let parts = plans.iter().enumerate().map(|(i, p)| rounded.forward(&p.batch, at(dropout, i))).collect();
            let (loss, losses) = self.loss(in_order(parts, &plans, self.texts.len()));
            let gradients = gradients(&tracked, &loss.backward(), trained);
            return Outcome { losses: losses.inner(), gradients };
        }
        self.grad_cache::<B>(encoder, trained, dropout, &plans)
    }

    /// The loss's gradient on the vectors, and from there by the backend's own pass.
    fn by_pass<B: AutodiffBackend>(&self, pass: Pass<B::InnerBackend>, plans: &[Plan]) -> Outcome<B::InnerBackend> {
        let leaf = Tensor::<B, 2>::from_inner(pass.vectors).require_grad();
        let (loss, losses) = self.loss(in_order(vec![leaf.clone()], plans, self.texts.len()));
        let of_vectors = leaf.grad(&loss.backward()).expect("the loss depends on the vectors");
        Outcome { losses: losses.inner(), gradients: (pass.backward)(of_vectors) }
    }

    fn grad_cache<B: AutodiffBackend>(
        &self,
        encoder: &Encoder<B::InnerBackend>,
        trained: &[bool],
        dropout: Option<Dropout>,
        plans: &[Plan],
    ) -> Outcome<B::InnerBackend> {
        let rounded = encoder.rounded();
        let parts = plans.iter().enumerate().map(|(i, p)| rounded.forward(&p.batch, at(dropout, i))).collect();
        let vectors = in_order(parts, plans, self.texts.len());
        let leaf = Tensor::<B, 2>::from_inner(vectors).require_grad();
        let (loss, losses) = self.loss(leaf.clone());
        let of_vectors = leaf.grad(&loss.backward()).expect("the loss depends on the vectors");

        let mut sums: Vec<Option<Tensor<B::InnerBackend, 2>>> = vec![None; trained.len()];
        for (i, p) in plans.iter().enumerate() {
            let tracked = Encoder::<B>::tracked(encoder, trained);
            let rows = tracked.forward(&p.batch, at(dropout, i));
            let mut places: Vec<i32> = p.texts.iter().map(|&t| t as i32).collect();
            let real = places.len();
            places.resize(p.batch.rows, 0);
            let places =
                Tensor::<B::InnerBackend, 1, Int>::from_data(TensorData::new(places, [p.batch.rows]), &rows.device());
            let wanted =
                of_vectors.clone().select(0, places) * padding_mask(p.batch.rows, real, &rows.device(), rows.dtype());
            let surrogate = (rows * Tensor::from_inner(wanted)).sum();
            for (sum, gradient) in sums.iter_mut().zip(gradients(&tracked, &surrogate.backward(), trained)) {
                *sum = match (sum.take(), gradient) {
                    (Some(a), Some(b)) => Some(a + b),
                    (a, b) => a.or(b),
                };
            }
        }
        Outcome { losses: losses.inner(), gradients: sums }
    }

    /// Total loss `[1]`, and its parts before their weights `[3]`. `vectors` are the texts', in order.
    fn loss<B: Backend>(&self, vectors: Tensor<B, 2>) -> (Tensor<B, 1>, Tensor<B, 1>) {
        let hidden = vectors.dims()[1];
        let general = self.distil.as_ref().map_or(0, |d| d.rows);
        let passages = self.passages.as_ref().map_or(0, |p| p.rows);
        let sentences = self.texts.len() - 2 * passages - general;
        let asked = sentences + general;
        let rows = |from: usize, to: usize| vectors.clone().slice([from..to, 0..hidden]);
        let given = |values: &[f32]| {
            let data = TensorData::new(values.to_vec(), [values.len() / hidden, hidden]).convert_dtype(vectors.dtype());
            Tensor::<B, 2>::from_data(data, (&vectors.device(), vectors.dtype()))
        };
        let (q, d) = (rows(0, self.questions), rows(self.questions, sentences));
        let main = match &self.objective {
            Objective::Contrastive(contrast) => contrast.loss(q, d),
            Objective::Cosine { labels } => losses::cosine_regression(q, d, labels),
            Objective::Distil { followed, teacher, temperature, cosine_weight, contrast } => {
                let follow = |texts: &Range<usize>| {
                    let student = rows(texts.start, texts.end);
                    losses::embedding_distillation(student, given(teacher), *cosine_weight, *temperature)
                };
                let contrast = contrast.as_ref().map(|(contrast, weight)| contrast.loss(q, d) * *weight);
                let parts = [(!followed.is_empty()).then(|| follow(followed)), contrast];
                parts
                    .into_iter()
                    .flatten()
                    .reduce(|sum, part| sum + part)
                    .expect("a batch follows its teacher or its pairs")
            }
        };
        let none = || main.clone().detach() * 0.0;
        let held = self.distil.as_ref().map(|distil| {
            let (student, teacher) = (rows(sentences, asked), given(&distil.teacher));
            let loss = match distil.kept {
                Kept::Ranks { temperature, teacher_temperature } => {
                    losses::distillation(student, teacher, temperature, teacher_temperature)
                }
                Kept::Cosines => losses::cosine_distillation(student, teacher),
            };
            (loss, distil.weight)
        });
        let found = self.passages.as_ref().map(|p| {
            let student = [rows(asked, asked + p.rows), rows(asked + p.rows, self.texts.len())];
            let (questions, passages) = p.teacher.split_at(p.rows * hidden);
            let teacher = [given(questions), given(passages)];
            (losses::passage_distillation(student, teacher, p.cosine_weight, p.temperature), p.weight)
        });
        let part =
            |part: &Option<(Tensor<B, 1>, f64)>| part.as_ref().map_or_else(none, |(loss, _)| loss.clone().detach());
        let parts = Tensor::cat(vec![main.clone().detach(), part(&held), part(&found)], 0);
        let terms = [held, found].into_iter().flatten();
        (terms.fold(main.clone(), |sum, (loss, weight)| sum + loss * weight), parts)
    }
}

/// Dropout of the `i`-th part of a step.
fn at(dropout: Option<Dropout>, i: usize) -> Option<Dropout> {
    dropout.map(|d| Dropout { seed: d.seed.wrapping_add(i as u64), ..d })
}

/// Rows of the parts put back into the texts' order, padding rows left out: `[texts, hidden]`.
fn in_order<B: Backend>(parts: Vec<Tensor<B, 2>>, plans: &[Plan], texts: usize) -> Tensor<B, 2> {
    let mut place = vec![0i32; texts];
    let mut first = 0;
    for p in plans {
        p.texts.iter().enumerate().for_each(|(row, &text)| place[text] = (first + row) as i32);
        first += p.batch.rows;
    }
    let all = Tensor::cat(parts, 0);
    let place = Tensor::<B, 1, Int>::from_data(TensorData::new(place, [texts]), &all.device());
    all.select(0, place)
}

/// 1 for the first `real` rows, 0 for the rest, `[rows, 1]`.
fn padding_mask<B: Backend>(rows: usize, real: usize, device: &B::Device, dtype: DType) -> Tensor<B, 2> {
    let mask: Vec<f32> = (0..rows).map(|i| f32::from(u8::from(i < real))).collect();
    Tensor::from_data(TensorData::new(mask, [rows, 1]).convert_dtype(dtype), (device, dtype))
}

fn gradients<B: AutodiffBackend>(
    tracked: &Encoder<B>,
    gradients: &B::Gradients,
    trained: &[bool],
) -> Vec<Option<Tensor<B::InnerBackend, 2>>> {
    let of = |(p, &trained): (&Tensor<B, 2>, &bool)| trained.then(|| p.grad(gradients)).flatten();
    tracked.parameters().iter().zip(trained).map(of).collect()
}
