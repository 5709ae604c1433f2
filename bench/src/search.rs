//! Index and search at scale: build time, size, recall@10 and time by `hnsw.ef_search`, and the whole of `drug_search`.
//!
//! Rows beyond the real products are synthetic: v = normalise(a + w (b - c)) of three real vectors, so that the noise has the
//! directions in which real products differ; the text is that of a.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use pgvector::Vector;
use postgres::Client;

use crate::results::Results;
use crate::world::World;

#[derive(clap::Args)]
pub struct Args {
    /// Rows of the table
    #[arg(long, default_value_t = 30_000)]
    pub rows: usize,
    /// Kinds of index
    #[arg(long, value_delimiter = ',', default_values_t = KINDS.map(String::from))]
    kinds: Vec<String>,
    #[arg(long, default_value_t = 200)]
    queries: usize,
}

/// Weight of the noise: the synthetic vector's cosine to a is 0.95 (median).
const NOISE: f64 = 0.25;
pub const EF_SEARCH: [usize; 7] = [10, 20, 40, 80, 120, 200, 400];
const K: usize = 10;
/// Type of the index / m / ef_construction.
pub const KINDS: [&str; 5] = ["vector/16/64", "vector/16/200", "vector/32/400", "halfvec/32/400", "bit/32/400"];
/// That of drugembed.index_sql, with which the whole of drug_search is measured.
pub const RECOMMENDED: &str = "vector/32/400";
/// What an index build and its scans get; two processes build, one for each core.
pub const SETTINGS: &[&str] = &[
    "shared_buffers=4GB",
    "maintenance_work_mem=4GB",
    "max_parallel_maintenance_workers=1",
    "max_wal_size=16GB",
    "autovacuum=off",
    "jit=off",
];

struct Query {
    text: String,
    vector: Vector,
    /// Distance of the tenth nearest row.
    tenth: f64,
}

pub fn measure(world: &World, args: &Args) -> Result<Results> {
    let mut results = world.results();
    let mut client = world.client();
    fill(world, &mut client, args.rows, &mut results)?;
    let queries = queries(&mut client, args.queries)?;
    for kind in &args.kinds {
        build(&mut client, kind, &mut results)?;
        // A small table is read faster whole; here the index is what is measured.
        client.batch_execute("SET enable_seqscan = off")?;
        for ef in EF_SEARCH {
            client.batch_execute(&format!("SET hnsw.ef_search = {ef}"))?;
            curve(&mut client, kind, ef, &queries, &mut results)?;
        }
        client.batch_execute("RESET hnsw.ef_search; RESET enable_seqscan")?;
        if kind == RECOMMENDED {
            whole(&mut client, kind, &queries, &mut results)?;
        }
        client.batch_execute("DROP INDEX ann")?;
    }
    Ok(results)
}

/// Table `item`, tracked, with `rows` vectors.
fn fill(world: &World, client: &mut Client, rows: usize, results: &mut Results) -> Result<()> {
    client.batch_execute(
        "CREATE EXTENSION pg_trgm; CREATE TABLE real (n bigint, document text, embedding vector(384));",
    )?;
    load_real(world, client)?;
    let real: i64 = client.query_one("SELECT count(*) FROM real", &[])?.get(0);
    results.notes.push(format!(
        "{} real products, {} synthetic rows",
        rows.min(real as usize),
        rows.saturating_sub(real as usize)
    ));
    client.batch_execute(
        "CREATE INDEX ON real (n); ANALYZE real;
         CREATE TABLE item (id bigint PRIMARY KEY, document text);
         SELECT drugembed.track('item', 'document');
         INSERT INTO item (id, document) VALUES (0, '약')",
    )?;
    // The rows below stand for embedded ones: only the part of their state that names the model is looked at.
    client.batch_execute("CALL drugembed.backfill('item')")?;
    client.batch_execute(&format!(
        "INSERT INTO item (id, document, embedding, embedding_state)
         SELECT i, a.document || again, CASE WHEN i <= {real} THEN a.embedding ELSE l2_normalize(a.embedding + (b.embedding - c.embedding) * w) END,
                s.embedding_state
           FROM generate_series(1, {rows}::bigint) i
           JOIN real a ON a.n = i % {real}
           JOIN real b ON b.n = (i * 7919 + i / {real}) % {real}
           JOIN real c ON c.n = (i * 104729 + 3 * (i / {real}) + 1) % {real},
                LATERAL (SELECT CASE WHEN i > {real} THEN ' ' || i ELSE '' END) g (again),
                (SELECT array_fill({NOISE}, ARRAY[384])::vector) noise (w), (SELECT embedding_state FROM item WHERE id = 0) s;
         DELETE FROM item WHERE id = 0"
    ))?;
    // Of the letters and of the facts that questions ask for.
    let lexical = "SELECT s FROM drugembed.index_sql('item', online => false) s WHERE s LIKE '%USING gin%'";
    let lexical: Vec<String> = client.query(lexical, &[])?.iter().map(|row| row.get(0)).collect();
    let start = Instant::now();
    for index in &lexical {
        client.batch_execute(index)?;
    }
    results.add("pg_trgm", "index", "build", start.elapsed().as_secs_f64(), 1);
    client.batch_execute("VACUUM ANALYZE item")?;
    let cosine = format!(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY 1 - (i.embedding <=> a.embedding)) FROM item i JOIN real a ON a.n = i.id % {real} WHERE i.id > {real}"
    );
    if let Some(cosine) = client.query_one(&cosine, &[])?.get::<_, Option<f64>>(0) {
        results.notes.push(format!("cosine of a synthetic vector to the one it was made from: {cosine:.3} (median)"));
    }
    Ok(())
}

/// Embeds the products once for each model; later runs read the file.
fn load_real(world: &World, client: &mut Client) -> Result<()> {
    let model: String = client.query_one("SELECT model FROM drug_model()", &[])?.get(0);
    let source = if world.options.data.is_some() { "data" } else { "sample" };
    let path: PathBuf = world.options.cache.join(format!("vectors-{model}-{source}.copy"));
    if !path.exists() {
        println!("-- embedding the products");
        client.batch_execute(
            "SET max_parallel_workers_per_gather = 1; SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
             CREATE TABLE fresh AS SELECT item_sequence, d AS document, drug_embed(d) AS embedding
               FROM (SELECT item_sequence, drug_document(item_name, product_type, ingredient_name) AS d FROM drug_summary) s;
             RESET ALL;
             INSERT INTO real SELECT row_number() OVER (ORDER BY md5(item_sequence)) - 1, document, embedding FROM fresh;
             DROP TABLE fresh;",
        )?;
        let mut bytes = Vec::new();
        client.copy_out("COPY real TO STDOUT (FORMAT binary)")?.read_to_end(&mut bytes)?;
        fs::write(path.with_extension("part"), bytes)?;
        return Ok(fs::rename(path.with_extension("part"), path)?);
    }
    let mut writer = client.copy_in("COPY real FROM STDIN (FORMAT binary)")?;
    writer.write_all(&fs::read(path)?)?;
    writer.finish()?;
    Ok(())
}

/// Lay questions of the development benchmark, with the exact answer's last distance.
fn queries(client: &mut Client, count: usize) -> Result<Vec<Query>> {
    client.batch_execute("CREATE TEMPORARY TABLE question (id text, task text, text text, relevant text)")?;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../trainer/data/eval/questions.csv");
    let mut writer = client.copy_in("COPY question FROM STDIN (FORMAT csv, HEADER)")?;
    writer.write_all(&fs::read(path).context(path)?)?;
    writer.finish()?;
    client.batch_execute("SET enable_indexscan = off; SET max_parallel_workers_per_gather = 1;")?;
    let rows = client
        .query(&format!("SELECT text, drug_embed_query(text) FROM question ORDER BY md5(text) LIMIT {count}"), &[])?;
    let exact = client.prepare(&format!("SELECT embedding <=> $1 FROM item ORDER BY embedding <=> $1 LIMIT {K}"))?;
    let mut queries = Vec::new();
    for row in rows {
        let vector: Vector = row.get(1);
        let nearest = client.query(&exact, &[&vector])?;
        let tenth = nearest.last().context("the table is empty")?.get(0);
        queries.push(Query { text: row.get(0), vector, tenth });
    }
    client.batch_execute("RESET enable_indexscan; RESET max_parallel_workers_per_gather;")?;
    Ok(queries)
}

fn build(client: &mut Client, kind: &str, results: &mut Results) -> Result<()> {
    let mut parts = kind.split('/');
    let column = match parts.next().unwrap_or_default() {
        "vector" => "embedding vector_cosine_ops",
        "halfvec" => "(embedding::halfvec(384)) halfvec_cosine_ops",
        _ => "(binary_quantize(embedding)::bit(384)) bit_hamming_ops",
    };
    let m = parts.next().unwrap_or("16");
    let ef_construction = parts.next().unwrap_or("64");
    let start = Instant::now();
    client.batch_execute(&format!(
        "CREATE INDEX ann ON item USING hnsw ({column}) WITH (m = {m}, ef_construction = {ef_construction})"
    ))?;
    results.add(kind, "index", "build", start.elapsed().as_secs_f64(), 1);
    let size: i64 = client.query_one("SELECT pg_relation_size('ann')", &[])?.get(0);
    results.add(kind, "index", "size", size as f64, 1);
    Ok(())
}

/// Time and recall of the index scan alone: the query's vector is given.
fn curve(client: &mut Client, kind: &str, ef: usize, queries: &[Query], results: &mut Results) -> Result<()> {
    let sql = match kind.split('/').next().unwrap_or_default() {
        "vector" => format!("SELECT embedding <=> $1 FROM item ORDER BY embedding <=> $1 LIMIT {K}"),
        "halfvec" => {
            let near = format!(
                "SELECT embedding FROM item ORDER BY embedding::halfvec(384) <=> $1::vector::halfvec(384) LIMIT {}",
                K.max(ef / 2)
            );
            format!("SELECT embedding <=> $1 FROM ({near}) n ORDER BY 1 LIMIT {K}")
        }
        _ => {
            let near = format!(
                "SELECT embedding FROM item ORDER BY binary_quantize(embedding)::bit(384) <~> binary_quantize($1::vector)::bit(384) LIMIT {}",
                K.max(ef)
            );
            format!("SELECT embedding <=> $1 FROM ({near}) n ORDER BY 1 LIMIT {K}")
        }
    };
    let statement = client.prepare(&sql)?;
    require_index(client, &sql)?;
    let mut times = Vec::new();
    let mut found = 0;
    for pass in 0..2 {
        for query in queries {
            let start = Instant::now();
            let rows = client.query(&statement, &[&query.vector])?;
            if pass == 0 {
                found += near_enough(rows.iter().map(|row| row.get(0)), query);
            } else {
                times.push(start.elapsed().as_secs_f64());
            }
        }
    }
    results.add_times(kind, &format!("ef_search {ef}"), &times);
    results.add(kind, format!("ef_search {ef}"), "recall@10", found as f64 / (K * queries.len()) as f64, queries.len());
    Ok(())
}

fn require_index(client: &mut Client, sql: &str) -> Result<()> {
    let plan: Vec<String> = client
        .query(&format!("EXPLAIN {}", sql.replace("$1", "(SELECT embedding FROM item WHERE id = 1)")), &[])?
        .iter()
        .map(|row| row.get(0))
        .collect();
    ensure!(plan.iter().any(|line| line.contains("using ann")), "the index is not used:\n{}", plan.join("\n"));
    Ok(())
}

/// Rows as near as the exact answer's, up to the rounding of equal vectors.
fn near_enough(distances: impl Iterator<Item = f64>, query: &Query) -> usize {
    distances.filter(|distance| *distance <= query.tenth + 1e-6).count()
}

/// From the question's text to the rows.
fn whole(client: &mut Client, kind: &str, queries: &[Query], results: &mut Results) -> Result<()> {
    // Embedding is part of the time: a question that comes again must not be remembered.
    client.batch_execute("SET drugembed.cache_entries = 8")?;
    let embed = "SELECT drug_embed_query($1) <=> drug_embed_query($1)";
    let search = |mode: &str| format!("SELECT COALESCE(1 - similarity, 2) FROM drug_search('item', $1, {K}, '{mode}')");
    let cases = [
        ("embedding alone", embed.to_owned()),
        ("drug_search vector", search("vector")),
        ("drug_search hybrid", search("hybrid")),
        ("drug_search lexical", search("lexical")),
    ];
    let statements = cases.iter().map(|(_, sql)| Ok(client.prepare(sql)?)).collect::<Result<Vec<_>>>()?;
    let mut times = vec![Vec::new(); cases.len()];
    let mut found = vec![0; cases.len()];
    for pass in 0..3 {
        for query in queries {
            for (c, statement) in statements.iter().enumerate() {
                // Each case embeds the question anew: the cache is emptied when it is next looked at.
                client.batch_execute(
                    "SET drugembed.cache_entries = 0; SELECT model FROM drug_model(); SET drugembed.cache_entries = 8",
                )?;
                let start = Instant::now();
                let rows = client.query(statement, &[&query.text])?;
                match pass {
                    0 => found[c] += near_enough(rows.iter().map(|row| row.get(0)), query),
                    _ => times[c].push(start.elapsed().as_secs_f64()),
                }
            }
        }
    }
    for (c, (case, _)) in cases.iter().enumerate() {
        results.add_times(kind, case, &times[c]);
        if *case == "drug_search vector" {
            results.add(kind, *case, "recall@10", found[c] as f64 / (K * queries.len()) as f64, queries.len());
        }
    }
    client.batch_execute("RESET drugembed.cache_entries")?;
    Ok(())
}
