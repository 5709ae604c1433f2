"""SQLAlchemy 2: pip install sqlalchemy psycopg[binary] pgvector"""

import os

from pgvector.sqlalchemy import Vector
from sqlalchemy import ARRAY, Text, cast, create_engine, func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

TEXTS = ["타이레놀정500밀리그람", "판콜에이내복액"]


class Base(DeclarativeBase):
    pass


class Drug(Base):
    __tablename__ = "drug"
    item_sequence: Mapped[str] = mapped_column(primary_key=True)
    item_name: Mapped[str]
    product_type: Mapped[str]
    embedding = mapped_column(Vector(384))


engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"))

# 백필은 스스로 커밋하므로 트랜잭션 밖에서 부른다. / A backfill commits by itself: AUTOCOMMIT.
with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    connection.execute(text("CALL drugembed.backfill('drug')"))

with Session(engine) as session:
    # 목록은 text[]로. / A list is passed as text[].
    vectors = session.scalars(select(func.unnest(func.drug_embed(cast(TEXTS, ARRAY(Text)), type_=ARRAY(Vector(384)))).cast(Vector(384)))).all()
    print(len(vectors), len(vectors[0]))

    query = func.drug_embed_query("열을 내리는 약은?", type_=Vector(384))
    print(session.scalars(select(Drug.item_name).where(Drug.product_type.contains("당류")).order_by(Drug.embedding.op("<=>")(query)).limit(1)).one())

    search = text("SELECT document FROM drug_search('drug', :question, k => 2, filter => CAST(:filter AS jsonb))")
    for document in session.scalars(search, {"question": "열을 내리는 약은?", "filter": '{"product_type": {"like": "%소염제%"}}'}):
        print(document.split(" | ")[0])
