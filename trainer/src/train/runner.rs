//! The stages of a recipe, one after the other.

use super::items::{Document, Item, Labels, items};
use super::mine::mine;
use super::optimiser::AdamW;
use super::progress::Progress;
use super::run::{Line, Run};
use super::shares::Shares;
use super::state::{self, Position};
use super::step::{Device, Distil, Following, Kept, Passages, Step};
use super::teacher::{PassageTeacher, Targets, Teacher};
use super::watch::{Watch, verdict};
use crate::backend::{AutodiffBackend, Backend};
use crate::checkpoint::Checkpoint;
use crate::eval::score;
use crate::model::{Dropout, Encoder, Tokens, Trained};
use crate::pairs::Pair;
use crate::recipe::{Keep, Loss, Recipe, Stage};
use crate::rng::Rng;
use anyhow::{Result, bail};
use burn_tensor::{DType, Tensor};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A stage with a time to end at: the steps that its speed is measured over, after those in which a device gets going.
const MEASURED: std::ops::Range<usize> = 20..120;
/// The share of the time left that steps as fast as these would fill.
const TIME_USED: f64 = 0.96;
/// Losses wait on the device for this many steps before they are read.
const READ_EVERY: usize = 10;

/// Set by Ctrl-C: save and stop at the next step.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a run needs besides the backend.
pub struct Runner {
    pub recipe: Recipe,
    /// Where the recipe's relative paths begin.
    pub data: PathBuf,
    /// The pairs of each stage.
    pub pairs: Vec<Rc<[Pair]>>,
    /// Whose similarities are kept.
    pub base: Checkpoint,
    /// Whose vectors a distilled stage follows; absent = the base's.
    pub teacher: Option<Checkpoint>,
    /// What the first stage starts from.
    pub start: Checkpoint,
    pub run: Run,
    pub device: Device,
    pub watch: Watch,
    pub save_every: Duration,
    /// When the stage under way must have ended, with fewer steps than its recipe says if need be.
    pub until: Option<Instant>,
}

/// How a stage or run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    Interrupted,
}

/// Everything of a stage under way.
struct Course<'a, B: AutodiffBackend> {
    stage: &'a Stage,
    items: &'a [Item],
    replay: Vec<&'a Item>,
    mined: Vec<Vec<Document>>,
    targets: Option<Targets>,
    teacher: Option<Teacher>,
    passages: Option<PassageTeacher>,
    encoder: Encoder<B::InnerBackend>,
    adam: AdamW<B::InnerBackend>,
    trained: Vec<bool>,
}

impl Runner {
    /// Runs from `position` to the end, or until interrupted.
    pub fn train<B: AutodiffBackend>(&self, device: &B::Device, mut position: Position) -> Result<End> {
        let mut tokens = Tokens::new(&self.base, self.recipe.max_tokens)?;
        let mut labels = Labels::default();
        let mut sets: Vec<Vec<Item>> = Vec::new();
        for (i, pairs) in self.pairs.iter().enumerate() {
            let same = self.pairs[..i].iter().position(|earlier| Rc::ptr_eq(earlier, pairs));
            sets.push(match same {
                Some(earlier) => sets[earlier].clone(),
                None => items(pairs, &mut tokens, &mut labels, &self.recipe.prefix)?,
            });
        }
        let base = Encoder::<B::InnerBackend>::new(&self.base, device, DType::F32);
        let teacher = self.teacher.as_ref().map(|t| Encoder::<B::InnerBackend>::new(t, device, DType::F32));
        match &teacher {
            Some(teacher) => self.measure(0, "teacher", position.total, teacher, &mut tokens)?,
            None => self.measure(0, "base", position.total, &base, &mut tokens)?,
        }
        while position.stage < self.recipe.stage.len() {
            let index = position.stage;
            let start = match index {
                0 => Encoder::new(&self.start, device, DType::F32),
                _ => {
                    let folder = self.run.checkpoint(index - 1, &self.recipe.stage[index - 1].name);
                    Encoder::new(&Checkpoint::read(&folder)?, device, DType::F32)
                }
            };
            let teachers = [&base, teacher.as_ref().unwrap_or(&base)];
            let mut course = self.course::<B>(index, &sets, start.clone(), teachers, &mut tokens)?;
            if self.stage(&mut course, &mut position, &mut tokens)? == End::Interrupted {
                return Ok(End::Interrupted);
            }
            let result = self.stage_result(&course, &position, &start, device)?;
            let name = &self.recipe.stage[index].name;
            // First what took so long.
            self.write(&result, index, name)?;
            self.measure(index + 1, &format!("{}-{name}", index + 1), position.total, &result, &mut tokens)?;
            position = Position { stage: index + 1, total: position.total, ..Position::default() };
            state::save(&self.run.state(), &position, &result, None)?;
        }
        if self.best().exists() {
            std::fs::remove_dir_all(self.best())?;
        }
        let last =
            self.run.checkpoint(self.recipe.stage.len() - 1, &self.recipe.stage[self.recipe.stage.len() - 1].name);
        let tuned = Encoder::<B::InnerBackend>::new(&Checkpoint::read(&last)?, device, DType::F32);
        let result = self.recipe.soup.map_or_else(|| tuned.clone(), |share| average(&tuned, &base, share));
        if self.recipe.soup.is_some() {
            self.measure(self.recipe.stage.len() + 1, "final", position.total, &result, &mut tokens)?;
        }
        self.checkpoint_of(&result).write(&self.run.final_checkpoint())?;
        std::fs::remove_dir_all(self.run.state())?;
        Ok(End::Done)
    }

    /// Prepares stage `index` to start from `start`.
    fn course<'a, B: AutodiffBackend>(
        &'a self,
        index: usize,
        sets: &'a [Vec<Item>],
        start: Encoder<B::InnerBackend>,
        [base, teacher]: [&Encoder<B::InnerBackend>; 2],
        tokens: &mut Tokens,
    ) -> Result<Course<'a, B>> {
        let stage = &self.recipe.stage[index];
        let mined = match &stage.mine {
            Some(settings) => {
                eprintln!("{}: mining hard negatives among {} pairs", stage.name, sets[index].len());
                mine(&start, &sets[index], settings, self.device.shapes, tokens.pad)
            }
            None => Vec::new(),
        };
        let query = &self.recipe.prefix.query;
        let targets = (stage.loss == Loss::Distil).then(|| {
            eprintln!("{}: embedding {} pairs with the teacher", stage.name, sets[index].len());
            Targets::new(teacher, &sets[index], self.device.shapes, tokens.pad)
        });
        let passages = match &stage.passages {
            Some(p) => {
                let mut tokens = Tokens::new(&self.base, p.max_tokens)?;
                let (file, prefix) = (self.data.join(&p.file), &self.recipe.prefix);
                Some(PassageTeacher::new(base, &file, prefix, &mut tokens, self.device.shapes)?)
            }
            None => None,
        };
        let teacher = match &stage.general {
            Some(g) => {
                let mut teacher = Teacher::new(base, &self.data.join(&g.file), query, tokens, self.device.shapes)?;
                if g.keep == Keep::Cosines {
                    teacher.centre();
                }
                Some(teacher)
            }
            None => None,
        };
        let frozen = if self.recipe.frozen_embeddings { 2 } else { 0 };
        let trained: Vec<bool> = (0..start.parameters().len()).map(|i| i >= frozen).collect();
        let adam = AdamW::new(self.recipe.optimiser.clone(), start.parameters(), &trained);
        let replay = sets[..index].iter().flatten().collect();
        let items = &sets[index];
        Ok(Course { stage, items, replay, mined, targets, teacher, passages, encoder: start, adam, trained })
    }

    /// Trains a stage from `position.step` to its end.
    fn stage<B: AutodiffBackend>(
        &self,
        course: &mut Course<B>,
        position: &mut Position,
        tokens: &mut Tokens,
    ) -> Result<End> {
        let stage = course.stage;
        let replayed = if course.replay.is_empty() { 0 } else { (stage.batch as f64 * stage.replay).round() as usize };
        let own = (stage.batch - replayed).min(course.items.len()).max(1);
        let all = course.items.len();
        let of_epoch = match stage.pairs_per_epoch {
            // Shares draw a kind's pairs again when all have been.
            Some(pairs) if !stage.shares.is_empty() => pairs,
            pairs => pairs.unwrap_or(all).min(all),
        };
        let per_epoch = (of_epoch / own).max(1);
        let mut steps = position.steps.unwrap_or(per_epoch * stage.epochs);
        if position.step > 0 {
            state::load(&self.run.state(), &mut course.encoder, &mut course.adam, position)?;
        }
        let mut shares = match stage.shares.is_empty() {
            true => None,
            false => {
                let kinds: Vec<String> = course.items.iter().map(|item| item.kind.clone()).collect();
                Some(Shares::new(&stage.name, &stage.shares, &kinds, own, steps, self.recipe.seed)?)
            }
        };
        let mut progress = Progress::new(&stage.name, steps, position.step);
        let (mut waiting, mut saved, mut pairs, mut measured) = (Vec::new(), Instant::now(), 0, None);
        while position.step < steps && !position.ended {
            let epoch = position.step / per_epoch;
            let batch = match &mut shares {
                Some(shares) => shares.batch(position.step).into_iter().map(|i| (&course.items[i], Some(i))).collect(),
                None => self.draw(course, epoch, position.step % per_epoch, own, replayed),
            };
            let step = self.step(course, &batch, position.step);
            let dropout = Dropout {
                probability: stage.dropout.unwrap_or(self.recipe.dropout),
                seed: Rng::new(self.recipe.seed, &format!("dropout {} {}", stage.name, position.step)).next_u64() >> 8,
            };
            let outcome = step.run::<B>(&course.encoder, &course.trained, Some(dropout), self.device);
            let rate = course.adam.settings.rate(stage.lr, position.step, steps);
            course.encoder.update(|parameters| course.adam.step(parameters, outcome.gradients, rate));
            position.step += 1;
            position.total += 1;
            pairs += batch.len();
            if let (Some(until), None) = (self.until, position.steps) {
                let from = measured.get_or_insert((position.step, Instant::now()));
                if position.step == MEASURED.start {
                    *from = (position.step, waited::<B>(&course.encoder)?);
                } else if position.step == MEASURED.end {
                    let spent = waited::<B>(&course.encoder)?;
                    let each = (spent - from.1) / (position.step - from.0) as u32;
                    steps = steps.min(position.step + fitting(until, each));
                    position.steps = Some(steps);
                    progress.fit(steps, each);
                    self.run.append(&Line::Fitted { step: position.total, stage: stage.name.clone(), steps })?;
                }
            }
            waiting.push((position.total, epoch, rate, outcome.losses));

            let interrupted = INTERRUPTED.load(Ordering::Relaxed);
            let epoch_ends = position.step.is_multiple_of(per_epoch);
            let save = interrupted || epoch_ends || saved.elapsed() >= self.save_every;
            if save || waiting.len() >= READ_EVERY {
                let loss = self.record(stage, &mut waiting)?;
                progress.update(position.step, loss, pairs);
            }
            position.ended = epoch_ends && self.epoch_ends(course, position, epoch, tokens, &progress)?;
            if save {
                state::save(&self.run.state(), position, &course.encoder, Some(&course.adam))?;
                saved = Instant::now();
            }
            if interrupted {
                return Ok(End::Interrupted);
            }
        }
        Ok(End::Done)
    }

    /// The batch at `step` of `epoch`: the stage's own pairs in the epoch's order, then replayed ones.
    fn draw<'a, B: AutodiffBackend>(
        &self,
        course: &Course<'a, B>,
        epoch: usize,
        step: usize,
        own: usize,
        replayed: usize,
    ) -> Vec<(&'a Item, Option<usize>)> {
        let name = &course.stage.name;
        let mut order: Vec<usize> = (0..course.items.len()).collect();
        Rng::new(self.recipe.seed, &format!("order {name} {epoch}")).shuffle(&mut order);
        let mut rng = Rng::new(self.recipe.seed, &format!("replay {name} {epoch} {step}"));
        let chosen = order[step * own..(step + 1) * own].iter().map(|&i| (&course.items[i], Some(i)));
        let old = (0..replayed).filter_map(|_| rng.pick(&course.replay).map(|&item| (item, None)));
        chosen.chain(old).collect()
    }

    /// Texts and losses of a batch.
    fn step<B: AutodiffBackend>(&self, course: &Course<B>, batch: &[(&Item, Option<usize>)], number: usize) -> Step {
        let stage = course.stage;
        let mut rng = Rng::new(self.recipe.seed, &format!("negatives {} {number}", stage.name));
        let items: Vec<&Item> = batch.iter().map(|(item, _)| *item).collect();
        let step = match stage.loss {
            Loss::Cosine => Step::cosine(&items),
            Loss::Contrastive => {
                let negatives = negatives(course, batch, &mut rng);
                Step::contrastive(&items, &negatives, stage.temperature, stage.others)
            }
            Loss::Distil => {
                let targets = course.targets.as_ref().expect("a distilled stage has targets");
                let taught = |untaught: &[String]| items.first().is_none_or(|item| !untaught.contains(&item.kind));
                // Texts without labels, such as general sentences, say nothing of what answers what.
                let contrasted = stage.contrast > 0.0 && items.iter().all(|item| !item.asks.is_empty());
                let negatives = if contrasted { negatives(course, batch, &mut rng) } else { Vec::new() };
                let following = Following {
                    temperature: stage.temperature,
                    cosine_weight: stage.cosine_weight,
                    questions: taught(&stage.untaught),
                    documents: taught(&stage.untaught_documents),
                };
                let contrast = contrasted.then_some((stage.contrast, stage.others));
                Step::distilled(&items, &negatives, targets, following, contrast)
            }
        };
        let step = with_general(course, step, &mut rng);
        with_passages(course, step, &mut rng)
    }

    /// Reads and writes down the waiting losses; returns the last. A loss that is no number ends the run.
    fn record<B: Backend>(&self, stage: &Stage, waiting: &mut Vec<(usize, usize, f64, Tensor<B, 1>)>) -> Result<f32> {
        let mut last = 0.0;
        for (step, epoch, rate, losses) in waiting.drain(..) {
            let values = crate::model::encoder::floats(&losses);
            let [loss, distillation, passages] = values[..] else { unreachable!("three losses") };
            if values.iter().any(|value| !value.is_finite()) {
                bail!("stage \"{}\": the loss became {loss} at step {step}; a lower lr may help", stage.name);
            }
            self.run.append(&Line::Step {
                step,
                stage: stage.name.clone(),
                epoch,
                loss,
                distillation,
                passages,
                rate,
            })?;
            last = loss;
        }
        Ok(last)
    }

    /// Development tasks after an epoch; true when the stage should end early.
    fn epoch_ends<B: AutodiffBackend>(
        &self,
        course: &Course<B>,
        position: &mut Position,
        epoch: usize,
        tokens: &mut Tokens,
        progress: &Progress,
    ) -> Result<bool> {
        let Some(patience) = self.recipe.dev.as_ref().and_then(|dev| dev.patience) else { return Ok(false) };
        let (results, _) = score::tasks(&mut self.model(&course.encoder, tokens), &self.watch.tasks)?;
        let mean = score::mean_ndcg(&results);
        progress.line(&format!("{}: epoch {}, mean nDCG@10 {mean:.4}", course.stage.name, epoch + 1));
        let (stage, step) = (course.stage.name.clone(), position.total);
        self.run.append(&Line::Dev { step, stage, epoch, tasks: results.into_iter().collect() })?;
        match position.best {
            Some((best, at)) if mean <= best => Ok(epoch - at >= patience),
            _ => {
                position.best = Some((mean, epoch));
                self.checkpoint_of(&course.encoder).write(&self.best())?;
                Ok(false)
            }
        }
    }

    /// Measures the base, a stage's result or the run's, and says what it lost; nothing when that is done already.
    fn measure<B: Backend>(
        &self,
        number: usize,
        name: &str,
        step: usize,
        encoder: &Encoder<B>,
        tokens: &mut Tokens,
    ) -> Result<()> {
        let earlier = self.run.results()?;
        if self.watch.tasks.is_empty() || earlier.len() > number {
            return Ok(());
        }
        let results = score::results(name, &mut self.model(encoder, tokens), &self.watch.tasks, &self.watch.guards)?;
        verdict(&earlier, &results).iter().for_each(|line| eprintln!("{line}"));
        crate::plots::cosines(&self.run, name, &results.cosines)?;
        self.run.append(&Line::Stage { step, number, results })
    }

    fn model<'a, B: Backend>(&'a self, encoder: &Encoder<B>, tokens: &'a mut Tokens) -> Trained<'a, B> {
        Trained { encoder: encoder.clone(), tokens, prefix: &self.recipe.prefix, shapes: self.device.shapes }
    }

    /// What a stage hands on: its best or last weights, averaged with its start if the recipe says so.
    fn stage_result<B: AutodiffBackend>(
        &self,
        course: &Course<B>,
        position: &Position,
        start: &Encoder<B::InnerBackend>,
        device: &B::Device,
    ) -> Result<Encoder<B::InnerBackend>> {
        let mut result = course.encoder.clone();
        if position.best.is_some() {
            result = Encoder::new(&Checkpoint::read(&self.best())?, device, DType::F32);
        }
        Ok(course.stage.soup.map_or_else(|| result.clone(), |share| average(&result, start, share)))
    }

    fn best(&self) -> PathBuf {
        self.run.folder.join("checkpoints").join("best-of-stage")
    }

    fn write<B: Backend>(&self, encoder: &Encoder<B>, index: usize, name: &str) -> Result<()> {
        self.checkpoint_of(encoder).write(&self.run.checkpoint(index, name))
    }

    fn checkpoint_of<B: Backend>(&self, encoder: &Encoder<B>) -> Checkpoint {
        let mut checkpoint = encoder.checkpoint(&self.start);
        if let Some(origin) = &mut checkpoint.config.origin {
            if self.recipe.stage.iter().any(|stage| stage.loss != Loss::Distil) {
                origin.space = None;
            }
            let verb = if origin.space.is_some() { "distilled" } else { "fine-tuned" };
            origin.history.push(format!("{verb} with the recipe \"{}\"", self.recipe.name));
        }
        checkpoint
    }
}

/// The time when the device has done all it was given.
fn waited<B: AutodiffBackend>(encoder: &Encoder<B::InnerBackend>) -> Result<Instant> {
    <B::InnerBackend as burn_tensor::backend::Backend>::sync(&encoder.parameters()[0].device())?;
    Ok(Instant::now())
}

/// Steps of `each` until then.
fn fitting(until: Instant, each: Duration) -> usize {
    let left = until.saturating_duration_since(Instant::now());
    (left.as_secs_f64() * TIME_USED / each.as_secs_f64().max(1e-6)) as usize
}

/// Weight averaging (Wortsman et al., 2022): `share` of `tuned`, the rest of `base`.
pub fn average<B: Backend>(tuned: &Encoder<B>, base: &Encoder<B>, share: f64) -> Encoder<B> {
    let mixed = tuned.parameters().iter().zip(base.parameters());
    tuned.with_parameters(mixed.map(|(t, b)| t.clone() * share + b.clone() * (1.0 - share)).collect())
}

/// Hard negatives of a batch, as many for each item, from its own and mined ones; None = a gap. Empty if there are none at all.
fn negatives<'a, B: AutodiffBackend>(
    course: &'a Course<B>,
    batch: &[(&'a Item, Option<usize>)],
    rng: &mut Rng,
) -> Vec<Option<&'a Document>> {
    let count = course.stage.negatives;
    let mut negatives: Vec<Option<&Document>> = Vec::with_capacity(batch.len() * count);
    for (item, index) in batch {
        let mined = index.and_then(|i| course.mined.get(i)).map_or(&[][..], Vec::as_slice);
        let all: Vec<&Document> = item.negatives.iter().chain(mined).collect();
        negatives.extend((0..count).map(|_| rng.pick(&all).copied()));
    }
    if negatives.iter().all(Option::is_none) {
        negatives.clear();
    }
    negatives
}

/// Adds the stage's general sentences to a step.
fn with_general<B: AutodiffBackend>(course: &Course<B>, step: Step, rng: &mut Rng) -> Step {
    let (Some(teacher), Some(general)) = (&course.teacher, &course.stage.general) else { return step };
    let order = teacher.draw(rng, general.rows);
    let kept = match general.keep {
        Keep::Ranks => {
            Kept::Ranks { temperature: course.stage.temperature, teacher_temperature: general.teacher_temperature }
        }
        Keep::Cosines => Kept::Cosines,
    };
    let distil = Distil { rows: order.len(), teacher: teacher.rows(&order), weight: general.weight, kept };
    step.distilling(order.iter().map(|&i| teacher.sentences[i].clone()), distil)
}

/// Adds the stage's questions and passages to a step.
fn with_passages<B: AutodiffBackend>(course: &Course<B>, step: Step, rng: &mut Rng) -> Step {
    let (Some(teacher), Some(settings)) = (&course.passages, &course.stage.passages) else { return step };
    let (texts, vectors) = teacher.draw(rng, settings.rows);
    let passages = Passages {
        rows: texts.len() / 2,
        teacher: vectors,
        weight: settings.weight,
        cosine_weight: settings.cosine_weight,
        temperature: settings.temperature,
    };
    step.with_passages(texts, passages)
}
