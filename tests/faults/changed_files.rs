//! Prepared files that are truncated, overwritten, deleted or replaced under eight sessions.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread::{self, sleep};
use std::time::Duration;

use server_tests::{Server, value};

use crate::{Test, World, assert_never_down, prepared_server};

pub const TESTS: &[Test] =
    &[("under_eight_sessions", under_eight_sessions), ("during_a_statement", during_a_statement), ("decay", decay)];
pub const LONG_TESTS: &[Test] = &[("decay_400_times", decay_400_times)];

type Change = fn(&Path);

const CHANGES: [(&str, Change); 7] = [
    ("truncate", |folder| writable(folder).set_len(1_000_000).expect("truncated")),
    ("truncate to nothing", |folder| writable(folder).set_len(0).expect("truncated")),
    ("overwrite", |folder| writable(folder).write_all_at(&vec![0x5a; 8 << 20], 0).expect("overwritten")),
    ("delete", |folder| fs::remove_dir_all(folder).expect("removed")),
    ("replace", |folder| {
        let (weights, other) = (folder.join("model.weights"), folder.join("other"));
        fs::write(&other, "other weights").and_then(|()| fs::rename(&other, &weights)).expect("replaced");
    }),
    ("copy over itself", |folder| {
        let bytes = fs::read(folder.join("model.weights")).expect("weights");
        fs::write(folder.join("model.weights"), bytes).expect("written");
    }),
    ("touch", |folder| writable(folder).set_modified(std::time::SystemTime::now()).expect("touched")),
];

fn writable(folder: &Path) -> File {
    File::options().read(true).write(true).open(folder.join("model.weights")).expect("open")
}

const EMBED: &str = "SELECT md5(vector_send(drug_embed('게보린정')))";

fn under_eight_sessions(world: &World) {
    for preloaded in [false, true] {
        let server = prepared_server(world, if preloaded { "changed_preloaded" } else { "changed" }, preloaded);
        let expected = value(&mut server.connect("faults"), EMBED);
        for (name, change) in CHANGES {
            let of = format!("{name}, {}", if preloaded { "preloaded" } else { "prepared" });
            let folder = server.data().join("drugembed/drug-e5-mini-ko");
            let mut clients: Vec<_> = (0..8).map(|_| server.connect("faults")).collect();
            for client in &mut clients {
                client.batch_execute("SET drugembed.cache_entries = 0; SELECT drug_embed('타이레놀')").expect("in use");
            }
            change(&folder);
            let mut errors = 0;
            for client in &mut clients {
                errors += u32::from(!is_right_or_refused(client, &expected, &of));
                assert!(is_right_or_refused(client, &expected, &of), "{of}: the statement after an ERROR is right");
            }
            let mut client = server.connect("faults");
            assert!(is_right_or_refused(&mut client, &expected, &of), "{of}: a new session is right");
            println!("{of}: {errors} of 8 sessions had an ERROR");
            assert_never_down(&server, &of);
            client.batch_execute("SELECT drugembed.prepare()").expect("prepared again");
            let mut client = server.connect("faults");
            assert_eq!(value(&mut client, "SELECT prepared FROM drug_model()"), "t", "{of}");
        }
    }
}

/// Sessions in the middle of long statements meet pages that are gone.
fn during_a_statement(world: &World) {
    const LONG: &str = "SELECT md5(string_agg(vector_send(e)::text, ',')) FROM unnest(drug_embed_many(
                            (SELECT array_agg(i || repeat(' 해열.진통.소염제', 8) ORDER BY i) FROM generate_series(1, 150) i))) e";
    for preloaded in [false, true] {
        let server = prepared_server(world, if preloaded { "during_preloaded" } else { "during" }, preloaded);
        let expected = value(&mut server.connect("faults"), LONG);
        for (name, change) in &CHANGES[..3] {
            let folder = server.data().join("drugembed/drug-e5-mini-ko");
            let results: Vec<_> = thread::scope(|scope| {
                let run = |i: u64| {
                    let mut client = server.connect("faults");
                    client.batch_execute("SELECT drug_embed('타이레놀')").expect("in use");
                    let running = scope.spawn(move || {
                        sleep(Duration::from_millis(50 * i));
                        let first = client.query_one(LONG, &[]).map(|row| row.get::<_, String>(0));
                        (first, value(&mut client, LONG))
                    });
                    (i, running)
                };
                let running: Vec<_> = (0..4).map(run).collect();
                sleep(Duration::from_millis(600));
                change(&folder);
                running.into_iter().map(|(_, running)| running.join().expect("no panic")).collect()
            });
            let mut errors = 0;
            for (first, second) in results {
                assert_eq!(second, expected, "{name}: the statement after it is right");
                match first {
                    Ok(vectors) => assert_eq!(vectors, expected, "{name}: other vectors"),
                    Err(error) => {
                        assert_eq!(error.code().map(|code| code.code()), Some("XX001"), "{name}: {error:?}");
                        errors += 1;
                    }
                }
            }
            println!(
                "{name} during statements, {}: {errors} of 4 had an ERROR",
                if preloaded { "preloaded" } else { "prepared" }
            );
            assert!(preloaded == (errors == 0), "{name}: {errors}");
            assert_never_down(&server, name);
            server.connect("faults").batch_execute("SELECT drugembed.prepare()").expect("prepared again");
        }
    }
}

/// `false` for an ERROR that says that the file changed; another vector is a failure.
fn is_right_or_refused(client: &mut postgres::Client, expected: &str, of: &str) -> bool {
    match client.query_one(EMBED, &[]) {
        Ok(row) => {
            assert_eq!(row.get::<_, String>(0), expected, "{of}: another vector");
            true
        }
        Err(error) => {
            let error = error.as_db_error().unwrap_or_else(|| panic!("{of}: the connection broke: {error}")).clone();
            assert_eq!(error.code().code(), "XX001", "{of}: {error:?}");
            assert!(error.message().contains("changed") && error.hint().is_some(), "{of}: {error:?}");
            false
        }
    }
}

fn decay(world: &World) {
    decays(world, "decay", 24);
}

fn decay_400_times(world: &World) {
    decays(world, "decay_400", 400);
}

/// Flips bits all over the prepared files, each in a session that has the model in use and in a new one: no vector may differ.
fn decays(world: &World, name: &str, cases: u64) {
    let server: Server = prepared_server(world, name, false);
    let expected = value(&mut server.connect("faults"), EMBED);
    let folder = server.data().join("drugembed/drug-e5-mini-ko");
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut found = 0;
    for case in 0..cases {
        let path = folder
            .join(["model.weights", "model.weights", "model.weights", "model.onnx", "model.tokens"][case as usize % 5]);
        let file = File::options().read(true).write(true).open(&path).expect("open");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (random >> 16) % file.metadata().expect("metadata").len();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).expect("read");
        let mut client = server.connect("faults");
        client.batch_execute("SET drugembed.cache_entries = 0; SELECT drug_embed('타이레놀')").expect("in use");
        file.write_all_at(&[byte[0] ^ 1 << (case % 8)], at).expect("written");
        let of = format!("bit {} of byte {at} of {}", case % 8, path.display());
        found += u32::from(!is_right_or_refused(&mut client, &expected, &of));
        assert!(is_right_or_refused(&mut client, &expected, &of), "{of}");
        let mut client = server.connect("faults");
        assert!(is_right_or_refused(&mut client, &expected, &of), "{of}");
        assert_eq!(value(&mut client, "SELECT prepared FROM drug_model()"), "f", "{of}: not noticed");
        file.write_all_at(&byte, at).expect("restored");
    }
    println!("{cases} flipped bits: {found} found in use, all by new sessions");
    assert_never_down(&server, "decay");
}
