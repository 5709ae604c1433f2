//! Prints what is read off questions: `cargo run -p reader --example read -- "임산부가 먹어도 되는 감기약"`, or one a line on standard input.

use std::io::BufRead;

use reader::Question;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.is_empty() {
        println!("{}", serde_json::to_string_pretty(&Question::read(&arguments.join(" ")))?);
        return Ok(());
    }
    for line in std::io::stdin().lock().lines() {
        println!("{}", serde_json::to_string(&Question::read(&line?))?);
    }
    Ok(())
}
