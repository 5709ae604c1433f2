//! Texts that were meant as a list or as a vector are refused; texts with braces are not.

use server_tests::{assert_error, column, database, value};

use crate::{Test, World};

pub const TESTS: &[Test] = &[
    ("a_list_is_not_one_text", a_list_is_not_one_text),
    ("lists_are_what_postgresql_reads_as_arrays", lists_are_what_postgresql_reads_as_arrays),
    ("embed_many", embed_many),
    ("a_vector_is_not_a_text", a_vector_is_not_a_text),
    ("stored_vectors_against_each_other", stored_vectors_against_each_other),
];

fn a_list_is_not_one_text(world: &World) {
    let mut client = database(&world.server, "lists");
    for list in [
        "{타이레놀,게보린}",
        r#"{"타이레놀","게보린"}"#,
        r#"{"타이레놀 정"}"#,
        " {a , b}\n",
        "{{a,b},{c,d}}",
        r#"{"쉼표, 따옴표 \" 와 \\",NULL}"#,
    ] {
        for call in
            ["drug_embed($$)", "drug_embed_query($$)", "drug_similarity($$, '해열제')", "drug_similarity('해열제', $$)"]
        {
            let sql = format!("SELECT {}", call.replace("$$", &format!("$t${list}$t$")));
            assert_error(&mut client, &sql, "42804", "array in its text form");
        }
    }
    for text in [
        "{타이레놀}",
        "{}",
        "{ }",
        "타이레놀 {해열, 진통}",
        "{해열, 진통} 정",
        "{a,}",
        "{,a}",
        "{a,b",
        "a,b}",
        r#"{"용량": 500, "단위": "mg"}"#,
        "{{a,b},{c}}",
        "{a,{b}}",
        r#"{a"b,c}"#,
        r#"{"a"b,c}"#,
        "[해열, 진통]",
        "{a}{b,c}",
        "{a\\",
        r#"{"a,b}"#,
    ] {
        assert_eq!(value(&mut client, &format!("SELECT vector_dims(drug_embed($t${text}$t$))")), "384", "{text}");
    }
    // The forms for a text that is meant so, and the immutable form, which takes its second argument as it is.
    let same = "SELECT (drug_embed(ARRAY['{a,b}']))[1] = drug_embed(model, '{a,b}') FROM drug_model()";
    assert_eq!(value(&mut client, same), "t");
}

/// Texts of braces, quotes, commas and letters: refused if and only if PostgreSQL reads them as an array of several elements, or
/// of one that is quoted.
fn lists_are_what_postgresql_reads_as_arrays(world: &World) {
    // Older servers read some malformed arrays, and have no way to ask.
    if !world.install.has(17, "the grammar of arrays that refuses every malformed one") {
        return;
    }
    let mut client = database(&world.server, "list_grammar");
    client
        .batch_execute(
            "SELECT setseed(0.5); SET client_min_messages = error;
             CREATE TABLE texts AS
                 SELECT '{' || string_agg(substr('{}{},,\"\"ab \\', 1 + floor(random() * 12)::int, 1), '' ORDER BY i) || '}' AS text
                   FROM generate_series(1, 1200) n, generate_series(1, 1 + n % 9) i GROUP BY n;
             INSERT INTO texts SELECT replace(text, 'a', 'b,\"c\"') FROM texts;
             CREATE FUNCTION refused(text) RETURNS boolean LANGUAGE plpgsql AS $$
             BEGIN
                 PERFORM drug_embed($1);
                 RETURN false;
             EXCEPTION WHEN datatype_mismatch THEN RETURN true;
             END $$;
             SET drugembed.cache_entries = 10000;",
        )
        .expect("texts");
    let expected = "(pg_input_is_valid(text, 'text[]')
                     AND CASE WHEN pg_input_is_valid(text, 'text[]')
                              THEN cardinality(text::text[]) > 1 OR cardinality(text::text[]) = 1 AND text LIKE '%\"%' END)";
    let differing = format!(
        "SELECT text FROM (SELECT DISTINCT text FROM texts WHERE text !~ '\\\\\"') WHERE refused(text) <> {expected} LIMIT 10"
    );
    assert_eq!(column(&mut client, &differing), Vec::<String>::new());
    let refused: u32 = value(&mut client, &format!("SELECT count(DISTINCT text) FROM texts WHERE {expected}"))
        .parse()
        .expect("a count");
    assert!(refused > 15, "only {refused} arrays among the texts");
}

fn embed_many(world: &World) {
    let mut client = database(&world.server, "many");
    let same = "SELECT pg_typeof(drug_embed_many('{타이레놀,NULL,게보린,타이레놀}')) = 'vector[]'::regtype
                   AND drug_embed_many('{타이레놀,NULL,게보린,타이레놀}') = drug_embed(ARRAY['타이레놀', NULL, '게보린', '타이레놀'])";
    assert_eq!(value(&mut client, same), "t");
    let single = "SELECT bool_and(e IS NOT DISTINCT FROM drug_embed(n)) FROM
                  unnest(ARRAY['타이레놀', NULL, '게보린', '타이레놀'], drug_embed_many('{타이레놀,NULL,게보린,타이레놀}')) AS t (n, e)";
    assert_eq!(value(&mut client, single), "t");
    // What a driver sends: a parameter without a type.
    let row = client.query_one("SELECT drug_embed_many($1)", &[&vec!["타이레놀", "게보린"]]).expect("vectors");
    assert_eq!(row.get::<_, Vec<pgvector::Vector>>(0).len(), 2);
    // Elements of many lengths, with headers of one byte and of four, and other lower bounds.
    for size in [0, 1, 3, 60, 61, 62, 63, 64, 65, 123, 124, 125, 126, 127, 128, 200] {
        let sql = format!(
            "SELECT bool_and(e IS NOT DISTINCT FROM drug_embed(n)) FROM
             (SELECT array_agg(CASE WHEN i % 3 > 0 THEN repeat('a', {size} + i) || '가' END) AS names FROM generate_series(1, 17) i) s,
             unnest(names, drug_embed_many(names)) AS t (n, e)"
        );
        assert_eq!(value(&mut client, &sql), "t", "{size}");
    }
    assert_eq!(value(&mut client, "SELECT array_lower(drug_embed_many('[5:6]={a,b}'), 1)"), "1");
    assert_eq!(
        value(&mut client, "SELECT array_dims(drug_embed_many('{}')) IS NULL AND drug_embed_many('{}') = '{}'"),
        "t"
    );
    client
        .batch_execute("CREATE TABLE kept AS SELECT drug_embed_many('{a,NULL,b}') AS v; INSERT INTO kept SELECT v[2:3] || v FROM kept")
        .expect("the arrays can be stored, sliced and joined");
    assert_eq!(value(&mut client, "SELECT count(*) FROM kept, unnest(v) e WHERE e IS NOT NULL"), "5");
}

fn a_vector_is_not_a_text(world: &World) {
    let mut client = database(&world.server, "vector_texts");
    client.batch_execute("CREATE TABLE kept AS SELECT drug_embed('타이레놀정')::text AS v").expect("a vector as text");
    for call in
        ["drug_similarity(v, '해열제')", "drug_similarity('해열제', v)", "drug_embed(v)", "drug_embed_query(' ' || v)"]
    {
        assert_error(&mut client, &format!("SELECT {call} FROM kept"), "42804", "vector of 384 dimensions");
    }
    assert_eq!(value(&mut client, "SELECT drug_similarity(v::vector, '해열제') > 0 FROM kept"), "t");
    for text in ["[1,2,3]", "[]", "[해열]", "[0.5, 1e3, mg]"] {
        assert_eq!(value(&mut client, &format!("SELECT vector_dims(drug_embed('{text}'))")), "384", "{text}");
    }
}

fn stored_vectors_against_each_other(world: &World) {
    let mut client = database(&world.server, "two_vectors");
    let same = "SELECT drug_similarity(a, a), drug_similarity(a, b) = drug_similarity(b, a), abs(drug_similarity(a, b) - (1 - (a <=> b))) < 1e-6
                  FROM drug_embed('타이레놀정') a, drug_embed('게보린정') b";
    let row = client.query_one(same, &[]).expect("a row");
    assert_eq!((row.get::<_, f64>(0), row.get::<_, bool>(1), row.get::<_, bool>(2)), (1.0, true, true));
    assert_error(
        &mut client,
        "SELECT drug_similarity('[1,2]'::vector, '[1,2,3]'::vector)",
        "22000",
        "different dimensions",
    );
    assert_error(&mut client, "SELECT drug_similarity('[0,0]'::vector, '[1,2]'::vector)", "22000", "no direction");
    // An untyped literal beside a vector is a question, as before.
    assert_eq!(value(&mut client, "SELECT drug_similarity(drug_embed('타이레놀정'), '해열제') > 0"), "t");
}
