//! 30,000 products embedded and written by two sessions of drugembed.backfill.

use std::thread;
use std::time::Instant;

use anyhow::Result;

use crate::engines::OWN;
use crate::results::Results;
use crate::world::World;

const ROWS: usize = 30_000;
const SESSIONS: usize = 2;

pub fn measure(world: &World) -> Result<Results> {
    let mut results = world.results();
    for (case, source) in [("names", "name"), ("documents", "document")] {
        let mut client = world.client();
        // Products repeat where there are fewer: the number tells them apart.
        let sql = format!(
            "DROP TABLE IF EXISTS product;
             CREATE TABLE product (id bigint PRIMARY KEY, name text, document text);
             WITH p AS (SELECT row_number() OVER (ORDER BY md5(item_sequence)) AS n, count(*) OVER () AS all_rows, * FROM drug_summary)
             INSERT INTO product SELECT i, item_name || again, drug_document(item_name || again, product_type, ingredient_name)
               FROM generate_series(1, {ROWS}) i JOIN p ON n = (i - 1) % all_rows + 1, LATERAL (SELECT CASE WHEN i > all_rows THEN ' ' || i ELSE '' END) a (again);
             SELECT drugembed.track('product', '{source}');"
        );
        client.batch_execute(&sql)?;
        let start = Instant::now();
        thread::scope(|scope| {
            let running: Vec<_> = (0..SESSIONS).map(|_| scope.spawn(|| backfill(world))).collect();
            running.into_iter().try_for_each(|thread| thread.join().expect("a session"))
        })?;
        let seconds = start.elapsed().as_secs_f64();
        let embedded: i64 = client.query_one("SELECT count(embedding) FROM product", &[])?.get(0);
        anyhow::ensure!(embedded == ROWS as i64, "{embedded} rows are embedded");
        results.add(OWN, case, "seconds", seconds, ROWS);
        results.add(OWN, case, "rows/s", ROWS as f64 / seconds, ROWS);
        client.batch_execute("SELECT drugembed.untrack('product')")?;
    }
    Ok(results)
}

fn backfill(world: &World) -> Result<()> {
    let mut client = world.client();
    client.batch_execute("SET client_min_messages = warning")?;
    // By itself: a procedure that commits cannot be one of several statements.
    Ok(client.batch_execute("CALL drugembed.backfill('product')")?)
}
