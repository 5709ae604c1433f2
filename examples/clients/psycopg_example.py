"""psycopg 3: pip install psycopg[binary] pgvector"""

import os

import psycopg
from pgvector.psycopg import register_vector

TEXTS = ["타이레놀정500밀리그람", "판콜에이내복액"]

# 백필은 스스로 커밋하므로 트랜잭션 밖에서 부른다. / A backfill commits by itself, so it is called outside a transaction.
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    register_vector(connection)
    connection.execute("CALL drugembed.backfill('drug')")

    # 목록은 text[]로. / A list is passed as text[].
    rows = connection.execute("SELECT unnest(drug_embed(%s::text[]))", [TEXTS]).fetchall()
    print(len(rows), len(rows[0][0].to_list() if hasattr(rows[0][0], "to_list") else rows[0][0]))

    query = connection.execute("SELECT drug_embed_query(%s)", ["열을 내리는 약은?"]).fetchone()[0]
    sql = "SELECT item_name FROM drug WHERE product_type LIKE %s ORDER BY embedding <=> %s LIMIT 1"
    print(connection.execute(sql, ["%당류%", query]).fetchone()[0])

    sql = "SELECT document FROM drug_search('drug', %s, k => 2, filter => %s::jsonb)"
    for (document,) in connection.execute(sql, ["열을 내리는 약은?", '{"product_type": {"like": "%소염제%"}}']):
        print(document.split(" | ")[0])
