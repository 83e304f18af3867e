//! What leaves nothing in the trail, and what a refusal does to nobody else.

use super::ends;
use crate::error::ErrorKind;
use crate::key::KeyId;
use crate::manager::tests::{BILLING, Fixture, Outcome};
use crate::manager::{Expiry, KeyPatch};
use crate::store::Fault;

#[tokio::test]
async fn reading_and_presenting_leave_nothing_in_the_trail() {
    let fixture = Fixture::new().await;
    let (manager, nobody) = (&fixture.manager, KeyId::random());
    let head = manager.audit_head().await.expect("head");
    assert!(manager.key(nobody).await.is_err());
    assert!(
        manager
            .service(&"none".parse().expect("name"))
            .await
            .is_err()
    );
    let list = crate::manager::ListKeys::of(BILLING).cursor("forged");
    assert!(manager.list_keys(list).await.is_err());
    for token in ["", "nonsense", "pck_live_x"] {
        fixture.validate(token).await;
    }
    assert_eq!(manager.audit_head().await.expect("head"), head);
}

#[tokio::test]
async fn a_refusal_that_cannot_be_written_stays_what_it_is() {
    let fixture = Fixture::new().await;
    let past = Expiry::At(crate::clock::Timestamp::from_millis(1));
    fixture.store.set(Fault::Fail);
    let new = fixture.new_key().expiry(past);
    let error = fixture
        .manager
        .create_key(new, &fixture.actor)
        .await
        .expect_err("past");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    // A store that is away is nobody's attempt.
    let error = fixture
        .manager
        .create_key(fixture.new_key(), &fixture.actor)
        .await;
    assert_eq!(error.expect_err("away").kind(), ErrorKind::Unavailable);
    fixture.store.set(Fault::None);
    assert!(fixture.events().await.is_empty());
}

#[tokio::test]
async fn a_conflict_that_was_overcome_is_no_refusal() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let other = fixture.other_node().await;
    // The first look is held until somebody else has changed the record.
    fixture.store.hold_loads();
    let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
    let update = tokio::spawn(async move {
        let renamed = KeyPatch::new().name("mine".parse().expect("name"));
        manager.update_key(id, renamed, &actor).await
    });
    fixture.store.wait_held(1).await;
    let noted = KeyPatch::new().note("theirs".parse::<crate::key::Note>().expect("note"));
    other
        .update_key(id, noted, &fixture.actor)
        .await
        .expect("updated");
    fixture.store.release();
    let key = update.await.expect("task").expect("updated");
    assert_eq!((key.name.as_str(), key.version), ("mine", 3));
    assert_eq!(
        key.note.expect("theirs").as_str(),
        "theirs",
        "nothing is lost"
    );
    assert_eq!(ends(&fixture.events().await), []);
}

#[tokio::test]
async fn a_refused_change_makes_no_node_read_anything_again() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let other = fixture.other_node().await;
    fixture.manager.poll_now().await.expect("polled");
    let granted = fixture.validate(issued.token.expose()).await;
    assert_eq!(granted, Outcome::Granted);
    let nobody = KeyId::random();
    let refused = other.disable_key(nobody, &fixture.actor).await;
    assert_eq!(refused.expect_err("unknown").kind(), ErrorKind::NotFound);
    fixture.manager.poll_now().await.expect("polled");
    let (loads, calls) = (fixture.store.loads(), fixture.store.calls());
    let granted = fixture.validate(issued.token.expose()).await;
    assert_eq!(granted, Outcome::Granted);
    let later = (fixture.store.loads(), fixture.store.calls());
    assert_eq!(later, (loads, calls), "neither the key nor the services");
}
