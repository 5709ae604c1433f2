//! The servers, the engines and the texts that all parts share.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use encoder::{Encoder, Options, Role};
use postgres::Client;
use server_tests::{Install, Server, run};

use crate::engine::{Cold, Session, Sql, Worker};
use crate::engines::{self, Kind};
use crate::results::Results;

/// First text of every session.
pub const FIRST: &str = "타이레놀정500밀리그람(아세트아미노펜)";

#[derive(Debug, Clone, clap::Args)]
pub struct Setup {
    /// Folder of the real tables; without it the texts are those of data/sample
    #[arg(long, global = true)]
    pub data: Option<PathBuf>,
    /// Model of the project's own engine
    #[arg(long, global = true, default_value = "drug-e5-mini-ko")]
    pub model: String,
    /// Folder of the rivals and the results
    #[arg(long, global = true, default_value = ".cache/bench")]
    pub cache: PathBuf,
    /// Only these engines
    #[arg(long, global = true, value_delimiter = ',')]
    pub engines: Vec<String>,
    /// One round of little, to see that it works; the figures are kept apart from those of a whole run
    #[arg(long, global = true)]
    pub short: bool,
}

impl Setup {
    /// Folder of the figures.
    pub fn results(&self) -> PathBuf {
        self.cache.join(if self.short { "results-short" } else { "results" })
    }

    /// `whole`, or `short` in a short run.
    pub fn count(&self, whole: usize, short: usize) -> usize {
        if self.short { short } else { whole }
    }
}

pub struct World {
    pub options: Setup,
    // Servers end before the folders that they run in.
    pub server: Server,
    plpython: Result<(Server, Install), String>,
    pub install: Install,
}

impl World {
    /// Starts the servers; that of the project holds the products in table `drug_summary` of database `postgres`.
    pub fn start(options: &Setup, settings: &[&str]) -> Result<World> {
        let install = Install::copy();
        let server = start(&install, "bench", &options.model, &[&[PRELOAD], settings].concat());
        let world = World { options: options.clone(), server, plpython: Err("it was not asked for".into()), install };
        world.load_products()?;
        Ok(world)
    }

    /// Starts the server with PL/Python too, if scripts/bench.sh could make one.
    pub fn with_plpython(mut self) -> World {
        self.plpython = self.start_plpython().map_err(|e| e.to_string());
        self
    }

    fn start_plpython(&self) -> Result<(Server, Install)> {
        let folder = self.options.cache.join("plpython");
        let reason = self.options.cache.join("plpython.skipped");
        ensure!(
            folder.exists(),
            "{}",
            fs::read_to_string(reason).unwrap_or_else(|_| "it is not installed".into()).trim()
        );
        let install = Install::copy_of(&folder.canonicalize()?, "plpython");
        let python = install.folder.join("python");
        let rivals = install.folder.join("rivals");
        fs::create_dir_all(&python)?;
        // The server's user may be unable to enter the checkout.
        for package in ["numpy", "numpy.libs", "onnxruntime", "tokenizers", "flatbuffers", "google", "packaging"] {
            let source = self.site_packages()?.join(package);
            if source.exists() {
                run(std::process::Command::new("cp").arg("-r").arg(source).arg(&python));
            }
        }
        for engine in engines::of(&[Kind::PlPython]) {
            let weights = engines::parts(engine).0;
            fs::create_dir_all(rivals.join(weights))?;
            for (source, target) in [
                ("fp32.onnx", "fp32.onnx"),
                ("int8.onnx", "int8.onnx"),
                ("checkpoint/tokenizer.json", "tokenizer.json"),
            ] {
                let source = self.options.cache.join("rivals").join(weights).join(source);
                fs::copy(source, rivals.join(weights).join(target)).context(target)?;
            }
        }
        let server = start(&install, "bench", &self.options.model, &[PRELOAD]);
        let mut client = server.connect("postgres");
        client.batch_execute("CREATE EXTENSION drugembed CASCADE; CREATE EXTENSION plpython3u;")?;
        let sql = include_str!("../plpython.sql")
            .replace("@python@", &python.display().to_string())
            .replace("@rivals@", &rivals.display().to_string());
        client.batch_execute(&sql)?;
        Ok((server, install))
    }

    pub fn site_packages(&self) -> Result<PathBuf> {
        let lib = self.options.cache.join("venv/lib");
        let first = fs::read_dir(&lib)?.next().with_context(|| format!("{} is empty", lib.display()))??;
        Ok(first.path().join("site-packages").canonicalize()?)
    }

    /// A new session of an engine, after its first embedding.
    pub fn open(&self, engine: &str) -> Result<(Box<dyn Session>, Cold, String)> {
        match engines::find(engine).with_context(|| format!("no engine is \"{engine}\""))?.kind {
            Kind::Own | Kind::Arrangement => open_sql(&self.server, "drug_embed($1::text)", "drug_embed($1::text[])"),
            Kind::Beside => open_sql(self.plpython()?, "drug_embed($1::text)", "drug_embed($1::text[])"),
            Kind::PlPython => {
                let (weights, name) = engines::parts(engine);
                let graph = format!("{weights}/{}", name.trim_start_matches("plpython-"));
                let (one, many) =
                    (format!("py_embed($1::text, '{graph}')"), format!("py_embed_all($1::text[], '{graph}')"));
                open_sql(self.plpython()?, &one, &many)
            }
            Kind::Worker => {
                let (worker, cold) = self.worker(engine)?;
                let version = worker.version.clone();
                Ok((Box::new(worker), cold, version))
            }
        }
    }

    fn worker(&self, engine: &str) -> Result<(Worker, Cold)> {
        let python = self.options.cache.join("venv/bin/python");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals.py");
        let (weights, name) = engines::parts(engine);
        Worker::open(&python, &script, name, &self.options.cache.join("rivals").join(weights))
    }

    /// The server with PL/Python.
    pub fn plpython(&self) -> Result<&Server> {
        self.plpython.as_ref().map(|(server, _)| server).map_err(|reason| anyhow::anyhow!("{reason}"))
    }

    /// Those of `engines` that work here; the others are named with the reason.
    pub fn usable(&self, engines: &[&'static str], results: &mut Results) -> Vec<&'static str> {
        let wanted =
            |engine: &&&str| self.options.engines.is_empty() || self.options.engines.iter().any(|e| e == **engine);
        let mut usable = Vec::new();
        for engine in engines.iter().filter(wanted) {
            match self.open(engine) {
                Ok((_, _, version)) => {
                    results.versions.insert((*engine).into(), version);
                    usable.push(*engine);
                }
                Err(reason) => {
                    println!("SKIPPED {engine}: {reason}");
                    results.skipped.insert((*engine).into(), reason.to_string());
                }
            }
        }
        usable
    }

    pub fn results(&self) -> Results {
        Results::new(
            if self.options.data.is_some() { "the public MFDS tables" } else { "data/sample" },
            &self.options.model,
        )
    }

    pub fn client(&self) -> Client {
        self.server.connect("postgres")
    }

    /// The project's own encoder, to count tokens.
    pub fn encoder(&self) -> Result<Encoder> {
        let folder = self.install.share().join("drugembed/models").join(&self.options.model);
        Ok(Encoder::open(&folder, &Options { runtime: self.install.runtime(), cache_entries: 0 })?)
    }

    /// Product names in an order that has nothing to do with their age.
    pub fn names(&self, count: usize) -> Result<Vec<String>> {
        self.texts("SELECT DISTINCT md5(item_name), item_name FROM drug_summary ORDER BY 1", count)
    }

    /// Names, documents, English names and ingredients, mixed.
    pub fn mixed_texts(&self, count: usize) -> Result<Vec<String>> {
        let all = "SELECT item_name FROM drug_summary UNION SELECT drug_document(item_name, product_type, ingredient_name) FROM drug_summary
                   UNION SELECT item_eng_name FROM drug_summary UNION SELECT left(ingredient_name, 400) FROM drug_summary";
        self.texts(&format!("SELECT md5(t), t FROM ({all}) u (t) WHERE btrim(t) <> '' ORDER BY 1"), count)
    }

    /// Texts of exactly `tokens` tokens, prefix and special tokens included, made of whole products one after another.
    pub fn texts_of(&self, encoder: &Encoder, tokens: usize, count: usize) -> Result<Vec<String>> {
        let documents = self.texts("SELECT md5(item_sequence), drug_document(item_name, product_type, ingredient_name) FROM drug_summary ORDER BY 1", 4000)?;
        let mut texts = Vec::new();
        for start in 0..documents.len() {
            let mut text = String::new();
            for document in documents[start..].iter().chain(&documents).take(tokens) {
                text.push_str(document);
                if encoder.token_count(Role::Document, &text)? >= tokens {
                    break;
                }
                text.push(' ');
            }
            while encoder.token_count(Role::Document, &text)? > tokens {
                text.pop();
            }
            if encoder.token_count(Role::Document, &text)? == tokens && !text.ends_with(' ') && !texts.contains(&text) {
                texts.push(text);
            }
            if texts.len() == count {
                return Ok(texts);
            }
        }
        anyhow::bail!("only {} texts of {tokens} tokens", texts.len())
    }

    fn texts(&self, sql: &str, count: usize) -> Result<Vec<String>> {
        let rows = self.client().query(&format!("{sql} LIMIT {count}"), &[])?;
        Ok(rows.iter().map(|row| row.get(1)).collect())
    }

    fn load_products(&self) -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the checkout")?;
        let (folder, files): (PathBuf, &[&str]) = match &self.options.data {
            Some(folder) => (folder.clone(), &["table.sql", "load_seed.sql", "load_all.sql"]),
            None => (root.join("data/sample"), &["table.sql", "load_sample.sql"]),
        };
        let mut psql = std::process::Command::new(self.install.root().join("bin/psql"));
        psql.current_dir(&folder).args([
            "--no-psqlrc",
            "--quiet",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            "postgres",
            "-h",
        ]);
        psql.arg(self.server.sockets());
        for file in files {
            psql.arg("-f").arg(root.join("demo").join(file));
        }
        run(&mut psql);
        Ok(())
    }
}

pub const PRELOAD: &str = "shared_preload_libraries=drugembed";

/// Starts a server that measures on a new cluster `name`, with the model prepared for this machine.
pub fn start(install: &Install, name: &str, model: &str, more: &[&str]) -> Server {
    let settings = settings(model, more);
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let server = Server::start(install, name, &settings);
    let prepare = "CREATE EXTENSION drugembed CASCADE; SELECT drugembed.prepare(); DROP EXTENSION vector CASCADE";
    server.connect("postgres").batch_execute(prepare).expect("the model is prepared");
    // What preloads it must start again; and what has just been written is private until it is on the disk.
    drop(server);
    run(&mut std::process::Command::new("sync"));
    Server::reopen(install, name, &settings)
}

/// Starts a server on which nothing was done after the installation.
pub fn start_as_installed(install: &Install, name: &str, model: &str) -> Server {
    let settings = settings(model, &[]);
    Server::start(install, name, &settings.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Settings of a server that measures: each text is embedded, not remembered.
fn settings(model: &str, more: &[&str]) -> Vec<String> {
    let own = [format!("drugembed.model={model}"), "drugembed.cache_entries=0".into()];
    own.into_iter().chain(more.iter().map(|&setting| setting.into())).collect()
}

pub fn open_sql(server: &Server, one: &str, many: &str) -> Result<(Box<dyn Session>, Cold, String)> {
    let (mut session, cold) = Sql::open(|| server.connect("postgres"), one, many, FIRST)?;
    let version = session.version()?;
    Ok((Box::new(session), cold, version))
}
