//! drugembed.schedule: by the real pg_cron where Debian's is installed, and what it says elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};
use server_tests::{assert_error, error_of, run, value};

use crate::{Test, World, tracked};

pub const TESTS: &[Test] = &[("without_pg_cron", without_pg_cron), ("by_pg_cron", by_pg_cron)];

fn without_pg_cron(world: &World) {
    let mut client = tracked(world, "croonless", 2);
    let error = error_of(&mut client, "SELECT drugembed.schedule('product', '*/5 * * * *')");
    assert_eq!(error.code().code(), "0A000");
    assert!(
        error.hint().is_some_and(|hint| hint.contains(&format!("postgresql-{}-cron", world.install.major()))),
        "{error:?}"
    );
    let lines = error.detail().expect("a DETAIL");
    let call = "CALL drugembed.backfill('public.product', 256, 'embedding')";
    let quoted = call.replace('\'', r"'\''");
    assert!(lines.contains(&format!("*/5 * * * * psql -X -d 'croonless' -c '{quoted}'")), "{lines}");
    assert!(lines.contains("systemd-run --on-calendar=\"*-*-* *:0/5\""), "{lines}");
    for (cron, calendar) in
        [("30 3 * * 1-5", "Mon..Fri *-*-* 3:30"), ("0 */6 1,15 * *", "*-*-1,15 0/6:0"), ("@daily", "NULL")]
    {
        assert_eq!(value(&mut client, &format!("SELECT drugembed._on_calendar('{cron}')")), calendar);
    }
    client.batch_execute(call).expect("the line does what it says");
    assert_eq!(value(&mut client, "SELECT embedded FROM drugembed.status"), "2");
    assert_error(&mut client, "SELECT drugembed.schedule('product', '')", "22023", "schedule is empty");
    assert_eq!(value(&mut client, "SELECT drugembed.unschedule('product')"), "f");
}

/// bin folder of a PostgreSQL with pg_cron, pgvector and this drugembed: the one that is tested, or an installed one (scripts/cron.sh
/// makes one).
fn with_pg_cron(world: &World) -> Option<PathBuf> {
    if world.install.share().join("extension/pg_cron.control").exists() {
        return Some(world.install.root().join("bin"));
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions.flatten().map(|version| version.path().join("bin")).find(|bin| {
        let Ok(output) = Command::new(bin.join("pg_config")).arg("--sharedir").output() else { return false };
        let share = Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("extension");
        let script = fs::read_to_string(share.join("drugembed--0.2.0.sql")).unwrap_or_default();
        share.join("pg_cron.control").exists()
            && share.join("vector.control").exists()
            && script.contains("drugembed.schedule")
    })
}

fn by_pg_cron(world: &World) {
    let Some(bin) = with_pg_cron(world) else {
        server_tests::skipped(
            "drugembed.schedule by pg_cron",
            "not installed; scripts/cron.sh installs Debian's and tests with it",
        );
        return;
    };
    let data = world.install.folder.join("cron");
    let sockets = world.install.folder.join("cron.sockets");
    fs::create_dir(&sockets).expect("a folder");
    world.install.own(&sockets);
    run(world
        .install
        .command(bin.join("initdb"))
        .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
        .arg(&data));
    let mut postgres = world.install.command(bin.join("postgres"));
    postgres.arg("-D").arg(&data).arg("-k").arg(&sockets).args([
        "-c",
        "listen_addresses=",
        "-c",
        "fsync=off",
        "-c",
        "shared_preload_libraries=pg_cron",
    ]);
    postgres.args(["-c", "cron.database_name=scheduled", "-c", "cron.use_background_workers=on"]);
    let _server =
        Stopped(postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("postgres"));
    let connect = |database: &str| -> Client {
        let start = Instant::now();
        loop {
            match Config::new().host_path(&sockets).user("postgres").dbname(database).connect(NoTls) {
                Ok(client) => return client,
                Err(error) => assert!(start.elapsed() < Duration::from_secs(30), "{error}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    connect("postgres").batch_execute("CREATE DATABASE scheduled").expect("CREATE DATABASE");
    let mut client = connect("scheduled");
    client.batch_execute("CREATE EXTENSION drugembed CASCADE; CREATE EXTENSION pg_cron").expect("extensions");
    crate::fill(&mut client, 20);
    client.batch_execute("SELECT drugembed.track('product', 'name')").expect("track");
    assert_error(&mut client, "SELECT drugembed.schedule('product', 'now and then')", "22023", "now and then");
    client.batch_execute("SELECT drugembed.schedule('product', '* * * * *')").expect("schedule");
    let start = Instant::now();
    while value(&mut client, "SELECT embedded FROM drugembed.status") != "20" {
        assert!(
            start.elapsed() < Duration::from_secs(100),
            "no job ran: {}",
            value(&mut client, "SELECT string_agg(return_message, '; ') FROM cron.job_run_details")
        );
        std::thread::sleep(Duration::from_millis(500));
    }
    assert_eq!(value(&mut client, "SELECT jobname FROM cron.job"), "drugembed public.product embedding");
    assert_eq!(value(&mut client, "SELECT drugembed.unschedule('product')"), "t");
    client
        .batch_execute("SELECT drugembed.schedule('product', '0 3 * * *'); SELECT drugembed.untrack('product')")
        .expect("untrack");
    assert_eq!(value(&mut client, "SELECT count(*) FROM cron.job"), "0", "untrack ends the job");
}

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}
