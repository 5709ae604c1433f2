//! Arrays of random shapes, lengths, bounds, NULLs and storage against the same texts one by one.

use server_tests::{column, database, value};

use crate::{Test, World, assert_never_down};

pub const TESTS: &[Test] = &[("shapes", shapes)];
pub const LONG_TESTS: &[Test] = &[("five_thousand_shapes", five_thousand_shapes)];

fn shapes(world: &World) {
    random_shapes(world, "shapes", 200, 1);
}

fn five_thousand_shapes(world: &World) {
    let seed = std::env::var("DRUGEMBED_FUZZ_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    random_shapes(world, "many_shapes", 5_000, seed);
}

/// Elements come from a table of texts of 0 to 300 bytes, so that headers have one byte or four and padding varies; the arrays are
/// built, sliced, joined, sent, stored compressed and stored apart.
fn random_shapes(world: &World, name: &str, count: u32, seed: u64) {
    println!("seed {seed}");
    let mut client = database(&world.server, name);
    let seed = (seed % 1_000_003) as f64 / 1_000_003.0;
    client
        .batch_execute(&format!(
            "SELECT setseed({seed});
             CREATE TABLE texts AS SELECT i, CASE WHEN i % 7 > 0 THEN repeat(chr(97 + i % 20), i * i % 300) || '약' || i END AS text
                                     FROM generate_series(0, 60) i;
             ALTER TABLE texts ADD v vector; UPDATE texts SET v = drug_embed(text);
             CREATE TABLE arrays (n int, a text[]); ALTER TABLE arrays ALTER a SET STORAGE MAIN;
             INSERT INTO arrays
                 SELECT n, array_agg(text ORDER BY random()) FILTER (WHERE random() < 0.8)
                   FROM generate_series(1, {count}) n, LATERAL (SELECT text FROM texts WHERE random() < (n % 10) / 8.0) t GROUP BY n;
             UPDATE arrays SET a = a[2:] WHERE n % 5 = 1;
             UPDATE arrays SET a = array_cat(a, a) WHERE n % 5 = 2;
             UPDATE arrays SET a[-3:-1] = ARRAY['앞', NULL, '약']::text[] WHERE n % 11 = 3 AND array_ndims(a) = 1;
             UPDATE arrays SET a = array_fill('채움'::text, ARRAY[3], ARRAY[n]) || a WHERE n % 13 = 4;
             UPDATE arrays SET a = ARRAY[a, a] WHERE n % 17 = 5 AND cardinality(a) > 0;"
        ))
        .expect("arrays");
    let one_by_one = "SELECT count(*) FROM arrays, LATERAL (SELECT drug_embed_many(a) AS v) e
         WHERE array_ndims(a) = 1 AND (cardinality(v) <> cardinality(a) OR v IS DISTINCT FROM
               (SELECT array_agg(drug_embed(t) ORDER BY i) FROM unnest(a) WITH ORDINALITY AS u (t, i)))";
    client.batch_execute("SET drugembed.cache_entries = 1000").expect("SET");
    assert_eq!(value(&mut client, one_by_one), "0");
    let empty = "SELECT count(*) FROM arrays WHERE a = '{}' AND drug_embed_many(a) <> '{}'";
    assert_eq!(value(&mut client, empty), "0");
    for n in column(&mut client, "SELECT n FROM arrays WHERE array_ndims(a) > 1") {
        let error =
            server_tests::error_of(&mut client, &format!("SELECT drug_embed_many(a) FROM arrays WHERE n = {n}"));
        assert_eq!(error.code().code(), "2202E", "{error:?}");
    }
    let tested = value(&mut client, "SELECT count(*) || ' arrays, ' || sum(cardinality(a)) || ' elements' FROM arrays");
    println!("{tested}");
    assert_never_down(&world.server, "arrays");
}
