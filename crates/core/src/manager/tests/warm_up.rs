//! What is read ahead after the start.

use std::sync::Arc;
use std::time::Duration;

use super::{Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::manager::{Issued, KeyManager, ManagerConfig};
use crate::store::{Fault, FaultStore};
use crate::token::Presented;

/// Keys of which the first were used most, and a store that holds nothing yet.
async fn used(fixture: &Fixture, keys: usize) -> Vec<Issued> {
    let mut issued = Vec::new();
    for _ in 0..keys {
        issued.push(fixture.issue().await);
    }
    for (at, issued) in issued.iter().enumerate() {
        for _ in at..keys {
            let outcome = fixture.validate(issued.token.expose()).await;
            assert_eq!(outcome, Outcome::Granted);
        }
    }
    fixture.manager.flush_usage().await.expect("written");
    issued
}

async fn start(fixture: &Fixture, store: &FaultStore, config: ManagerConfig) -> KeyManager {
    KeyManager::builder(store.clone())
        .keyring(fixture.keyring.clone())
        .config(config)
        .clock(fixture.clock.clone())
        .build()
        .await
        .expect("built")
}

async fn warmed(manager: &KeyManager) -> u64 {
    while !manager.stats().warm_up_done() {
        tokio::task::yield_now().await;
    }
    manager.stats().warmed_keys
}

async fn granted(manager: &KeyManager, issued: &Issued) {
    let token = Presented::new(issued.token.expose().as_bytes());
    let verdict = manager.validate(token, &Context::new(&ORDERS)).await;
    assert_eq!(outcome(&verdict), Outcome::Granted);
}

#[tokio::test]
async fn the_most_used_keys_are_cached_before_their_first_request() {
    let fixture = Fixture::new().await;
    let issued = used(&fixture, 20).await;
    let store = FaultStore::new(fixture.memory.clone());
    let config = ManagerConfig::default().warm_up(12_u32);
    let manager = start(&fixture, &store, config).await;
    assert_eq!(warmed(&manager).await, 12);
    for issued in &issued[..12] {
        granted(&manager, issued).await;
    }
    let stats = manager.stats();
    assert_eq!((stats.cache_hits, stats.cache_misses), (12, 0));
    assert_eq!(store.loads(), 12);
    assert!(store.most_loads_at_once() <= 8);
    granted(&manager, &issued[12]).await;
    assert_eq!(manager.stats().cache_misses, 1);
}

#[tokio::test]
async fn no_more_is_read_ahead_than_the_cache_holds() {
    let fixture = Fixture::new().await;
    used(&fixture, 20).await;
    let store = FaultStore::new(fixture.memory.clone());
    let config = ManagerConfig::default().cache_capacity(5_u64);
    let manager = start(&fixture, &store, config).await;
    assert_eq!(warmed(&manager).await, 5);
    assert_eq!(store.loads(), 5);
}

#[tokio::test]
async fn reading_ahead_stands_back_while_somebody_waits() {
    let fixture = Fixture::new().await;
    let issued = used(&fixture, 200).await;
    let store = FaultStore::new(fixture.memory.clone());
    let manager = start(&fixture, &store, ManagerConfig::default()).await;
    // Nothing is read until more keys are asked for than may be at a time.
    store.set(Fault::Hang);
    store.hold_loads();
    let tasks: Vec<_> = issued[100..]
        .iter()
        .map(|issued| {
            let (manager, token) = (manager.clone(), issued.token.expose().to_owned());
            tokio::spawn(async move {
                let token = Presented::new(token.as_bytes());
                outcome(&manager.validate(token, &Context::new(&ORDERS)).await)
            })
        })
        .collect();
    while manager.stats().loads_waiting < 36 {
        tokio::task::yield_now().await;
    }
    store.set(Fault::None);
    store.wait_held(64).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let stats = manager.stats();
    assert_eq!((stats.loads_running, stats.loads_waiting), (64, 36));
    assert_eq!(stats.warming, 1, "it waits until nobody else does");
    store.release();
    for task in tasks {
        assert_eq!(task.await.expect("task"), Outcome::Granted);
    }
    while !manager.stats().warm_up_done() {
        fixture.clock.advance(Duration::from_millis(20));
        tokio::task::yield_now().await;
    }
    let stats = manager.stats();
    assert_eq!((stats.overloads, stats.address_overloads), (0, 0));
    assert_eq!(
        stats.warmed_keys, 100,
        "the others were read when asked for"
    );
    assert_eq!(store.loads(), 200, "and nothing was read twice");
}

#[tokio::test]
async fn a_store_that_fails_meanwhile_does_not_matter() {
    let fixture = Fixture::new().await;
    let issued = used(&fixture, 30).await;
    let store = FaultStore::new(fixture.memory.clone());
    store.hold_loads();
    let manager = start(&fixture, &store, ManagerConfig::default()).await;
    store.wait_held(8).await;
    store.set(Fault::Fail);
    store.release();
    assert!(warmed(&manager).await <= 8, "those that were read already");
    assert!(store.loads() <= 24, "it gave up");
    store.set(Fault::None);
    for issued in &issued {
        granted(&manager, issued).await;
    }
}

#[tokio::test]
async fn reading_ahead_ends_with_the_manager() {
    let fixture = Fixture::new().await;
    used(&fixture, 30).await;
    let store = FaultStore::new(fixture.memory.clone());
    store.hold_loads();
    let manager = start(&fixture, &store, ManagerConfig::default()).await;
    store.wait_held(8).await;
    assert!(!manager.stats().warm_up_done());
    manager.shutdown().await.expect("shut down");
    store.release();
    assert_eq!(warmed(&manager).await, 0);
    store.hold_loads();
    let shared = {
        let manager = start(&fixture, &store, ManagerConfig::default()).await;
        store.wait_held(16).await;
        Arc::clone(manager.shared())
    };
    while shared.stats().warming > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(shared.stats().warmed_keys, 0);
}

#[tokio::test]
async fn nothing_is_read_ahead_where_nobody_wants_it() {
    let fixture = Fixture::new().await;
    used(&fixture, 3).await;
    let store = FaultStore::new(fixture.memory.clone());
    let config = ManagerConfig::default().warm_up(0_u32);
    let manager = start(&fixture, &store, config).await;
    assert!(manager.stats().warm_up_done());
    manager.poll_now().await.expect("polled");
    assert_eq!(store.loads(), 0);
}

#[tokio::test]
async fn reading_ahead_is_given_up_where_it_takes_too_long() {
    let fixture = Fixture::new().await;
    let issued = used(&fixture, 30).await;
    let store = FaultStore::new(fixture.memory.clone());
    // Slow, but each answer comes before it is too late.
    let config = ManagerConfig::default().store_timeout(Duration::from_secs(40));
    let manager = start(&fixture, &store, config).await;
    let calls = store.calls();
    store.set(Fault::Hang);
    while store.calls() == calls {
        tokio::task::yield_now().await;
    }
    fixture.clock.advance(Duration::from_secs(30));
    store.hold_loads();
    store.set(Fault::None);
    store.wait_held(8).await;
    fixture.clock.advance(Duration::from_secs(29));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!manager.stats().warm_up_done(), "it has a minute");
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(warmed(&manager).await, 0);
    assert_eq!(manager.stats().warm_ups_cut, 1);
    assert_eq!(store.loads(), 8, "no more is read ahead");
    store.release();
    for issued in &issued {
        granted(&manager, issued).await;
    }
    assert_eq!(store.loads(), 30, "and nothing was read twice");
}
