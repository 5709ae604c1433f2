"""Django 5: pip install django psycopg[binary] pgvector"""

import os

import dj_database_url
import django
from django.conf import settings

settings.configure(DATABASES={"default": dj_database_url.parse(os.environ["DATABASE_URL"])})
django.setup()

from django.db import connection, models  # noqa: E402
from django.db.models import F, Func, TextField, Value  # noqa: E402
from django.db.models.functions import Cast  # noqa: E402
from pgvector.django import CosineDistance, VectorField  # noqa: E402

with connection.cursor() as cursor:
    # Django는 보통 autocommit이다: 백필은 atomic() 밖에서. / Django is in autocommit by default: call it outside atomic().
    cursor.execute("CALL drugembed.backfill('drug')")
    # 목록은 text[]로. / A list is passed as text[].
    cursor.execute("SELECT unnest(drug_embed(%s::text[]))::real[]", [["타이레놀정500밀리그람", "판콜에이내복액"]])
    rows = cursor.fetchall()
    print(len(rows), len(rows[0][0]))
    cursor.execute("SELECT model FROM drug_model()")
    MODEL = cursor.fetchone()[0]


class DrugEmbedQuery(Func):
    function, output_field = "drug_embed_query", VectorField(dimensions=384)


class Drug(models.Model):
    item_sequence = models.TextField(primary_key=True)
    item_name, product_type = models.TextField(), models.TextField()
    embedding = VectorField(dimensions=384)

    class Meta:
        app_label, db_table, managed = "example", "drug", False


class Name(models.Model):
    """모델을 이름으로 정한 형태는 immutable이라 생성 열이 된다. / The form that names its model may be a generated column."""

    name = models.TextField(primary_key=True)
    embedding = models.GeneratedField(
        expression=Func(Value(MODEL), F("name"), function="drug_embed"), output_field=VectorField(dimensions=384), db_persist=True
    )

    class Meta:
        app_label = "example"


question = DrugEmbedQuery(Cast(Value("열을 내리는 약은?"), TextField()))
found = Drug.objects.filter(product_type__contains="당류").order_by(CosineDistance("embedding", question))[:1]
print(found[0].item_name)

with connection.cursor() as cursor:
    sql = "SELECT document FROM drug_search('drug', %s, k => 2, filter => %s::jsonb)"
    cursor.execute(sql, ["열을 내리는 약은?", '{"product_type": {"like": "%소염제%"}}'])
    print("\n".join(document.split(" | ")[0] for (document,) in cursor.fetchall()))

with connection.schema_editor() as editor:
    editor.create_model(Name)
Name.objects.create(name="타이레놀정500밀리그람")
assert len(Name.objects.get().embedding) == 384
