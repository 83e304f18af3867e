//! One root after the other, on one node before the others.

use super::{
    name, node, retire, root, roots, rotate_key, rotated, try_node, used, validate, with_k2,
};
use crate::error::ErrorKind;
use crate::manager::VerifyAudit;
use crate::manager::tests::{Fixture, Outcome};
use crate::verdict::{DenialReason, UnavailableCause};

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
