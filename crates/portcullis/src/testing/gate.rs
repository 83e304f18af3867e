#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up has failed, and is told so where it stands"
)]

use portcullis_admission::{Gatekeeper, Limiter};
use portcullis_core::KeyManager;
use portcullis_core::audit::Actor;
use portcullis_core::clock::{Clock, ManualClock, SystemClock};
use portcullis_core::key::Environment;
use portcullis_core::keyring::Keyring;
use portcullis_core::manager::{Issued, NewKey, NewService};
use portcullis_core::scope::{Permission, Scopes};
use portcullis_core::service::ServiceName;
use portcullis_core::store::{Fault, FaultStore, MemoryStore};
use portcullis_core::token::Token;

/// The owner of the keys that this module issues.
pub const OWNER: &str = "tester";

/// A gatekeeper of one service, and the token of a live key of it with these
/// permissions. It goes by the machine's clock.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub async fn gate_with_key(
    service: ServiceName,
    permissions: impl IntoIterator<Item = Permission>,
) -> (Gatekeeper, Token) {
    let store = FaultStore::new(MemoryStore::new());
    let manager = manager(store, SystemClock::new(), &service).await;
    let issued = create(&manager, new_key(service, permissions)).await;
    (Gatekeeper::new(manager, Limiter::default()), issued.token)
}

/// A gate of one service over a store in memory, with a clock that stands
/// still until it is told to move.
///
/// See the [module](super) for an example.
#[derive(Debug)]
pub struct TestGate {
    gate: Gatekeeper,
    service: ServiceName,
    store: FaultStore,
    clock: ManualClock,
}

impl TestGate {
    /// A gate of this service, without any key yet. The service has no rate.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn new(service: ServiceName) -> Self {
        let (store, clock) = (FaultStore::new(MemoryStore::new()), ManualClock::new());
        let manager = manager(store.clone(), clock.clone(), &service).await;
        Self {
            gate: Gatekeeper::new(manager, Limiter::default()),
            service,
            store,
            clock,
        }
    }

    /// What the application is given. All handles share keys and limits.
    #[must_use]
    pub fn gatekeeper(&self) -> Gatekeeper {
        self.gate.clone()
    }

    /// The manager, for whatever the helpers here do not do.
    #[must_use]
    pub fn manager(&self) -> &KeyManager {
        self.gate.manager()
    }

    /// The time: of expiry, of rates, of how long a cached key counts while
    /// the store is away.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Issues a live key with these permissions.
    ///
    /// # Panics
    ///
    /// While the store is off.
    pub async fn key(&self, permissions: impl IntoIterator<Item = Permission>) -> Issued {
        self.issue(self.new_key(permissions)).await
    }

    /// Issues a key of the test environment with these permissions.
    ///
    /// # Panics
    ///
    /// While the store is off.
    pub async fn test_key(&self, permissions: impl IntoIterator<Item = Permission>) -> Issued {
        let key = self.new_key(permissions).environment(Environment::Test);
        self.issue(key).await
    }

    /// A key with these permissions that is not issued yet: to be given a rate
    /// or an expiry, and then to [`TestGate::issue`].
    #[must_use]
    pub fn new_key(&self, permissions: impl IntoIterator<Item = Permission>) -> NewKey {
        new_key(self.service.clone(), permissions)
    }

    /// Issues any key at all: of another owner, or of another service that was
    /// created with [`TestGate::create_service`].
    ///
    /// # Panics
    ///
    /// Where the manager does not issue it, or while the store is off.
    pub async fn issue(&self, key: NewKey) -> Issued {
        create(self.manager(), key).await
    }

    /// Creates another service.
    ///
    /// # Panics
    ///
    /// Where it exists already, or while the store is off.
    pub async fn create_service(&self, service: NewService) {
        let created = self.manager().create_service(service, &actor()).await;
        created.expect("a service that does not exist yet");
    }

    /// Revokes a key: final, and seen by the very next request.
    ///
    /// # Panics
    ///
    /// While the store is off.
    pub async fn revoke(&self, issued: &Issued) {
        let reason = "a test revokes it".parse().expect("a reason");
        let (id, actor) = (issued.key.id, actor());
        let revoked = self.manager().revoke_key(id, reason, &actor).await;
        revoked.expect("a key of this gate");
    }

    /// Takes the store away: every call of it fails from now on. Keys that are
    /// not cached are unavailable at once; cached ones count on until the
    /// clock has moved by 30 seconds.
    pub fn turn_store_off(&self) {
        self.store.set(Fault::Fail);
    }

    /// Brings the store back, with all that it held.
    pub fn turn_store_on(&self) {
        self.store.set(Fault::None);
    }
}

async fn manager(store: FaultStore, clock: impl Clock, service: &ServiceName) -> KeyManager {
    let keyring = Keyring::generate("test".parse().expect("a root's name")).expect("entropy");
    let manager = KeyManager::builder(store)
        .keyring(keyring)
        .clock(clock)
        .build()
        .await
        .expect("a manager, within a tokio runtime");
    let new = NewService::new(service.clone());
    let created = manager.create_service(new, &actor()).await;
    created.expect("the first service");
    manager
}

async fn create(manager: &KeyManager, key: NewKey) -> Issued {
    let issued = manager.create_key(key, &actor()).await;
    issued.expect("a key that the manager issues")
}

fn new_key(service: ServiceName, permissions: impl IntoIterator<Item = Permission>) -> NewKey {
    let owner = OWNER.parse().expect("an owner");
    let name = "test key".parse().expect("a name");
    NewKey::new(service, owner, name).scopes(scopes(permissions))
}

/// Scopes that allow these permissions and no others.
fn scopes(permissions: impl IntoIterator<Item = Permission>) -> Scopes {
    let words: Vec<String> = permissions.into_iter().map(|one| one.to_string()).collect();
    words.join(" ").parse().expect("64 permissions at most")
}

fn actor() -> Actor {
    Actor::new("tests").expect("an actor")
}
