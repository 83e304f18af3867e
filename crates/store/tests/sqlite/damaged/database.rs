use std::path::Path;
use std::time::Duration;

use portcullis_core::audit::Actor;
use portcullis_core::key::KeyId;
use portcullis_core::keyring::Keyring;
use portcullis_core::manager::{Issued, NewKey, NewService, Rotation};
use portcullis_core::service::ServiceName;
use portcullis_core::token::Presented;
use portcullis_core::{Context, KeyManager, Verdict};
use portcullis_store::SqliteStore;

use crate::support::ORDERS;

pub(super) const BILLING: ServiceName = ServiceName::from_static("billing");

/// How many keys are made of each sort, in each of two rounds.
const EACH: usize = 5;

/// A token, and what must be said of it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) token: String,
    pub(super) id: KeyId,
    pub(super) granted: bool,
}

/// A database whose keys are of every sort, with the keyring that it needs.
pub(super) struct Database {
    pub(super) keyring: Keyring,
    pub(super) known: Vec<Known>,
    manager: KeyManager,
    actor: Actor,
}

impl Database {
    pub(super) async fn create(path: &Path) -> Self {
        let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
        let manager = manage(open(path), &keyring).await.expect("a manager");
        let actor = Actor::new("test").expect("a name");
        for service in [ORDERS, BILLING] {
            manager
                .create_service(NewService::new(service), &actor)
                .await
                .expect("a service");
        }
        Self {
            keyring,
            known: Vec::new(),
            manager,
            actor,
        }
    }

    /// Issues keys that are used, revoked, disabled and rotated away: all are
    /// issued before the first of them ends.
    pub(super) async fn round(&mut self) {
        let mut issued = Vec::new();
        for n in 0..4 * EACH {
            let service = if n % 2 == 0 { ORDERS } else { BILLING };
            issued.push(self.issue(service).await);
        }
        for (n, issued) in issued.into_iter().enumerate() {
            let (id, token) = (issued.key.id, issued.token.expose().to_owned());
            let granted = n / EACH == 0;
            match n / EACH {
                0 => {}
                1 => self.revoke(id).await,
                2 => {
                    let disabled = self.manager.disable_key(id, &self.actor).await;
                    disabled.expect("disabled");
                }
                _ => {
                    let rotated = self.rotate(id).await;
                    self.known.push(Known {
                        token: rotated.token.expose().to_owned(),
                        id,
                        granted: true,
                    });
                }
            }
            self.known.push(Known { token, id, granted });
        }
    }

    pub(super) async fn issue(&self, service: ServiceName) -> Issued {
        let (owner, name) = ("acme".parse().expect("owner"), "job".parse().expect("name"));
        self.manager
            .create_key(NewKey::new(service, owner, name), &self.actor)
            .await
            .expect("issued")
    }

    pub(super) async fn revoke(&self, id: KeyId) {
        let reason = "leaked".parse().expect("a reason");
        self.manager
            .revoke_key(id, reason, &self.actor)
            .await
            .expect("revoked");
    }

    async fn rotate(&self, id: KeyId) -> Issued {
        let rotation = Rotation::default().grace(Duration::ZERO);
        self.manager
            .rotate_key(id, rotation, &self.actor)
            .await
            .expect("rotated")
    }
}

pub(super) fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).expect("the store opens")
}

pub(super) async fn manage(store: SqliteStore, keyring: &Keyring) -> Result<KeyManager, String> {
    let built = KeyManager::builder(store).keyring(keyring.clone()).build();
    built.await.map_err(|error| error.to_string())
}

/// Whether the token is accepted for either service.
pub(super) async fn is_granted(manager: &KeyManager, token: &str) -> bool {
    for service in [ORDERS, BILLING] {
        let presented = Presented::new(token.as_bytes());
        let verdict = manager.validate(presented, &Context::new(&service)).await;
        if matches!(verdict, Verdict::Granted(_)) {
            return true;
        }
    }
    false
}
