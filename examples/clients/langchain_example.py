"""LangChain: pip install langchain-core psycopg[binary] pgvector"""

import json
import os

import psycopg
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pgvector.psycopg import register_vector

connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
register_vector(connection)


class DrugEmbeddings(Embeddings):
    """데이터베이스가 임베딩한다. / The database embeds."""

    def embed_documents(self, texts):
        rows = connection.execute("SELECT unnest(drug_embed(%s::text[]))::real[]", [texts]).fetchall()
        return [vector for (vector,) in rows]

    def embed_query(self, text):
        return connection.execute("SELECT drug_embed_query(%s)::real[]", [text]).fetchone()[0]


class DrugRetriever(BaseRetriever):
    table: str = "drug"
    k: int = 10
    filter: dict = {}

    def _get_relevant_documents(self, query, *, run_manager):
        sql = "SELECT key, document, similarity FROM drug_search(%s::regclass, %s, k => %s, filter => %s::jsonb)"
        rows = connection.execute(sql, [self.table, query, self.k, json.dumps(self.filter)])
        return [Document(page_content=document, metadata={**key, "similarity": similarity}) for key, document, similarity in rows]


# 백필은 스스로 커밋하므로 트랜잭션 밖에서 부른다. / A backfill commits by itself, so it is called outside a transaction.
connection.execute("CALL drugembed.backfill('drug')")
vectors = DrugEmbeddings().embed_documents(["타이레놀정500밀리그람", "판콜에이내복액"])
print(len(vectors), len(vectors[0]))
retriever = DrugRetriever(k=1, filter={"product_type": {"like": "%당류%"}})
print(retriever.invoke("열을 내리는 약은?")[0].page_content.split(" | ")[0])
for document in DrugRetriever(k=2, filter={"product_type": {"like": "%소염제%"}}).invoke("열을 내리는 약은?"):
    print(document.page_content.split(" | ")[0])
assert len(DrugEmbeddings().embed_query("열을 내리는 약은?")) == 384
