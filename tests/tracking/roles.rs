//! Rights: what PUBLIC may not do, what grants on the table allow, row-level security, and whose code runs as whom.

use postgres::Client;
use server_tests::{column, database, error_of, value};

use crate::{Test, World, backfill, tracked};

pub const TESTS: &[Test] = &[
    ("public_writes_nothing", public_writes_nothing),
    ("status_of_many_tables", status_of_many_tables),
    ("granted_columns", granted_columns),
    ("writers_need_only_the_table", writers_need_only_the_table),
    ("row_level_security_of_search", row_level_security_of_search),
    ("row_level_security_of_backfill", row_level_security_of_backfill),
    ("nothing_leaks", nothing_leaks),
    ("strangers_code_never_runs_as_a_superuser", strangers_code_never_runs_as_a_superuser),
    ("forged_triggers", forged_triggers),
];

fn role(world: &World, name: &str) {
    world.server.connect("postgres").batch_execute(&format!("CREATE ROLE {name} LOGIN")).expect("CREATE ROLE");
}

#[track_caller]
fn denied(client: &mut Client, sql: &str) {
    assert_eq!(error_of(client, sql).code().code(), "42501", "{sql}");
}

fn public_writes_nothing(world: &World) {
    let mut owner = tracked(world, "public_rights", 3);
    role(world, "stranger");
    owner.batch_execute("GRANT SELECT ON product TO stranger").expect("GRANT");
    backfill(&mut owner, "product");
    let mut client = world.server.connect_as("stranger", "public_rights");
    for sql in [
        "SELECT drugembed.track('product', 'type', 'other')",
        "SELECT drugembed.untrack('product')",
        "CALL drugembed.backfill('product')",
        "SELECT drugembed.schedule('product', '* * * * *')",
        "SELECT drugembed.retry('product')",
        "SELECT drugembed.refresh('product')",
        "CREATE FUNCTION drugembed.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ] {
        denied(&mut client, sql);
    }
    assert_eq!(
        value(&mut client, "SELECT embedded FROM drugembed.status"),
        "3",
        "who may read the table sees its status"
    );
    assert_eq!(column(&mut client, "SELECT key FROM drug_search('product', '약', 2, 'vector')").len(), 2);
    owner.batch_execute("REVOKE SELECT ON product FROM stranger").expect("REVOKE");
    assert_eq!(column(&mut client, "SELECT relation FROM drugembed.status").len(), 0);
    denied(&mut client, "SELECT drug_search('product', '약')");
    owner.batch_execute("GRANT SELECT (id, name) ON product TO stranger").expect("GRANT");
    denied(&mut client, "SELECT drug_search('product', '약')");
    owner.batch_execute("GRANT SELECT (embedding) ON product TO stranger").expect("GRANT");
    assert_eq!(column(&mut client, "SELECT key FROM drug_search('product', '약', 2)").len(), 2);
    denied(&mut client, "SELECT drug_search('product', '약', filter => '{\"price\": 1}')");
    owner.batch_execute("CREATE SCHEMA closed; ALTER TABLE product SET SCHEMA closed").expect("SET SCHEMA");
    let by_number = value(&mut owner, "SELECT 'closed.product'::regclass::oid");
    denied(&mut client, &format!("SELECT drug_search({by_number}, '약')"));
    assert_eq!(column(&mut client, "SELECT relation FROM drugembed.status").len(), 0);
}

/// What one owner does to his table keeps nobody from seeing the others, and a stranger's policies run for nobody who did not ask.
fn status_of_many_tables(world: &World) {
    let mut owner = tracked(world, "many", 3);
    role(world, "looker");
    role(world, "trickster");
    owner
        .batch_execute("GRANT SELECT ON product TO looker; GRANT CREATE ON SCHEMA public TO trickster; CREATE TABLE secret (a integer); ALTER TABLE secret OWNER TO looker")
        .expect("grants");
    let mut trickster = world.server.connect_as("trickster", "many");
    trickster
        .batch_execute(
            "CREATE FUNCTION policy() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
                 IF current_user = 'looker' THEN EXECUTE 'GRANT ALL ON secret TO trickster'; END IF; RETURN true; END $$;
             CREATE TABLE trap (id integer PRIMARY KEY, name text); INSERT INTO trap VALUES (1, 'a'); SELECT drugembed.track('trap', 'name');
             ALTER TABLE trap ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON trap USING (policy()); GRANT SELECT ON trap TO PUBLIC;
             CREATE TABLE held (id integer PRIMARY KEY, name text); SELECT drugembed.track('held', 'name'); GRANT SELECT ON held TO PUBLIC;
             CREATE TABLE bare (id integer PRIMARY KEY, name text); SELECT drugembed.track('bare', 'name'); REVOKE ALL ON bare FROM trickster;
             BEGIN; LOCK TABLE held",
        )
        .expect("traps");
    for user in ["looker", "postgres"] {
        let mut client = world.server.connect_as(user, "many");
        client.batch_execute("SET client_min_messages = error; SET statement_timeout = '5s'").expect("SET");
        let rows = "SELECT rows FROM drugembed.status WHERE relation = 'product'::regclass";
        assert_eq!(value(&mut client, rows), "3", "{user}");
        client.batch_execute("SELECT * FROM drugembed.failures").expect("failures");
    }
    trickster.batch_execute("ROLLBACK").expect("ROLLBACK");
    denied(&mut trickster, "SELECT * FROM secret");
}

/// What is granted on the table is all that a worker needs: SELECT, and UPDATE of the three columns.
fn granted_columns(world: &World) {
    let mut owner = tracked(world, "granted", 4);
    role(world, "worker");
    let mut worker = world.server.connect_as("worker", "granted");
    denied(&mut worker, "CALL drugembed.backfill('product')");
    owner
        .batch_execute("GRANT SELECT, UPDATE (embedding, embedding_state, embedding_error) ON product TO worker")
        .expect("GRANT");
    backfill(&mut worker, "product");
    assert_eq!(value(&mut worker, "SELECT embedded FROM drugembed.status"), "4");
    assert_eq!(value(&mut worker, "SELECT drugembed.refresh('product')"), "0");
    assert_eq!(value(&mut worker, "SELECT drugembed.retry('product')"), "0");
    denied(&mut worker, "SELECT drugembed.untrack('product')");
    denied(&mut worker, "UPDATE product SET name = 'x'");
}

fn writers_need_only_the_table(world: &World) {
    let mut owner = tracked(world, "writing", 2);
    role(world, "writer");
    owner
        .batch_execute("GRANT INSERT, DELETE, TRUNCATE, SELECT (id), UPDATE (name) ON product TO writer")
        .expect("GRANT");
    let mut client = world.server.connect_as("writer", "writing");
    client
        .batch_execute("INSERT INTO product VALUES (8, '게보린정'), (9, '타이레놀정'); UPDATE product SET name = '게보린' WHERE id < 9; DELETE FROM product WHERE id = 8")
        .expect("writes");
    assert_eq!(value(&mut owner, "SELECT pending FROM drugembed.status"), "3");
    client.batch_execute("TRUNCATE product").expect("TRUNCATE");
}

const TENANTS: &str = "ALTER TABLE product ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON product USING (type = current_user)";

fn row_level_security_of_search(world: &World) {
    let mut owner = tracked(world, "tenants", 40);
    role(world, "tenant");
    owner.batch_execute(TENANTS).expect("a policy");
    owner
        .batch_execute("UPDATE product SET type = 'tenant' WHERE id % 2 = 0; GRANT SELECT ON product TO tenant")
        .expect("rows of the tenant");
    backfill(&mut owner, "product");
    let mut client = world.server.connect_as("tenant", "tenants");
    for mode in ["vector", "hybrid"] {
        let found = column(
            &mut client,
            &format!("SELECT (key->>'id')::int % 2 FROM drug_search('product', '약', 100, '{mode}')"),
        );
        assert_eq!(found, vec!["0"; 20], "{mode}");
    }
    assert_eq!(value(&mut client, "SELECT rows FROM drugembed.status"), "20", "status counts what one may see");
}

/// A worker that sees a part of the rows embeds that part and leaves the rest waiting.
fn row_level_security_of_backfill(world: &World) {
    let mut owner = tracked(world, "shared_table", 20);
    role(world, "half");
    owner.batch_execute(TENANTS).expect("a policy");
    owner
        .batch_execute("UPDATE product SET type = 'half' WHERE id > 12; GRANT SELECT, UPDATE ON product TO half")
        .expect("grants");
    backfill(&mut owner, "product");
    owner.batch_execute("UPDATE product SET name = name || '!'").expect("UPDATE");
    let mut client = world.server.connect_as("half", "shared_table");
    backfill(&mut client, "product");
    assert_eq!(value(&mut owner, "SELECT pending FROM drugembed.status"), "12");
    backfill(&mut owner, "product");
    crate::assert_in_step(&mut owner, "product", "name");
}

/// Rows that row-level security hides, and columns that a role may not read, show nowhere.
fn nothing_leaks(world: &World) {
    let mut owner = database(&world.server, "leaks");
    role(world, "reader");
    role(world, "clerk");
    owner
        .batch_execute(
            "CREATE TABLE product (id text PRIMARY KEY, type name, name text, price text);
             INSERT INTO product VALUES ('patient-1', 'postgres', 'x', '비밀'), ('open', 'reader', 'y', '1');
             SELECT drugembed.track('product', 'name || (price::int)::text');
             ALTER TABLE product ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON product USING (type = current_user OR current_user = 'clerk');
             GRANT SELECT ON product TO reader; GRANT UPDATE (name) ON product TO clerk; GRANT SELECT (id) ON product TO clerk",
        )
        .expect("a table with a secret");
    backfill(&mut owner, "product");
    assert_eq!(
        value(&mut owner, "SELECT failed || ' ' || last_error FROM drugembed.status").split(' ').next(),
        Some("1")
    );
    let mut reader = world.server.connect_as("reader", "leaks");
    assert_eq!(value(&mut reader, "SELECT concat_ws(' ', rows, failed, last_error) FROM drugembed.status"), "1 0");
    assert_eq!(column(&mut reader, "SELECT message FROM drugembed.failures").len(), 0);
    let (send, receive) = std::sync::mpsc::channel();
    let mut clerk = postgres::Config::new()
        .host_path(world.server.sockets())
        .user("clerk")
        .dbname("leaks")
        .notice_callback(move |notice| drop(send.send(notice.message().to_owned())))
        .connect(postgres::NoTls)
        .expect("a connection");
    clerk.batch_execute("UPDATE product SET name = 'z' WHERE id = 'patient-1'").expect("a write");
    drop(clerk);
    assert_eq!(receive.into_iter().collect::<Vec<_>>(), Vec::<String>::new(), "a writer is told nothing");
}

/// Everything that a stranger can give to be run, on a table of his own; then a superuser looks, searches, backfills, builds indexes.
const TRAPS: &str = r#"
    CREATE SCHEMA lair; SET search_path = lair, public;
    CREATE FUNCTION lair.spring() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO lair.sprung VALUES (current_user) ;
        IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN ALTER ROLE mallory SUPERUSER; END IF;
    END $$;
    CREATE TABLE lair.sprung (by name); GRANT INSERT ON lair.sprung TO PUBLIC; GRANT USAGE ON SCHEMA lair TO PUBLIC;
    CREATE FUNCTION lair.label(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
        PERFORM lair.spring(); PERFORM pg_catalog.set_config('search_path', 'lair, pg_catalog', false); RETURN $1; END $$;
    CREATE FUNCTION lair.check_value(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM lair.spring(); RETURN true; END $$;
    CREATE DOMAIN lair.trap AS text CHECK (lair.check_value(VALUE));
    CREATE TABLE lair.product (id integer PRIMARY KEY, name text, kind lair.trap);
    INSERT INTO lair.product VALUES (1, '타이레놀정', 'a'), (2, '게보린정', 'b');
    CREATE FUNCTION lair.on_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM lair.spring(); RETURN NEW; END $$;
    SELECT drugembed.track('lair.product', 'lair.label(''약'') || lair.label(name)');
    CREATE TRIGGER on_write BEFORE UPDATE ON lair.product FOR EACH ROW EXECUTE FUNCTION lair.on_write();
    CREATE INDEX ON lair.product (lair.label(name));"#;

/// Operators that match better than the server's own, in a schema that all may write to.
const OPERATORS: &str = "
    CREATE FUNCTION public.evil(oid, regclass) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM lair.spring(); RETURN true; END $$;
    CREATE FUNCTION public.evil(regclass, regclass) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM lair.spring(); RETURN true; END $$;
    CREATE FUNCTION public.evil(name, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM lair.spring(); RETURN true; END $$;
    CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = public.evil);
    CREATE OPERATOR public.= (LEFTARG = regclass, RIGHTARG = regclass, FUNCTION = public.evil);
    CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.evil);";

fn strangers_code_never_runs_as_a_superuser(world: &World) {
    let mut superuser = database(&world.server, "owned");
    role(world, "mallory");
    superuser
        .batch_execute("CREATE EXTENSION pg_trgm; GRANT CREATE ON SCHEMA public TO mallory; GRANT CREATE ON DATABASE owned TO mallory")
        .expect("grants");
    let mut mallory = world.server.connect_as("mallory", "owned");
    mallory.batch_execute(TRAPS).expect("traps");
    mallory.batch_execute(OPERATORS).expect("operators");
    superuser.batch_execute("SET client_min_messages = error").expect("SET");
    for sql in [
        "CREATE TABLE anything (a integer)",
        "SELECT * FROM drugembed.status",
        "SELECT * FROM drugembed.tracked",
        "CALL drugembed.backfill('lair.product')",
        "SELECT * FROM drugembed.status",
        "SELECT * FROM drugembed.failures",
        "SELECT * FROM drug_search('lair.product', '타이레놀')",
        "SELECT * FROM drug_search('lair.product', '타이레놀', mode => 'lexical', filter => '{\"kind\": \"a\"}')",
        "SELECT drugembed.refresh('lair.product')",
        "SELECT drugembed.retry('lair.product')",
        "SELECT drugembed.index_sql('lair.product')",
    ] {
        superuser.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }
    assert_eq!(
        value(&mut superuser, "SHOW search_path"),
        "\"$user\", public",
        "no setting of the stranger's code is left"
    );
    assert_eq!(value(&mut superuser, "SELECT count(embedding) FROM lair.product"), "2");
    assert_eq!(
        column(&mut superuser, "SELECT DISTINCT by FROM lair.sprung"),
        ["mallory"],
        "the traps ran, as their owner"
    );
    assert_eq!(value(&mut superuser, "SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), "f");
    if !builds_indexes_as_their_owner(&mut superuser) {
        return;
    }
    // From here on PostgreSQL itself folds the constants of the stranger's index for whoever plans a query on his table.
    column(&mut superuser, "SELECT drugembed.index_sql('lair.product')")
        .iter()
        .for_each(|sql| superuser.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}")));
    assert_eq!(value(&mut superuser, "SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), "f");
}

/// Older minor releases run an index's expressions as whoever says CREATE INDEX: CVE-2022-1552, PostgreSQL's own.
fn builds_indexes_as_their_owner(client: &mut Client) -> bool {
    let fixed = "SELECT current_setting('server_version_num')::integer >= CASE current_setting('server_version_num')::integer / 10000
                            WHEN 13 THEN 130007 WHEN 14 THEN 140003 ELSE 0 END";
    let fixed = value(client, fixed) == "t";
    if !fixed {
        server_tests::skipped(
            "a superuser's CREATE INDEX on a stranger's table",
            "this minor release has CVE-2022-1552",
        );
    }
    fixed
}

/// Triggers that name the extension's functions and were not made by track.
fn forged_triggers(world: &World) {
    let mut superuser = database(&world.server, "forged");
    role(world, "forger");
    superuser.batch_execute("GRANT CREATE ON SCHEMA public TO forger").expect("GRANT");
    let mut forger = world.server.connect_as("forger", "forged");
    forger
        .batch_execute(
            "CREATE TABLE product (id integer PRIMARY KEY, name text, e vector(384), s uuid, x text, s2 text);
             CREATE TRIGGER a AFTER DELETE ON product FOR EACH ROW WHEN (false AND drugembed._tracks('x''); DROP TABLE product; --', old.name, old.e, old.s, old.x, true, NULL))
                EXECUTE FUNCTION drugembed._mark_stale('s');
             CREATE TRIGGER b AFTER DELETE ON product FOR EACH ROW WHEN (false AND drugembed._tracks(old.name, old.name, old.name, old.s, old.x, true, NULL))
                EXECUTE FUNCTION drugembed._mark_stale('s');
             CREATE TRIGGER c AFTER DELETE ON product FOR EACH ROW EXECUTE FUNCTION drugembed._mark_stale();
             CREATE TRIGGER d BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION drugembed._mark_stale();
             CREATE TRIGGER e BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION drugembed._mark_stale('id', 'name');
             CREATE TRIGGER f BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION drugembed._mark_stale('nothing');
             INSERT INTO product VALUES (1, 'a'); UPDATE product SET name = 'b'",
        )
        .expect("forged triggers");
    for sql in [
        "SELECT * FROM drugembed.status",
        "CALL drugembed.backfill('product')",
        "SELECT drugembed.index_sql('product')",
    ] {
        superuser.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }
    assert_eq!(value(&mut superuser, "SELECT count(*) FROM product"), "1");
    assert_eq!(error_of(&mut forger, "DELETE FROM product").code().code(), "39P01", "his own table, and his own fault");
}
