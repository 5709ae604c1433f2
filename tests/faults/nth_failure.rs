//! The Nth allocation, read, write, mapping, fsync, rename, open, lock or removal of a call fails: an ERROR or an answer, nothing lost, and the next
//! call right. After SQLite's "anomaly testing" (sqlite.org/testing.html, section 3).

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use postgres::Client;
use server_tests::{Server, database, run, value};

use crate::{Test, World};

pub const TESTS: &[Test] = &[("some_calls", some_calls)];
pub const LONG_TESTS: &[Test] = &[("every_call_on_tables", every_call_on_tables), ("every_call", every_call)];

const KINDS: [&str; 9] = ["allocation", "read", "write", "mapping", "fsync", "rename", "open", "lock", "removal"];
const ALLOCATION: usize = 0;

const EMBED: &str = "SELECT md5(string_agg(vector_send(e)::text, ',')) FROM unnest(drug_embed_many('{게보린정,타이레놀정 500밀리그람,해열제}')) e";

/// Rows that wait, two of them for the first time; one is blank.
const TABLE: &str = "
    CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE TABLE product (id bigint PRIMARY KEY, name text);
    INSERT INTO product VALUES (1, '게보린정'), (2, '타이레놀정 500밀리그람'), (3, '해열제'), (4, ' '), (5, '판콜에이내복액');
    SELECT drugembed.track('product', 'name');
    CREATE TABLE waiting AS SELECT * FROM product";
const WAIT: &str = "TRUNCATE product; INSERT INTO product SELECT * FROM waiting ORDER BY id;
    UPDATE product SET embedding = drug_embed('다른 것'), embedding_state = gen_random_uuid() WHERE id < 3";

const STATEMENTS: [&str; 4] = [
    "CALL drugembed.backfill('product', batch => 2)",
    "SELECT drugembed.refresh('product')",
    "SELECT count(*) FROM drugembed.status",
    "SELECT count(*) FROM drug_search('product', '열을 내리는 약', 3, 'lexical')",
];

/// Rows that a backfill has not brought right.
const WRONG: &str = "SELECT count(*) FROM product WHERE embedding_state IS NULL OR embedding_error IS NOT NULL
    OR embedding IS DISTINCT FROM drug_embed(NULLIF(btrim(name), ''))";

/// A session that has the model, and a table with rows that wait.
fn waiting(faults: &Faults) -> Client {
    let mut client = faults.connect();
    client.batch_execute("SET client_min_messages = error; SET drugembed.cache_entries = 0").expect("SET");
    client.batch_execute(WAIT).expect("rows that wait");
    client
}

fn some_calls(world: &World) {
    let mut faults = Faults::new(world, "some_calls");
    faults.sweep(4, 40);
    faults.sweep_tables(15);
}

fn every_call(world: &World) {
    Faults::new(world, "every_call").sweep(700, 2_000);
}

fn every_call_on_tables(world: &World) {
    Faults::new(world, "every_call_on_tables").sweep_tables(4_000);
}

/// A server whose calls fail on demand.
struct Faults {
    server: Server,
    control: File,
    expected: String,
    fired: u64,
    /// What brought the server down, and the last lines that it wrote.
    fatal: Vec<String>,
}

impl Faults {
    fn new(world: &World, name: &str) -> Faults {
        let shim = world.install.folder.join(format!("{name}.so"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/faults/shim.c");
        run(Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o"]).arg(&shim).arg(source));
        let path = world.install.folder.join(format!("{name}.control"));
        fs::write(&path, [0; 128]).expect("a file to share");
        world.install.own(&path);
        drop(Server::start(&world.install, name, &[]));
        let environment = vec![("LD_PRELOAD".to_owned(), shim), ("DRUGEMBED_FAULTS".to_owned(), path.clone())];
        let server = Server::reopen_with(&world.install, name, &[], environment);
        let mut client = database(&server, "faults");
        let expected = value(&mut client, EMBED);
        let control = File::options().read(true).write(true).open(path).expect("the shared file");
        Faults { server, control, expected, fired: 0, fatal: Vec::new() }
    }

    /// Lets up to `loads` calls of each kind fail while a model is loaded and while one is prepared, and up to `embeds` while texts
    /// are embedded, evenly spread over all there are.
    fn sweep(&mut self, loads: u64, embeds: u64) {
        let calls = self.calls(|faults| faults.connect(), EMBED);
        self.fail("loading what is installed", calls, loads, EMBED, |faults| faults.connect());
        let prepare = "SELECT count(*) FROM drugembed.prepare()";
        let unprepared = |faults: &Faults| {
            let _ = fs::remove_dir_all(faults.prepared());
            faults.connect()
        };
        let calls = self.calls(unprepared, prepare);
        self.fail("preparing", calls, loads, prepare, unprepared);
        self.connect().batch_execute(prepare).expect("prepared");
        let calls = self.calls(|faults| faults.connect(), EMBED);
        self.fail("loading what is prepared", calls, loads, EMBED, |faults| faults.connect());
        let loaded = |faults: &Faults| {
            let mut client = faults.connect();
            client.batch_execute("SET drugembed.cache_entries = 0; SELECT drug_embed('약')").expect("loaded");
            client
        };
        let calls = self.calls(loaded, EMBED);
        self.fail("embedding", calls, embeds, EMBED, loaded);
        self.end();
    }

    /// Lets up to `most` calls of each kind fail in each statement on a tracked table.
    fn sweep_tables(&mut self, most: u64) {
        self.connect().batch_execute("SELECT drugembed.prepare()").expect("prepared");
        self.connect().batch_execute(TABLE).expect("a table");
        for sql in STATEMENTS {
            let calls = self.calls(waiting, sql);
            self.fail(sql, calls, most, sql, waiting);
        }
        self.end();
    }

    fn end(&self) {
        println!("{} failures", self.fired);
        assert!(self.fatal.is_empty(), "{} brought the server down: {:#?}", self.fatal.len(), self.fatal);
    }

    fn connect(&self) -> Client {
        let mut client = self.server.connect("faults");
        client.batch_execute("SET statement_timeout = '60s'").expect("SET");
        client
    }

    fn prepared(&self) -> PathBuf {
        self.server.data().join("drugembed")
    }

    /// How many calls of each kind a statement makes.
    fn calls(&mut self, connect: impl Fn(&Faults) -> Client, sql: &str) -> [u64; KINDS.len()] {
        let mut client = connect(self);
        self.arm(&mut client, 0, 0);
        client.simple_query(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        self.disarm()
    }

    fn fail(
        &mut self,
        what: &str,
        calls: [u64; KINDS.len()],
        most: u64,
        sql: &str,
        connect: impl Fn(&Faults) -> Client,
    ) {
        println!("{} failures; {what}: {:?}", self.fired, KINDS.iter().zip(calls).collect::<Vec<_>>());
        for (kind, &count) in calls.iter().enumerate() {
            // Allocations are many, and in part the same loop's.
            let points = if kind == ALLOCATION { count.min(most) } else { count.min(most.max(8)) };
            for point in 0..points {
                let nth = 1 + point * count / points;
                let of = format!("{what}, {} {nth} of {count}", KINDS[kind]);
                let mut client = connect(self);
                self.arm(&mut client, kind, nth);
                let result = client.simple_query(sql);
                let seen = self.disarm()[kind];
                self.fired += u64::from(seen >= nth);
                if result.as_ref().is_err_and(|error| error.as_db_error().is_none()) {
                    self.server.wait_for_log("was terminated by signal");
                    sleep(Duration::from_millis(200));
                }
                match self.server.log().matches("was terminated by signal").count() > self.fatal.len() {
                    false => self.check(&of, result.map(|_| ()), client),
                    true => {
                        let log = self.server.log();
                        let mut lines = log.lines().rev().skip_while(|line| !line.contains("was terminated by signal"));
                        self.fatal.push(format!("{of}: {:?}", [lines.next(), lines.next(), lines.next()]));
                        println!("{:?}", self.fatal.last());
                        self.server.wait_until_ready();
                    }
                }
            }
        }
    }

    /// The session goes on, the same call is right in another one and, but for one case, in it, and nothing unfinished stays.
    fn check(&self, of: &str, result: Result<(), postgres::Error>, mut client: Client) {
        if let Err(error) = result {
            let error = error.as_db_error().unwrap_or_else(|| panic!("{of}: the connection broke: {error}"));
            assert!(error.hint().is_some(), "{of}: {error:?}");
        }
        match client.query_one(EMBED, &[]) {
            Ok(row) => assert_eq!(row.get::<_, String>(0), self.expected, "{of}: another vector"),
            // ONNX Runtime sets itself up once in a process, for better or worse.
            Err(error) => {
                let error = error.as_db_error().unwrap_or_else(|| panic!("{of}: then the connection broke: {error}"));
                let may_be = error.detail().is_some_and(|detail| detail.contains("a new session can"));
                assert!(may_be && of.contains("loading") | of.contains("preparing"), "{of}: then {error:?}");
            }
        }
        let mut client = self.connect();
        assert_eq!(value(&mut client, EMBED), self.expected, "{of}: another vector in a new session");
        if STATEMENTS.iter().any(|sql| of.starts_with(sql)) {
            client.batch_execute("CALL drugembed.backfill('product')").unwrap_or_else(|e| panic!("{of}: then {e:?}"));
            assert_eq!(value(&mut client, WRONG), "0", "{of}: rows are wrong after the next backfill");
            let journals = fs::read_dir(self.server.data().join("drugembed_backfill")).expect("the folder of journals");
            assert_eq!(journals.count(), 0, "{of}: journals stay");
        }
        let left: Vec<_> = fs::read_dir(self.prepared())
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.file_name().into_string().unwrap_or_default()))
            .filter(|name| name.starts_with(".unfinished"))
            .collect();
        assert!(left.is_empty(), "{of}: {left:?} stay");
    }

    /// See `struct control` in shim.c.
    fn arm(&self, client: &mut Client, kind: usize, nth: u64) {
        let pid: i32 = value(client, "SELECT pg_backend_pid()").parse().expect("a number");
        let mut bytes = [0; 128];
        bytes[4..8].copy_from_slice(&(kind as i32).to_ne_bytes());
        bytes[8..16].copy_from_slice(&(nth as i64).to_ne_bytes());
        self.control.write_all_at(&bytes, 0).expect("written");
        self.control.write_all_at(&pid.to_ne_bytes(), 0).expect("written");
    }

    /// Ends it and gives the calls of each kind since [`Faults::arm`].
    fn disarm(&self) -> [u64; KINDS.len()] {
        self.control.write_all_at(&[0; 4], 0).expect("written");
        let mut bytes = [0; 8 * KINDS.len()];
        self.control.read_exact_at(&mut bytes, 16).expect("read");
        std::array::from_fn(|kind| u64::from_ne_bytes(*bytes[8 * kind..].first_chunk().expect("eight bytes")))
    }
}
