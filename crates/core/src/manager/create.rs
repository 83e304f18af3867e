use std::sync::Arc;

use crate::audit::{Action, Actor, EventDraft};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::key::{Key, KeyId, KeyState, Secret};
use crate::manager::lifetime::{Life, expires_at};
use crate::manager::service::retired;
use crate::manager::{Issued, KeyManager, NewKey};
use crate::service::Service;
use crate::store::Operation;
use crate::token::Token;

impl KeyManager {
    /// Issues a key of a service: its record, and the token that nobody will
    /// see again.
    ///
    /// Prefix and lifetimes are those of the service as this node knows it: a
    /// change that another node made less than one poll interval ago may not
    /// count yet. Quota and retirement are the store's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no such service,
    /// [`ErrorKind::QuotaReached`] where it holds as many live keys as it may,
    /// [`ErrorKind::Retired`] where it is retired, [`ErrorKind::Invalid`] for
    /// an expiry that is past or too far.
    pub async fn create_key(&self, new: NewKey, actor: &Actor) -> Result<Issued, Error> {
        let attempt = EventDraft::new(Action::KeyCreate, actor).service_name(&new.service);
        let (manager, actor) = (self.clone(), actor.clone());
        let change = async move { manager.try_create_key(new, &actor).await };
        self.attempt(attempt, change).await
    }

    async fn try_create_key(&self, new: NewKey, actor: &Actor) -> Result<Issued, Error> {
        let service = self.known_service(&new.service).await?;
        let now = self.clock().now().wall();
        let prepared = self.prepare_key(new, &service, actor, now)?;
        self.commit(prepared.operation, prepared.event).await?;
        Ok(prepared.issued)
    }

    /// Makes the record, the token and the event of a new key.
    pub(super) fn prepare_key(
        &self,
        new: NewKey,
        service: &Arc<Service>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<PreparedKey, Error> {
        if service.retirement.is_some() {
            return Err(retired(&service.name, "it issues no keys"));
        }
        let config = self.config();
        let id = KeyId::random();
        let life = Life { born: now, now };
        let expires_at = expires_at(new.expiry, life, service, config)?;
        let prefix = service.prefix.unwrap_or(config.prefix);
        let environment = new.environment.unwrap_or(config.environment);
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
            addresses: new.addresses,
            metadata: new.metadata,
            note: new.note,
            state: KeyState::Active,
            created_at: now,
            created_by: actor.name().parse()?,
            expires_at,
            secrets: vec![self.secret(1, &token, now)],
            version: 1,
        };
        Ok(PreparedKey {
            event: told(EventDraft::new(Action::KeyCreate, actor), &key),
            operation: Operation::CreateKey {
                key: key.clone(),
                now,
            },
            issued: Issued { key, token },
        })
    }

    pub(super) fn secret(&self, number: u32, token: &Token, now: Timestamp) -> Secret {
        let root = self.shared().keyring.current_name().clone();
        Secret {
            number,
            digest: token.digest(),
            issuer: root.clone(),
            root,
            created_at: now,
            ends_at: None,
        }
    }
}

/// A new key that is not committed yet.
pub(super) struct PreparedKey {
    pub(super) issued: Issued,
    pub(super) operation: Operation,
    pub(super) event: EventDraft,
}

pub(super) fn entropy(error: getrandom::Error) -> Error {
    Error::with_source(
        ErrorKind::Unavailable,
        "the system's random generator failed",
        error,
    )
}

fn told(event: EventDraft, key: &Key) -> EventDraft {
    let metadata = (!key.metadata.is_empty()).then(|| size(key.metadata.as_str()));
    event
        .key(key)
        .after("environment", key.environment)
        .after("owner", &key.owner)
        .after("name", &key.name)
        .after("scopes", &key.scopes)
        .after_if("rate", key.rate)
        .after_if("expires_at", key.expires_at)
        .after_if(
            "addresses",
            Some(&key.addresses).filter(|list| !list.is_empty()),
        )
        .after_if("metadata", metadata)
        .after_if("note", key.note.as_ref())
}

/// What the trail says of metadata: how much of it there is, and no more.
pub(super) fn size(metadata: &str) -> String {
    format!("{} bytes", metadata.len())
}
