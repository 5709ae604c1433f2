//! Memory of 1, 16 and 100 sessions, each of which has embedded one name: what is theirs, shared pages counted once.

use std::fs;

use anyhow::Result;
use server_tests::Server;

use crate::engine::Session;
use crate::engines::{self, INSTALLED, Kind, LAZY, OWN};
use crate::results::{Results, quantile};
use crate::world::{PRELOAD, World, open_sql, start, start_as_installed};

pub const SESSIONS: [usize; 3] = [1, 16, 100];
/// Processes of a rival: each is as large as the one before, and a hundred would not fit.
const MOST_PROCESSES: usize = 16;

pub fn measure(world: &World) -> Result<Results> {
    let mut results = world.results();
    for engine in [OWN, LAZY, INSTALLED] {
        for count in SESSIONS {
            // A server of its own, so that no buffers are warm that its sessions did not warm.
            let (install, name, model) = (&world.install, format!("{engine}{count}"), &world.options.model);
            let server = match engine {
                OWN => start(install, &name, model, &[PRELOAD]),
                LAZY => start(install, &name, model, &[]),
                _ if count > MOST_PROCESSES => continue,
                _ => start_as_installed(install, &name, model),
            };
            server.connect("postgres").batch_execute("CREATE EXTENSION drugembed CASCADE")?;
            let idle = server_bytes(&server)?;
            let sessions = (0..count)
                .map(|_| Ok(open_sql(&server, "drug_embed($1::text)", "drug_embed($1::text[])")?.0))
                .collect::<Result<Vec<_>>>()?;
            results.add(engine, format!("{count} sessions"), "total", server_bytes(&server)?, 1);
            add_private(&mut results, engine, count, &sessions)?;
            if count == 1 {
                results.add(engine, "no session", "total", idle, 1);
            }
        }
    }
    for engine in world.usable(&engines::of(&[Kind::Worker, Kind::PlPython, Kind::Beside]), &mut results) {
        for count in SESSIONS.into_iter().filter(|&count| count <= MOST_PROCESSES) {
            let sessions = (0..count).map(|_| Ok(world.open(engine)?.0)).collect::<Result<Vec<_>>>()?;
            let total = match engines::of(&[Kind::Worker]).contains(&engine) {
                true => sessions.iter().map(|s| pss(s.pid())).sum::<Result<f64>>()?,
                false => server_bytes(world.plpython()?)?,
            };
            results.add(engine, format!("{count} sessions"), "total", total, 1);
            add_private(&mut results, engine, count, &sessions)?;
        }
    }
    Ok(results)
}

/// Median of the memory that a session has written and shares with none.
fn add_private(results: &mut Results, engine: &str, count: usize, sessions: &[Box<dyn Session>]) -> Result<()> {
    let private = sessions.iter().map(|s| rollup(s.pid(), "Private_Dirty:")).collect::<Result<Vec<_>>>()?;
    results.add(engine, format!("{count} sessions"), "private", quantile(&private, 0.5), count);
    Ok(())
}

/// All processes of a server.
fn server_bytes(server: &Server) -> Result<f64> {
    let postmaster = server.pid();
    let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"))?;
    let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok()).chain([postmaster]);
    // A process may end between the two readings.
    Ok(pids.map(|pid| pss(pid).unwrap_or(0.0)).sum())
}

/// Memory of a process, each shared page divided by the number of processes that share it.
fn pss(pid: u32) -> Result<f64> {
    rollup(pid, "Pss:")
}

fn rollup(pid: u32, field: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    Ok(1024.0 * line.trim().trim_end_matches(" kB").trim().parse::<f64>()?)
}
