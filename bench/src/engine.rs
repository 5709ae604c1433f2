//! An engine's session: a connection to PostgreSQL, or a process of bench/rivals.py. Each has one thread.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use pgvector::Vector;
use postgres::{Client, Statement};
use serde_json::{Value, json};

pub trait Session: Send {
    /// Seconds of each text, embedded alone.
    fn latency(&mut self, texts: &[String]) -> Result<Vec<f64>>;
    /// Seconds of all texts, in the engine's own batches.
    fn batch(&mut self, texts: &[String]) -> Result<f64>;
    fn embed(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>>;
    /// Process that holds the engine.
    fn pid(&self) -> u32;
}

/// Seconds that a new session needed.
#[derive(Debug, Clone, Copy)]
pub struct Cold {
    /// From nothing: a connection, or a process and its imports; to the first vector.
    pub whole: f64,
    /// From the connection, or the imports, to the first vector.
    pub load: f64,
}

/// Times are the client's: a statement to the server and its answer back.
pub struct Sql {
    client: Client,
    one: Statement,
    many: Statement,
    pid: u32,
}

impl Sql {
    /// `one` turns `$1::text` into a vector, `many` `$1::text[]` into vectors.
    pub fn open(connect: impl Fn() -> Client, one: &str, many: &str, first: &str) -> Result<(Sql, Cold)> {
        let start = Instant::now();
        let mut client = connect();
        let connected = Instant::now();
        let prepared = client.prepare(&format!("SELECT {one}"))?;
        let _: Vector = client.query_one(&prepared, &[&first])?.get(0);
        let cold = Cold { whole: start.elapsed().as_secs_f64(), load: connected.elapsed().as_secs_f64() };
        let many = client.prepare(&format!("SELECT {many}"))?;
        let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[])?.get(0);
        Ok((Sql { client, one: prepared, many, pid: pid.unsigned_abs() }, cold))
    }
}

impl Sql {
    pub fn version(&mut self) -> Result<String> {
        let server: String = self.client.query_one("SHOW server_version", &[])?.get(0);
        Ok(format!("PostgreSQL {}", server.split_whitespace().next().unwrap_or_default()))
    }
}

impl Session for Sql {
    fn latency(&mut self, texts: &[String]) -> Result<Vec<f64>> {
        let one = |text: &String| -> Result<f64> {
            let start = Instant::now();
            let _: Vector = self.client.query_one(&self.one, &[text])?.get(0);
            Ok(start.elapsed().as_secs_f64())
        };
        texts.iter().map(one).collect()
    }

    fn batch(&mut self, texts: &[String]) -> Result<f64> {
        let start = Instant::now();
        let vectors: Vec<Vector> = self.client.query_one(&self.many, &[&texts])?.get(0);
        let seconds = start.elapsed().as_secs_f64();
        ensure!(vectors.len() == texts.len(), "{} vectors of {} texts", vectors.len(), texts.len());
        Ok(seconds)
    }

    fn embed(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let vectors: Vec<Vector> = self.client.query_one(&self.many, &[&texts])?.get(0);
        Ok(vectors.into_iter().map(Into::into).collect())
    }

    fn pid(&self) -> u32 {
        self.pid
    }
}

pub struct Worker {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    pub version: String,
}

impl Worker {
    pub fn open(python: &Path, script: &Path, engine: &str, folder: &Path) -> Result<(Worker, Cold)> {
        let start = Instant::now();
        let mut command = Command::new(python);
        command.arg(script).arg(engine).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        let stdin = child.stdin.take().context("stdin")?;
        let stdout = BufReader::new(child.stdout.take().context("stdout")?);
        let mut worker = Worker { child, stdin, stdout, version: String::new() };
        let ready = worker.answer()?;
        worker.version = ready["version"].as_str().unwrap_or_default().to_owned();
        let load = ready["load"].as_f64().context("load")?;
        Ok((worker, Cold { whole: start.elapsed().as_secs_f64(), load }))
    }

    fn ask(&mut self, op: &str, texts: &[String]) -> Result<Value> {
        writeln!(self.stdin, "{}", json!({ "op": op, "texts": texts }))?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            let mut text = String::new();
            if let Some(stderr) = self.child.stderr.take() {
                BufReader::new(stderr).lines().map_while(Result::ok).for_each(|line| text = line);
            }
            bail!("{text}");
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Session for Worker {
    fn latency(&mut self, texts: &[String]) -> Result<Vec<f64>> {
        Ok(serde_json::from_value(self.ask("latency", texts)?["seconds"].take())?)
    }

    fn batch(&mut self, texts: &[String]) -> Result<f64> {
        self.ask("batch", texts)?["seconds"].as_f64().context("seconds")
    }

    fn embed(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        Ok(serde_json::from_value(self.ask("embed", texts)?["vectors"].take())?)
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
