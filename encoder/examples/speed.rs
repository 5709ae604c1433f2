//! Speed of the encoder alone, in time of one thread, by every instruction set of this processor; whether all give the same bits; and where
//! the time goes:
//!
//!     cargo run --release -p encoder --example speed -- BUNDLE libonnxruntime.so TEXTS [INSTRUCTION SET...]
//!
//! TEXTS holds a text a line, of which at most 512 are taken, as documents. The built example needs nothing else.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use encoder::kernel::{Isa, Part, profiled, thread_time};
use encoder::{Encoder, Options, Overflow, Role};

const TEXTS: usize = 512;
const ROUNDS: usize = 7;
const SLOW: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [bundle, runtime, texts, chosen @ ..] = &arguments[..] else {
        return Err("usage: speed BUNDLE libonnxruntime.so TEXTS [INSTRUCTION SET...]".into());
    };
    let options = Options { runtime: runtime.canonicalize()?, cache_entries: 0 };
    let texts = std::fs::read_to_string(texts)?;
    let texts: Vec<&str> = texts.lines().filter(|line| !line.trim().is_empty()).take(TEXTS).collect();
    let mut models = Vec::new();
    let named =
        |isa: &Isa| chosen.is_empty() || chosen.iter().any(|name| name.as_os_str() == format!("{isa:?}").as_str());
    for &isa in Isa::all().iter().filter(|isa| named(isa)) {
        models.push(Model::open(isa, &texts, || Encoder::open(bundle, &options))?);
    }
    let tokens: usize =
        models.first().ok_or("this processor has none of these instruction sets")?.inputs.iter().map(Vec::len).sum();
    println!("{}, {} texts of {:.1} tokens", processor(), texts.len(), tokens as f64 / texts.len() as f64);
    // In turn, so that what else the machine does meets all alike.
    for _ in 0..ROUNDS {
        for model in &mut models {
            model.round(&texts)?;
        }
    }
    let expected = models[0].bits()?;
    for model in &mut models {
        model.report(&expected)?;
    }
    models[0].profile()
}

/// The bundle, computed by one instruction set.
struct Model {
    isa: Isa,
    encoder: Encoder,
    inputs: Vec<Vec<u32>>,
    together: Vec<Duration>,
    alone: Vec<Duration>,
    whole: Vec<Duration>,
}

impl Model {
    fn open(isa: Isa, texts: &[&str], open: impl FnOnce() -> encoder::Result<Encoder>) -> encoder::Result<Model> {
        let encoder = isa.within(open)?;
        let inputs = texts
            .iter()
            .map(|text| Ok(encoder.inputs(Role::Document, text, Overflow::Truncate)?.remove(0)))
            .collect::<encoder::Result<_>>()?;
        Ok(Model { isa, encoder, inputs, together: Vec::new(), alone: Vec::new(), whole: Vec::new() })
    }

    /// One more time of all texts, and some of single ones; of plain Rust, which is slow, only once.
    fn round(&mut self, texts: &[&str]) -> encoder::Result<()> {
        if self.together.first().is_some_and(|time| *time > SLOW) {
            return Ok(());
        }
        let Model { encoder, inputs, together, alone, whole, .. } = self;
        together.push(time(|| encoder.vectors(inputs, &mut || Ok(())).map(drop))?);
        for input in inputs.chunks(1).take(TEXTS / 8) {
            alone.push(time(|| encoder.vectors(input, &mut || Ok(())).map(drop))?);
        }
        for text in texts.iter().take(TEXTS / 8) {
            whole.push(time(|| encoder.embed(Role::Document, &[text], Overflow::Truncate, &mut || Ok(())).map(drop))?);
        }
        Ok(())
    }

    fn bits(&mut self) -> encoder::Result<Vec<u32>> {
        Ok(self.encoder.vectors(&self.inputs, &mut || Ok(()))?.concat().iter().map(|x| x.to_bits()).collect())
    }

    fn report(&mut self, expected: &[u32]) -> encoder::Result<()> {
        let same = if self.bits()? == expected { "the same bits" } else { "OTHER BITS" };
        let per_second = self.inputs.len() as f64 / median(&mut self.together).as_secs_f64();
        let alone = 1e3 * median(&mut self.alone).as_secs_f64();
        let whole = 1e3 * median(&mut self.whole).as_secs_f64();
        let isa = format!("{:?}", self.isa);
        println!(
            "{isa:10} {per_second:7.0} texts/s in batches, {alone:6.3} ms one alone, {whole:6.3} with its tokens, {same}"
        );
        Ok(())
    }

    fn profile(&mut self) -> Result<(), Box<dyn Error>> {
        let mut least: Vec<(Part, Duration)> = Vec::new();
        for _ in 0..ROUNDS {
            let (done, parts) = profiled(|| self.encoder.vectors(&self.inputs, &mut || Ok(())));
            done?;
            least = parts
                .into_iter()
                .enumerate()
                .map(|(i, (part, time))| (part, least.get(i).map_or(time, |least| least.1.min(time))))
                .collect();
        }
        for (part, time) in least {
            let per_text = 1e6 * time.as_secs_f64() / self.inputs.len() as f64;
            println!("{per_text:8.1} us a text in batches: {}", part.name());
        }
        Ok(())
    }
}

fn time(work: impl FnOnce() -> encoder::Result<()>) -> encoder::Result<Duration> {
    let start = thread_time();
    work()?;
    Ok(thread_time() - start)
}

/// The middle one; sorts them.
fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What Linux calls the processor.
fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or(std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}
