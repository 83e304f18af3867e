//! What a request costs on the hit path, beside the parts that it cannot do without.
//!
//! Everything is timed in one run, in turn, so that a busy machine slows whole and parts alike.
//! `cargo bench -p portcullis-benches --bench hit_path -- --rounds 100` takes longer and says more.

mod parts;
mod report;
mod wholes;

use std::process::ExitCode;

use clap::Parser;
use portcullis_benches::{Failure, Timings, World, ended};

use parts::Parts;

/// Times the hit path beside its parts.
#[derive(Debug, Parser)]
struct Options {
    /// Rounds in which every case is timed once, for 15 milliseconds.
    #[arg(long, default_value_t = 41, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Cached keys for each of the two services.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    keys: u16,
    /// Times nothing but the cases whose name contains this: for a profiler.
    #[arg(long)]
    only: Option<String>,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    ended(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Failure> {
    let keys = usize::from(options.keys);
    let world = World::new(keys)?;
    let parts = Parts::new(&world);
    let mut timings = Timings::new();
    parts.add(&mut timings);
    let misses = world.manager().stats().cache_misses;
    wholes::add(&world, &mut timings)?;
    if let Some(only) = &options.only {
        timings.keep(only);
    }
    let timed = timings.run(usize::from(options.rounds));
    let missed = world.manager().stats().cache_misses - misses;
    println!(
        "{} rounds, {keys} keys in each service, {missed} misses",
        options.rounds
    );
    report::print(&timed);
    world.end()?;
    if missed == 0 {
        return Ok(());
    }
    Err("not every call was a hit: the figures are of something else".into())
}
