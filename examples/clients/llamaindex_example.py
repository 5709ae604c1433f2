"""LlamaIndex: pip install llama-index-core psycopg[binary]"""

import json
import os

import psycopg
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, TextNode

connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)


class DrugEmbedding(BaseEmbedding):
    """데이터베이스가 임베딩한다. / The database embeds."""

    def _get_text_embeddings(self, texts):
        rows = connection.execute("SELECT unnest(drug_embed(%s::text[]))::real[]", [texts]).fetchall()
        return [vector for (vector,) in rows]

    def _get_text_embedding(self, text):
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query):
        return connection.execute("SELECT drug_embed_query(%s)::real[]", [query]).fetchone()[0]

    async def _aget_query_embedding(self, query):
        return self._get_query_embedding(query)


class DrugRetriever(BaseRetriever):
    def __init__(self, table, k=10, filter=None):
        self.arguments = [table, k, json.dumps(filter or {})]
        super().__init__()

    def _retrieve(self, query_bundle):
        table, k, filter = self.arguments
        sql = "SELECT key::text, document, similarity FROM drug_search(%s::regclass, %s, k => %s, filter => %s::jsonb)"
        rows = connection.execute(sql, [table, query_bundle.query_str, k, filter])
        return [NodeWithScore(node=TextNode(id_=key, text=document), score=similarity) for key, document, similarity in rows]


# 백필은 스스로 커밋하므로 트랜잭션 밖에서 부른다. / A backfill commits by itself, so it is called outside a transaction.
connection.execute("CALL drugembed.backfill('drug')")
vectors = DrugEmbedding().get_text_embedding_batch(["타이레놀정500밀리그람", "판콜에이내복액"])
print(len(vectors), len(vectors[0]))
for filter, k in (({"product_type": {"like": "%당류%"}}, 1), ({"product_type": {"like": "%소염제%"}}, 2)):
    for found in DrugRetriever("drug", k, filter).retrieve("열을 내리는 약은?"):
        print(found.text.split(" | ")[0])
assert len(DrugEmbedding().get_query_embedding("열을 내리는 약은?")) == 384
