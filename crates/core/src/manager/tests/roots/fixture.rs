//! Keyrings with another root, and nodes that have them.

use std::time::Duration;

use crate::Context;
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::keyring::{Keyring, RootName};
use crate::manager::tests::{Fixture, ORDERS, Outcome, outcome};
use crate::manager::{Issued, KeyManager, RootStatus, Rotation};
use crate::store::{FaultStore, RootUse};
use crate::token::Presented;

pub(super) fn name(text: &str) -> RootName {
    text.parse().expect(text)
}

/// The keyring with k2 beside k1, the latter current.
pub(super) fn with_k2(fixture: &Fixture) -> Keyring {
    fixture.keyring.add(name("k2")).expect("added")
}

pub(super) fn rotated(keyring: &Keyring) -> Keyring {
    keyring.make_current(&name("k2")).expect("rotated")
}

pub(super) async fn try_node(fixture: &Fixture, keyring: &Keyring) -> Result<KeyManager, Error> {
    fixture.builder().keyring(keyring.clone()).build().await
}

/// A node over the fixture's store, with a keyring of its own.
pub(super) async fn node(fixture: &Fixture, keyring: &Keyring) -> KeyManager {
    try_node(fixture, keyring).await.expect("built")
}

/// Such a node, with what makes the store fail it.
pub(super) async fn faulty_node(fixture: &Fixture, keyring: &Keyring) -> (FaultStore, KeyManager) {
    let store = FaultStore::new(fixture.memory.clone());
    let manager = KeyManager::builder(store.clone())
        .keyring(keyring.clone())
        .clock(fixture.clock.clone())
        .build()
        .await
        .expect("built");
    (store, manager)
}

pub(super) async fn validate(manager: &KeyManager, issued: &Issued) -> Outcome {
    let token = Presented::new(issued.token.expose().as_bytes());
    outcome(&manager.validate(token, &Context::new(&ORDERS)).await)
}

pub(super) async fn root(manager: &KeyManager, root: &str) -> RootStatus {
    let roots = manager.roots().await.expect("roots");
    let found = roots.into_iter().find(|status| status.name == name(root));
    found.expect(root)
}

/// The roots of a key's secrets: that of the digest, and that of the tag.
pub(super) fn roots(key: &Key) -> Vec<(&str, &str)> {
    let names = key.secrets.iter();
    names
        .map(|secret| (secret.root.as_str(), secret.issuer.as_str()))
        .collect()
}

pub(super) fn used(digests: u64, tokens: u64) -> RootUse {
    RootUse { digests, tokens }
}

pub(super) async fn retire(
    manager: &KeyManager,
    fixture: &Fixture,
    root: &str,
) -> Result<(), ErrorKind> {
    let retired = manager.retire_root(&name(root), &fixture.actor).await;
    retired.map_err(|error| error.kind())
}

/// Ends every secret of a key but a new one, at once.
pub(super) async fn rotate_key(manager: &KeyManager, fixture: &Fixture, issued: &Issued) -> Issued {
    let at_once = Rotation::default().grace(Duration::ZERO);
    let rotated = manager
        .rotate_key(issued.key.id, at_once, &fixture.actor)
        .await;
    rotated.expect("rotated")
}
