"""asyncpg: pip install asyncpg pgvector"""

import asyncio
import os

import asyncpg
from pgvector.asyncpg import register_vector


async def main():
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await register_vector(connection)
    # 백필은 스스로 커밋하므로 connection.transaction() 밖에서. / A backfill commits by itself: outside connection.transaction().
    await connection.execute("CALL drugembed.backfill('drug')")

    # 목록은 text[]로. / A list is passed as text[].
    rows = await connection.fetch("SELECT v FROM unnest(drug_embed($1::text[])) v", ["타이레놀정500밀리그람", "판콜에이내복액"])
    print(len(rows), len(rows[0]["v"].to_list()))

    query = await connection.fetchval("SELECT drug_embed_query($1)", "열을 내리는 약은?")
    print(await connection.fetchval("SELECT item_name FROM drug WHERE product_type LIKE $1 ORDER BY embedding <=> $2 LIMIT 1", "%당류%", query))

    sql = "SELECT document FROM drug_search('drug', $1, k => 2, filter => $2::jsonb)"
    for row in await connection.fetch(sql, "열을 내리는 약은?", '{"product_type": {"like": "%소염제%"}}'):
        print(row["document"].split(" | ")[0])
    await connection.close()


asyncio.run(main())
