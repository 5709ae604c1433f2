//! Every SQL example of the README runs, and so does the Rust one on the table that they make.

#[path = "../examples/search.rs"]
mod search;

use server_tests::column;

use crate::{Test, World};

pub const TESTS: &[Test] = &[("examples", examples)];

const README: &str = include_str!("../../README.md");

fn examples(world: &World) {
    world.server.connect("postgres").batch_execute("CREATE DATABASE readme").expect("CREATE DATABASE");
    let mut client = world.server.connect("readme");
    let mut blocks = 0;
    for block in README.split("```sql\n").skip(1) {
        let sql = block.split("```").next().expect("a closed block");
        column(&mut client, sql);
        blocks += 1;
    }
    assert!(blocks >= 5, "only {blocks} examples were found");

    let hits = search::search(&mut client, "열을 내리는 약은?", 2).expect("hits");
    assert_eq!(hits.len(), 2);
    assert!(hits[0].similarity >= hits[1].similarity && hits[0].similarity <= 1.0);
    assert!(hits.iter().all(|hit| !hit.name.is_empty()));
}
