//! `cargo test -p server-tests --test upgrade`: a database that each released version has made, with tracked tables and vectors, is
//! upgraded to this version and compared with a fresh one.

mod versions;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use postgres::Client;
use server_tests::{Module, Test, World, column, database, product_names, run_all, value};

use crate::versions::Versions;

const TESTS: &[Test] = &[
    ("released_versions_have_their_scripts", released_versions_have_their_scripts),
    ("rules_of_versions", |_| versions::rules()),
    ("every_released_version", every_released_version),
    ("a_difference_is_found", a_difference_is_found),
];
const MODULES: &[Module] = &[("upgrade", TESTS)];

fn main() -> ExitCode {
    run_all("upgrade", &[], MODULES, &[])
}

fn checkout() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn released_versions_have_their_scripts(_: &World) {
    assert_eq!(Versions::of_checkout(checkout()).disagreements(), Vec::<String>::new());
}

fn every_released_version(world: &World) {
    let versions = Versions::of_checkout(checkout());
    let expected = shape(&mut database(&world.server, "fresh"));
    assert!(expected.len() >= 20, "only {} members", expected.len());
    for version in versions.released.iter().filter(|version| **version != versions.current) {
        let script = format!("drugembed--{version}.sql");
        fs::copy(checkout().join("sql/releases").join(&script), world.install.share().join("extension").join(&script))
            .expect("the released script");
        upgrade(world, version, &versions.current);
    }
    println!("{} released versions", versions.released.len());
}

/// The test itself: an older version that is this one under another name, whose upgrade script does nothing, or too much.
fn a_difference_is_found(world: &World) {
    let current = env!("CARGO_PKG_VERSION");
    let extension = world.install.share().join("extension");
    let script = fs::read_to_string(extension.join(format!("drugembed--{current}.sql"))).expect("the script");
    for (version, step) in [("0.0.1", ""), ("0.0.2", "DROP FUNCTION drug_token_count(text);")] {
        fs::write(extension.join(format!("drugembed--{version}.sql")), &script).expect("written");
        fs::write(extension.join(format!("drugembed--{version}--{current}.sql")), step).expect("written");
    }
    upgrade(world, "0.0.1", current);
    let mut client = at_version(world, "0.0.2");
    client.batch_execute("ALTER EXTENSION drugembed UPDATE").expect("the upgrade runs");
    let expected = shape(&mut database(&world.server, "fresh_again"));
    let lost: Vec<String> = expected.into_iter().filter(|member| !shape(&mut client).contains(member)).collect();
    assert!(lost.len() == 1 && lost[0].contains("drug_token_count"), "{lost:?}");
}

/// A database with that version of the extension.
fn at_version(world: &World, version: &str) -> Client {
    let name = format!("from_{}", version.replace('.', "_"));
    world.server.connect("postgres").batch_execute(&format!("CREATE DATABASE {name}")).expect("CREATE DATABASE");
    let mut client = world.server.connect(&name);
    client.batch_execute(&format!("CREATE EXTENSION drugembed VERSION '{version}' CASCADE")).expect("that version");
    client
}

fn upgrade(world: &World, version: &str, current: &str) {
    let mut client = at_version(world, version);
    fill(&mut client);
    let before = data(&mut client);
    client.batch_execute("ALTER EXTENSION drugembed UPDATE").unwrap_or_else(|e| panic!("from {version}: {e:?}"));
    let installed = "SELECT extversion FROM pg_extension WHERE extname = 'drugembed'";
    assert_eq!(value(&mut client, installed), current);
    let fresh = format!("fresh_beside_{}", version.replace('.', "_"));
    assert_eq!(shape(&mut client), shape(&mut database(&world.server, &fresh)), "from {version}");
    assert_eq!(data(&mut client), before, "from {version}");
    still_works(&mut client, version);
}

/// A table that is tracked, with a row that waits, and one whose vectors the application made.
fn fill(client: &mut Client) {
    let names: Vec<String> = product_names().into_iter().take(20).collect();
    let tables = "CREATE TABLE product (id bigint PRIMARY KEY, name text); CREATE TABLE plain (id bigint, embedding vector(384))";
    client.batch_execute(tables).expect("tables");
    let insert = "INSERT INTO product SELECT n, name FROM unnest($1::text[]) WITH ORDINALITY AS u (name, n)";
    client.execute(insert, &[&names]).expect("rows");
    client.batch_execute("INSERT INTO plain SELECT id, drug_embed(name) FROM product").expect("vectors");
    client.batch_execute("SELECT drugembed.track('product', 'name')").expect("track");
    client.batch_execute("CALL drugembed.backfill('product')").expect("backfill");
    client.batch_execute("INSERT INTO product VALUES (100, '판콜에이내복액')").expect("a row that waits");
}

fn data(client: &mut Client) -> Vec<String> {
    column(client, "SELECT t::text FROM product t UNION ALL SELECT p::text FROM plain p ORDER BY 1")
}

fn still_works(client: &mut Client, version: &str) {
    assert_eq!(value(client, "SELECT count(*) FROM product WHERE embedding IS NULL"), "1");
    client.batch_execute("CALL drugembed.backfill('product')").unwrap_or_else(|e| panic!("from {version}: {e:?}"));
    let other = "SELECT count(*) FROM product WHERE embedding IS DISTINCT FROM drug_embed(name)";
    assert_eq!(value(client, other), "0", "from {version}");
    assert_eq!(
        value(client, "SELECT document FROM drug_search('product', '판콜에이내복액', k => 1)"),
        "판콜에이내복액"
    );
}

/// Every member of the extension, as `\dx+` lists them, with all that `\df+` and `\d+` say of it.
fn shape(client: &mut Client) -> Vec<String> {
    column(
        client,
        "SELECT concat_ws(E'\\n', pg_describe_object(d.classid, d.objid, 0),
                    (SELECT concat_ws(E'\\n', pg_get_functiondef(p.oid), p.proacl, p.procost, p.prosupport)
                       FROM pg_proc p WHERE d.classid = 'pg_proc'::regclass AND p.oid = d.objid AND p.prokind <> 'a'),
                    (SELECT concat_ws(E'\\n', c.relkind, c.relacl, pg_get_viewdef(c.oid),
                                      (SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
                                         FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped))
                       FROM pg_class c WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid),
                    obj_description(d.objid, (SELECT relname FROM pg_class WHERE oid = d.classid)))
           FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
          WHERE e.extname = 'drugembed' AND d.deptype = 'e' ORDER BY 1",
    )
}
