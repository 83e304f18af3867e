use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use portcullis_core::store::conformance::{Tally, compare};
use portcullis_store::SqliteStore;
use tokio::task::JoinSet;

use crate::support::Folder;

/// How many operations in all.
const OPERATIONS: u32 = 100_000;
/// Over how many stores they are spread, each with a seed of its own: the cost
/// of comparing grows with what a store holds.
const WORLDS: u32 = 40;
/// How many of them are compared at the same time.
const AT_ONCE: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_operations_are_answered_as_by_the_model() {
    let start = Instant::now();
    let folder = Arc::new(Folder::new());
    let seeds: VecDeque<u64> = (1..=u64::from(WORLDS)).collect();
    let seeds = Arc::new(Mutex::new(seeds));
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        workers.spawn(compare_some(Arc::clone(&folder), Arc::clone(&seeds)));
    }
    let mut tally = Tally::default();
    while let Some(counted) = workers.join_next().await {
        tally.add(&counted.expect("no difference"));
    }
    // What was compared is worth something only if it was met.
    for (operation, endings) in EXPECTED {
        for ending in *endings {
            let count = tally.of(operation, ending);
            assert!(count >= 20, "{operation} ended as {ending} {count} times");
        }
    }
    let count: u64 = tally.iter().map(|(_, _, count)| count).sum();
    assert_eq!(count, u64::from(OPERATIONS));
    println!("{OPERATIONS} operations in {:?}", start.elapsed());
}

const EXPECTED: &[(&str, &[&str])] = &[
    ("record", &["done"]),
    ("create_service", &["done", "already_exists"]),
    ("update_service", &["done", "conflict", "not_found"]),
    (
        "create_key",
        &[
            "done",
            "already_exists",
            "not_found",
            "quota_reached",
            "retired",
        ],
    ),
    (
        "update_key",
        &["done", "conflict", "not_found", "quota_reached"],
    ),
    (
        "several_steps",
        &[
            "done",
            "already_exists",
            "conflict",
            "quota_reached",
            "in_use",
        ],
    ),
    ("retire_root", &["done", "in_use", "not_found"]),
    ("anchor_audit", &["done", "conflict"]),
    ("prune_audit", &["done"]),
    ("add_usage", &["done"]),
    ("redigest", &["done"]),
    ("remember_roots", &["done"]),
    ("nothing", &["invalid"]),
    ("load", &["done", "empty"]),
    ("changes", &["some", "diverged"]),
    ("walk", &["done", "empty"]),
    ("position", &["invalid"]),
    ("usage", &["done"]),
    ("root_use", &["done"]),
    ("events", &["done", "empty"]),
    ("anchors", &["done"]),
    ("most_used", &["done"]),
];

/// Takes seeds until there are none.
async fn compare_some(folder: Arc<Folder>, seeds: Arc<Mutex<VecDeque<u64>>>) -> Tally {
    let mut tally = Tally::default();
    let next = || seeds.lock().expect("no panic before").pop_front();
    while let Some(seed) = next() {
        let store = SqliteStore::open(folder.path(&format!("{seed}.db"))).expect("a store");
        let outcome = compare(store, seed, OPERATIONS / WORLDS).await;
        let difference = outcome.as_ref().err().map(ToString::to_string);
        assert!(difference.is_none(), "{}", difference.unwrap_or_default());
        tally.add(&outcome.expect("looked at just now"));
    }
    tally
}
