use std::sync::Arc;
use std::time::Duration;

use crate::audit::{Action, Actor, AuditEvent, AuditSeal, FieldChange};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Invalid};
use crate::key::{Key, KeyId, KeyState, Revocation, RevocationReason, Secret};
use crate::manager::config::{check_lifetime, check_quota};
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::manager::{Expiry, Issued, KeyManager, NewKey, NewService, Rotation};
use crate::service::Service;
use crate::store::{Change, EventRecord, Head, Lookup, Operation, StoreError, StoreErrorKind};
use crate::token::Token;

/// How often a change that somebody else came before is tried on the new record.
const CONFLICT_RETRIES: usize = 16;

impl KeyManager {
    /// Creates a service.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the name is taken,
    /// [`ErrorKind::Invalid`] for a quota or lifetime out of range.
    pub async fn create_service(&self, new: NewService, actor: &Actor) -> Result<Service, Error> {
        let config = self.config();
        let service = Service {
            quota: new.quota.unwrap_or(config.default_quota),
            default_rate: new.default_rate,
            default_lifetime: new.default_lifetime,
            prefix: new.prefix,
            created_at: self.clock().now().wall(),
            version: 1,
            name: new.name,
        };
        check_quota("quota", service.quota)?;
        if let Some(lifetime) = service.default_lifetime {
            check_lifetime("default_lifetime", lifetime)?;
            if config.max_lifetime.is_some_and(|max| lifetime > max) {
                return Err(
                    Invalid::new("default_lifetime", "a duration up to max_lifetime").into(),
                );
            }
        }
        let event = Note::new(Action::ServiceCreate, actor)
            .service(&service)
            .after("quota", service.quota)
            .after_if("rate", service.default_rate)
            .after_if(
                "lifetime_seconds",
                service.default_lifetime.map(|life| life.as_secs()),
            )
            .after_if("prefix", service.prefix);
        self.commit(Operation::CreateService(service.clone()), event)
            .await?;
        Ok(service)
    }

    /// Issues a key of a service: its record, and the token that nobody will
    /// see again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no such service,
    /// [`ErrorKind::QuotaReached`] where it holds as many live keys as it may,
    /// [`ErrorKind::Invalid`] for an expiry that is past or too far.
    pub async fn create_key(&self, new: NewKey, actor: &Actor) -> Result<Issued, Error> {
        let service = self.service(&new.service).await?;
        let (id, now) = (KeyId::random(), self.clock().now().wall());
        let prefix = service.prefix.unwrap_or(self.config().prefix);
        let environment = new.environment.unwrap_or(self.config().environment);
        let token =
            Token::issue(&self.shared().keyring, prefix, environment, id).map_err(entropy)?;
        let key = Key {
            id,
            service: new.service,
            environment,
            prefix,
            owner: new.owner,
            name: new.name,
            scopes: new.scopes,
            rate: new.rate,
            state: KeyState::Active,
            created_at: now,
            expires_at: self.expiry(new.expiry, &service, now)?,
            secrets: vec![self.secret(1, &token, now)],
            version: 1,
        };
        let event = Note::new(Action::KeyCreate, actor)
            .key(&key)
            .after("environment", key.environment)
            .after("owner", &key.owner)
            .after("name", &key.name)
            .after("scopes", &key.scopes)
            .after_if("rate", key.rate)
            .after_if("expires_at", key.expires_at);
        self.commit(
            Operation::CreateKey {
                key: key.clone(),
                now,
            },
            event,
        )
        .await?;
        Ok(Issued { key, token })
    }

    /// Gives a key a new secret, and an end to its older ones.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::State`] where the key is revoked
    /// or expired or four secrets still count, [`ErrorKind::Conflict`] where
    /// the record was changed meanwhile or is not of the expected version.
    pub async fn rotate_key(
        &self,
        id: KeyId,
        rotation: Rotation,
        actor: &Actor,
    ) -> Result<Issued, Error> {
        let grace = rotation.grace.unwrap_or(self.config().rotation_grace);
        if grace > Duration::from_secs(366 * 86_400) {
            return Err(Invalid::new("grace", "0 seconds to 366 days").into());
        }
        let old = self.key(id).await?;
        let now = self.clock().now().wall();
        if rotation
            .expected_version
            .is_some_and(|expected| expected != old.version)
        {
            let message = format!("key {id} is of version {}, not as expected", old.version);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        if matches!(old.state, KeyState::Revoked(_)) || old.is_expired(now) {
            let message = format!(
                "key {id} is {}: it cannot be rotated",
                old.status(now).as_str()
            );
            return Err(Error::new(ErrorKind::State, message));
        }
        let token = Token::issue(&self.shared().keyring, old.prefix, old.environment, id);
        let token = token.map_err(entropy)?;
        let number = old
            .secrets
            .iter()
            .map(|secret| secret.number)
            .max()
            .unwrap_or(0);
        let secret = self.secret(number.saturating_add(1), &token, now);
        let key = rotated(old.clone(), secret, grace, now)?;
        let event = Note::new(Action::KeyRotate, actor)
            .key(&key)
            .change("secret", number, number.saturating_add(1))
            .after("grace_seconds", grace.as_secs());
        self.update(key.clone(), old.version, event).await?;
        Ok(Issued { key, token })
    }

    /// Refuses a key for good. A key that is revoked already stays as it is.
    ///
    /// On this node it is refused from the next request on; on others within
    /// one poll interval and one poll.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], or what the store says.
    pub async fn revoke_key(
        &self,
        id: KeyId,
        reason: RevocationReason,
        actor: &Actor,
    ) -> Result<Key, Error> {
        self.change_state(id, actor, Action::KeyRevoke, |state, at| match state {
            KeyState::Revoked(_) => Ok(None),
            _ => Ok(Some(KeyState::Revoked(Revocation {
                at,
                reason: reason.clone(),
            }))),
        })
        .await
    }

    /// Refuses a key until it is enabled again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::State`] where the key is revoked.
    pub async fn disable_key(&self, id: KeyId, actor: &Actor) -> Result<Key, Error> {
        self.change_state(id, actor, Action::KeyDisable, |state, _| match state {
            KeyState::Active => Ok(Some(KeyState::Disabled)),
            KeyState::Disabled => Ok(None),
            KeyState::Revoked(_) => Err("disabled"),
        })
        .await
    }

    /// Accepts a disabled key again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::State`] where the key is revoked.
    pub async fn enable_key(&self, id: KeyId, actor: &Actor) -> Result<Key, Error> {
        self.change_state(id, actor, Action::KeyEnable, |state, _| match state {
            KeyState::Active => Ok(None),
            KeyState::Disabled => Ok(Some(KeyState::Active)),
            KeyState::Revoked(_) => Err("enabled"),
        })
        .await
    }

    /// Changes a key's state, again on the new record where somebody else came
    /// before. `decide` gives the new state, nothing where it is so already,
    /// or what a revoked key cannot be.
    async fn change_state(
        &self,
        id: KeyId,
        actor: &Actor,
        action: Action,
        decide: impl Fn(&KeyState, Timestamp) -> Result<Option<KeyState>, &'static str>,
    ) -> Result<Key, Error> {
        for _ in 0..CONFLICT_RETRIES {
            let old = self.key(id).await?;
            let decided = decide(&old.state, self.clock().now().wall()).map_err(|what| {
                let message = format!("key {id} is revoked: it cannot be {what}");
                Error::new(ErrorKind::State, message)
            })?;
            let Some(state) = decided else { return Ok(old) };
            let key = Key {
                state,
                version: old.version + 1,
                ..old.clone()
            };
            let mut event = Note::new(action, actor).key(&key).change(
                "state",
                old.state.as_str(),
                key.state.as_str(),
            );
            if let KeyState::Revoked(revocation) = &key.state {
                event = event.after("reason", &revocation.reason);
            }
            match self.update(key.clone(), old.version, event).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                result => return result.map(|_| key),
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("key {id} keeps changing: try again"),
        ))
    }

    async fn update(&self, key: Key, expected: u64, event: Note) -> Result<Head, Error> {
        self.commit(Operation::UpdateKey { key, expected }, event)
            .await
    }

    /// Commits a change with its event, and raises the gate, in a task that
    /// the caller cannot cancel: whoever goes away leaves no change unnoticed.
    async fn commit(&self, operation: Operation, note: Note) -> Result<Head, Error> {
        let shared = Arc::clone(self.shared());
        let event = note.into_event(shared.clock.now().wall());
        let bytes = event.encode().map_err(|error| {
            Error::with_source(
                ErrorKind::Corrupt,
                "the audit event cannot be written",
                error,
            )
        })?;
        let record = EventRecord {
            at: event.at,
            service: event.service.clone(),
            key: event.key,
            bytes,
        };
        let seal = AuditSeal::of(shared.keyring.current());
        let change = Change {
            operation,
            event: record,
            seal,
        };
        let committed = self.shared().runtime.spawn(shared.commit(change));
        // Only the waiting is bounded; the task goes on.
        let unknown = || {
            StoreError::new(
                StoreErrorKind::OutcomeUnknown,
                "the store did not say whether the change was committed: look before trying again",
            )
        };
        let result = tokio::select! {
            biased;
            result = committed => result.unwrap_or_else(|_| Err(unknown())),
            () = self.clock().sleep(self.config().store_timeout) => Err(unknown()),
        };
        match &result {
            Ok(head) => tracing::info!(
                action = event.action.as_str(),
                actor = event.actor.name(),
                service = event.service.as_ref().map(tracing::field::display),
                key = event.key.map(tracing::field::display),
                revision = head.revision.count(),
                "changed"
            ),
            Err(error) => tracing::warn!(
                action = event.action.as_str(),
                actor = event.actor.name(),
                service = event.service.as_ref().map(tracing::field::display),
                key = event.key.map(tracing::field::display),
                %error,
                "change refused"
            ),
        }
        Ok(result?)
    }

    /// The key's record, from the store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], or what the store says.
    pub async fn key(&self, id: KeyId) -> Result<Key, Error> {
        let loaded = self
            .shared()
            .within(self.shared().store.load(Lookup::Id(id)))
            .await?;
        loaded
            .key
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no key {id}")))
    }

    fn secret(&self, number: u32, token: &Token, now: Timestamp) -> Secret {
        let root = self.shared().keyring.current_name().clone();
        Secret {
            number,
            digest: token.digest(),
            root,
            created_at: now,
            ends_at: None,
        }
    }

    fn expiry(
        &self,
        expiry: Expiry,
        service: &Service,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Invalid> {
        let config = self.config();
        let expires_at = match expiry {
            Expiry::Default => service
                .default_lifetime
                .or(config.default_lifetime)
                .map(|life| now.saturating_add(life)),
            Expiry::At(at) => Some(at),
            Expiry::In(life) => Some(now.saturating_add(life)),
            Expiry::Never => None,
        };
        if expires_at.is_some_and(|at| at <= now) {
            return Err(Invalid::new("expiry", "a time that lies ahead"));
        }
        let Some(max) = config.max_lifetime else {
            return Ok(expires_at);
        };
        match expires_at {
            Some(at) if at <= now.saturating_add(max) => Ok(expires_at),
            _ => Err(Invalid::new(
                "expiry",
                format!("at most {} days from now", max.as_secs() / 86_400),
            )),
        }
    }
}

impl Shared {
    async fn commit(self: Arc<Self>, change: Change) -> Result<Head, StoreError> {
        let (services, key) = match &change.operation {
            Operation::CreateService(_) => (true, None),
            Operation::CreateKey { key, .. } | Operation::UpdateKey { key, .. } => {
                (false, Some(key.id))
            }
        };
        let epoch = self.gate.epoch();
        let head = self.store.commit(change).await.inspect_err(|_| {
            Counters::add(&self.counters.commit_failures);
        })?;
        if let Some(id) = key {
            self.gate.raise_key(id, head.revision);
        }
        if services {
            self.gate.raise_services(head.revision);
            self.renew_services();
        }
        self.witness.met(epoch, head);
        Counters::add(&self.counters.commits);
        Ok(head)
    }
}

/// The record after a rotation: the new secret last, an end to the others.
fn rotated(old: Key, secret: Secret, grace: Duration, now: Timestamp) -> Result<Key, Error> {
    let end = now.saturating_add(grace);
    let mut secrets: Vec<Secret> = old
        .secrets
        .into_iter()
        .filter(|secret| secret.is_live(now))
        .collect();
    if grace.is_zero() {
        // They end now: only so many are kept that the record can say so.
        let surplus = (secrets.len() + 1).saturating_sub(Key::MAX_SECRETS);
        secrets.drain(..surplus);
    } else if secrets.len() >= Key::MAX_SECRETS {
        return Err(Error::new(
            ErrorKind::State,
            format!(
                "key {} has {} secrets that still count: wait for one to end, or rotate with a grace of 0",
                old.id,
                secrets.len()
            ),
        ));
    }
    for older in &mut secrets {
        older.ends_at = Some(older.ends_at.map_or(end, |ends_at| ends_at.min(end)));
    }
    secrets.push(secret);
    Ok(Key {
        secrets,
        version: old.version + 1,
        ..old
    })
}

fn entropy(error: getrandom::Error) -> Error {
    Error::with_source(
        ErrorKind::Unavailable,
        "the system's random generator failed",
        error,
    )
}

/// An audit event while it is written.
struct Note {
    event: AuditEvent,
}

impl Note {
    fn new(action: Action, actor: &Actor) -> Self {
        Self {
            event: AuditEvent {
                sequence: 0,
                at: Timestamp::from_millis(0),
                actor: actor.clone(),
                action,
                service: None,
                key: None,
                changes: Vec::new(),
            },
        }
    }

    fn service(mut self, service: &Service) -> Self {
        self.event.service = Some(service.name.clone());
        self
    }

    fn key(mut self, key: &Key) -> Self {
        self.event.service = Some(key.service.clone());
        self.event.key = Some(key.id);
        self
    }

    fn after(self, field: &str, after: impl ToString) -> Self {
        self.field(field, None, Some(after.to_string()))
    }

    fn after_if(self, field: &str, after: Option<impl ToString>) -> Self {
        match after {
            Some(after) => self.after(field, after),
            None => self,
        }
    }

    fn change(self, field: &str, before: impl ToString, after: impl ToString) -> Self {
        self.field(field, Some(before.to_string()), Some(after.to_string()))
    }

    fn field(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        self.event.changes.push(FieldChange {
            field: field.to_owned(),
            before,
            after,
        });
        self
    }

    fn into_event(self, at: Timestamp) -> AuditEvent {
        AuditEvent { at, ..self.event }
    }
}
