// Node: npm install pg pgvector
import pg from 'pg';
import pgvector from 'pgvector/pg';

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await pgvector.registerTypes(client);

// 백필은 스스로 커밋하므로 BEGIN 없이 부른다. / A backfill commits by itself: without BEGIN.
await client.query("CALL drugembed.backfill('drug')");

// 목록은 text[]로. / A list is passed as text[].
const texts = ['타이레놀정500밀리그람', '판콜에이내복액'];
const vectors = (await client.query('SELECT v FROM unnest(drug_embed($1::text[])) v', [texts])).rows.map((row) => row.v);
console.log(vectors.length, vectors[0].length);

const query = (await client.query('SELECT drug_embed_query($1) AS v', ['열을 내리는 약은?'])).rows[0].v;
const nearest = 'SELECT item_name FROM drug WHERE product_type LIKE $1 ORDER BY embedding <=> $2 LIMIT 1';
console.log((await client.query(nearest, ['%당류%', pgvector.toSql(query)])).rows[0].item_name);

const search = "SELECT document FROM drug_search('drug', $1, k => 2, filter => $2::jsonb)";
const filter = { product_type: { like: '%소염제%' } };
for (const row of (await client.query(search, ['열을 내리는 약은?', filter])).rows) {
  console.log(row.document.split(' | ')[0]);
}
await client.end();
