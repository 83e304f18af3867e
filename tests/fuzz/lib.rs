//! What the fuzz targets share: one real manager, made once.

use portcullis_core::KeyManager;
use portcullis_core::audit::Actor;
use portcullis_core::key::Environment;
use portcullis_core::keyring::Keyring;
use portcullis_core::manager::{Issued, NewKey, NewService};
use portcullis_core::service::ServiceName;
use portcullis_core::store::Store;
use tokio::runtime::{Builder, Runtime};

/// The service of every key here.
pub static ORDERS: ServiceName = ServiceName::from_static("orders");

/// A manager over a store, with one key.
pub struct World {
    /// Drives what waits.
    pub runtime: Runtime,
    /// The manager.
    pub manager: KeyManager,
    /// The key that it issued.
    pub issued: Issued,
}

impl World {
    /// Builds the manager, a service and a key.
    pub fn new(store: impl Store) -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let (manager, issued) = runtime.block_on(async {
            let keyring = Keyring::generate("k1".parse().unwrap()).unwrap();
            let manager = KeyManager::builder(store)
                .keyring(keyring)
                .build()
                .await
                .unwrap();
            let actor = actor();
            manager
                .create_service(NewService::new(ORDERS.clone()), &actor)
                .await
                .unwrap();
            let new = NewKey::new(
                ORDERS.clone(),
                "acme".parse().unwrap(),
                "fuzz".parse().unwrap(),
            )
            .environment(Environment::Live)
            .scopes("orders:read".parse().unwrap());
            let issued = manager.create_key(new, &actor).await.unwrap();
            (manager, issued)
        });
        Self {
            runtime,
            manager,
            issued,
        }
    }
}

/// Who asks for changes here.
pub fn actor() -> Actor {
    Actor::new("fuzz").unwrap()
}

/// Applies edits to `text`: pairs of a place and a byte, as far as they reach.
/// So that a fuzzer starts next to what is valid.
pub fn edited(text: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for edit in edits.chunks_exact(3) {
        let place = usize::from(edit[0]) % (text.len() + 1);
        match (edit[1] % 3, place < text.len()) {
            (0, true) => text[place] = edit[2],
            (1, true) => {
                text.remove(place);
            }
            _ => text.insert(place, edit[2]),
        }
    }
    text
}
