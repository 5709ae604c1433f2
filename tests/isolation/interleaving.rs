//! Every order of the steps of some sessions, after PostgreSQL's isolation tester (src/test/isolation): the steps of each session
//! stay in their order, and a step starts when all sessions have ended theirs or wait for a lock.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;
use server_tests::{Server, column, run, value};

use crate::session::{Failure, Gate, Session, Step};

/// Longest that a step may take that waits for nobody.
const LIMIT: Duration = Duration::from_secs(30);

/// Sessions that wait for a lock, or for a page that another one is reading.
const WAITING: &str = "SELECT pid FROM pg_locks WHERE NOT granted UNION SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'BufferPin'";

/// The orders in which sessions with so many steps can take turns, each a list of sessions.
pub fn orders(steps: &[usize]) -> Vec<Vec<usize>> {
    let total = steps.iter().sum();
    let mut orders = Vec::new();
    extend(&mut Vec::new(), &mut steps.to_vec(), total, &mut orders);
    orders
}

fn extend(order: &mut Vec<usize>, left: &mut [usize], total: usize, orders: &mut Vec<Vec<usize>>) {
    if order.len() == total {
        orders.push(order.clone());
    }
    for session in 0..left.len() {
        if left[session] > 0 {
            left[session] -= 1;
            order.push(session);
            extend(order, left, total, orders);
            order.pop();
            left[session] += 1;
        }
    }
}

/// Beginnings of orders that cannot be: a step was due in a session that waited for another one.
#[derive(Default)]
pub struct Impossible(HashSet<Vec<usize>>);

impl Impossible {
    pub fn has(&self, order: &[usize]) -> bool {
        (1..=order.len()).any(|length| self.0.contains(&order[..length]))
    }
}

pub struct Interleaving<'a> {
    server: &'a Server,
    /// Holds the gates.
    control: &'a mut Client,
    sessions: Vec<Session>,
    /// What each session has left to do.
    left: Vec<&'a [Step]>,
    /// Whether the server was taken down on purpose.
    killed: bool,
}

impl<'a> Interleaving<'a> {
    /// Sessions are taken from `pool` where it has living ones.
    pub fn new(
        server: &'a Server,
        control: &'a mut Client,
        steps: &[&'a [Step]],
        pool: &mut Vec<Session>,
    ) -> Interleaving<'a> {
        let mut pooled = std::mem::take(pool);
        let sessions: Vec<Session> = (0..steps.len())
            .map(|number| match pooled.is_empty() {
                true => Session::open(server, number),
                false => pooled.remove(0),
            })
            .collect();
        for number in 0..sessions.len() {
            for gate in [Gate::Read, Gate::Write] {
                value(control, &format!("SELECT pg_advisory_lock({number}, {})", gate as i32));
            }
        }
        Interleaving { server, control, sessions, left: steps.to_vec(), killed: false }
    }

    /// Runs all steps, in this order as far as it is possible.
    pub fn run(mut self, order: &[usize], impossible: &mut Impossible, pool: &mut Vec<Session>) -> Vec<Vec<Failure>> {
        for (at, &session) in order.iter().enumerate() {
            if !self.can_go_on(session) {
                impossible.0.insert(order[..=at].to_vec());
                break;
            }
            self.step(session);
        }
        self.drain();
        let mut failures = Vec::new();
        for session in &mut self.sessions {
            failures.push(std::mem::take(&mut session.failures));
        }
        if !self.killed && self.sessions.iter().all(|session| !session.dead) {
            for session in &mut self.sessions {
                session.start(Step::Sql("ROLLBACK; SET test.gates = off"));
                assert!(session.wait(LIMIT), "a session hangs");
            }
            pool.append(&mut self.sessions);
        }
        failures
    }

    /// Does what is left, in an order that is possible.
    fn drain(&mut self) {
        while let Some(session) =
            (0..self.left.len()).find(|&session| !self.left[session].is_empty() && self.can_go_on(session))
        {
            self.step(session);
        }
        if !self.killed {
            value(self.control, "SELECT pg_advisory_unlock_all()");
        }
        for (number, session) in self.sessions.iter_mut().enumerate() {
            assert!(session.wait(LIMIT), "session {number} hangs in {:?}", session.running);
        }
        assert!(self.left.iter().all(|left| left.is_empty()), "sessions wait for each other: {:?}", self.left);
    }

    /// Whether the session's next step can be started: it has ended the one before, or waits at the gate that is opened now, or at
    /// a later one where it met no earlier.
    fn can_go_on(&mut self, session: usize) -> bool {
        if self.killed || self.sessions[session].is_done() {
            return true;
        }
        let Some(Step::Pass(gate)) = self.left[session].first() else { return false };
        let waits = format!(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = {} AND NOT granted AND locktype = 'advisory' AND objid >= {})",
            self.sessions[session].pid, *gate as i32
        );
        value(self.control, &waits) == "t"
    }

    fn step(&mut self, session: usize) {
        let (step, left) = self.left[session].split_first().expect("a step is left");
        self.left[session] = left;
        if self.killed || self.sessions[session].dead {
            return;
        }
        match *step {
            Step::Pass(gate) => {
                value(self.control, &format!("SELECT pg_advisory_unlock({session}, {})", gate as i32));
            }
            Step::Terminate(other) => {
                let sql = format!("SELECT pg_terminate_backend({})", self.sessions[other].pid);
                value(self.control, &sql);
                let process = Path::new("/proc").join(self.sessions[other].pid.to_string());
                let start = Instant::now();
                while process.exists() {
                    assert!(start.elapsed() < LIMIT, "it does not end");
                }
                self.sessions[other].dead = true;
            }
            Step::Kill(other) => {
                run(Command::new("kill").args(["-KILL", &self.sessions[other].pid.to_string()]));
                self.killed = true;
                while self.control.is_valid(Duration::from_secs(1)).is_ok() {}
                self.server.wait_until_ready();
                return;
            }
            step => self.sessions[session].start(step),
        }
        self.settle();
    }

    /// Until each session has ended its step or waits for a lock.
    fn settle(&mut self) {
        let start = Instant::now();
        loop {
            let running = self.running();
            let waiting = column(self.control, WAITING);
            // One that has ended meanwhile may have let another one go on.
            if running.iter().all(|pid| waiting.contains(pid)) && running == self.running() {
                return;
            }
            assert!(start.elapsed() < LIMIT, "a step neither ends nor waits");
            thread::sleep(Duration::from_micros(300));
        }
    }

    /// Processes of the sessions whose step has not ended.
    fn running(&mut self) -> Vec<String> {
        let mut running = Vec::new();
        for session in &mut self.sessions {
            if !session.dead && !session.is_done() {
                running.push(session.pid.to_string());
            }
        }
        running
    }
}
