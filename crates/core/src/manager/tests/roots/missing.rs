//! Roots that the store is written with and that a running node lacks.

use tracing::Level;

use super::{faulty_node, name, node, retire, root, rotated, validate, with_k2};
use crate::Context;
use crate::key::{Environment, KeyId};
use crate::keyring::{Keyring, RootName};
use crate::manager::tests::log::Log;
use crate::manager::tests::{Fixture, ORDERS, Outcome, outcome};
use crate::manager::{Issued, KeyManager};
use crate::store::{Fault, KeyStore as _, RootCheck};
use crate::token::{Prefix, Presented, Token};
use crate::verdict::{DenialReason, UnavailableCause};

const UNKNOWN: Outcome = Outcome::Unavailable(UnavailableCause::UnknownRoot);

fn missing(manager: &KeyManager) -> Vec<String> {
    let names = manager.status().missing_roots;
    assert_eq!(manager.stats().missing_roots, names.len() as u64);
    names.iter().map(RootName::to_string).collect()
}

/// What a stranger makes up, perhaps for an id that he knows.
async fn forge(manager: &KeyManager, id: KeyId) -> Outcome {
    let foreign = Keyring::generate(name("k1")).expect("entropy");
    let forged = Token::issue(&foreign, Prefix::DEFAULT, Environment::Live, id);
    let forged = forged.expect("entropy");
    let token = Presented::new(forged.expose().as_bytes());
    outcome(&manager.validate(token, &Context::new(&ORDERS)).await)
}

async fn issue(manager: &KeyManager, fixture: &Fixture) -> Issued {
    let issued = manager.create_key(fixture.new_key(), &fixture.actor).await;
    issued.expect("issued")
}

#[tokio::test]
async fn a_key_of_a_root_that_a_running_node_lacks_is_unavailable_and_not_refused() {
    let fixture = Fixture::new().await;
    let old = fixture.issue().await;
    let (store, early) = faulty_node(&fixture, &fixture.keyring).await;
    let (log, _logging) = Log::begin();
    early.poll_now().await.expect("polled");
    assert_eq!(validate(&early, &old).await, Outcome::Granted);
    let stranger = Outcome::Denied(DenialReason::Tag);
    assert_eq!(forge(&early, KeyId::random()).await, stranger);
    assert!(missing(&early).is_empty());

    // It is known before the first key is made under it.
    let both = with_k2(&fixture);
    let manager = node(&fixture, &rotated(&both)).await;
    early.poll_now().await.expect("polled");
    assert_eq!(missing(&early), ["k2"]);
    let new = issue(&manager, &fixture).await;
    early.poll_now().await.expect("polled");
    for _ in 0..2 {
        assert_eq!(validate(&early, &new).await, UNKNOWN);
    }
    assert_eq!(validate(&early, &old).await, Outcome::Granted);
    // Whoever invents tokens still makes no query, nor learns which key exists.
    let calls = store.calls();
    for id in [KeyId::random(), old.key.id, new.key.id] {
        for _ in 0..100 {
            assert_eq!(forge(&early, id).await, UNKNOWN);
        }
    }
    assert_eq!(store.calls(), calls, "the store is never asked");
    for _ in 0..3 {
        early.poll_now().await.expect("polled");
    }
    let told = log.lines(Level::ERROR, "lacks");
    assert!(told.len() == 1 && told[0].contains("k2"), "once: {told:?}");

    // Nothing stands under the root any more: what it proved is over.
    let reason = "leaked".parse().expect("a reason");
    let revoked = manager.revoke_key(new.key.id, reason, &fixture.actor).await;
    revoked.expect("revoked");
    let back = node(&fixture, &both).await;
    retire(&back, &fixture, "k2").await.expect("retired");
    assert!(root(&back, "k2").await.retired);
    early.poll_now().await.expect("polled");
    assert!(missing(&early).is_empty());
    assert_eq!(validate(&early, &new).await, stranger);
    assert_eq!(validate(&early, &old).await, Outcome::Granted);
    assert_eq!(log.lines(Level::INFO, "every root").len(), 1);
}

#[tokio::test]
async fn a_root_of_another_secret_is_missing_as_well() {
    let fixture = Fixture::new().await;
    let (store, early) = faulty_node(&fixture, &fixture.keyring).await;
    let other = RootCheck {
        name: name("k3"),
        check: [7; 32],
        retired: false,
    };
    store.remember_roots(vec![other]).await.expect("remembered");
    // As a node that was started before, with a root of that name.
    let with_k3 = fixture.keyring.add(name("k3")).expect("added");
    early
        .shared()
        .missing_roots
        .found(&with_k3, &store.roots().await.expect("roots"));
    assert_eq!(missing(&early), ["k3"]);
    assert_eq!(forge(&early, KeyId::random()).await, UNKNOWN);
}

#[tokio::test]
async fn roots_that_cannot_be_read_stay_as_they_were_and_that_is_told_once() {
    let fixture = Fixture::new().await;
    let (store, early) = faulty_node(&fixture, &fixture.keyring).await;
    node(&fixture, &rotated(&with_k2(&fixture))).await;
    early.poll_now().await.expect("polled");
    let (log, _logging) = Log::begin();
    store.set(Fault::Fail);
    for _ in 0..3 {
        early.shared().look_for_missing_roots().await;
        assert_eq!(missing(&early), ["k2"]);
    }
    assert_eq!(log.lines(Level::WARN, "cannot be read").len(), 1);
    store.set(Fault::None);
    early.poll_now().await.expect("polled");
    assert_eq!(missing(&early), ["k2"]);
    assert!(log.lines(Level::ERROR, "lacks").is_empty(), "told before");
}
