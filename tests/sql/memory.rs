//! Embedding many rows leaves no memory behind.

use std::fs;

use server_tests::{database, value};

use crate::{Test, World};

pub const TESTS: &[Test] = &[("ten_thousand_rows", ten_thousand_rows)];

fn ten_thousand_rows(world: &World) {
    let mut client = database(&world.server, "memory");
    let pid: u32 = value(&mut client, "SELECT pg_backend_pid()").parse().expect("a number");
    let embed =
        |from: u32, to: u32| format!("SELECT count(drug_embed('진통제 ' || i)) FROM generate_series({from}, {to}) i");
    value(&mut client, &embed(1, 100));
    let after_100 = private_kb(pid);
    value(&mut client, &embed(101, 10_000));
    let after_10_000 = private_kb(pid);
    println!("private memory: {after_100} kB after 100 rows, {after_10_000} kB after 10,000");
    assert!(after_10_000 < after_100 + 5 * 1024, "{after_100} kB, then {after_10_000} kB");
}

/// Memory that the process has written and shares with none. Clean pages of files are left out: the system can drop them, and
/// whether they count as private depends on what other processes map.
pub fn private_kb(pid: u32) -> u64 {
    rollup_kb(pid, "Private_Dirty:")
}

/// Memory of the process, of which each page counts in parts among those that share it.
pub fn proportional_kb(pid: u32) -> u64 {
    rollup_kb(pid, "Pss:")
}

fn rollup_kb(pid: u32, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("smaps_rollup");
    let line = text.lines().find(|line| line.starts_with(field)).expect("the field");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a size")
}
