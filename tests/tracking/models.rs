//! Another model takes over: vectors of the old one are stale, never compared, and made again.

use std::fs;

use server_tests::{assert_error, column, value};

use crate::{Test, World, assert_in_step, backfill, tracked};

pub const TESTS: &[Test] = &[
    ("another_space_makes_rows_stale", another_space_makes_rows_stale),
    ("another_student_of_the_space_leaves_rows", another_student_of_the_space_leaves_rows),
];

/// A copy of the model with other lines in its manifest, each by its key; says how to choose it.
fn changed(world: &World, name: &str, lines: &[(&str, &str)]) -> String {
    let folder = world.install.copy_model(name);
    let manifest = folder.join("manifest.toml");
    let mut text = fs::read_to_string(&manifest).expect("the manifest");
    for (key, value) in lines {
        let line = text.lines().find(|line| line.starts_with(&format!("{key} ="))).expect("a line of the manifest");
        text = text.replace(line, &format!("{key} = \"{value}\""));
    }
    fs::write(&manifest, text).expect("the manifest");
    format!("SET drugembed.model = '{}'", folder.display())
}

/// Vectors of one space may be compared, whichever of its models made them.
fn another_student_of_the_space_leaves_rows(world: &World) {
    let next = changed(world, "next-student", &[("revision", "next")]);
    let mut client = tracked(world, "students", 60);
    backfill(&mut client, "product");
    client.batch_execute(&next).expect("the next revision");
    let status = "SELECT format('%s %s', stale, pending) FROM drugembed.status";
    assert_eq!(value(&mut client, status), "0 0");
    let seen = "SELECT count(*) FROM drug_search('product', '두통약', 100, mode => 'vector')";
    assert_eq!(value(&mut client, seen), "60");
}

fn another_space_makes_rows_stale(world: &World) {
    let next = changed(world, "next-space", &[("revision", "next"), ("space", "another@next")]);
    let mut client = tracked(world, "models", 60);
    backfill(&mut client, "product");
    client.batch_execute(&next).expect("the next revision");
    let status = "SELECT format('%s %s', stale, pending) FROM drugembed.status";
    assert_eq!(value(&mut client, status), "60 60");
    let next = value(&mut client, "SELECT model FROM drug_model()");
    assert_error(&mut client, "SELECT drug_search('product', '두통약', mode => 'vector')", "55000", &next);
    let notices = column(
        &mut client,
        "SELECT lexical_rank FROM drug_search('product', (SELECT name FROM product WHERE id = 1), 1)",
    );
    assert_eq!(notices, ["1"], "hybrid goes on by letters alone");

    client.batch_execute("SET client_min_messages = warning").expect("SET");
    client.batch_execute("CALL drugembed.backfill('product', batch => 10, max_rows => 20)").expect("a part");
    assert_eq!(value(&mut client, status), "40 40");
    let seen = "SELECT count(*) FROM drug_search('product', '두통약', 100, mode => 'vector')";
    assert_eq!(value(&mut client, seen), "20", "only rows of the new model");
    client.batch_execute("UPDATE product SET price = 1").expect("an unrelated update");
    backfill(&mut client, "product");
    assert_eq!(value(&mut client, status), "0 0");
    assert_eq!(value(&mut client, seen), "60");
    assert_in_step(&mut client, "product", "name");
}
