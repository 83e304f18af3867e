//! Roots that come, take over and go, and what that means for keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::{Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::audit::{Action, EventDraft, Outcome as Ended};
use crate::clock::Clock as _;
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::keyring::{Keyring, RootName};
use crate::manager::{Issued, KeyManager, ListEvents, RootStatus, Rotation, VerifyAudit};
use crate::store::{Fault, FaultStore, Operation, RootUse};
use crate::token::{Presented, Token};
use crate::verdict::{DenialReason, UnavailableCause};

fn name(text: &str) -> RootName {
    text.parse().expect(text)
}

/// The keyring with k2 beside k1, the latter current.
fn with_k2(fixture: &Fixture) -> Keyring {
    fixture.keyring.add(name("k2")).expect("added")
}

fn rotated(keyring: &Keyring) -> Keyring {
    keyring.make_current(&name("k2")).expect("rotated")
}

async fn try_node(fixture: &Fixture, keyring: &Keyring) -> Result<KeyManager, Error> {
    KeyManager::builder(fixture.memory.clone())
        .keyring(keyring.clone())
        .clock(fixture.clock.clone())
        .build()
        .await
}

/// A node over the fixture's store, with a keyring of its own.
async fn node(fixture: &Fixture, keyring: &Keyring) -> KeyManager {
    try_node(fixture, keyring).await.expect("built")
}

async fn validate(manager: &KeyManager, issued: &Issued) -> Outcome {
    let token = Presented::new(issued.token.expose().as_bytes());
    outcome(&manager.validate(token, &Context::new(&ORDERS)).await)
}

async fn root(manager: &KeyManager, root: &str) -> RootStatus {
    let roots = manager.roots().await.expect("roots");
    let found = roots.into_iter().find(|status| status.name == name(root));
    found.expect(root)
}

/// The roots of a key's secrets: that of the digest, and that of the tag.
fn roots(key: &Key) -> Vec<(&str, &str)> {
    let names = key.secrets.iter();
    names
        .map(|secret| (secret.root.as_str(), secret.issuer.as_str()))
        .collect()
}

fn used(digests: u64, tokens: u64) -> RootUse {
    RootUse { digests, tokens }
}

async fn retire(manager: &KeyManager, fixture: &Fixture, root: &str) -> Result<(), ErrorKind> {
    let retired = manager.retire_root(&name(root), &fixture.actor).await;
    retired.map_err(|error| error.kind())
}

/// Ends every secret of a key but a new one, at once.
async fn rotate_key(manager: &KeyManager, fixture: &Fixture, issued: &Issued) -> Issued {
    let at_once = Rotation::default().grace(Duration::ZERO);
    let rotated = manager
        .rotate_key(issued.key.id, at_once, &fixture.actor)
        .await;
    rotated.expect("rotated")
}

#[tokio::test]
async fn a_root_gives_way_to_the_next_one_and_no_key_notices() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let both = with_k2(&fixture);
    let rolled_out = node(&fixture, &both).await;
    assert_eq!(validate(&rolled_out, &old).await, Outcome::Granted);
    rolled_out.flush_usage().await.expect("flushed");
    assert_eq!(
        root(&rolled_out, "k1").await.used,
        used(1, 1),
        "nothing moves yet"
    );

    let rotated = rotated(&both);
    let manager = node(&fixture, &rotated).await;
    let new = manager
        .create_key(fixture.new_key(), &fixture.actor)
        .await
        .expect("issued");
    assert_eq!(roots(&new.key), [("k2", "k2")]);
    assert_eq!(validate(&manager, &old).await, Outcome::Granted);
    assert_eq!(manager.stats().digests_waiting, 1);
    manager.flush_usage().await.expect("flushed");
    assert_eq!(
        (manager.stats().redigests, manager.stats().digests_waiting),
        (1, 0)
    );
    let moved = manager.key(old.key.id).await.expect("there");
    assert_eq!(
        roots(&moved),
        [("k2", "k1")],
        "the token bears its tag for ever"
    );
    assert_eq!(moved.version, old.key.version, "moving is no change");
    // By what was cached before, by what was read after, and on the others.
    for manager in [&manager, &node(&fixture, &rotated).await, &rolled_out] {
        assert_eq!(validate(manager, &old).await, Outcome::Granted);
    }
    manager.flush_usage().await.expect("flushed");
    assert_eq!(manager.stats().redigests, 1, "once");

    assert_eq!(root(&manager, "k1").await.used, used(0, 1));
    assert_eq!(
        retire(&manager, &fixture, "k1").await,
        Err(ErrorKind::InUse)
    );
    let newer = rotate_key(&manager, &fixture, &old).await;
    assert_eq!(root(&manager, "k1").await.used, used(0, 0));
    retire(&manager, &fixture, "k1").await.expect("retired");
    assert!(root(&manager, "k1").await.retired);

    // The keyring file drops it, and every node starts anew.
    let alone = rotated.without(&name("k1")).expect("dropped");
    let manager = node(&fixture, &alone).await;
    assert_eq!(
        validate(&manager, &old).await,
        Outcome::Denied(DenialReason::Tag)
    );
    assert_eq!(validate(&manager, &newer).await, Outcome::Granted);
    assert_eq!(validate(&manager, &new).await, Outcome::Granted);
    assert_eq!(
        validate(&manager, &old).await,
        Outcome::Denied(DenialReason::Rotated),
        "by the cached record, which has the moved digest"
    );
    let report = manager
        .verify_audit(VerifyAudit::new())
        .await
        .expect("verified");
    assert_eq!(report.fault, None);
    assert!(report.attested > 0 && report.unproven == 0, "{report:?}");
    let rests_on = report.rests_on.expect("the anchor of the retirement");
    assert_eq!(rests_on.root, name("k2"));
    let status = root(&manager, "k1").await;
    assert!(
        status.retired && !status.in_keyring && !status.current,
        "{status:?}"
    );
}

#[tokio::test]
async fn a_record_whose_dead_secrets_are_of_a_retired_root_refuses_and_is_no_failure() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let rotated = rotated(&with_k2(&fixture));
    let manager = node(&fixture, &rotated).await;
    // Never used under k2, so that its digest stays where it was.
    let newer = rotate_key(&manager, &fixture, &old).await;
    assert_eq!(roots(&newer.key), [("k1", "k1"), ("k2", "k2")]);
    let id = newer.key.id;
    retire(&manager, &fixture, "k1").await.expect("retired");
    let alone = rotated.without(&name("k1")).expect("dropped");
    let manager = node(&fixture, &alone).await;
    assert_eq!(validate(&manager, &newer).await, Outcome::Granted);
    let stored = manager.key(id).await.expect("there");
    assert_eq!(
        roots(&stored).len(),
        2,
        "the dead secret is still in the record"
    );
    // A token of ours for this key that is none of its secrets.
    let stranger = Token::issue(&alone, old.key.prefix, old.key.environment, id);
    let stranger = stranger.expect("entropy");
    let token = Presented::new(stranger.expose().as_bytes());
    let verdict = manager.validate(token, &Context::new(&ORDERS)).await;
    assert_eq!(outcome(&verdict), Outcome::Denied(DenialReason::Secret));
}

#[tokio::test]
async fn a_root_that_is_unknown_and_not_retired_is_unavailable() {
    let fixture = Fixture::new().await;
    let early = node(&fixture, &fixture.keyring).await;
    // Made current on one node before the others have it.
    let manager = node(&fixture, &rotated(&with_k2(&fixture))).await;
    let old = fixture.issue().await;
    assert_eq!(validate(&manager, &old).await, Outcome::Granted);
    manager.flush_usage().await.expect("flushed");
    assert_eq!(
        validate(&early, &old).await,
        Outcome::Unavailable(UnavailableCause::UnknownRoot)
    );
    let late = try_node(&fixture, &fixture.keyring)
        .await
        .expect_err("incomplete");
    assert_eq!(late.kind(), ErrorKind::Keyring);
    assert!(late.to_string().contains("lacks root k2"), "{late}");
}

#[tokio::test]
async fn what_stands_is_not_retired_and_every_attempt_is_told() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let rotated = rotated(&with_k2(&fixture));
    let manager = node(&fixture, &rotated).await;
    for (root, kind) in [
        ("k2", ErrorKind::State),
        ("k1", ErrorKind::InUse),
        ("k9", ErrorKind::NotFound),
    ] {
        assert_eq!(retire(&manager, &fixture, root).await, Err(kind), "{root}");
    }
    let message = manager
        .retire_root(&name("k1"), &fixture.actor)
        .await
        .expect_err("in use");
    assert!(message.to_string().contains("1 digests"), "{message}");
    // The same once more is counted, and told with the next flush.
    manager.flush_usage().await.expect("written");
    let events = manager
        .audit_events(ListEvents::new().limit(1_000))
        .await
        .expect("events");
    let told: Vec<Ended> = events
        .events
        .iter()
        .filter(|signed| signed.event.action == Action::KeyringRetire)
        .map(|signed| signed.event.outcome)
        .collect();
    let refused = |kind| Ended::Refused(kind);
    assert_eq!(
        told,
        [
            refused(ErrorKind::State),
            refused(ErrorKind::InUse),
            refused(ErrorKind::NotFound),
            refused(ErrorKind::InUse)
        ]
    );
    // What is revoked can never be accepted again, so that it does not stand.
    fixture.revoke(old.key.id).await;
    retire(&manager, &fixture, "k1").await.expect("retired");
    let before = manager.audit_head().await.expect("a head");
    retire(&manager, &fixture, "k1")
        .await
        .expect("retired already");
    assert_eq!(
        manager.audit_head().await.expect("a head"),
        before,
        "no event"
    );
}

#[tokio::test]
async fn a_retired_root_is_missed_by_nobody_and_its_name_is_not_used_again() {
    let fixture = Fixture::new().await;
    let both = with_k2(&fixture);
    let rotated = rotated(&both);
    let manager = node(&fixture, &rotated).await;
    retire(&manager, &fixture, "k1")
        .await
        .expect("nothing was issued");
    for keyring in [&rotated, &rotated.without(&name("k1")).expect("dropped")] {
        node(&fixture, keyring).await;
    }
    let refusal = async |keyring: &Keyring| {
        let error = try_node(&fixture, keyring).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Keyring);
        error.to_string()
    };
    let text = refusal(&both).await;
    assert!(text.contains("current root k1 is retired"), "{text}");
    let again = rotated
        .without(&name("k1"))
        .and_then(|keyring| keyring.add(name("k1")))
        .expect("added");
    let text = refusal(&again).await;
    assert!(
        text.contains("k1") && text.contains("not used again"),
        "{text}"
    );

    // One that was never used goes as well, and its name with it.
    let third = rotated.add(name("k3")).expect("added");
    let manager = node(&fixture, &third).await;
    assert!(!root(&manager, "k3").await.retired);
    retire(&manager, &fixture, "k3").await.expect("retired");
    assert!(root(&manager, "k3").await.retired);
    let again = rotated.add(name("k3")).expect("added");
    let text = refusal(&again).await;
    assert!(text.contains("not used again"), "{text}");
}

#[tokio::test]
async fn digests_that_could_not_be_moved_are_moved_with_the_next_flush() {
    let fixture = Fixture::new().await;
    let (one, other) = (fixture.issue().await, fixture.issue().await);
    let store = FaultStore::new(fixture.memory.clone());
    let manager = KeyManager::builder(store.clone())
        .keyring(rotated(&with_k2(&fixture)))
        .clock(fixture.clock.clone())
        .build()
        .await
        .expect("built");
    for issued in [&one, &other, &one] {
        assert_eq!(validate(&manager, issued).await, Outcome::Granted);
    }
    store.set(Fault::Fail);
    assert!(manager.flush_usage().await.is_err());
    let stats = manager.stats();
    assert_eq!((stats.redigests, stats.digests_waiting), (0, 2));
    assert!(stats.redigest_failures > 0);
    store.set(Fault::None);
    manager.flush_usage().await.expect("flushed");
    let stats = manager.stats();
    assert_eq!((stats.redigests, stats.digests_waiting), (2, 0));
}

#[tokio::test]
async fn nodes_that_disagree_about_the_current_root_move_no_digest_back() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let both = with_k2(&fixture);
    // While the change is rolled out.
    let (early, late) = (
        node(&fixture, &rotated(&both)).await,
        node(&fixture, &both).await,
    );
    for manager in [&early, &late, &early] {
        // As if it read the record anew.
        manager.shared().keys.clear();
        assert_eq!(validate(manager, &old).await, Outcome::Granted);
        manager.flush_usage().await.expect("flushed");
        let stored = manager.key(old.key.id).await.expect("there");
        assert_eq!(roots(&stored), [("k2", "k1")], "forward, and not back");
    }
    assert_eq!((early.stats().redigests, late.stats().redigests), (1, 0));
}

#[tokio::test]
async fn a_damaged_record_keeps_no_other_digest_from_moving() {
    let fixture = Fixture::new().await;
    let mut all = Vec::new();
    for _ in 0..9 {
        all.push(fixture.issue().await);
    }
    let store = FaultStore::new(fixture.memory.clone());
    let manager = KeyManager::builder(store.clone())
        .keyring(rotated(&with_k2(&fixture)))
        .clock(fixture.clock.clone())
        .build()
        .await
        .expect("built");
    for issued in &all {
        assert_eq!(validate(&manager, issued).await, Outcome::Granted);
    }
    store.damage(all[4].key.id);
    manager.flush_usage().await.expect("flushed");
    let stats = manager.stats();
    assert_eq!(
        (
            stats.redigests,
            stats.redigest_failures,
            stats.digests_waiting
        ),
        (8, 1, 0)
    );
    for (at, issued) in all.iter().enumerate() {
        let key = manager.key(issued.key.id).await.expect("there");
        let root = if at == 4 { "k1" } else { "k2" };
        assert_eq!(roots(&key), [(root, "k1")], "key {at}");
    }
}

#[tokio::test]
async fn a_refused_use_moves_nothing() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    fixture
        .manager
        .disable_key(old.key.id, &fixture.actor)
        .await
        .expect("disabled");
    let manager = node(&fixture, &rotated(&with_k2(&fixture))).await;
    assert_eq!(
        validate(&manager, &old).await,
        Outcome::Denied(DenialReason::Disabled)
    );
    assert_eq!(manager.stats().digests_waiting, 0);
}

#[tokio::test]
async fn a_change_that_was_under_way_keeps_the_moved_digest() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let manager = node(&fixture, &rotated(&with_k2(&fixture))).await;
    assert_eq!(validate(&manager, &old).await, Outcome::Granted);
    let (id, changing, actor) = (old.key.id, fixture.manager.clone(), fixture.actor.clone());
    // The record is read, the digest moves, and the change arrives.
    fixture.store.hold_loads();
    let disabled = tokio::spawn(async move { changing.disable_key(id, &actor).await });
    fixture.store.wait_held(1).await;
    manager.flush_usage().await.expect("flushed");
    fixture.store.release();
    let disabled = disabled.await.expect("task").expect("disabled");
    assert_eq!(roots(&disabled), [("k1", "k1")], "as it was read");
    fixture
        .manager
        .enable_key(id, &fixture.actor)
        .await
        .expect("enabled");
    let key = manager.key(id).await.expect("there");
    assert_eq!(roots(&key), [("k2", "k1")]);
    let fresh = node(&fixture, &manager.shared().keyring).await;
    assert_eq!(validate(&fresh, &old).await, Outcome::Granted);
}

#[tokio::test]
async fn what_a_node_that_comes_late_signs_meanwhile_is_anchored_as_well() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let rotated = rotated(&with_k2(&fixture));
    let store = FaultStore::new(fixture.memory.clone());
    let manager = KeyManager::builder(store.clone())
        .keyring(rotated.clone())
        .clock(fixture.clock.clone())
        .build()
        .await
        .expect("built");
    rotate_key(&manager, &fixture, &issued).await;
    // While it is retired, another node goes on under the old root: until the
    // store refuses that.
    store.set(Fault::Slow(Duration::from_millis(20)));
    let (retiring, actor) = (manager.clone(), fixture.actor.clone());
    let retired = tokio::spawn(async move { retiring.retire_root(&name("k1"), &actor).await });
    let (id, mut late) = (issued.key.id, 0);
    loop {
        let disabled = fixture.manager.disable_key(id, &fixture.actor).await;
        let enabled = fixture.manager.enable_key(id, &fixture.actor).await;
        match disabled.and(enabled) {
            Ok(_) => late = fixture.manager.audit_head().await.expect("a head").sequence,
            Err(error) => break assert_eq!(error.kind(), ErrorKind::Retired),
        }
    }
    retired.await.expect("task").expect("retired");

    let alone = rotated.without(&name("k1")).expect("dropped");
    let manager = node(&fixture, &alone).await;
    let report = manager
        .verify_audit(VerifyAudit::new())
        .await
        .expect("verified");
    assert_eq!(report.fault, None);
    assert!(report.rests_on.expect("an anchor").place.sequence >= late);
}

#[tokio::test]
async fn a_retirement_that_stands_is_not_told_as_refused() {
    // The walk after the retirement: somebody prunes during six of them, or for
    // as long as there are any.
    for prunings in [6, usize::MAX] {
        let fixture = Fixture::new().await;
        let rotated = rotated(&with_k2(&fixture));
        let store = FaultStore::new(fixture.memory.clone());
        let manager = KeyManager::builder(store.clone())
            .keyring(rotated.clone())
            .clock(fixture.clock.clone())
            .build()
            .await
            .expect("built");
        let (late, pruner) = (fixture.manager.clone(), node(&fixture, &rotated).await);
        let (clock, actor) = (fixture.clock.clone(), fixture.actor.clone());
        let heads = Arc::new(AtomicUsize::new(0));
        store.after_audit_heads(move || {
            let head = heads.fetch_add(1, Relaxed);
            let (late, pruner) = (late.clone(), pruner.clone());
            let (clock, actor) = (clock.clone(), actor.clone());
            Box::pin(async move {
                if head == 0 {
                    let event = EventDraft::new(Action::KeyCreate, &actor);
                    let late = late.commit(Operation::Record, event).await;
                    late.expect("not retired yet");
                } else if head <= prunings {
                    clock.advance(Duration::from_secs(1));
                    pruner.anchor_audit(&actor).await.expect("anchored");
                    let pruned = pruner.prune_audit(clock.now().wall(), &actor).await;
                    pruned.expect("pruned");
                }
            })
        });
        let retired = retire(&manager, &fixture, "k1").await;
        if prunings == 6 {
            assert_eq!(retired, Ok(()));
        } else {
            assert_eq!(retired, Err(ErrorKind::Conflict));
        }
        assert!(root(&manager, "k1").await.retired);
        assert_eq!(manager.stats().refused_changes, 0);
        let events = manager.audit_events(ListEvents::new()).await;
        let mut outcomes = events.expect("events").events.into_iter();
        assert!(outcomes.all(|signed| signed.event.outcome == Ended::Done));
    }
}

#[tokio::test]
async fn a_node_that_missed_the_retirement_makes_nothing_under_the_root() {
    let fixture = Fixture::new().await;
    let both = with_k2(&fixture);
    let manager = node(&fixture, &rotated(&both)).await;
    let issued = manager
        .create_key(fixture.new_key(), &fixture.actor)
        .await
        .expect("issued");
    // A node with both roots that still takes the old one for the current one.
    let late = node(&fixture, &both).await;
    retire(&manager, &fixture, "k1").await.expect("retired");
    let refused = late.create_key(fixture.new_key(), &fixture.actor).await;
    let error = refused.expect_err("retired");
    assert_eq!(error.kind(), ErrorKind::Retired);
    assert!(error.to_string().contains("root k1 is retired"), "{error}");
    // Neither does it take a digest back to where nobody finds it.
    assert_eq!(validate(&late, &issued).await, Outcome::Granted);
    late.flush_usage().await.expect("flushed");
    let key = manager.key(issued.key.id).await.expect("there");
    assert_eq!(roots(&key), [("k2", "k2")]);
    assert_eq!(late.stats().redigests, 0);
}
