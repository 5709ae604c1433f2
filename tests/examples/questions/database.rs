//! The private database that is asked.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use postgres::{Client, Config, NoTls};
use server_tests::questions::corpus::{Corpus, Row};
use server_tests::questions::pairs::substances;
use server_tests::{Install, Server, column, database};

use crate::Options;

const NAME: &str = "questions";

/// Kinds of the list, by those of the corpus.
const KINDS: [(&str, &str); 5] =
    [("preg", "pregnancy"), ("age", "age"), ("old", "elderly"), ("amount", "dose"), ("period", "duration")];

pub struct Database {
    server: Server,
    // Removes its folder's server when dropped after it.
    _install: Install,
}

impl Database {
    /// Starts a server, loads and embeds the corpus, and builds the indexes.
    pub fn load(corpus: &Corpus, options: &Options) -> Database {
        let install = Install::copy();
        let settings = ["shared_preload_libraries=drugembed", "shared_buffers=512MB", "maintenance_work_mem=512MB"];
        let server = Server::start(&install, NAME, &settings);
        let mut client = database(&server, NAME);
        client.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_trgm").expect("pg_trgm");
        client.batch_execute(include_str!("load.sql")).expect("load.sql");
        copy(&mut client, "drug", corpus.rows.iter().map(product));
        if !options.without_dur {
            load_dur(&mut client, corpus);
        }
        let database = Database { server, _install: install };
        database.embed(&mut client, options);
        database
    }

    fn embed(&self, client: &mut Client, options: &Options) {
        let started = Instant::now();
        client.batch_execute("SELECT drugembed.prepare()").expect("prepare");
        match &options.attributes {
            None => client.execute("SELECT drugembed.track('drug', $1)", &[&options.source]),
            Some(attributes) => client.execute(
                "SELECT drugembed.track('drug', $1, attributes => $2::text::jsonb)",
                &[&options.source, attributes],
            ),
        }
        .expect("track");
        let backfill = |mut client: Client| client.batch_execute("CALL drugembed.backfill('drug')").expect("backfill");
        std::thread::scope(|scope| {
            for _ in 0..options.sessions {
                scope.spawn(|| backfill(self.server.connect(NAME)));
            }
        });
        for statement in column(client, "SELECT drugembed.index_sql('drug')") {
            client.batch_execute(&statement).unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
        client.batch_execute("VACUUM ANALYZE drug").expect("VACUUM");
        eprintln!("loaded, embedded and indexed in {:.0?}", started.elapsed());
    }

    /// A connection whose notices are put into the list.
    pub fn connect(&self, notices: &Arc<Mutex<Vec<String>>>) -> Client {
        let notices = Arc::clone(notices);
        let mut config = Config::new();
        config.host_path(self.server.sockets()).user("postgres").dbname(NAME);
        config.notice_callback(move |notice| {
            notices.lock().expect("the list").push(format!("{}: {}", notice.severity(), notice.message()));
        });
        config.connect(NoTls).expect("a connection")
    }
}

/// The warnings of the corpus as a list of drugembed's.
fn load_dur(client: &mut Client, corpus: &Corpus) {
    let list = format!(
        "SELECT drugembed.create_dur_list('public.dur'); ALTER DATABASE {NAME} SET drugembed.dur_list = 'public.dur'"
    );
    client.batch_execute(&list).expect("a list");
    let warnings = corpus.rows.iter().flat_map(|row| {
        KINDS.iter().filter(|(kind, _)| row.dur.kinds.contains(kind)).map(|(kind, name)| {
            // The oldest that must not take it, to the month.
            let below = row.dur.months.filter(|_| *kind == "age").map(|months| (months + 1).to_string());
            [(*name).to_owned(), row.code.clone(), below.unwrap_or_default(), row.dur.reasons[kind].clone()]
        })
    });
    copy(client, "dur (kind, item_seq, months_below, reason)", warnings);
    copy(client, "dur (kind, ingredient, ingredient_english, partner_item_seq, reason)", pairs(corpus).into_iter());
    client.batch_execute("ANALYZE").expect("ANALYZE");
}

/// 병용금기: each substance with the products of its partners, both ways.
fn pairs(corpus: &Corpus) -> BTreeSet<[String; 5]> {
    let mut of_code: HashMap<&str, Vec<&str>> = HashMap::new();
    for row in &corpus.rows {
        row.pair_codes.iter().for_each(|code| of_code.entry(code).or_default().push(&row.code));
    }
    let mut pairs = BTreeSet::new();
    for [a, name_a, b, name_b, reason] in corpus.pairs.rows() {
        for (name, partner) in [(name_a, b), (name_b, a)] {
            for substance in substances(name) {
                let korean = reader::ingredients_of(&substance).into_iter().next().map(|name| name.name);
                for product in of_code.get(partner).into_iter().flatten() {
                    pairs.insert(
                        ["combination", korean.as_deref().unwrap_or(&substance), &substance, product, reason]
                            .map(str::to_owned),
                    );
                }
            }
        }
    }
    pairs
}

fn product(row: &Row) -> [String; 10] {
    let kind = if row.type_code.is_empty() { String::new() } else { format!("[{}]{}", row.type_code, row.type_name) };
    let cells = [&row.code, &row.name, &row.name_en, &row.company, &row.rx, &kind];
    let [code, name, english, company, rx, kind] = cells.map(String::clone);
    let (korean, latin) = (row.ingredients.join("/"), row.ingredients_en.join("/"));
    [code, name, english, company, rx, kind, korean, latin, row.form_name.clone(), row.efficacy.clone()]
}

/// COPY in text format; empty cells are NULL.
fn copy<const N: usize>(client: &mut Client, table: &str, rows: impl Iterator<Item = [String; N]>) {
    let mut writer = client.copy_in(&format!("COPY {table} FROM STDIN")).expect("COPY");
    for row in rows {
        let cells = row.map(|cell| match cell.as_str() {
            "" => "\\N".to_owned(),
            text => text.replace('\\', "\\\\").replace(['\n', '\r', '\t'], " "),
        });
        writeln!(writer, "{}", cells.join("\t")).expect("a row");
    }
    writer.finish().expect("the end of COPY");
}
