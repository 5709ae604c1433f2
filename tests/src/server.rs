//! One server on one data folder. It ends with its [`Server`], or by SIGINT when the test process dies.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};

use crate::install::{Install, run};

const START_LIMIT: Duration = Duration::from_secs(60);

pub struct Server {
    data: PathBuf,
    sockets: PathBuf,
    process: Option<JoinHandle<()>>,
}

impl Server {
    /// Makes a cluster `name` and starts it with these `postgresql.conf` lines.
    pub fn start(install: &Install, name: &str, settings: &[&str]) -> Server {
        let data = install.folder.join(name);
        let bin = install.root().join("bin");
        let mut initdb = install.command(bin.join("initdb"));
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]);
        run(initdb.arg("--no-sync").arg("-D").arg(&data));

        let sockets = install.folder.join(format!("{name}.sockets"));
        fs::create_dir(&sockets).expect("a socket folder");
        install.own(&sockets);
        let mut postgres = install.command(bin.join("postgres"));
        postgres.arg("-D").arg(&data).arg("-k").arg(&sockets).args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        for setting in settings {
            postgres.args(["-c", setting]);
        }
        let log = fs::File::create(install.folder.join(format!("{name}.log"))).expect("a log file");
        postgres.stdin(Stdio::null()).stdout(log.try_clone().expect("log")).stderr(log);
        // The parent-death signal is bound to the starting thread, so that thread waits for the server's whole life.
        let process = thread::spawn(move || {
            postgres.spawn().expect("postgres starts").wait().expect("postgres ends");
        });
        let server = Server { data, sockets, process: Some(process) };
        server.wait_until_ready();
        server
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.data.with_extension("log")).expect("the server's log")
    }

    /// Process number of the postmaster.
    pub fn pid(&self) -> u32 {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).expect("postmaster.pid");
        text.lines().next().and_then(|line| line.parse().ok()).expect("a process number")
    }

    pub fn connect(&self, database: &str) -> Client {
        self.connect_as("postgres", database)
    }

    pub fn connect_as(&self, user: &str, database: &str) -> Client {
        self.try_connect(user, database).unwrap_or_else(|e| panic!("connecting to {database}: {e}\n{}", self.log()))
    }

    pub fn try_connect(&self, user: &str, database: &str) -> Result<Client, postgres::Error> {
        Config::new().host_path(&self.sockets).user(user).dbname(database).connect(NoTls)
    }

    pub fn wait_until_ready(&self) {
        let start = Instant::now();
        while self.try_connect("postgres", "postgres").is_err() {
            assert!(start.elapsed() < START_LIMIT, "the server does not answer:\n{}", self.log());
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(text) = fs::read_to_string(self.data.join("postmaster.pid")) {
            let _ = Command::new("kill").args(["-INT", text.lines().next().unwrap_or_default()]).status();
        }
        if let Some(process) = self.process.take() {
            let _ = process.join();
        }
    }
}

/// A fresh database with pgvector and drugembed, and a connection to it.
pub fn database(server: &Server, name: &str) -> Client {
    server.connect("postgres").batch_execute(&format!("CREATE DATABASE {name}")).expect("CREATE DATABASE");
    let mut client = server.connect(name);
    client.batch_execute("CREATE EXTENSION drugembed CASCADE").expect("CREATE EXTENSION");
    client
}
