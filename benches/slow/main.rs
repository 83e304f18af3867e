//! What clients that send next to nothing do to those who ask properly: the time that a request
//! through the gateway takes, alone and beside a crowd of slow connections, in one run; and whether
//! each of the crowd is let go of in time.
//!
//! The crowd: connections that say nothing, heads that come a byte a second, and bodies, with good
//! keys, that come a byte a second. Whoever is closed comes again, until the time is measured.
//!
//! `cargo bench -p portcullis-benches --bench slow -- --connections 500` is smaller.

mod asked;
mod crowd;
mod gateway;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use portcullis_benches::{Failure, ended};

use asked::Asked;
use crowd::Crowd;
use gateway::Served;

/// The most that the crowd may make of the slowest hundredth's time.
const MOST_RATIO: f64 = 2.0;

/// The longest that the gateway's defaults leave any of them: 30 s for a body that is too slow, and
/// what it takes to notice.
const LONGEST: Duration = Duration::from_secs(45);

/// Times requests beside slow clients.
#[derive(Debug, Parser)]
struct Options {
    /// Slow connections: eight of ten say nothing, one sends a head, one a body.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u16).range(10..=8_000))]
    connections: u16,
    /// Seconds of each phase.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    ended(run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Failure> {
    let served = Served::start()?;
    let phase = Duration::from_secs(options.seconds);
    println!("us each, of a request           median       p99   requests");
    let warm = Asked::meanwhile("warming up", &served, phase / 4)?;
    drop(warm);
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let before = Asked::meanwhile("alone", &served, phase)?;
        let crowd = Crowd::gather(&served, options.connections)?;
        let beside = Asked::meanwhile("beside the crowd", &served, phase)?;
        println!("{}", crowd.disperse(LONGEST)?);
        let after = Asked::meanwhile("alone, after it", &served, phase)?;
        let alone = (before.p99() + after.p99()) / 2.0;
        ratios.push(beside.p99() / alone.max(1.0));
    }
    served.end()?;
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(1).copied().unwrap_or(f64::INFINITY);
    let told = format!("p99 beside the crowd: {median:.2} times that alone, of {ratios:.2?}");
    if median > MOST_RATIO {
        return Err(format!("{told}: more than {MOST_RATIO}").into());
    }
    println!("{told}");
    Ok(())
}
