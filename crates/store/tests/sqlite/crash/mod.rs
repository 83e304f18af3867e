//! A process that is killed at a random moment, again and again.
//!
//! This test's own binary is the process: with [`FOLDER`] set, the test changes
//! a database until somebody kills it, and tells each change once it is
//! acknowledged.

mod changes;
mod rounds;
mod told;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use portcullis_core::manager::{KeyManager, VerifyAudit};
use portcullis_core::service::ServiceName;

use self::changes::OPERATIONS;
use self::rounds::{Rounds, Tally};
use crate::support::Folder;

/// Names the folder to a process that is to be killed.
const FOLDER: &str = "PORTCULLIS_CRASH_FOLDER";
/// Its own name, by which the process finds itself.
const TEST: &str = "crash::a_thousand_kills_lose_nothing_that_was_acknowledged";
const SERVICES: [ServiceName; 2] = [
    ServiceName::from_static("orders"),
    ServiceName::from_static("billing"),
];
/// Few, so that it is reached.
const QUOTA: u32 = 60;
const KILLS: u32 = 1_000;
/// How many databases are begun: a new one can be killed while it is made.
const DATABASES: u32 = 20;
const SEED: u64 = 20_301_122;

#[test]
fn a_thousand_kills_lose_nothing_that_was_acknowledged() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        changes::make_until_killed(&PathBuf::from(folder));
    }
    let (start, mut random) = (Instant::now(), fastrand::Rng::with_seed(SEED));
    let (mut acknowledged, mut told) = (Tally::new(), 0);
    for _ in 0..DATABASES {
        let folder = Folder::new();
        let mut rounds = Rounds::begin(&folder);
        for _ in 0..KILLS / DATABASES {
            let tally = rounds.kill_one(&mut random);
            told += u32::from(!tally.is_empty());
            for (operation, count) in tally {
                *acknowledged.entry(operation).or_default() += count;
            }
        }
        rounds.end();
    }
    // Most lived long enough to say something, and some did not.
    println!(
        "seed {SEED}: {KILLS} kills in {:?}, {told} of processes that had told of changes, \
         all there: {acknowledged:?}",
        start.elapsed()
    );
    let some = KILLS / 4..KILLS;
    assert!(some.contains(&told), "{told} had told of changes");
    let (count, least) = (acknowledged.values().sum::<u64>(), u64::from(KILLS));
    assert!(count >= least, "{count} changes were told");
    assert_eq!(acknowledged.len(), OPERATIONS, "{acknowledged:?}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// How long a process may take to say its first word.
const PATIENCE: Duration = Duration::from_secs(60);

async fn verify(manager: &KeyManager) {
    let report = manager
        .verify_audit(VerifyAudit::new())
        .await
        .expect("read");
    assert!(report.is_whole(), "{report:?}");
}
