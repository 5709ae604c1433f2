//! Gradients against finite differences, and GradCache against one graph.

use super::items::{Document, Ids, Item};
use super::losses::Mask;
use super::step::{Contrast, Device, Distil, Kept, Objective, Passages, Step};
use crate::checkpoint::{Checkpoint, Tensor as Weights};
use crate::model::embed::Shapes;
use crate::model::tiny::{self, Size};
use crate::model::{Dropout, Encoder};
use burn_autodiff::Autodiff;
use burn_flex::Flex;
use burn_tensor::{DType, Tensor, TensorData};

const POSITIONS: usize = 8;

/// Two layers of width 8, 8 positions.
fn checkpoint() -> Checkpoint {
    let size = Size { layers: 2, hidden: 8, heads: 2, intermediate: 12 };
    let mut checkpoint = tiny::random(&size, ["가나다라"], 3);
    checkpoint.config.max_position_embeddings = POSITIONS;
    let name = "embeddings.position_embeddings.weight";
    let data = checkpoint.tensor(name).data[..POSITIONS * 8].to_vec();
    checkpoint.tensors.insert(name.to_owned(), Weights::new(vec![POSITIONS, 8], data));
    // Wider weights, so that attention is not flat and every gradient is felt.
    checkpoint.tensors.values_mut().flat_map(|t| &mut t.data).for_each(|w| *w *= 3.0);
    checkpoint
}

fn ids(seed: u32, length: u32) -> Ids {
    (0..length).map(|i| (seed * 7 + i * 5) % 12).collect()
}

fn item(seed: u32, label: u32) -> Item {
    let document = Document { ids: ids(seed + 20, 3 + seed % 4), labels: Some(vec![label]) };
    Item {
        query: ids(seed, 2 + seed % 3),
        asks: vec![label],
        document,
        negatives: vec![],
        label: 0.3,
        kind: String::new(),
    }
}

const RANKS: Kept = Kept::Ranks { temperature: 0.2, teacher_temperature: 0.1 };

/// A step with every part: masks, a hard negative, a gap, general sentences.
fn full_step(kept: Kept) -> Step {
    let items = [item(1, 1), item(2, 2), item(3, 1), item(4, 3)];
    let hard = Document { ids: ids(50, 4), labels: None };
    let teacher: Vec<f32> = (0..24).map(|i| ((i * 37 % 11) as f32 - 5.0) / 10.0).collect();
    let distil = Distil { rows: 3, teacher, weight: 0.7, kept };
    Step::contrastive(&items.iter().collect::<Vec<_>>(), &[Some(&hard), None, None, Some(&hard)], 0.2, 0.5)
        .distilling([ids(60, 3), ids(61, 5), ids(62, 4)], distil)
}

/// A step that follows a teacher, with general sentences and passages.
fn distilled_step() -> Step {
    let wave = |rows: usize, phase: usize| -> Vec<f32> {
        (0..rows * 8).map(|i| (((i + phase) * 29 % 13) as f32 - 6.0) / 10.0).collect()
    };
    let contrast = Contrast { mask: Mask::new(2, 2, |_, _| false), temperature: 0.2, others: None };
    let contrast = Some((contrast, 0.4));
    let objective =
        Objective::Distil { followed: 0..4, teacher: wave(4, 0), temperature: 0.2, cosine_weight: 3.0, contrast };
    let distil = Distil { rows: 3, teacher: wave(3, 1), weight: 0.7, kept: Kept::Cosines };
    let passages = Passages { rows: 2, teacher: wave(4, 2), weight: 0.5, cosine_weight: 4.0, temperature: 0.3 };
    let texts = [ids(1, 2), ids(2, 4), ids(20, 3), ids(21, 6)].to_vec();
    Step { texts, questions: 2, objective, distil: None, passages: None }
        .distilling([ids(60, 3), ids(61, 5), ids(62, 4)], distil)
        .with_passages([ids(70, 3), ids(71, 2), ids(72, 8), ids(73, 7)], passages)
}

fn device(graph_tokens: usize) -> Device {
    Device { shapes: Shapes::Rows(3), graph_tokens, pad: 1 }
}

type B = Autodiff<Flex>;

fn encoder(dtype: DType) -> Encoder<Flex> {
    Encoder::new(&checkpoint(), &Default::default(), dtype)
}

/// All losses with the weights of the steps above.
fn loss(step: &Step, encoder: &Encoder<Flex>) -> f64 {
    let frozen = vec![false; encoder.parameters().len()];
    // One parameter must be tracked for there to be a graph; its gradient is not used.
    let trained: Vec<bool> = frozen.iter().enumerate().map(|(i, _)| i == 0).collect();
    let losses = step.run::<B>(encoder, &trained, None, device(usize::MAX)).losses;
    let values = losses.to_data().convert::<f64>().into_vec::<f64>().unwrap();
    values[0] + 0.7 * values[1] + 0.5 * values[2]
}

fn check_gradients(step: &Step) {
    let encoder = encoder(DType::F64);
    let trained = vec![true; encoder.parameters().len()];
    let outcome = step.run::<B>(&encoder, &trained, None, device(usize::MAX));
    let h = 1e-5;
    for (p, name) in encoder.names().iter().enumerate() {
        let parameter = &encoder.parameters()[p];
        let gradient = outcome.gradients[p].as_ref().unwrap_or_else(|| panic!("{name} has no gradient"));
        let gradient = gradient.to_data().into_vec::<f64>().unwrap();
        let values = parameter.to_data().into_vec::<f64>().unwrap();
        let with = |k: usize, change: f64| {
            let mut values = values.clone();
            values[k] += change;
            let tensor =
                Tensor::from_data(TensorData::new(values, parameter.dims()), (&parameter.device(), DType::F64));
            let mut parameters = encoder.parameters().to_vec();
            parameters[p] = tensor;
            loss(step, &encoder.with_parameters(parameters))
        };
        let mut felt = 0;
        for (k, gradient) in gradient.into_iter().enumerate() {
            let numeric = (with(k, h) - with(k, -h)) / (2.0 * h);
            let error = (numeric - gradient).abs();
            assert!(error < 1e-6 + 1e-4 * numeric.abs(), "{name}[{k}]: {gradient} against {numeric}");
            felt += usize::from(numeric.abs() > 1e-7);
        }
        // The key's bias shifts all scores of a softmax alike: its gradient is zero, as are those of unused rows.
        assert!(felt * 4 > values.len(), "{name}: only {felt} of {} gradients are not zero", values.len());
    }
}

#[test]
fn contrastive_gradients_of_every_parameter() {
    check_gradients(&full_step(RANKS));
    check_gradients(&full_step(Kept::Cosines));
}

#[test]
fn distillation_gradients_of_every_parameter() {
    check_gradients(&distilled_step());
}

#[test]
fn regression_gradients_of_every_parameter() {
    let items = [item(1, 1), item(2, 2), item(3, 3)];
    check_gradients(&Step::cosine(&items.iter().collect::<Vec<_>>()));
}

#[test]
fn grad_cache_is_the_one_graph_with_dropout_too() {
    for step in [full_step(RANKS), distilled_step()] {
        grad_cache_is_the_one_graph(&step);
    }
}

fn grad_cache_is_the_one_graph(step: &Step) {
    let encoder = encoder(DType::F32);
    let trained = vec![true; encoder.parameters().len()];
    let dropout = Some(Dropout { probability: 0.2, seed: 11 });
    let whole = step.run::<B>(&encoder, &trained, dropout, device(usize::MAX));
    let parts = step.run::<B>(&encoder, &trained, dropout, device(0));
    let values = |t: &Tensor<Flex, 1>| t.to_data().into_vec::<f32>().unwrap();
    let (a, b) = (values(&whole.losses), values(&parts.losses));
    assert!(a.iter().zip(&b).all(|(x, y)| (x - y).abs() < 1e-5), "{a:?} {b:?}");
    for ((a, b), name) in whole.gradients.iter().zip(&parts.gradients).zip(encoder.names()) {
        let (a, b) = (a.as_ref().unwrap().to_data(), b.as_ref().unwrap().to_data());
        for (x, y) in a.into_vec::<f32>().unwrap().iter().zip(b.into_vec::<f32>().unwrap()) {
            assert!((x - y).abs() < 1e-5 + 1e-3 * x.abs(), "{name}: {x} {y}");
        }
    }
}
