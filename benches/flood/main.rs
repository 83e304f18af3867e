//! What a flood of worthless tokens does to those who have good ones: the time that a validation
//! of a cached key takes, alone and beside the flood, in one run. Who is timed has a core, the flood
//! and the manager's tasks have the others.
//!
//! - forged: distinct tokens of our form with right checksums that nobody issued. They must make no
//!   query, and take no memory.
//! - deleted: distinct tokens that were issued under our keyring and whose keys are gone. Each has
//!   to be looked up, within the bounds of the queue; what is beyond is answered 503.
//!
//! `cargo bench -p portcullis-benches --bench flood -- --tokens 100000` is shorter.

mod cores;
mod deleted;
mod forged;
mod live;

use std::process::ExitCode;

use clap::Parser;
use portcullis::SqliteStore;
use portcullis_benches::{Failure, World, ended};

use cores::Cores;
use live::{Live, Phase};

/// The most that a flood may make of the slowest hundredth's time.
const MOST_RATIO: f64 = 2.0;

/// Floods a manager, and times cached keys meanwhile.
#[derive(Debug, Parser)]
struct Options {
    /// Distinct tokens of each flood.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    tokens: u32,
    /// Cached keys, used in turn.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    keys: u16,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    ended(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Failure> {
    // Before any thread is started.
    let cores = Cores::divide()?;
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("keys.db"))?;
    let world = World::over(store, usize::from(options.keys))?;
    let live = Live::new(&world, cores);
    println!(
        "{} tokens a flood, {} cached keys",
        options.tokens, options.keys
    );
    println!("\nns each, of a cached key        median       p99     p99.9      calls");

    let before = live.alone("alone")?;
    let (forged, told) = forged::flood(&world, &live, options.tokens)?;
    let between = live.alone("alone, after it")?;
    println!("{told}");
    ratio(&forged, &[&before, &between])?;
    println!();

    let tokens = deleted::tokens(&world, options.tokens)?;
    // That took longer than what is not used stays cached.
    world.warm()?;
    let before = live.alone("alone")?;
    let (deleted, told) = deleted::flood(&world, &live, &tokens)?;
    let after = live.alone("alone, after it")?;
    println!("{told}");
    ratio(&deleted, &[&before, &after])?;
    world.end()
}

/// How much longer the slowest hundredth takes beside a flood than before and after it: no more
/// than twice as long.
fn ratio(flood: &Phase, alone: &[&Phase]) -> Result<(), Failure> {
    let p99 = alone.iter().map(|phase| phase.p99() as f64);
    let mean = p99.sum::<f64>() / alone.len().max(1) as f64;
    let ratio = flood.p99() as f64 / mean.max(1.0);
    let told = format!("p99 {}: {ratio:.2} times that alone", flood.name());
    if ratio > MOST_RATIO {
        return Err(format!("{told}, more than {MOST_RATIO}").into());
    }
    println!("{told}");
    Ok(())
}
