//! The table that the sessions share, and what must be true of it whatever they did.

use postgres::Client;
use server_tests::{Server, column, database};

/// A session's backfill waits at a gate while the test holds its advisory lock.
const GATES: &str = "
    CREATE FUNCTION gate(point integer) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    BEGIN
        IF current_setting('test.gates', true) = 'on' THEN
            PERFORM pg_advisory_lock_shared(current_setting('test.session')::integer, point);
            PERFORM pg_advisory_unlock_shared(current_setting('test.session')::integer, point);
        END IF;
    END $$;
    CREATE FUNCTION read_gate(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.gate(1); RETURN $1; END $$;
    CREATE FUNCTION write_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.gate(2); RETURN NEW; END $$";

/// Rows 1 to 4 wait: 1 has another text than its vector, 2 and 4 are new, the text of 3 came back to what it was. Row 5 is done.
const TEMPLATE: &str = "
    UPDATE product SET name = name || ' 서방정' WHERE id = 1;
    UPDATE product SET name = name || '!' WHERE id = 3; UPDATE product SET name = rtrim(name, '!') WHERE id = 3;
    INSERT INTO product (id, name) VALUES (2, '타이레놀정500밀리그람'), (4, '어린이부루펜시럽');
    CREATE TABLE template AS SELECT * FROM product";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Plain,
    /// Rows 1 and 2 are in `low`, the others in `high`.
    Partitioned,
}

impl Shape {
    fn create(self) -> &'static str {
        match self {
            Shape::Plain => "CREATE TABLE product (id bigint PRIMARY KEY, name text, price integer NOT NULL DEFAULT 0, note text);",
            Shape::Partitioned => {
                "CREATE TABLE product (id bigint PRIMARY KEY, name text, price integer NOT NULL DEFAULT 0, note text) PARTITION BY RANGE (id);
                 CREATE TABLE low PARTITION OF product FOR VALUES FROM (MINVALUE) TO (3);
                 CREATE TABLE high PARTITION OF product FOR VALUES FROM (3) TO (1000);"
            }
        }
    }
}

const TRACK: &str = "
    SELECT drugembed.track('product', 'public.read_gate(name)');
    CREATE TRIGGER write_gate BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION write_gate();";

/// Two rows of a stripe each, so that two backfills can share the work: what was between them is deleted.
const FILL: &str = "
    INSERT INTO product SELECT (t).* FROM (SELECT t, id * 100 AS place FROM template t UNION ALL
        SELECT (-place, NULL, 0, NULL, NULL, gen_random_uuid(), NULL)::template, place FROM generate_series(201, 214) place UNION ALL
        SELECT (-place, NULL, 0, NULL, NULL, gen_random_uuid(), NULL)::template, place FROM generate_series(401, 414) place) s ORDER BY place;
    DELETE FROM product WHERE id < 0;
    CREATE TABLE basket (product bigint REFERENCES product ON UPDATE CASCADE ON DELETE CASCADE)";

pub fn prepare(server: &Server) -> Client {
    let mut client = database(server, "isolation");
    client.batch_execute("CREATE ROLE another; GRANT ALL ON SCHEMA public TO another").expect("a role");
    client.batch_execute(GATES).expect("gates");
    client.batch_execute(&[Shape::Plain.create(), TRACK].concat()).expect("a table");
    client
        .batch_execute("INSERT INTO product (id, name) VALUES (1, '게보린정'), (3, '판콜에이내복액'), (5, '베아제정')")
        .expect("rows");
    drop(client);
    let mut client = connect(server);
    client.batch_execute("CALL drugembed.backfill('product')").expect("backfill");
    client.batch_execute(TEMPLATE).expect("a template");
    client
}

/// Texts that were embedded before are not embedded again.
pub fn connect(server: &Server) -> Client {
    let mut client = server.connect("isolation");
    client.batch_execute("SET client_min_messages = error; SET drugembed.cache_entries = 1000").expect("SET");
    client
}

pub fn fresh(client: &mut Client, shape: Shape) {
    const GONE: &str = "DROP TABLE IF EXISTS product, other, moved.product, basket, low, high, third CASCADE; DROP SCHEMA IF EXISTS moved;";
    client.batch_execute(&[GONE, shape.create(), TRACK, FILL].concat()).expect("a fresh table");
}

/// What is wrong with a table, while some rows may wait: a vector of another text, or a row that was set aside.
pub fn wrong(client: &mut Client, table: &str, text: &str) -> Vec<String> {
    let Some([target, state, error]) = columns(client, table) else { return vec![format!("{table} is not tracked")] };
    let wrong = format!(
        "SELECT format('row %s has %s', id, CASE WHEN {error} IS NULL THEN 'the vector of another text' ELSE {error} END) FROM {table}
          WHERE {state} IS NOT NULL AND ({error} IS NOT NULL OR {target} IS DISTINCT FROM drug_embed(NULLIF({text}, '')))"
    );
    column(client, &wrong)
}

/// What is wrong after a backfill: also a row that waits, a lock, or a journal.
pub fn wrong_in_the_end(client: &mut Client, table: &str, text: &str) -> Vec<String> {
    let call = format!("CALL drugembed.backfill('{table}')");
    if let Err(error) = client.batch_execute(&call) {
        return vec![format!("{call}: {error:?}")];
    }
    let mut wrong = wrong(client, table, text);
    let Some([_, state, _]) = columns(client, table) else { return wrong };
    wrong.extend(column(client, &format!("SELECT format('row %s waits', id) FROM {table} WHERE {state} IS NULL")));
    wrong.extend(column(
        client,
        "SELECT 'lock of ' || locktype FROM pg_locks WHERE locktype IN ('page', 'tuple', 'advisory')",
    ));
    wrong.extend(column(client, "SELECT 'journal ' || f FROM pg_ls_dir('drugembed_backfill') f"));
    wrong
}

fn columns(client: &mut Client, table: &str) -> Option<[String; 3]> {
    let columns = format!(
        "SELECT unnest(ARRAY[target, state, error]) FROM drugembed.tracked WHERE relation = '{table}'::regclass LIMIT 3"
    );
    column(client, &columns).try_into().ok()
}
