//! The instructions of each side for each request, counted by valgrind.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use http::{StatusCode, Uri};
use portcullis_benches::Failure;
use tokio::process::Command;

use crate::Load;
use crate::client::{Client, bearer};
use crate::proxy::Role;
use crate::side::Side;
use crate::upstream::Upstream;
use crate::verify::verify;

/// What a side runs under.
pub(crate) enum Under {
    Nothing,
    /// Counting once it is told to, into this file at its end.
    Callgrind(PathBuf),
}

/// So few connections as to be quick, so many that neither side waits for one.
const CONNECTIONS: usize = 8;
/// Requests before any is counted, until connections are made and caches are full.
const BEFORE: usize = 2_000;
const COUNTED: usize = 4_000;

impl Under {
    /// The program under it.
    pub(crate) fn command(&self, program: &OsStr) -> Command {
        let Self::Callgrind(file) = self else {
            return Command::new(program);
        };
        let mut command = Command::new("valgrind");
        let mut out = OsStr::new("--callgrind-out-file=").to_owned();
        out.push(file);
        command
            .args(["-q", "--tool=callgrind", "--instr-atstart=no"])
            .arg(out)
            .arg(program);
        command
    }
}

/// Counts one side after the other, and leaves a profile of each in the folder.
pub(crate) async fn run(load: &Load, upstream: &Upstream, folder: &Path) -> Result<(), Failure> {
    let version = Command::new("valgrind").arg("--version").output().await;
    version.map_err(|error| format!("valgrind, which counts: {error}"))?;
    fs::create_dir_all(folder)?;
    println!("instructions for each request, outside of the kernel, over {COUNTED} requests");
    let mut counts = Vec::new();
    for role in Role::ALL {
        let file = folder.join(format!("{}.callgrind", role.as_str()));
        let under = Under::Callgrind(file.clone());
        let started = Side::start(role, upstream.address(), load.keys, &under).await?;
        let Some(mut side) = started else {
            println!("{} is not installed, and left out", role.as_str());
            continue;
        };
        verify(&mut side, upstream).await?;
        ask(&side, BEFORE).await?;
        count(&side, "on").await?;
        ask(&side, COUNTED).await?;
        count(&side, "off").await?;
        side.end().await?;
        let each = total(&file)? / COUNTED as f64;
        println!("{:<8} {each:.0}", role.as_str());
        counts.push((role, each));
    }
    let of = |role| {
        counts
            .iter()
            .find(|(of, _)| *of == role)
            .map(|(_, each)| each)
    };
    for other in [Role::Bare, Role::Plain, Role::Nginx] {
        if let (Some(gateway), Some(count)) = (of(Role::Gateway), of(other)) {
            println!("gateway / {}: {:.2}", other.as_str(), gateway / count);
        }
    }
    Ok(())
}

/// Sends so many requests, one at a time on each connection.
async fn ask(side: &Side, requests: usize) -> Result<(), Failure> {
    let path = Uri::from_static("/orders/7?expand=lines");
    let tokens: Result<Vec<_>, _> = side.tokens.iter().map(|token| bearer(token)).collect();
    let tokens = tokens?;
    let mut workers = Vec::new();
    for at in 0..CONNECTIONS {
        let mut client = Client::connect(side.address).await?;
        let (path, tokens) = (path.clone(), tokens.clone());
        workers.push(tokio::spawn(async move {
            let mut tokens = tokens.iter().cycle().skip(at);
            for _ in 0..requests / CONNECTIONS {
                let answer = client.get(&path, tokens.next()).await?;
                if answer.status != StatusCode::OK {
                    return Err(format!("answered with {}", answer.status).into());
                }
            }
            Ok::<_, Failure>(())
        }));
    }
    for worker in workers {
        worker.await??;
    }
    Ok(())
}

/// Switches counting on or off.
async fn count(side: &Side, switch: &str) -> Result<(), Failure> {
    let id = side.id().ok_or("the process has ended")?;
    let told = Command::new("callgrind_control")
        .args(["-i", switch, &id.to_string()])
        .output()
        .await?;
    match told.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&told.stderr).into_owned().into()),
    }
}

/// All instructions of a profile.
fn total(file: &Path) -> Result<f64, Failure> {
    let profile = fs::read_to_string(file)?;
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("the profile has no total")?.trim().parse()?)
}
