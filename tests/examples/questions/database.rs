//! The private database that is asked.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use postgres::{Client, Config, NoTls};
use server_tests::questions::corpus::{Corpus, Row};
use server_tests::{Install, Server, column, database};

use crate::Options;

const NAME: &str = "questions";

/// Korean names of the DUR kinds.
const KINDS: [(&str, &str); 5] = [
    ("preg", "임부금기"),
    ("age", "특정연령대금기"),
    ("old", "노인주의"),
    ("amount", "용량주의"),
    ("period", "투여기간주의"),
];

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
            client.batch_execute(include_str!("dur.sql")).expect("dur.sql");
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

fn load_dur(client: &mut Client, corpus: &Corpus) {
    let mut warnings = Vec::new();
    for row in &corpus.rows {
        for (kind, name) in KINDS.iter().filter(|(kind, _)| row.dur.kinds.contains(kind)) {
            let months = row.dur.months.filter(|_| *kind == "age").map(|months| months.to_string()).unwrap_or_default();
            warnings.push([row.code.clone(), (*name).to_owned(), months, row.dur.reasons[kind].clone()]);
        }
    }
    copy(client, "dur_product", warnings.into_iter());
    copy(client, "dur_pair", corpus.pairs.rows().map(|row| row.map(str::to_owned)));
    let codes = corpus.rows.iter().flat_map(|row| row.pair_codes.iter().map(|code| [row.code.clone(), code.clone()]));
    copy(client, "dur_ingredient", codes);
    client.batch_execute("ANALYZE").expect("ANALYZE");
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
