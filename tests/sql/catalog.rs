//! What the catalogs say of the extension: labels, comments, plans.

use server_tests::{column, database, value};

use crate::{Test, World};

pub const TESTS: &[Test] = &[
    ("labels_and_comments", labels_and_comments),
    ("index_is_used", index_is_used),
    ("constant_side_is_embedded_once", constant_side_is_embedded_once),
];

const FUNCTIONS: &str =
    "FROM pg_proc JOIN pg_depend ON objid = pg_proc.oid AND deptype = 'e' AND classid = 'pg_proc'::regclass
    JOIN pg_extension ON refobjid = pg_extension.oid AND extname = 'drugembed'";

fn labels_and_comments(world: &World) {
    let mut client = database(&world.server, "labels");
    let bare =
        format!("SELECT pg_proc.oid::regprocedure {FUNCTIONS} WHERE obj_description(pg_proc.oid, 'pg_proc') IS NULL");
    assert_eq!(column(&mut client, &bare), Vec::<String>::new());
    let label = |signature: &str| {
        format!(
            "SELECT provolatile::text || proparallel::text || proisstrict::int::text FROM pg_proc WHERE oid = '{signature}'::regprocedure"
        )
    };
    for (signature, expected) in [
        ("drug_embed(text)", "ss1"),
        ("drug_embed(text[])", "ss1"),
        ("drug_embed_many(text[])", "ss1"),
        ("drugembed._is_blank(text)", "is0"),
        ("drug_similarity(vector, vector)", "is1"),
        ("drug_embed(text, text)", "is1"),
        ("drug_embed_query(text)", "ss1"),
        ("drug_similarity(text, text)", "ss1"),
        ("drug_similarity(vector, text)", "ss1"),
        ("drug_token_count(text)", "ss1"),
        ("drug_document(text, text, text, text)", "is0"),
        ("drug_question(text)", "is1"),
    ] {
        assert_eq!(value(&mut client, &label(signature)), expected, "{signature}");
    }
    assert_eq!(
        value(&mut client, "SELECT procost >= 10000 FROM pg_proc WHERE oid = 'drug_embed(text)'::regprocedure"),
        "t"
    );
}

fn index_is_used(world: &World) {
    let mut client = database(&world.server, "plans");
    client
        .batch_execute(
            "CREATE TABLE products AS SELECT i, ('[' || array_to_string(array_agg(random()), ',') || ']')::vector(384) AS embedding
               FROM generate_series(1, 500) i, generate_series(1, 384) j GROUP BY i;
             CREATE INDEX ON products USING hnsw (embedding vector_cosine_ops); ANALYZE products",
        )
        .expect("a table");
    let indexed = "EXPLAIN SELECT i FROM products ORDER BY embedding <=> drug_embed_query('해열제') LIMIT 5";
    assert!(column(&mut client, indexed).iter().any(|line| line.contains("Index Scan using products_embedding_idx")));
    let by_similarity = "EXPLAIN SELECT i FROM products ORDER BY drug_similarity(embedding, '해열제') DESC LIMIT 5";
    assert!(!column(&mut client, by_similarity).iter().any(|line| line.contains("Index Scan")));
}

/// Without an index the constant side of an ORDER BY is called once a row: the cache makes that one inference.
fn constant_side_is_embedded_once(world: &World) {
    let mut client = database(&world.server, "constant");
    client
        .batch_execute(
            "CREATE TABLE products AS SELECT drug_embed('타이레놀정') AS embedding FROM generate_series(1, 300)",
        )
        .expect("a table");
    let start = std::time::Instant::now();
    value(
        &mut client,
        "SELECT count(*) FROM (SELECT FROM products ORDER BY embedding <=> drug_embed_query('해열제')) s",
    );
    column(&mut client, "SELECT 1 FROM products ORDER BY drug_similarity(embedding, '두통약') DESC");
    let cached = start.elapsed();
    client.batch_execute("SET drugembed.cache_entries = 0").expect("SET");
    let start = std::time::Instant::now();
    column(&mut client, "SELECT 1 FROM products ORDER BY drug_similarity(embedding, '두통약') DESC");
    let uncached = start.elapsed();
    assert!(cached * 5 < uncached, "{cached:?} with, {uncached:?} without the cache");
}
