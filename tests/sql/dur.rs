//! Lists of the drug utilisation review (DUR): made, found, loaded.

use server_tests::{assert_error, column, database, error_of, value};

use crate::{Test, World};

pub const TESTS: &[Test] = &[("list_is_made", list_is_made), ("list_is_found", list_is_found)];

fn list_is_made(world: &World) {
    let mut client = database(&world.server, "dur_made");
    assert_eq!(value(&mut client, "SELECT drugembed.create_dur_list()"), "dur");
    assert_eq!(value(&mut client, "SELECT count(*) FROM pg_index WHERE indrelid = 'public.dur'::regclass"), "4");
    let bare = "SELECT attname FROM pg_attribute WHERE attrelid = 'dur'::regclass AND attnum > 0 AND col_description(attrelid, attnum) IS NULL";
    assert_eq!(column(&mut client, bare), Vec::<String>::new());
    let other = error_of(&mut client, "INSERT INTO dur (kind) VALUES ('other')");
    assert_eq!(other.constraint(), Some("dur_kind_check"));
    for (name, sqlstate, part) in [
        ("dur", "42P07", "already exists"),
        ("", "42602", "is not the name"),
        ("a.b.c", "42602", "is not the name"),
        ("a..b", "42602", "is not the name"),
        ("\"unclosed", "42602", "is not the name"),
    ] {
        assert_error(&mut client, &format!("SELECT drugembed.create_dur_list('{name}')"), sqlstate, part);
    }
    client.batch_execute("CREATE SCHEMA \"Drug; x\"; SET search_path = \"Drug; x\", public").expect("a schema");
    assert_eq!(value(&mut client, "SELECT drugembed.create_dur_list('\"My ''dur''\"')::text"), "\"My 'dur'\"");
    assert_eq!(value(&mut client, "SELECT drugembed.create_dur_list('public.Other')::text"), "other");
    // In its own schema first, although public has one of that name.
    assert_eq!(value(&mut client, "SELECT drugembed.create_dur_list()::oid <> 'public.dur'::regclass"), "t");
    client.batch_execute("SET search_path = ''").expect("SET");
    assert_error(&mut client, "SELECT drugembed.create_dur_list()", "3F000", "no schema");
    // The caller's rights alone; before 15 all may create in public.
    client.batch_execute("SET search_path = public; REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE dur_nobody; GRANT USAGE ON SCHEMA public TO dur_nobody; SET ROLE dur_nobody").expect("a role");
    let denied = client.batch_execute("SELECT drugembed.create_dur_list('denied')").expect_err("permission denied");
    assert_eq!(denied.code().map(|code| code.code().to_owned()).as_deref(), Some("42501"));
    client.batch_execute("RESET ROLE; DROP OWNED BY dur_nobody; DROP ROLE dur_nobody").expect("cleared up");
}

fn list_is_found(world: &World) {
    let mut client = database(&world.server, "dur_found");
    let found = "SELECT drugembed._dur_list()";
    assert_eq!(value(&mut client, found), "NULL");
    client.batch_execute("SET drugembed.dur_list = 'missing'").expect("SET");
    assert_error(&mut client, found, "42P01", "\"missing\"");
    client
        .batch_execute(
            "SELECT drugembed.create_dur_list('public.\"List\"'); SET drugembed.dur_list = 'public.\"List\"'",
        )
        .expect("a list");
    assert_eq!(value(&mut client, found), "public.\"List\"");
    client.batch_execute("ALTER TABLE \"List\" ADD note text, DROP source").expect("ALTER TABLE");
    assert_error(&mut client, found, "42809", "no column \"source\"");
    client.batch_execute("ALTER TABLE \"List\" ADD source varchar").expect("ALTER TABLE");
    assert_error(&mut client, found, "42809", "no column \"source\" of type text");
    client
        .batch_execute("CREATE VIEW public.seen AS SELECT * FROM \"List\"; SET drugembed.dur_list = seen")
        .expect("a view");
    assert_error(&mut client, found, "42809", "not a table");
    for wrong in ["a.b.c", "a..b", "\"a", "a b"] {
        assert_error(&mut client, &format!("SET drugembed.dur_list = '{wrong}'"), "22023", "drugembed.dur_list");
    }
    // By the caller's search_path; set for a database, it outlives the session.
    client
        .batch_execute(
            "CREATE SCHEMA app; SELECT drugembed.create_dur_list('app.dur');
             ALTER DATABASE dur_found SET drugembed.dur_list = 'dur'",
        )
        .expect("a list in a schema");
    let mut client = world.server.connect("dur_found");
    assert_error(&mut client, found, "42P01", "\"dur\"");
    client.batch_execute("SET search_path = app, public").expect("SET");
    assert_eq!(value(&mut client, "SELECT drugembed._dur_list()"), "app.dur");
    client
        .batch_execute("CREATE ROLE dur_reader; GRANT USAGE ON SCHEMA app TO dur_reader; SET ROLE dur_reader")
        .expect("a role");
    assert_error(&mut client, "SELECT drugembed._dur_list()", "42501", "dur");
    client.batch_execute("RESET ROLE; GRANT SELECT ON app.dur TO dur_reader; SET ROLE dur_reader").expect("GRANT");
    assert_eq!(value(&mut client, "SELECT drugembed._dur_list()"), "app.dur");
    client.batch_execute("RESET ROLE; DROP OWNED BY dur_reader; DROP ROLE dur_reader").expect("cleared up");
}
