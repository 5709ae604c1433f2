//! Nothing depends on the caller's search_path, and vectors survive a trip through COPY.

use std::io::{Read, Write};

use server_tests::{column, database, value};

use crate::{Test, World};

pub const TESTS: &[Test] = &[
    ("own_schemas_for_both_extensions", own_schemas_for_both_extensions),
    ("called_from_another_schema", called_from_another_schema),
    ("spi", spi),
    ("copy_binary", copy_binary),
    ("drop_and_create_in_one_session", drop_and_create_in_one_session),
];

fn own_schemas_for_both_extensions(world: &World) {
    world.server.connect("postgres").batch_execute("CREATE DATABASE apart").expect("CREATE DATABASE");
    let mut client = world.server.connect("apart");
    client
        .batch_execute(
            "CREATE SCHEMA vectors; CREATE SCHEMA drug;
             CREATE EXTENSION vector SCHEMA vectors; CREATE EXTENSION drugembed SCHEMA drug; SET search_path = ''",
        )
        .expect("extensions in their own schemas");
    let near = "SELECT (drug.drug_embed('타이레놀정') OPERATOR(vectors.<=>) drug.drug_embed_query('해열제')) < 1";
    assert_eq!(value(&mut client, near), "t");
    let array = "SELECT pg_catalog.pg_typeof(drug.drug_embed(ARRAY['가', '나']))";
    assert_eq!(value(&mut client, array), "vectors.vector[]");
    assert_eq!(value(&mut client, "SELECT drug.drug_similarity(drug.drug_embed('가'), '나') > 0"), "t");
}

fn called_from_another_schema(world: &World) {
    let mut client = database(&world.server, "other_schema");
    client
        .batch_execute(
            "CREATE SCHEMA app;
             CREATE FUNCTION app.near(a text, b text) RETURNS float8 LANGUAGE sql STABLE SET search_path = app, public
             AS $$ SELECT 1 - (drug_embed(a) <=> drug_embed_query(b)) $$;
             SET search_path = app",
        )
        .expect("a function in another schema");
    assert_eq!(value(&mut client, "SELECT near('타이레놀정', '해열제') BETWEEN 0 AND 1"), "t");
}

fn spi(world: &World) {
    let mut client = database(&world.server, "spi");
    client
        .batch_execute(
            "CREATE FUNCTION both_forms() RETURNS boolean LANGUAGE plpgsql AS $$
             DECLARE one vector; many vector[];
             BEGIN
                 SELECT drug_embed('타이레놀정') INTO one;
                 SELECT drug_embed(ARRAY['타이레놀정', '게보린정']) INTO many;
                 RETURN one = many[1] AND one <> many[2];
             END $$",
        )
        .expect("a PL/pgSQL function");
    assert_eq!(value(&mut client, "SELECT both_forms() FROM generate_series(1, 3) LIMIT 1"), "t");
}

fn copy_binary(world: &World) {
    let mut client = database(&world.server, "copies");
    client
        .batch_execute("CREATE TABLE a AS SELECT n, drug_embed(n) AS embedding FROM unnest(ARRAY['가','나','다']) n; CREATE TABLE b (LIKE a)")
        .expect("tables");
    let mut bytes = Vec::new();
    client.copy_out("COPY a TO STDOUT (FORMAT binary)").expect("COPY TO").read_to_end(&mut bytes).expect("bytes");
    let mut writer = client.copy_in("COPY b FROM STDIN (FORMAT binary)").expect("COPY FROM");
    writer.write_all(&bytes).expect("bytes");
    writer.finish().expect("the end of COPY");
    assert_eq!(value(&mut client, "SELECT count(*) FROM a JOIN b USING (n, embedding)"), "3");
}

/// The type has another OID after that; a cached one would build arrays of a type that is gone.
fn drop_and_create_in_one_session(world: &World) {
    let mut client = database(&world.server, "again");
    for _ in 0..2 {
        assert_eq!(value(&mut client, "SELECT pg_typeof(drug_embed(ARRAY['가']))"), "vector[]");
        assert_eq!(
            column(&mut client, "SELECT v IS NOT NULL FROM unnest(drug_embed(ARRAY['가', NULL])) v"),
            ["t", "f"]
        );
        client.batch_execute("DROP EXTENSION vector CASCADE; CREATE EXTENSION drugembed CASCADE").expect("again");
    }
}
