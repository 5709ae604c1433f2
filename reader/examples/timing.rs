//! Time to read a question: the first (the lexica are prepared) and the mean of the others, one a line on standard input.

use std::io::Read;
use std::time::Instant;

use reader::Question;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let start = Instant::now();
    Question::read("임산부가 먹어도 되는 감기약");
    println!("first: {:?}", start.elapsed());
    let lines: Vec<&str> = text.lines().collect();
    let start = Instant::now();
    let constraints = lines.iter().filter(|line| !Question::read(line).is_plain()).count();
    println!(
        "mean of {}: {:?} ({constraints} with constraints)",
        lines.len(),
        start.elapsed() / lines.len().max(1) as u32
    );
    Ok(())
}
