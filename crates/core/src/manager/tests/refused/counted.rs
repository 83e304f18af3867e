//! Many attempts are few events, and a count of the others.

use super::{attempts, ends};
use crate::audit::Action;
use crate::error::ErrorKind;
use crate::key::KeyId;
use crate::manager::tests::{Fixture, ORDERS};
use crate::manager::{Expiry, VerifyAudit};
use crate::store::Fault;

#[tokio::test]
async fn the_same_attempt_over_and_over_is_one_event_and_then_a_count() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let (manager, id) = (&fixture.manager, issued.key.id);
    fixture.revoke(id).await;
    let before = fixture.events().await.len();
    let enable = async |request: u32| {
        let actor = fixture.actor.clone();
        let actor = actor.request_id(&request.to_string()).expect("an id");
        let error = manager.enable_key(id, &actor).await.expect_err("revoked");
        assert_eq!(error.kind(), ErrorKind::State);
    };
    for request in 0..500 {
        enable(request).await;
    }
    assert_eq!(fixture.events().await.len(), before + 1);
    assert_eq!(manager.stats().refused_changes, 500);
    manager.flush_usage().await.expect("written");
    for request in 500..600 {
        enable(request).await;
    }
    // Whoever flushes or shuts down leaves nothing untold; the period goes on.
    manager.shutdown().await.expect("shut down");
    let events = fixture.events().await.split_off(before);
    assert_eq!(attempts(&events), [None, Some("499"), Some("100")]);
    let (action, kind) = (Action::KeyEnable, ErrorKind::State);
    assert_eq!(ends(&events), [(action, kind); 3]);
    for event in &events {
        assert_eq!((event.key, &event.service), (Some(id), &Some(ORDERS)));
    }
    let verified = manager.verify_audit(VerifyAudit::new()).await;
    assert!(verified.expect("verified").is_whole());
}

#[tokio::test]
async fn ever_other_attempts_are_a_bounded_number_of_events() {
    let fixture = Fixture::new().await;
    let manager = &fixture.manager;
    for _ in 0..1_000 {
        let nobody = KeyId::random();
        let error = manager.disable_key(nobody, &fixture.actor).await;
        assert_eq!(error.expect_err("unknown").kind(), ErrorKind::NotFound);
    }
    manager.flush_usage().await.expect("written");
    let events = fixture.events().await;
    let attempts = attempts(&events);
    assert_eq!(attempts.len(), 101);
    assert_eq!(attempts.last(), Some(&Some("900")));
    let rest = events.last().expect("an event");
    assert_eq!((rest.key, rest.actor.name()), (None, "test"));
}

#[tokio::test]
async fn what_could_not_be_written_is_counted_when_it_can() {
    let fixture = Fixture::new().await;
    let past = Expiry::At(crate::clock::Timestamp::from_millis(1));
    let create = async || {
        let new = fixture.new_key().expiry(past);
        let created = fixture.manager.create_key(new, &fixture.actor).await;
        assert_eq!(created.expect_err("past").kind(), ErrorKind::Invalid);
    };
    fixture.store.set(Fault::Fail);
    create().await;
    create().await;
    assert!(fixture.manager.flush_usage().await.is_ok(), "no usage");
    fixture.store.set(Fault::None);
    assert!(fixture.events().await.is_empty());
    fixture.manager.flush_usage().await.expect("written");
    assert_eq!(attempts(&fixture.events().await), [Some("2")]);
}
