//! One session, in a thread of its own: it is given steps, and may be waiting for a lock when the next one is due.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use postgres::{Client, SimpleQueryMessage};
use server_tests::{Server, value};

/// What a session does in one go. Numbers are those of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Sql(&'static str),
    /// One batch of a backfill that `drugembed._backfill_begin` began, which is held at the gates.
    Batch,
    /// Its other batches, which are not, and its end.
    Rest,
    /// Lets this session's backfill pass a gate, at which it must be waiting.
    Pass(Gate),
    Terminate(usize),
    Kill(usize),
}

/// Where a backfill can be held: see `gate` in the tables of the cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// While the source of a row is computed: nothing but the table is locked.
    Read = 1,
    /// While a row is written: the row is locked.
    Write = 2,
}

pub struct Session {
    pub pid: i32,
    send: Sender<Step>,
    done: Receiver<Option<Failure>>,
    /// A step that has not ended.
    pub running: Option<Step>,
    pub dead: bool,
    pub failures: Vec<Failure>,
}

/// A step that ended in an ERROR: its SQLSTATE and message, none if the connection broke.
#[derive(Debug, Clone)]
pub struct Failure {
    pub step: Step,
    pub error: Option<(String, String)>,
}

impl Session {
    /// `number` names its gates.
    pub fn open(server: &Server, number: usize) -> Session {
        let mut client = server.connect("isolation");
        client
            .batch_execute(&format!(
                "SET client_min_messages = error; SET drugembed.cache_entries = 1000; SET test.session = {number}"
            ))
            .expect("SET");
        let pid = value(&mut client, "SELECT pg_backend_pid()").parse().expect("a number");
        let (send, steps) = channel();
        let (ended, done) = channel();
        thread::spawn(move || {
            for step in steps {
                let _ = ended.send(perform(&mut client, step));
            }
        });
        Session { pid, send, done, running: None, dead: false, failures: Vec::new() }
    }

    pub fn start(&mut self, step: Step) {
        self.running = Some(step);
        self.send.send(step).expect("the session's thread");
    }

    /// Whether the session has nothing to do any more.
    pub fn is_done(&mut self) -> bool {
        if self.running.is_some() {
            match self.done.try_recv() {
                Ok(failure) => self.ended(failure),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => panic!("the session's thread ended"),
            }
        }
        true
    }

    pub fn wait(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        while !self.is_done() {
            if start.elapsed() > limit {
                return false;
            }
            thread::sleep(Duration::from_micros(200));
        }
        true
    }

    fn ended(&mut self, failure: Option<Failure>) {
        self.running = None;
        self.dead |= failure.as_ref().is_some_and(|failure| failure.error.is_none());
        self.failures.extend(failure);
    }
}

fn perform(client: &mut Client, step: Step) -> Option<Failure> {
    let result = match step {
        Step::Sql(sql) => client.simple_query(sql).map(|_| ()),
        Step::Batch => client
            .batch_execute("SET test.gates = on")
            .and_then(|()| client.batch_execute("SELECT drugembed._backfill_step()")),
        Step::Rest => rest(client),
        Step::Pass(_) | Step::Terminate(_) | Step::Kill(_) => unreachable!("not a session's own doing"),
    };
    result.err().map(|error| Failure {
        step,
        error: error
            .as_db_error()
            .map(|e| (e.code().code().to_owned(), e.message().to_owned()))
            .filter(|(code, _)| code != "57P01"),
    })
}

/// As the procedure does.
fn rest(client: &mut Client) -> Result<(), postgres::Error> {
    client.batch_execute("SET test.gates = off")?;
    let more = |messages: Vec<SimpleQueryMessage>| {
        messages.iter().any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("t")))
    };
    while more(client.simple_query("SELECT drugembed._backfill_step()")?) {}
    client.batch_execute("SELECT drugembed._backfill_end()")
}
