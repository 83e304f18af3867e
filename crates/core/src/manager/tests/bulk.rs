//! Many keys at once.

use super::{BILLING, Fixture, ORDERS, Outcome};
use crate::audit::{Action, Outcome as Ended};
use crate::error::ErrorKind;
use crate::key::{KeyId, KeyState, RevocationReason};
use crate::manager::{Expiry, ListKeys, NewKey, ServicePatch};
use crate::service::ServiceName;
use crate::verdict::DenialReason;

impl Fixture {
    fn new_keys(&self, count: usize) -> Vec<NewKey> {
        vec![self.new_key(); count]
    }

    async fn count(&self) -> usize {
        let list = ListKeys::of(ORDERS).limit(ListKeys::MAX_LIMIT);
        self.manager
            .list_keys(list)
            .await
            .expect("listed")
            .keys
            .len()
    }
}

fn reason() -> RevocationReason {
    "leaked".parse().expect("reason")
}

#[tokio::test]
async fn a_thousand_keys_are_one_change_and_each_has_its_event() {
    let fixture = Fixture::new().await;
    let other = fixture.other_node().await;
    let before = other.audit_head().await.expect("head").sequence;
    let issued = fixture
        .manager
        .create_keys(fixture.new_keys(1_000), &fixture.actor)
        .await;
    let issued = issued.expect("issued");
    let sequence = fixture.manager.audit_head().await.expect("head").sequence;
    assert_eq!((issued.len(), sequence - before), (1_000, 1_000));
    // Cached on both nodes before they are revoked.
    let ids: Vec<KeyId> = issued.iter().map(|issued| issued.key.id).collect();
    for key in &issued {
        assert_eq!(fixture.validate(key.token.expose()).await, Outcome::Granted);
    }
    let revoked = fixture
        .manager
        .revoke_keys(ids.clone(), reason(), &fixture.actor)
        .await;
    let revoked = revoked.expect("revoked");
    let order: Vec<KeyId> = revoked.iter().map(|key| key.id).collect();
    assert_eq!(order, ids, "in the order in which they were named");
    for (key, revoked) in issued.iter().zip(&revoked) {
        assert!(matches!(revoked.state, KeyState::Revoked(_)) && revoked.version == 2);
        let verdict = fixture.validate(key.token.expose()).await;
        assert_eq!(
            verdict,
            Outcome::Denied(DenialReason::Revoked),
            "from the next request on"
        );
    }
    let head = fixture.manager.audit_head().await.expect("head");
    let again = fixture
        .manager
        .revoke_keys(ids, reason(), &fixture.actor)
        .await;
    assert_eq!(again.expect("revoked already"), revoked);
    assert_eq!(
        fixture.manager.audit_head().await.expect("head"),
        head,
        "no change, no event"
    );
}

#[tokio::test]
async fn of_many_new_keys_all_are_issued_or_none() {
    let fixture = Fixture::new().await;
    let (manager, actor) = (&fixture.manager, &fixture.actor);
    let limited = ServicePatch::new().quota(10);
    manager
        .update_service(&ORDERS, limited, actor)
        .await
        .expect("updated");
    let full = manager
        .create_keys(fixture.new_keys(11), actor)
        .await
        .expect_err("full");
    assert_eq!(full.kind(), ErrorKind::QuotaReached);
    assert_eq!(fixture.count().await, 0);

    let mut new = fixture.new_keys(5);
    new[3] = fixture
        .new_key()
        .expiry(Expiry::At(crate::clock::Timestamp::from_millis(1)));
    let past = manager.create_keys(new, actor).await.expect_err("past");
    assert_eq!(past.kind(), ErrorKind::Invalid);
    assert!(
        past.to_string().starts_with("key 4 of 5: invalid expiry"),
        "{past}"
    );

    let mut new = fixture.new_keys(5);
    new[4].service = ServiceName::from_static("none");
    let missing = manager
        .create_keys(new, actor)
        .await
        .expect_err("no service");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(
        missing
            .to_string()
            .starts_with("key 5 of 5: there is no service"),
        "{missing}"
    );

    let many = manager
        .create_keys(fixture.new_keys(1_001), actor)
        .await
        .expect_err("many");
    assert_eq!(many.kind(), ErrorKind::Invalid);
    assert_eq!(fixture.count().await, 0);
    let events = fixture.events().await;
    let refused = events.iter().filter(|event| event.outcome != Ended::Done);
    let services: Vec<_> = refused.map(|event| event.service.clone()).collect();
    assert_eq!(services, [Some(ORDERS), Some(ORDERS), None, Some(ORDERS)]);

    let mut new = fixture.new_keys(10);
    new[0].service = BILLING;
    let issued = manager.create_keys(new, actor).await.expect("issued");
    assert_eq!((issued.len(), fixture.count().await), (10, 9));
    assert_eq!(issued[0].key.service, BILLING);
    let none = manager
        .create_keys(Vec::new(), actor)
        .await
        .expect("nothing to do");
    assert!(none.is_empty());
}

#[tokio::test]
async fn of_many_keys_all_are_revoked_or_none() {
    let fixture = Fixture::new().await;
    let (manager, actor) = (&fixture.manager, &fixture.actor);
    let ids = [fixture.issue().await.key.id, fixture.issue().await.key.id];
    let [one, two] = [KeyId::random(), KeyId::random()];
    let missing = manager
        .revoke_keys(vec![ids[0], one, ids[1], two], reason(), actor)
        .await;
    let missing = missing.expect_err("two are missing");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(
        missing.to_string(),
        format!("these keys do not exist: {one} {two}")
    );
    let twice = manager
        .revoke_keys(vec![ids[0], ids[1], ids[0]], reason(), actor)
        .await;
    let twice = twice.expect_err("one stands twice");
    assert_eq!(twice.kind(), ErrorKind::Invalid);
    assert!(
        twice
            .to_string()
            .ends_with(&format!("{} stands twice", ids[0])),
        "{twice}"
    );
    let many = (0..1_001).map(|_| KeyId::random()).collect();
    let many = manager
        .revoke_keys(many, reason(), actor)
        .await
        .expect_err("too many");
    assert_eq!(many.kind(), ErrorKind::Invalid);
    let unknown: Vec<KeyId> = (0..20).map(|_| KeyId::random()).collect();
    let unknown = manager
        .revoke_keys(unknown, reason(), actor)
        .await
        .expect_err("unknown");
    assert!(unknown.to_string().ends_with("and 10 more"), "{unknown}");
    for id in ids {
        assert_eq!(manager.key(id).await.expect("key").state, KeyState::Active);
    }
    // One that is revoked already does not stand in the way.
    fixture.revoke(ids[0]).await;
    let revoked = manager
        .revoke_keys(ids.to_vec(), reason(), actor)
        .await
        .expect("revoked");
    let versions: Vec<u64> = revoked.iter().map(|key| key.version).collect();
    assert_eq!(versions, [2, 2]);
    let revocations = fixture
        .events()
        .await
        .into_iter()
        .filter(|event| event.action == Action::KeyRevoke && event.outcome == Ended::Done);
    assert_eq!(revocations.count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn revocations_of_many_that_meet_are_all_done() {
    let fixture = Fixture::new().await;
    let issued = fixture
        .manager
        .create_keys(fixture.new_keys(50), &fixture.actor)
        .await;
    let ids: Vec<KeyId> = issued
        .expect("issued")
        .iter()
        .map(|issued| issued.key.id)
        .collect();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (manager, actor, ids) =
                (fixture.manager.clone(), fixture.actor.clone(), ids.clone());
            tokio::spawn(async move { manager.revoke_keys(ids, reason(), &actor).await })
        })
        .collect();
    for task in tasks {
        let keys = task.await.expect("task").expect("revoked");
        assert!(
            keys.iter().all(|key| key.version == 2),
            "each is revoked once"
        );
    }
}

#[tokio::test]
async fn a_revocation_of_many_whose_caller_goes_away_is_noticed_all_the_same() {
    let fixture = Fixture::new().await;
    let issued = fixture
        .manager
        .create_keys(fixture.new_keys(100), &fixture.actor)
        .await;
    let issued = issued.expect("issued");
    for key in &issued {
        assert_eq!(fixture.validate(key.token.expose()).await, Outcome::Granted);
    }
    let ids: Vec<KeyId> = issued.iter().map(|issued| issued.key.id).collect();
    fixture.store.hold_commits();
    let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
    let revoke = tokio::spawn(async move { manager.revoke_keys(ids, reason(), &actor).await });
    fixture.store.wait_held(1).await;
    revoke.abort();
    assert!(revoke.await.expect_err("gone").is_cancelled());
    let commits = fixture.manager.stats().commits;
    fixture.store.release();
    while fixture.manager.stats().commits == commits {
        tokio::task::yield_now().await;
    }
    for key in &issued {
        let verdict = fixture.validate(key.token.expose()).await;
        assert_eq!(verdict, Outcome::Denied(DenialReason::Revoked));
    }
}
