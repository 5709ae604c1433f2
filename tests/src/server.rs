//! One server on one data folder. It ends with its [`Server`], or by SIGINT when the test process dies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};

use crate::install::{Install, run};

const START_LIMIT: Duration = Duration::from_secs(60);

pub struct Server {
    data: PathBuf,
    sockets: PathBuf,
    /// Variables that the server's processes have besides this one's.
    environment: Vec<(String, PathBuf)>,
    process: Option<JoinHandle<()>>,
}

impl Server {
    /// Makes a cluster `name` and starts it with these `postgresql.conf` lines.
    pub fn start(install: &Install, name: &str, settings: &[&str]) -> Server {
        let data = install.folder.join(name);
        let bin = install.root().join("bin");
        let mut initdb = install.command(bin.join("initdb"));
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]);
        if install.major() >= 17 {
            initdb.arg("--locale-provider=builtin");
        }
        run(initdb.arg("--no-sync").arg("-D").arg(&data));

        let sockets = install.folder.join(format!("{name}.sockets"));
        fs::create_dir(&sockets).expect("a socket folder");
        install.own(&sockets);
        Server::reopen(install, name, settings)
    }

    /// Starts a server on the cluster `name` made before.
    pub fn reopen(install: &Install, name: &str, settings: &[&str]) -> Server {
        Server::reopen_with(install, name, settings, Vec::new())
    }

    /// As [`Server::reopen`], with variables in the server's environment.
    pub fn reopen_with(
        install: &Install,
        name: &str,
        settings: &[&str],
        environment: Vec<(String, PathBuf)>,
    ) -> Server {
        let data = install.folder.join(name);
        let sockets = install.folder.join(format!("{name}.sockets"));
        let mut server = Server { data, sockets, environment, process: None };
        server.launch(install, settings);
        server.wait_until_ready();
        server
    }

    fn launch(&mut self, install: &Install, settings: &[&str]) {
        let mut postgres = install.command(install.root().join("bin/postgres"));
        postgres.arg("-D").arg(&self.data).arg("-k").arg(&self.sockets);
        // Builds differ in whether they hold a just-in-time compiler, whose memory and time the tests would measure.
        postgres.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "jit=off"]);
        for setting in settings {
            postgres.args(["-c", setting]);
        }
        postgres.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let path = self.data.with_extension("log");
        let log = fs::OpenOptions::new().create(true).append(true).open(path).expect("a log file");
        postgres.stdin(Stdio::null()).stdout(log.try_clone().expect("log")).stderr(log);
        // The parent-death signal is bound to the starting thread, so that thread waits for the server's whole life.
        self.process = Some(thread::spawn(move || {
            postgres.spawn().expect("postgres starts").wait().expect("postgres ends");
        }));
    }

    /// Kills the postmaster with SIGKILL, as the kernel does when memory runs out, and starts the server again.
    pub fn kill_and_restart(&mut self, install: &Install, settings: &[&str]) {
        run(Command::new("kill").args(["-KILL", &self.pid().to_string()]));
        let start = Instant::now();
        loop {
            if let Some(process) = self.process.take() {
                let _ = process.join();
            }
            // Until the last backend has noticed, a new postmaster refuses the data folder.
            self.launch(install, settings);
            while !self.process.as_ref().is_none_or(JoinHandle::is_finished) {
                if self.try_connect("postgres", "postgres").is_ok() {
                    return;
                }
                assert!(start.elapsed() < START_LIMIT, "the server does not come back:\n{}", self.log());
                sleep(Duration::from_millis(50));
            }
        }
    }

    /// Folder of the server's socket: `host` of a connection string.
    pub fn sockets(&self) -> &Path {
        &self.sockets
    }

    pub fn data(&self) -> &Path {
        &self.data
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

    pub fn wait_for_log(&self, text: &str) {
        let start = Instant::now();
        while !self.log().contains(text) {
            assert!(start.elapsed() < START_LIMIT, "the log never says \"{text}\":\n{}", self.log());
            sleep(Duration::from_millis(50));
        }
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
