//! Sessions that may not have the memory that they need: an ERROR 53200, and the session goes on.

use std::collections::BTreeMap;

use postgres::Client;
use server_tests::{Server, database, run, value};

use crate::{Test, World, assert_never_down, prepared_server};

pub const TESTS: &[Test] = &[("some_limits", some_limits), ("memory_of_arrays", memory_of_arrays)];
pub const LONG_TESTS: &[Test] = &[("fifty_limits", fifty_limits)];

/// Address space of a session, in bytes.
const LEAST: u64 = 200_000_000;
const MOST: u64 = 1_000_000_000;

/// Every function, with small and with large arguments.
const STATEMENTS: [&str; 18] = [
    "SELECT drug_embed('타이레놀정')",
    "SELECT drug_embed_query('열을 내리는 약은?')",
    "SELECT drug_embed(model, '게보린정') FROM drug_model()",
    "SELECT drug_similarity('해열제', '감기약')",
    "SELECT drug_similarity(array_fill(0.1, ARRAY[384])::vector, '감기약')",
    "SELECT drug_similarity(array_fill(0.1, ARRAY[384])::vector, array_fill(0.1, ARRAY[384])::vector)",
    "SELECT drug_embed_many(array_agg('약 ' || i)) FROM generate_series(1, 120) i",
    "SELECT drug_embed(array_fill(NULL::text, ARRAY[9000000]))",
    "SELECT drug_embed(array_agg('x'::text)) FROM generate_series(1, 300000)",
    "SELECT drug_embed(array_fill(repeat('가', 80000), ARRAY[2000]))",
    "SELECT drug_embed(repeat('㌖', 80000))",
    "SET drugembed.on_overflow = truncate; SELECT drug_embed(repeat('아세트아미노펜 ', 10000)); RESET drugembed.on_overflow",
    "SELECT drug_token_count(repeat('ﷺ', 80000))",
    "SELECT drug_token_count(repeat('가', 87000))",
    "SELECT length(drug_document(repeat('가', 300000), repeat('나', 300000), (SELECT string_agg('성분' || i, '/') FROM generate_series(1, 50000) i)))",
    "SELECT drugembed._is_blank(repeat(' ', 50000000))",
    "SET drugembed.cache_entries = 10000; SELECT drug_embed('캐시'); RESET drugembed.cache_entries",
    "SELECT drug_embed(repeat('가', 100000000))",
];

fn some_limits(world: &World) {
    under_limits(world, "limits", 6, 10);
}

fn fifty_limits(world: &World) {
    under_limits(world, "all_limits", 50, 10);
}

/// `steps` limits, each on a server that loads the installed model, one that loads a prepared one, and one that preloads it; every
/// `preparing`th session also prepares.
fn under_limits(world: &World, name: &str, steps: u64, preparing: u64) {
    let installed = Server::start(&world.install, &format!("{name}_installed"), &[]);
    drop(database(&installed, "faults"));
    let servers = [
        ("as installed", installed),
        ("prepared", prepared_server(world, &format!("{name}_prepared"), false)),
        ("preloaded", prepared_server(world, &format!("{name}_preloaded"), true)),
    ];
    for (how, server) in &servers {
        let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
        for step in 0..steps {
            let limit = LEAST + (MOST - LEAST) * step / (steps - 1);
            let mut client = server.connect("faults");
            client.batch_execute("SET statement_timeout = '20s'").expect("SET");
            limit_memory(world, &mut client, limit);
            for sql in STATEMENTS.iter().chain((step % preparing == 0).then_some(&"SELECT drugembed.prepare()")) {
                *outcomes.entry(outcome(&mut client, sql, &format!("{how}, {limit} bytes"))).or_default() += 1;
                assert_never_down(server, &format!("{how}, {limit} bytes: {sql}"));
            }
        }
        println!("{how}: {outcomes:?}");
        let mut client = server.connect("faults");
        assert_eq!(value(&mut client, "SELECT vector_dims(drug_embed('타이레놀정'))"), "384");
    }
}

fn limit_memory(world: &World, client: &mut Client, bytes: u64) {
    let pid = value(client, "SELECT pg_backend_pid()");
    run(world.install.command("prlimit").args([&format!("--as={bytes}"), "--pid", &pid]));
}

/// `answered`, or the SQLSTATE of an error that says what it is about: memory, or a limit.
fn outcome(client: &mut Client, sql: &str, of: &str) -> String {
    let Err(error) = client.simple_query(sql) else { return "answered".to_owned() };
    let error = error.as_db_error().unwrap_or_else(|| panic!("{of}: the connection broke in {sql}: {error}"));
    let code = error.code().code().to_owned();
    // pgvector's library, which PostgreSQL loads.
    let is_other_library = code == "58P01" && error.message().starts_with("could not load library");
    assert!(is_other_library || ["53200", "54000"].contains(&code.as_str()), "{of}: {sql}: {error:?}");
    // A failed statement of a list leaves its SET; and the session goes on.
    client
        .batch_execute("RESET ALL; SET statement_timeout = '20s'")
        .unwrap_or_else(|e| panic!("{of}: after {sql}: {e}"));
    code
}

/// A NULL takes at most 16 bytes beside the array that holds it, a name at most twice PostgreSQL's own array of them.
fn memory_of_arrays(world: &World) {
    let mut client = database(&world.server, "array_memory");
    let peak = |client: &mut Client| -> i64 {
        let sql = "SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\\s+(\\d+)'))[1]::int8 * 1024";
        value(client, sql).parse().expect("bytes")
    };
    value(&mut client, "SELECT vector_dims(drug_embed('타이레놀정'))");
    let before = peak(&mut client);
    let nulls = 9_000_000;
    let sql = format!("SELECT cardinality(drug_embed(array_fill(NULL::text, ARRAY[{nulls}])))");
    assert_eq!(value(&mut client, &sql), nulls.to_string());
    let a_null = (peak(&mut client) - before) / nulls;
    println!("{a_null} bytes a NULL");
    assert!(a_null <= 16, "{a_null} bytes a NULL");

    // Refused by the last text, so that only the array and what is held of its texts is measured.
    let names = 600_000;
    client
        .batch_execute(
            "CREATE TABLE names AS SELECT array_agg('name of 20 bytes ' || lpad(i::text, 3)) || ''::text AS names FROM generate_series(1, 600000) i",
        )
        .expect("names");
    let mut client = world.server.connect("array_memory");
    value(&mut client, "SELECT vector_dims(drug_embed('타이레놀정'))");
    let own = value(&mut client, "SELECT pg_column_size(names || ''::text) FROM names").parse::<i64>().expect("bytes");
    let mut client = world.server.connect("array_memory");
    value(&mut client, "SELECT vector_dims(drug_embed('타이레놀정'))");
    value(&mut client, "SELECT cardinality(names) FROM names");
    let before = peak(&mut client);
    let sql = "SET statement_timeout = '20s'; SELECT drug_embed(names) FROM names";
    let error = client.batch_execute(sql).expect_err("the last text is blank");
    assert_eq!(error.code().map(|code| code.code()), Some("22023"), "{error:?}");
    let taken = peak(&mut client) - before;
    println!("{} bytes a name beside PostgreSQL's array, which has {}", taken / names, own / names);
    assert!(taken <= 2 * own, "{taken} bytes beside an array of {own}");
}
