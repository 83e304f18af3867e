use std::time::Duration;

use crate::audit::{Action, Actor, EventDraft};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Invalid};
use crate::key::{Key, KeyId, KeyState, Secret};
use crate::manager::config::{check_lifetime, check_quota};
use crate::manager::{Expiry, Issued, KeyManager, NewKey, NewService};
use crate::service::Service;
use crate::store::Operation;
use crate::token::Token;

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
        let event = EventDraft::new(Action::ServiceCreate, actor)
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
        let event = EventDraft::new(Action::KeyCreate, actor)
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

    pub(super) fn secret(&self, number: u32, token: &Token, now: Timestamp) -> Secret {
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
            Expiry::In(life) if life < Duration::from_secs(1) => {
                return Err(Invalid::new("expiry", "1 second at least"));
            }
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
                format!("at most {} from now", in_words(max)),
            )),
        }
    }
}

/// A configured lifetime: days where it is of whole days, or else seconds.
fn in_words(lifetime: Duration) -> String {
    let (seconds, day) = (lifetime.as_secs(), 86_400);
    if seconds.is_multiple_of(day) {
        format!("{} days", seconds / day)
    } else {
        format!("{seconds} seconds")
    }
}

pub(super) fn entropy(error: getrandom::Error) -> Error {
    Error::with_source(
        ErrorKind::Unavailable,
        "the system's random generator failed",
        error,
    )
}
