//! Refusals that are told after somebody has gone: the caller, the manager.

use std::time::Duration;

use super::{attempts, ends};
use crate::audit::Action;
use crate::clock::Clock as _;
use crate::error::ErrorKind;
use crate::key::KeyId;
use crate::manager::tests::{Fixture, Outcome};
use crate::store::Fault;

#[tokio::test]
async fn who_goes_away_before_the_answer_is_told_of_all_the_same() {
    let fixture = Fixture::new().await;
    let nobody = KeyId::random();
    fixture.store.hold_loads();
    {
        let mut disable = Box::pin(fixture.manager.disable_key(nobody, &fixture.actor));
        // The first poll hands the attempt over.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(disable.as_mut().poll(&mut context).is_pending());
        fixture.store.wait_held(1).await;
    }
    fixture.store.release();
    while fixture.events().await.is_empty() {
        tokio::task::yield_now().await;
    }
    let kinds = ends(&fixture.events().await);
    assert_eq!(kinds, [(Action::KeyDisable, ErrorKind::NotFound)]);
}

#[tokio::test]
async fn a_refusal_that_outlives_every_handle_is_told_by_the_flusher() {
    let mut fixture = Fixture::new().await;
    let other = fixture.other_node().await;
    let manager = std::mem::replace(&mut fixture.manager, other);
    fixture.store.hold_loads();
    {
        let mut disable = Box::pin(manager.disable_key(KeyId::random(), &fixture.actor));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(disable.as_mut().poll(&mut context).is_pending());
        fixture.store.wait_held(1).await;
    }
    drop(manager);
    // The key is read by now; its refusal cannot be written.
    fixture.store.set(Fault::Fail);
    fixture.store.hold_commits();
    fixture.store.wait_held(2).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    fixture.store.set(Fault::None);
    fixture.store.release();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(attempts(&fixture.events().await), [Some("1")]);
}

/// Shuts down while the clock goes on, and says how long that took.
async fn shut_down(fixture: &Fixture) -> Duration {
    let (manager, begun) = (fixture.manager.clone(), fixture.clock.now());
    let shutdown = tokio::spawn(async move { manager.shutdown().await });
    // Both as far as they come before any time passes.
    while !shutdown.is_finished() {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        fixture.clock.advance(Duration::from_millis(100));
    }
    shutdown.await.expect("task").expect("shut down");
    fixture.clock.now().age_since(begun)
}

/// A fixture whose trail is owed 100 different refusals, of keys that are not.
async fn owing_many() -> Fixture {
    let fixture = Fixture::new().await;
    for _ in 0..100 {
        let nobody = KeyId::random();
        for _ in 0..2 {
            let refused = fixture.manager.disable_key(nobody, &fixture.actor).await;
            assert_eq!(refused.expect_err("unknown").kind(), ErrorKind::NotFound);
        }
    }
    fixture
}

#[tokio::test]
async fn refusals_are_told_within_the_time_of_one_answer_where_keys_cannot_be_read() {
    let fixture = owing_many().await;
    let issued = fixture.issue().await;
    let granted = fixture.validate(issued.token.expose()).await;
    assert_eq!(granted, Outcome::Granted);
    let before = fixture.events().await.len();
    fixture.store.hold_loads();
    let took = shut_down(&fixture).await;
    let timeout = fixture.manager.config().store_timeout;
    assert!(took <= timeout, "{took:?}");
    fixture.store.release();
    let told = fixture.events().await.split_off(before);
    assert_eq!(attempts(&told), vec![Some("1"); 100]);
    let usage = fixture.manager.usage(&[issued.key.id]).await;
    assert_eq!(usage.expect("usage")[0].total.granted, 1);
}

#[tokio::test]
async fn a_store_that_hangs_holds_no_shutdown_for_long_and_loses_no_refusal() {
    let fixture = owing_many().await;
    let before = fixture.events().await.len();
    fixture.store.set(Fault::Hang);
    let took = shut_down(&fixture).await;
    let timeout = fixture.manager.config().store_timeout;
    // A step of the clock more for its last look.
    assert!(took <= timeout + Duration::from_millis(100), "{took:?}");
    fixture.store.set(Fault::None);
    fixture.manager.flush_usage().await.expect("written");
    let events = fixture.events().await.split_off(before);
    let mut told = attempts(&events);
    // The store did not say whether the first time counted.
    assert_eq!(told.split_off(100).len(), 100);
    assert_eq!(told, vec![Some("1"); 100]);
}
