//! Asks a question from a Rust client: `cargo run -p server-tests --example search -- "host=/tmp user=me" '열을 내리는 약은?'`.

use pgvector::Vector;
use postgres::{Client, Error, NoTls};

/// A product that answers a question, with its cosine similarity to it.
pub struct Hit {
    pub name: String,
    pub similarity: f64,
}

/// The `limit` nearest products of the table `drug_summary`, nearest first, through its HNSW index.
pub fn search(client: &mut Client, question: &str, limit: i64) -> Result<Vec<Hit>, Error> {
    let query: Vector = client.query_one("SELECT drug_embed_query($1)", &[&question])?.get(0);
    let rows = client.query(
        "SELECT item_name, 1 - (embedding <=> $1) FROM drug_summary ORDER BY embedding <=> $1 LIMIT $2",
        &[&query, &limit],
    )?;
    Ok(rows.iter().map(|row| Hit { name: row.get(0), similarity: row.get(1) }).collect())
}

#[allow(dead_code)] // The tests use search() alone.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(server), Some(question)) = (arguments.next(), arguments.next()) else {
        return Err("usage: search CONNECTION QUESTION".into());
    };
    for hit in search(&mut Client::connect(&server, NoTls)?, &question, 5)? {
        println!("{:.3}  {}", hit.similarity, hit.name);
    }
    Ok(())
}
