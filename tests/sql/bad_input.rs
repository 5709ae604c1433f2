//! Bad input and bad settings: an ERROR with SQLSTATE and HINT, and the session goes on.

use server_tests::{assert_error, database, value};

use crate::{Test, World};

pub const TESTS: &[Test] = &[
    ("null_and_blank", null_and_blank),
    ("one_megabyte", one_megabyte),
    ("wrong_dimension", wrong_dimension),
    ("invalid_settings", invalid_settings),
    ("unprivileged_user", unprivileged_user),
    ("other_encodings", other_encodings),
];

fn null_and_blank(world: &World) {
    let mut client = database(&world.server, "blanks");
    for call in [
        "drug_embed(NULL::text)",
        "drug_embed(NULL::text[])",
        "drug_embed(NULL, 'a')",
        "drug_embed_query(NULL)",
        "drug_similarity(NULL::text, 'a')",
        "drug_similarity('a', NULL)",
        "drug_similarity(NULL::vector, 'a')",
        "drug_token_count(NULL)",
        "drug_question(NULL)",
        "drug_embed(NULLIF(btrim('  '), ''))",
    ] {
        assert_eq!(value(&mut client, &format!("SELECT {call} IS NULL")), "t", "{call}");
    }
    assert_eq!(value(&mut client, "SELECT drugembed._is_blank(NULL) AND NOT drugembed._is_blank('약')"), "t");
    assert_eq!(value(&mut client, "SELECT drugembed._is_blank(repeat(U&'\\3000\\200b', 100000))"), "t");
    assert_eq!(value(&mut client, "SELECT drugembed._is_blank(repeat(U&'\\3000\\200b', 100000) || '약')"), "f");
    let invisible = ["200b", "200c", "feff", "00ad", "fe0f", "3164", "ffa0", "001f", "2060", "180e", "2800"];
    let invisible = invisible.map(|code| format!("U&'\\{code}'"));
    let blanks = ["''", "'   '", "E' \\t\\n '", "'\u{3000}\u{a0}'"].map(str::to_owned);
    for blank in blanks.iter().chain(&invisible) {
        assert_eq!(value(&mut client, &format!("SELECT drugembed._is_blank({blank})")), "t", "{blank}");
        for call in [
            format!("drug_embed({blank})"),
            format!("drug_embed(ARRAY['a', {blank}])"),
            format!("drug_embed_query({blank})"),
            format!("drug_similarity('a', {blank})"),
        ] {
            assert_error(&mut client, &format!("SELECT {call}"), "22023", "empty");
        }
    }
}

fn one_megabyte(world: &World) {
    let mut client = database(&world.server, "megabyte");
    for text in ["repeat('a', 1000000)", "repeat('약', 340000)", "repeat('약 ', 250000)"] {
        assert_error(&mut client, &format!("SELECT drug_embed({text})"), "54000", "longer than");
        assert_error(&mut client, &format!("SELECT drug_embed(ARRAY['a', {text}])"), "54000", "longer than");
        assert_error(&mut client, &format!("SELECT drug_similarity({text}, 'a')"), "54000", "longer than");
    }
    assert_eq!(value(&mut client, "SELECT vector_dims(drug_embed('타이레놀정'))"), "384");
}

fn wrong_dimension(world: &World) {
    let mut client = database(&world.server, "dimensions");
    assert_error(&mut client, "SELECT drug_similarity('[1,2,3]'::vector, 'a')", "22000", "3 dimensions");
    let zero = "SELECT drug_similarity(array_fill(0, ARRAY[384])::vector, 'a')";
    assert_error(&mut client, zero, "22000", "no direction");
}

fn invalid_settings(world: &World) {
    let mut client = database(&world.server, "settings");
    for (setting, part) in [
        ("drugembed.model = ''", "invalid value for parameter \"drugembed.model\""),
        ("drugembed.model = '../../etc'", "invalid value for parameter \"drugembed.model\""),
        ("drugembed.model = 'a b'", "invalid value for parameter \"drugembed.model\""),
        ("drugembed.onnxruntime = 'lib.so'", "invalid value for parameter \"drugembed.onnxruntime\""),
        ("drugembed.on_overflow = 'cut'", "invalid value for parameter \"drugembed.on_overflow\""),
    ] {
        assert_error(&mut client, &format!("SET {setting}"), "22023", part);
    }
    let mut refused = vec![("drugembed.cache_entries = -1", "22023"), ("drugembed.cache_entries = 1000000", "22023")];
    if world.install.has(15, "a misspelt setting's error, by a reserved prefix") {
        refused.push(("drugembed.modle = 'a'", "42602"));
    }
    for (setting, sqlstate) in refused {
        let error = server_tests::error_of(&mut client, &format!("LOAD 'drugembed'; SET {setting}"));
        assert_eq!(error.code().code(), sqlstate, "{setting}: {error:?}");
    }
    client.batch_execute("SET drugembed.model = 'absent'").expect("a name may be set before its model is installed");
    assert_error(&mut client, "SELECT drug_embed('a')", "58P01", "absent/manifest.toml");
    client.batch_execute("RESET drugembed.model; SELECT drug_embed('a')").expect("back to the installed model");
}

fn unprivileged_user(world: &World) {
    let mut client = database(&world.server, "users");
    client.batch_execute("CREATE ROLE visitor LOGIN").expect("a role");
    let mut visitor = world.server.connect_as("visitor", "users");
    visitor.batch_execute("SELECT drug_embed('타이레놀정')").expect("anybody may embed");
    for setting in ["drugembed.model = '/tmp'", "drugembed.onnxruntime = '/tmp/lib.so'"] {
        let error = server_tests::error_of(&mut visitor, &format!("SET {setting}"));
        assert_eq!(error.code().code(), "42501", "{error:?}");
    }
    visitor
        .batch_execute("SET drugembed.on_overflow = truncate; SET drugembed.cache_entries = 8")
        .expect("harmless settings");
}

fn other_encodings(world: &World) {
    for (name, encoding) in [("euckr", "EUC_KR"), ("sqlascii", "SQL_ASCII")] {
        let locale = world.install.libc_locale();
        let create = format!("CREATE DATABASE {name} ENCODING '{encoding}' {locale} TEMPLATE template0");
        world.server.connect("postgres").batch_execute(&create).expect("CREATE DATABASE");
        let mut client = world.server.connect(name);
        client
            .batch_execute("SET client_encoding = 'UTF8'; CREATE EXTENSION drugembed CASCADE")
            .expect("the extension");
        for call in [
            "drug_embed('해열제')",
            "drug_embed(ARRAY['해열제'])",
            "drug_embed_query('abc')",
            "drug_token_count('abc')",
            "drug_document('abc')",
            "drug_question('abc')",
        ] {
            assert_error(&mut client, &format!("SELECT {call}"), "0A000", "UTF8");
        }
    }
}
