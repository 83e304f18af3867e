use std::time::Duration;

use crate::audit::{Action, Actor, EventDraft};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Invalid};
use crate::key::{Key, KeyId, KeyState, Secret};
use crate::manager::create::entropy;
use crate::manager::service::retired;
use crate::manager::state::check_version;
use crate::manager::{Issued, KeyManager};
use crate::token::Token;

/// How a key is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotation {
    grace: Option<Duration>,
    expected_version: Option<u64>,
}

impl Rotation {
    /// How long older secrets still count, 0 to 366 days. 0 ends them at once;
    /// any other grace ends by each node's own civil time.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self {
            grace: Some(grace),
            ..self
        }
    }

    /// Rotates only if the key's record has this version: of many who saw the
    /// same record, one wins.
    #[must_use]
    pub fn expected_version(self, version: u64) -> Self {
        Self {
            expected_version: Some(version),
            ..self
        }
    }
}

/// The end of a secret that is over on every node at once: no clock is before
/// it. This node's own time would lie ahead on a node whose clock is behind.
const AT_ONCE: Timestamp = Timestamp::from_millis(0);

impl KeyManager {
    /// Gives a key a new secret, and an end to its older ones: up to four count
    /// at the same time, and [`KeyManager::usage`] tells when each was last
    /// used.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::State`] where the key is revoked
    /// or expired or four secrets still count, [`ErrorKind::Retired`] where its
    /// service is retired, [`ErrorKind::Conflict`] where the record was changed
    /// meanwhile or is not of the expected version.
    pub async fn rotate_key(
        &self,
        id: KeyId,
        rotation: Rotation,
        actor: &Actor,
    ) -> Result<Issued, Error> {
        let attempt = EventDraft::new(Action::KeyRotate, actor).key_id(id);
        let (manager, actor) = (self.clone(), actor.clone());
        let change = async move { manager.try_rotate_key(id, rotation, &actor).await };
        self.attempt(attempt, change).await
    }

    async fn try_rotate_key(
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
        check_version(rotation.expected_version, old.version, || {
            format!("key {id}")
        })?;
        if matches!(old.state, KeyState::Revoked(_)) || old.is_expired(now) {
            let message = format!(
                "key {id} is {}: it cannot be rotated",
                old.status(now).as_str()
            );
            return Err(Error::new(ErrorKind::State, message));
        }
        let service = self.known_service(&old.service).await?;
        if service.retirement.is_some() {
            return Err(retired(&service.name, "its keys cannot be rotated"));
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
        let next = rotated(old, secret, grace, now)?;
        let event = EventDraft::new(Action::KeyRotate, actor)
            .key(&next)
            .change("secret", number, number.saturating_add(1))
            .after("grace_seconds", grace.as_secs());
        let key = self.update(next, event).await?;
        Ok(Issued { key, token })
    }
}

/// The record after a rotation: the new secret last, an end to the others.
fn rotated(old: Key, secret: Secret, grace: Duration, now: Timestamp) -> Result<Key, Error> {
    let mut secrets: Vec<Secret> = old
        .secrets
        .into_iter()
        .filter(|secret| secret.is_live(now))
        .collect();
    let end = if grace < Duration::from_millis(1) {
        // They end now: only so many are kept that the record can say so.
        let surplus = (secrets.len() + 1).saturating_sub(Key::MAX_SECRETS);
        secrets.drain(..surplus);
        AT_ONCE
    } else if secrets.len() >= Key::MAX_SECRETS {
        return Err(Error::new(
            ErrorKind::State,
            format!(
                "key {} has {} secrets that still count: wait for one to end, or rotate with a grace of 0",
                old.id,
                secrets.len()
            ),
        ));
    } else {
        now.saturating_add(grace)
    };
    for older in &mut secrets {
        older.ends_at = Some(older.ends_at.map_or(end, |ends_at| ends_at.min(end)));
    }
    secrets.push(secret);
    Ok(Key { secrets, ..old })
}
