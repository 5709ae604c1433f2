//! The trainer as a person runs it: pairs, train, a kill, resume, evaluate, export.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// An empty folder of a test's own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("trainer-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn trainer(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trainer"));
    command.args(args).current_dir(here("..")).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    let output = trainer(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn failure(args: &[&str]) -> String {
    let output = trainer(args).output().unwrap();
    assert!(!output.status.success(), "{args:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Pairs and tasks of the small tables beside this file.
fn pairs(folder: &Folder) -> String {
    let out = folder.0.join("pairs").display().to_string();
    let knowledge = here("tests/small").display().to_string();
    run(&["pairs", "all", "--knowledge", &knowledge, "--out", &out]);
    out
}

/// The lines of a run's metrics.jsonl: every loss, and the results of every development task.
fn metrics(run: &str) -> Vec<String> {
    fs::read_to_string(Path::new(run).join("metrics.jsonl")).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn smoke<'a>(data: &'a str, run: &'a str, recipe: &'a str) -> Vec<&'a str> {
    vec!["train", recipe, "--data", data, "--run", run, "--save-minutes", "0"]
}

#[test]
fn a_killed_run_goes_on_to_the_same_losses() {
    let folder = Folder::new("kill");
    let (data, recipe) = (pairs(&folder), here("recipes/smoke.toml").display().to_string());
    let path = |name: &str| folder.0.join(name).display().to_string();
    let (whole, again, killed) = (path("whole"), path("again"), path("killed"));
    run(&smoke(&data, &whole, &recipe));
    let wanted = metrics(&whole);
    assert!(wanted.len() > 30, "{} lines", wanted.len());

    run(&smoke(&data, &again, &recipe));
    assert_eq!(metrics(&again), wanted, "the same seed gives the same losses");

    // Kill -9 in the first stage, then in the second.
    for lines in [5, wanted.len() * 4 / 5] {
        let mut args = smoke(&data, &killed, &recipe);
        if lines > 5 {
            args.push("--resume");
        }
        let mut child = trainer(&args).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        while metrics(&killed).len() < lines {
            assert!(started.elapsed() < Duration::from_secs(120), "no progress");
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut args = smoke(&data, &killed, &recipe);
    assert!(failure(&args).contains("holds a run already"));
    args.push("--resume");
    run(&args);
    assert_eq!(metrics(&killed), wanted);
    let weights = |run: &str| fs::read(Path::new(run).join("checkpoints/final/model.safetensors")).unwrap();
    assert!(weights(&killed) == weights(&whole), "the weights differ");
    assert!(failure(&args).contains("has ended"));
}

#[test]
fn a_run_becomes_a_bundle_that_the_encoder_opens() {
    let folder = Folder::new("smoke");
    let (data, recipe) = (pairs(&folder), here("recipes/smoke.toml").display().to_string());
    let path = |name: &str| folder.0.join(name).display().to_string();
    let (trained, bundle) = (path("run"), path("bundle"));
    let guards = folder.0.join("guard");
    fs::create_dir_all(&guards).unwrap();
    let rows =
        "score\tsentence1\tsentence2\n5\t열이 난다\t열이 있다\n1\t열이 난다\t비가 온다\n3\t비가 온다\t눈이 온다\n";
    fs::write(guards.join("korsts_test.tsv"), rows).unwrap();
    let guards = guards.display().to_string();
    let output = run(&[smoke(&data, &trained, &recipe), vec!["--guard", &guards]].concat());
    for name in [
        "recipe.toml",
        "inputs.json",
        "stages.md",
        "card.md",
        "checkpoints/1-type/config.json",
        "plots/loss.svg",
        "plots/distillation.svg",
        "plots/epochs.svg",
        "plots/stages-ndcg.svg",
        "plots/stages-mrr.svg",
        "plots/cosines-2-dur.svg",
    ] {
        assert!(Path::new(&trained).join(name).exists(), "no {name}");
    }
    stages_are_measured(&trained, &String::from_utf8_lossy(&output.stderr));
    let last = Path::new(&trained).join("checkpoints/final").display().to_string();
    let card = Path::new(&trained).join("card.md").display().to_string();
    // Export opens the bundle with the encoder crate and compares vectors before it moves it to its place.
    run(&["export", &last, "--output", &bundle, "--precision", "fp32", "--card", &card]);
    let card = fs::read_to_string(Path::new(&bundle).join("MODEL_CARD.md")).unwrap();
    assert!(card.contains("Recipe `smoke`, seed 7"), "{card}");

    // The checkpoint through burn and the bundle through ONNX Runtime rank alike.
    let dev = Path::new(&data).join("dev.jsonl").display().to_string();
    let out = path("evaluation");
    let (a, b) = (format!("burn={last}"), format!("onnx={bundle}"));
    run(&["evaluate", &a, &b, "--bm25", "--dev", &dev, "--out", &out]);
    let results: serde_json::Value =
        serde_json::from_slice(&fs::read(Path::new(&out).join("results.json")).unwrap()).unwrap();
    let (burn, onnx) = (&results[1]["tasks"], &results[2]["tasks"]);
    assert_eq!(results[0]["model"], "BM25");
    for (x, y) in burn.as_array().unwrap().iter().zip(onnx.as_array().unwrap()) {
        for metric in ["ndcg", "related", "unrelated"] {
            let (x, y) = (x[1][metric].as_f64().unwrap(), y[1][metric].as_f64().unwrap());
            assert!((x - y).abs() < 1e-4, "{metric}: {x} {y}");
        }
    }
    assert!(Path::new(&out).join("cosines-burn.svg").exists());
    run(&["compare", &a, &b, "--dev", &dev]);
}

#[test]
fn a_student_follows_its_teacher() {
    let folder = Folder::new("student");
    let data = pairs(&folder);
    let path = |name: &str| folder.0.join(name).display().to_string();
    let (texts, knowledge) = (path("texts"), here("tests/small").display().to_string());
    run(&["pairs", "distil", "--knowledge", &knowledge, "--out", &texts]);
    let smoke_recipe = here("recipes/smoke.toml").display().to_string();
    let teacher_run = path("teacher");
    run(&smoke(&data, &teacher_run, &smoke_recipe));
    let teacher = format!("{teacher_run}/checkpoints/final");

    let recipe = path("student.toml");
    let body = "name = \"student\"\nseed = 7\nmax_tokens = 32\ndropout = 0.0\nstudent = { layers = [1], activation_bits = 8 }\n\
        [[stage]]\nname = \"student\"\nloss = \"distil\"\nsource = [{ file = \"distil.jsonl\" }]\nshares = { type = 2, general = 1 }\n\
        pairs_per_epoch = 640\nbatch = 16\nlr = 2e-3\n\
        general = { file = \"general.txt\", keep = \"cosines\", weight = 1, rows = 8 }\n\
        passages = { file = \"passages.jsonl\", max_tokens = 64, rows = 2, cosine_weight = 1 }\n";
    fs::write(&recipe, body).unwrap();
    let (student, bundle) = (path("student"), path("bundle"));
    let dev = format!("{data}/dev.jsonl");
    let mut args = smoke(&texts, &student, &recipe);
    args.extend(["--base", &teacher, "--teacher", &teacher, "--dev", &dev]);
    run(&args);
    let losses: Vec<f64> = metrics(&student)
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["kind"] == "step")
        .map(|line| line["loss"].as_f64().unwrap() + line["passages"].as_f64().unwrap())
        .collect();
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&losses[..6]), mean(&losses[losses.len() - 6..]));
    assert!(last < 0.7 * first, "{first} -> {last}");
    let stages = fs::read_to_string(Path::new(&student).join("stages.md")).unwrap();
    assert!(stages.contains("| task | queries | teacher | 1-student |"), "{stages}");

    // Its bundle computes what the checkpoint says, and says whose space it shares.
    let last = format!("{student}/checkpoints/final");
    run(&["export", &last, "--output", &bundle, "--space", "teacher@1"]);
    let manifest = fs::read_to_string(Path::new(&bundle).join("manifest.toml")).unwrap();
    assert!(manifest.contains("space = \"teacher@1\""), "{manifest}");
}

/// The base, each stage and the average are in metrics.jsonl, on standard error and in the card, with tasks and guard.
fn stages_are_measured(run: &str, said: &str) {
    let lines = metrics(run);
    let measured: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["kind"] == "stage")
        .collect();
    let names: Vec<&str> = measured.iter().map(|line| line["results"]["model"].as_str().unwrap()).collect();
    assert_eq!(names, ["base", "1-type", "2-dur", "final"]);
    let card = fs::read_to_string(Path::new(run).join("card.md")).unwrap();
    assert!(card.contains("| task | base | 1-type | 2-dur | final |"), "{card}");
    for (line, name) in measured.iter().zip(names) {
        let results = &line["results"];
        let (guard, spearman) = (&results["guards"][0][0], results["guards"][0][1].as_f64().unwrap());
        assert_eq!(guard, "korsts_test");
        assert!((-1.0..=1.0).contains(&spearman));
        let tasks = results["tasks"].as_array().unwrap();
        assert!(tasks.len() >= 3, "{} tasks", tasks.len());
        let mean = tasks.iter().map(|task| task[1]["ndcg"].as_f64().unwrap()).sum::<f64>() / tasks.len() as f64;
        let verdict = format!("{name}: mean nDCG@10 {mean:.4}");
        assert!(said.contains(&verdict), "{verdict} is not in {said}");
    }
}

#[test]
fn what_cannot_be_used_is_named_and_nothing_is_written() {
    let folder = Folder::new("malformed");
    let data = pairs(&folder);
    let path = |name: &str| folder.0.join(name).display().to_string();
    let (run, recipe) = (path("run"), path("recipe.toml"));
    let smoke = fs::read_to_string(here("recipes/smoke.toml")).unwrap();
    for (change, message) in [
        (("seed = 7", "seed = 7\nsead = 7"), "unknown field `sead`"),
        (("pairs.jsonl", "missing.jsonl"), "missing.jsonl"),
        (("\"dur\"], limit", "\"dua\"], limit"), "no pairs of stage dua"),
    ] {
        assert!(smoke.contains(change.0));
        fs::write(&recipe, smoke.replace(change.0, change.1)).unwrap();
        let error = failure(&self::smoke(&data, &run, &recipe));
        assert!(error.contains(message), "{error}");
        assert!(!Path::new(&run).exists(), "a run folder was made");
    }
    let broken = Path::new(&data).join("pairs.jsonl");
    let mut text = fs::read_to_string(&broken).unwrap();
    text.insert_str(text.find('\n').unwrap() + 1, "{\"query\": \"약\"\n");
    fs::write(&broken, text).unwrap();
    let error = failure(&self::smoke(&data, &run, &here("recipes/smoke.toml").display().to_string()));
    assert!(error.contains("pairs.jsonl: line 2"), "{error}");
    assert!(!Path::new(&run).exists());
}
