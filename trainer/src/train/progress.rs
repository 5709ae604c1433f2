//! Progress for people: a bar on a terminal, a plain line now and then off it.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Time between plain lines.
const EVERY: Duration = Duration::from_secs(15);

pub struct Progress {
    bar: Option<ProgressBar>,
    stage: String,
    steps: usize,
    started: Instant,
    first: usize,
    printed: Instant,
}

impl Progress {
    /// Progress of a stage that has `steps` steps and begins at `first`.
    pub fn new(stage: &str, steps: usize, first: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(steps as u64).with_position(first as u64).with_prefix(stage.to_owned());
            let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg} {eta} left");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, stage: stage.to_owned(), steps, started: Instant::now(), first, printed: Instant::now() }
    }

    /// `step` steps are done; `pairs` of them since this run began.
    pub fn update(&mut self, step: usize, loss: f32, pairs: usize) {
        let seconds = self.started.elapsed().as_secs_f64();
        let speed = pairs as f64 / seconds.max(1e-9);
        if let Some(bar) = &self.bar {
            bar.set_position(step as u64);
            bar.set_message(format!("loss {loss:.4}, {speed:.0} pairs/s,"));
        } else if self.printed.elapsed() >= EVERY || step == self.steps {
            let left = seconds / (step - self.first).max(1) as f64 * (self.steps - step) as f64;
            eprintln!(
                "{}: step {step}/{}, loss {loss:.4}, {speed:.0} pairs/s, {left:.0} s left",
                self.stage, self.steps
            );
            self.printed = Instant::now();
        }
    }

    /// Says that there will be `steps` steps, of `each`.
    pub fn fit(&mut self, steps: usize, each: Duration) {
        self.steps = steps;
        if let Some(bar) = &self.bar {
            bar.set_length(steps as u64);
        }
        self.line(&format!("{}: {steps} steps of {:.1} ms", self.stage, each.as_secs_f64() * 1e3));
    }

    /// A line that stays, above the bar.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}
