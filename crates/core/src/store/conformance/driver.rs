use std::sync::Arc;

use tokio::task::JoinSet;

use super::broken::Fault;
use crate::audit::AuditSeal;
use crate::clock::Timestamp;
use crate::key::{Digest, Environment, Key, KeyId, KeyState, Revocation, Secret};
use crate::keyring::Keyring;
use crate::scope::Scopes;
use crate::service::{Service, ServiceName};
use crate::store::{
    Change, EventRecord, Head, Loaded, Lookup, Operation, Store, StoreError, StoreErrorKind,
};
use crate::token::Prefix;

/// When the suite's records come into being, in milliseconds: 2030-01-01.
pub(super) const START: i64 = 1_893_456_000_000;

/// A store under test, and what is needed to make changes for it: their events
/// and the seal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Driver {
    pub(super) store: Arc<dyn Store>,
    pub(super) keyring: Keyring,
}

impl Driver {
    /// Drives the store, with a keyring of its own.
    ///
    /// # Errors
    ///
    /// [`Fault`] where the system's random generator fails.
    pub fn new(store: Arc<dyn Store>) -> Result<Self, Fault> {
        Ok(Self {
            store,
            keyring: Keyring::generate("k1".parse()?)?,
        })
    }

    /// A change whose event says what it does.
    #[must_use]
    pub fn change(&self, operation: Operation) -> Change {
        let (service, key, text) = match &operation {
            Operation::CreateService(service) => (
                &service.name,
                None,
                format!("create service {}", service.name),
            ),
            Operation::CreateKey { key, .. } => {
                (&key.service, Some(key.id), format!("create key {}", key.id))
            }
            Operation::UpdateKey { key, .. } => {
                (&key.service, Some(key.id), format!("update key {}", key.id))
            }
        };
        let service = Some(service.clone());
        let event = EventRecord {
            at: at(0),
            service,
            key,
            bytes: text.into_bytes(),
        };
        Change {
            operation,
            event,
            seal: AuditSeal::of(self.keyring.current()),
        }
    }

    /// Commits the operation.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn commit(&self, operation: Operation) -> Result<Head, StoreError> {
        self.store.commit(self.change(operation)).await
    }

    /// Commits the creation of the service.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn create_service(&self, service: Service) -> Result<Head, StoreError> {
        self.commit(Operation::CreateService(service)).await
    }

    /// Commits the creation of the key, at the suite's start.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn create_key(&self, key: Key) -> Result<Head, StoreError> {
        self.commit(Operation::CreateKey { key, now: at(0) }).await
    }

    /// Writes `key` with the next version over the record that it was read from.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn update_key(&self, key: Key) -> Result<Head, StoreError> {
        let expected = key.version;
        let key = Key {
            version: expected.saturating_add(1),
            ..key
        };
        self.commit(Operation::UpdateKey { key, expected }).await
    }

    /// Loads the key.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn load(&self, id: KeyId) -> Result<Loaded, StoreError> {
        self.store.load(Lookup::Id(id)).await
    }

    /// The key, which must be there.
    pub(super) async fn key(&self, id: KeyId) -> Result<Key, Fault> {
        let loaded = self.load(id).await?;
        loaded
            .key
            .ok_or_else(|| Fault::new(format!("key {id} is not there")))
    }

    /// Commits all operations at once, each in a task, and returns the answers
    /// in any order. One that is answered with `Busy` is tried again.
    ///
    /// # Errors
    ///
    /// [`Fault`] where a task panicked.
    pub async fn all_at_once(
        &self,
        operations: Vec<Operation>,
    ) -> Result<Vec<Result<Head, StoreError>>, Fault> {
        let mut tasks = JoinSet::new();
        for operation in operations {
            let driver = self.clone();
            tasks.spawn(async move {
                loop {
                    match driver.commit(operation.clone()).await {
                        Err(error) if error.kind() == StoreErrorKind::Busy => {
                            tokio::task::yield_now().await;
                        }
                        outcome => return outcome,
                    }
                }
            });
        }
        let mut outcomes = Vec::with_capacity(tasks.len());
        while let Some(outcome) = tasks.join_next().await {
            outcomes.push(outcome.map_err(|error| Fault::new(format!("panicked: {error}")))?);
        }
        Ok(outcomes)
    }
}

/// A time of the suite, `millis` milliseconds after its start in 2030.
#[must_use]
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START.saturating_add(millis))
}

pub(super) const ORDERS: ServiceName = ServiceName::from_static("orders");

/// A plain service.
#[must_use]
pub fn service(name: ServiceName, quota: u32) -> Service {
    Service {
        name,
        quota,
        default_rate: None,
        default_lifetime: None,
        prefix: None,
        created_at: at(0),
        version: 1,
    }
}

/// A plain key of a service, created `millis` milliseconds after the suite's
/// start.
///
/// # Errors
///
/// Never: its fields have the forms that they need.
pub fn key(service: ServiceName, millis: i64) -> Result<Key, Fault> {
    let id = KeyId::random();
    Ok(Key {
        id,
        service,
        environment: Environment::Live,
        prefix: Prefix::DEFAULT,
        owner: "conformance".parse()?,
        name: "plain".parse()?,
        scopes: Scopes::default(),
        rate: None,
        state: KeyState::Active,
        created_at: at(millis),
        expires_at: None,
        secrets: vec![secret(1)?],
        version: 1,
    })
}

/// A secret with this number, and a digest that no other number has.
pub(super) fn secret(number: u32) -> Result<Secret, Fault> {
    let mut digest = [0xa5; 32];
    digest
        .iter_mut()
        .zip(number.to_be_bytes())
        .for_each(|(byte, part)| *byte = part);
    Ok(Secret {
        number,
        digest: Digest::from_bytes(digest),
        root: "k1".parse()?,
        created_at: at(i64::from(number)),
        ends_at: None,
    })
}

/// The same key, revoked.
pub(super) fn revoked(key: Key) -> Result<Key, Fault> {
    let revocation = Revocation {
        at: at(1),
        reason: "leaked".parse()?,
    };
    Ok(Key {
        state: KeyState::Revoked(revocation),
        ..key
    })
}
