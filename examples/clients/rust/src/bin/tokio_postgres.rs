//! tokio-postgres, with the crate pgvector.

use pgvector::Vector;
use serde_json::json;
use tokio_postgres::{Error, NoTls, connect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL");
    let (client, connection) = connect(&url, NoTls).await?;
    tokio::spawn(connection);

    // 백필은 스스로 커밋하므로 트랜잭션 밖에서 부른다. / A backfill commits by itself, so it is called outside a transaction.
    client.batch_execute("CALL drugembed.backfill('drug')").await?;

    // 목록은 text[]로. / A list is passed as text[].
    let texts = ["타이레놀정500밀리그람", "판콜에이내복액"];
    let rows = client.query("SELECT v FROM unnest(drug_embed($1::text[])) v", &[&texts.as_slice()]).await?;
    let vectors: Vec<Vector> = rows.iter().map(|row| row.get(0)).collect();
    println!("{} {}", vectors.len(), vectors[0].as_slice().len());

    let question = "열을 내리는 약은?";
    let query: Vector = client.query_one("SELECT drug_embed_query($1)", &[&question]).await?.get(0);
    let nearest = "SELECT item_name FROM drug WHERE product_type LIKE $1 ORDER BY embedding <=> $2 LIMIT 1";
    println!("{}", client.query_one(nearest, &[&"%당류%", &query]).await?.get::<_, String>(0));

    let search = "SELECT split_part(document, ' | ', 1) FROM drug_search('drug', $1, k => 2, filter => $2)";
    for row in client.query(search, &[&question, &json!({"product_type": {"like": "%소염제%"}})]).await? {
        println!("{}", row.get::<_, String>(0));
    }
    Ok(())
}
