//! Every SQL example of the README runs, and so does the Rust one on the table that they make.

#[path = "../examples/search.rs"]
mod search;

use postgres::Client;
use server_tests::column;

use crate::{Test, World};

pub const TESTS: &[Test] =
    &[("examples", examples), ("korean_examples", korean_examples), ("dur_examples", dur_examples)];

const README: &str = include_str!("../../README.md");
const DUR: &str = include_str!("../../docs/dur.md");
const KOREAN: &str = include_str!("../../README.ko.md");

fn run(world: &World, database: &str, document: &str) -> Client {
    world.server.connect("postgres").batch_execute(&format!("CREATE DATABASE {database}")).expect("CREATE DATABASE");
    let mut client = world.server.connect(database);
    let mut blocks = 0;
    for block in document.split("```sql\n").skip(1) {
        let sql = block.split("```").next().expect("a closed block");
        column(&mut client, sql);
        blocks += 1;
    }
    assert!(blocks >= 5, "only {blocks} examples were found");
    // Roles are the cluster's, and both documents make one.
    client.batch_execute("DROP OWNED BY drug_worker; DROP ROLE drug_worker").expect("the role of the examples");
    client
}

fn korean_examples(world: &World) {
    run(world, "readme_ko", KOREAN);
}

fn examples(world: &World) {
    let mut client = run(world, "readme", README);

    let hits = search::search(&mut client, "열을 내리는 약은?", 2).expect("hits");
    assert_eq!(hits.len(), 2);
    assert!(hits[0].similarity >= hits[1].similarity && hits[0].similarity <= 1.0);
    assert!(hits.iter().all(|hit| !hit.name.is_empty()));
}

fn dur_examples(world: &World) {
    world.server.connect("postgres").batch_execute("CREATE DATABASE dur_md").expect("CREATE DATABASE");
    let mut client = world.server.connect("dur_md");
    client.batch_execute("CREATE EXTENSION drugembed CASCADE").expect("CREATE EXTENSION");
    let blocks = DUR.split("```sql\n").skip(1).map(|block| block.split("```").next().expect("a closed block"));
    assert_eq!(blocks.map(|sql| column(&mut client, sql)).count(), 5);
    assert_eq!(column(&mut client, "SELECT count(*) FROM dur GROUP BY source"), ["3"]);
}
