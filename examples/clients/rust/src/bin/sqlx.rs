//! sqlx, with the crate pgvector.

use pgvector::Vector;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, query_scalar};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), sqlx::Error> {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL");
    let mut connection = PgConnection::connect(&url).await?;

    // 백필은 스스로 커밋하므로 begin() 없이, 준비된 문 없이 부른다. / A backfill commits by itself: without begin().
    connection.execute("CALL drugembed.backfill('drug')").await?;

    // 목록은 text[]로. / A list is passed as text[].
    let texts = ["타이레놀정500밀리그람", "판콜에이내복액"];
    let embed = query_scalar("SELECT v FROM unnest(drug_embed($1::text[])) v").bind(texts);
    let vectors: Vec<Vector> = embed.fetch_all(&mut connection).await?;
    println!("{} {}", vectors.len(), vectors[0].as_slice().len());

    let question = "열을 내리는 약은?";
    let query: Vector = query_scalar("SELECT drug_embed_query($1)").bind(question).fetch_one(&mut connection).await?;
    let nearest = "SELECT item_name FROM drug WHERE product_type LIKE $1 ORDER BY embedding <=> $2 LIMIT 1";
    let name: String = query_scalar(nearest).bind("%당류%").bind(query).fetch_one(&mut connection).await?;
    println!("{name}");

    let search = "SELECT split_part(document, ' | ', 1) FROM drug_search('drug', $1, k => 2, filter => $2)";
    let filter = json!({"product_type": {"like": "%소염제%"}});
    let names: Vec<String> = query_scalar(search).bind(question).bind(filter).fetch_all(&mut connection).await?;
    println!("{}", names.join("\n"));
    Ok(())
}
