//! The SQL functions give what the encoder gives, in every form of the call.

use encoder::{Overflow, Role, dot};
use pgvector::Vector;
use postgres::Client;
use server_tests::{assert_error, database, value};

use crate::{Test, World, product_names};

pub const TESTS: &[Test] = &[
    ("equals_the_encoder", equals_the_encoder),
    ("array_equals_single", array_equals_single),
    ("similarity", similarity),
    ("pinned_model", pinned_model),
    ("overflow", overflow),
    ("token_count_and_model", token_count_and_model),
    ("document", document),
    ("cache_changes_nothing", cache_changes_nothing),
];

fn equals_the_encoder(world: &World) {
    let mut client = database(&world.server, "equals");
    let mut encoder = world.install.encoder();
    let mut texts = product_names();
    texts.truncate(60);
    texts.extend(["열을 내리는 약은?", "Acetaminophen 500 mg", "ⓐ①㎎ 漢字 🙂", "줄\n바꿈\t탭"].map(str::to_owned));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (function, role) in [("drug_embed", Role::Document), ("drug_embed_query", Role::Query)] {
        let expected = encoder.embed(role, &texts, Overflow::Error, &mut || Ok(())).expect("vectors");
        for (text, expected) in texts.iter().zip(&expected) {
            let actual: Vector = get(&mut client, &format!("SELECT {function}($1)"), text);
            assert_close(actual.as_slice(), expected, text);
        }
    }
}

fn array_equals_single(world: &World) {
    let mut client = database(&world.server, "arrays");
    let names = product_names();
    let mut texts: Vec<Option<&str>> = names.iter().take(40).map(|name| Some(name.as_str())).collect();
    texts.insert(7, None);
    texts.push(texts[0]);
    let row = client.query_one("SELECT drug_embed($1::text[])", &[&texts]).expect("an array");
    let vectors: Vec<Option<Vector>> = row.get(0);
    assert_eq!(vectors.len(), texts.len());
    for (text, vector) in texts.iter().zip(&vectors) {
        let single: Option<Vector> = client.query_one("SELECT drug_embed($1::text)", &[text]).expect("a row").get(0);
        match (vector, single) {
            (Some(vector), Some(single)) => {
                assert_close(vector.as_slice(), single.as_slice(), text.unwrap_or_default())
            }
            (vector, single) => assert!(vector.is_none() && single.is_none() && text.is_none()),
        }
    }
    assert_eq!(value(&mut client, "SELECT drug_embed(ARRAY[]::text[])"), "{}");
    assert_eq!(value(&mut client, "SELECT drug_embed(ARRAY[NULL]::text[])"), "{NULL}");
    assert_error(&mut client, "SELECT drug_embed(ARRAY[['a'],['b']])", "2202E", "2 dimensions");
}

fn similarity(world: &World) {
    let mut client = database(&world.server, "similarity");
    let mut encoder = world.install.encoder();
    let pair = ["열을 내리는 약", "해열제"];
    let vectors = encoder.embed(Role::Similarity, &pair, Overflow::Error, &mut || Ok(())).expect("vectors");
    let forward: f64 = client.query_one("SELECT drug_similarity($1, $2)", &[&pair[0], &pair[1]]).expect("a row").get(0);
    let backward: f64 =
        client.query_one("SELECT drug_similarity($2, $1)", &[&pair[0], &pair[1]]).expect("a row").get(0);
    assert_eq!(forward, backward);
    assert!((forward - dot(&vectors[0], &vectors[1])).abs() < 1e-6, "{forward}");
    assert_eq!(value(&mut client, "SELECT drug_similarity('해열제', '해열제')"), "1");
    let difference = "SELECT abs(drug_similarity(e, 'q') - (1 - (e <=> drug_embed_query('q')))) < 1e-6 FROM drug_embed('타이레놀정') e";
    assert_eq!(value(&mut client, difference), "t");
}

fn pinned_model(world: &World) {
    let mut client = database(&world.server, "pinned");
    let model = value(&mut client, "SELECT model FROM drug_model()");
    assert_eq!(
        value(&mut client, &format!("SELECT drug_embed('{model}', '타이레놀정') = drug_embed('타이레놀정')")),
        "t"
    );
    assert_error(&mut client, "SELECT drug_embed('other@1', '타이레놀정')", "55000", "other@1");
    client
        .batch_execute(&format!(
            "CREATE TABLE products (name text, embedding vector(384) GENERATED ALWAYS AS (drug_embed('{model}', name)) STORED);
             CREATE INDEX ON products USING hnsw ((drug_embed('{model}', name)::vector(384)) vector_cosine_ops);
             INSERT INTO products VALUES ('타이레놀정'), (NULL)"
        ))
        .expect("a generated column and an expression index");
    let same = "SELECT count(*) FROM products WHERE embedding = drug_embed(name) OR name IS NULL AND embedding IS NULL";
    assert_eq!(value(&mut client, same), "2");
    // An immutable function must not follow a setting.
    client.batch_execute("SET drugembed.on_overflow = truncate").expect("SET");
    assert_error(&mut client, &format!("SELECT drug_embed('{model}', repeat('진통제 ', 600))"), "54000", "tokens");
}

fn overflow(world: &World) {
    let mut client = database(&world.server, "overflow");
    let long = format!("repeat('진통제 ', {})", 600);
    assert_error(&mut client, &format!("SELECT drug_embed({long})"), "54000", "longer than the model's limit");
    client.batch_execute("SET drugembed.on_overflow = truncate").expect("SET");
    let beginning = format!("SELECT drug_embed({long}) = drug_embed({long} || '무좀')");
    assert_eq!(value(&mut client, &beginning), "t");
    client.batch_execute("SET drugembed.on_overflow = 'window'").expect("SET");
    assert_eq!(value(&mut client, &beginning), "f");
    assert_eq!(value(&mut client, &format!("SELECT abs(vector_norm(drug_embed({long})) - 1) < 1e-5")), "t");
    client.batch_execute("RESET drugembed.on_overflow").expect("RESET");
    assert_error(&mut client, &format!("SELECT drug_embed({long})"), "54000", "longer than the model's limit");
}

fn token_count_and_model(world: &World) {
    let mut client = database(&world.server, "tokens");
    let encoder = world.install.encoder();
    let count: i32 = client.query_one("SELECT drug_token_count('판콜에이내복액')", &[]).expect("a row").get(0);
    assert_eq!(count as usize, encoder.token_count(Role::Document, "판콜에이내복액").expect("a count"));
    let long: i32 = client.query_one("SELECT drug_token_count(repeat('진통제 ', 600))", &[]).expect("a row").get(0);
    let row = client.query_one("SELECT model, dim, max_tokens, preloaded FROM drug_model()", &[]).expect("a row");
    assert_eq!(row.get::<_, String>(0), encoder.manifest().id());
    assert_eq!(row.get::<_, i32>(1), encoder.manifest().dim as i32);
    assert_eq!(row.get::<_, i32>(2), encoder.manifest().max_tokens as i32);
    assert!(!row.get::<_, bool>(3));
    assert!(long > row.get::<_, i32>(2));
}

fn document(world: &World) {
    let mut client = database(&world.server, "documents");
    let expected = encoder::document("판콜에이내복액", "[01140]해열.진통.소염제", "Acetaminophen/Anhydrous Caffeine");
    let sql = "SELECT drug_document('판콜에이내복액', '[01140]해열.진통.소염제', 'Acetaminophen/Anhydrous Caffeine')";
    assert_eq!(value(&mut client, sql), expected);
    assert_eq!(value(&mut client, "SELECT drug_document('타이레놀정')"), "타이레놀정");
    assert_eq!(value(&mut client, "SELECT drug_document(NULL, '[01140]해열.진통.소염제', NULL)"), "해열.진통.소염제");
    assert_eq!(value(&mut client, "SELECT drug_document(NULL, ' ', '') IS NULL"), "t");
}

fn cache_changes_nothing(world: &World) {
    let mut client = database(&world.server, "cache");
    client
        .batch_execute("CREATE TABLE kept AS SELECT drug_embed('타이레놀정') AS a, drug_embed('타이레놀정') AS b")
        .expect("a table");
    for entries in [0, 1, 1000] {
        client.batch_execute(&format!("SET drugembed.cache_entries = {entries}")).expect("SET");
        assert_eq!(value(&mut client, "SELECT a = b AND a = drug_embed('타이레놀정') FROM kept"), "t");
    }
}

fn get(client: &mut Client, sql: &str, text: &str) -> Vector {
    client.query_one(sql, &[&text]).unwrap_or_else(|e| panic!("{sql} of {text}: {e:?}")).get(0)
}

#[track_caller]
pub fn assert_close(actual: &[f32], expected: &[f32], text: &str) {
    assert_eq!(actual.len(), expected.len());
    let worst = actual.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= 1e-6, "{text}: {worst}");
}
