//! Training: a recipe's stages, one after the other, resumable at any step.

pub mod command;
pub mod items;
pub mod losses;
pub mod mine;
pub mod optimiser;
pub mod progress;
pub mod run;
pub mod runner;
mod shares;
pub mod state;
pub mod step;
pub mod teacher;
mod watch;

#[cfg(test)]
mod tests;
