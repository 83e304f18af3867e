//! What the gateway's checks cost under load: real sockets on the loopback address, in front of
//! one upstream, four proxies in turn.
//!
//! - `gateway`: the gateway as it is served, with keys in a SQLite file.
//! - `bare`: the same server, request id, canonical path, header rules and upstream pool, without
//!   keys, routes, limits and metrics.
//! - `plain`: hyper's server and client back to back. No proxy that keeps HTTP's rules can do less.
//! - `nginx`: nginx with a plain `proxy_pass`, which asks nobody for a key; left out where it is
//!   not installed.
//!
//! With `--count FOLDER` the instructions of each side are counted by valgrind in place of its time,
//! which other programs on the machine do not change, and its profile is left in the folder.
//!
//! Each runs in a process of its own, so that its CPU time can be told. The upstream and the
//! clients share this one. `cargo bench -p portcullis-benches --bench load -- --seconds 3` is
//! shorter.

mod client;
mod control;
mod count;
mod nginx;
mod proxy;
mod report;
mod round;
mod side;
mod upstream;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use portcullis_benches::{Failure, ended};

use count::Under;
use proxy::Role;

/// Loads the gateway and proxies without checks, in turn.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    #[command(flatten)]
    load: Load,
    #[command(subcommand)]
    child: Option<Child>,
}

/// How much load, and how long.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Load {
    /// Seconds of load on each side, over all rounds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Rounds, in each of which every side has its turn.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Kept connections, with one request at a time on each.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    connections: u16,
    /// Keys, used in turn.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    keys: u16,
    /// Counts instructions in place of time, under valgrind, and leaves the profiles in this folder.
    #[arg(long, value_name = "FOLDER")]
    count: Option<PathBuf>,
    /// What cargo passes to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Subcommand)]
enum Child {
    /// Serves one side until standard input closes.
    #[command(hide = true)]
    Serve {
        role: Role,
        upstream: std::net::SocketAddr,
        keys: u16,
    },
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.child {
        Some(Child::Serve {
            role,
            upstream,
            keys,
        }) => control::serve(role, upstream, keys),
        None => run(&options.load),
    };
    ended(done)
}

#[tokio::main]
async fn run(load: &Load) -> Result<(), Failure> {
    let upstream = upstream::Upstream::start().await?;
    if let Some(folder) = &load.count {
        return count::run(load, &upstream, folder).await;
    }
    let mut sides = Vec::new();
    for role in Role::ALL {
        let started =
            side::Side::start(role, upstream.address(), load.keys, &Under::Nothing).await?;
        let Some(mut side) = started else {
            println!("{} is not installed, and left out", role.as_str());
            continue;
        };
        verify::verify(&mut side, &upstream).await?;
        sides.push(side);
    }
    let rounds = round::run(&mut sides, load).await?;
    report::print(load, &rounds);
    for side in sides {
        side.end().await?;
    }
    Ok(())
}
