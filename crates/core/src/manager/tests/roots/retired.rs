//! Which roots can be retired, and what their names and keys mean then.

use super::{name, node, retire, root, roots, rotate_key, rotated, try_node, validate, with_k2};
use crate::Context;
use crate::audit::{Action, Outcome as Ended};
use crate::error::ErrorKind;
use crate::keyring::Keyring;
use crate::manager::ListEvents;
use crate::manager::tests::{Fixture, ORDERS, Outcome, outcome};
use crate::token::{Presented, Token};
use crate::verdict::DenialReason;

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
