use crate::audit::{Action, Actor, EventDraft};
use crate::error::{Error, ErrorKind, Invalid};
use crate::key::{Key, KeyId, KeyState};
use crate::manager::create::size;
use crate::manager::lifetime::{Life, expires_at};
use crate::manager::service::retired;
use crate::manager::state::{CONFLICT_RETRIES, check_version, contended};
use crate::manager::{KeyManager, KeyPatch};
use crate::service::Service;

impl KeyManager {
    /// Changes a key. Where nothing is other than before, nothing is written.
    ///
    /// Of a revoked key, and of one whose service is retired, note and metadata
    /// alone may be changed; of an expired one everything but its expiry.
    ///
    /// On this node the new record counts from the next request on; on others
    /// within one poll interval and one poll.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Invalid`] for an expiry that is
    /// past or too far and for metadata that becomes too large,
    /// [`ErrorKind::Conflict`] where the record is not of the expected version,
    /// [`ErrorKind::QuotaReached`] for more time where the service's other keys
    /// take all the room that its quota has,
    /// [`ErrorKind::State`] and [`ErrorKind::Retired`] as said above.
    pub async fn update_key(
        &self,
        id: KeyId,
        patch: KeyPatch,
        actor: &Actor,
    ) -> Result<Key, Error> {
        let attempt = EventDraft::new(Action::KeyUpdate, actor).key_id(id);
        let (manager, actor) = (self.clone(), actor.clone());
        let change = async move { manager.try_update_key(id, &patch, &actor).await };
        self.attempt(attempt, change).await
    }

    async fn try_update_key(
        &self,
        id: KeyId,
        patch: &KeyPatch,
        actor: &Actor,
    ) -> Result<Key, Error> {
        for _ in 0..CONFLICT_RETRIES {
            let (epoch, head, old) = self.ask_key(id).await?;
            let service = self.known_service(&old.service).await?;
            let next = self.patched(&old, patch, &service);
            if !next.as_ref().is_ok_and(|next| *next != old) {
                // Somebody else did it: what is cached here may not know yet.
                self.shared().raise_key(id, epoch, head);
            }
            let next = next?;
            if next == old {
                return Ok(old);
            }
            let event = told(EventDraft::new(Action::KeyUpdate, actor), &old, &next);
            match self.update(next, event).await {
                // Without a version the change is meant for whatever stands there.
                Err(error)
                    if patch.expected_version.is_none() && error.kind() == ErrorKind::Conflict => {}
                result => return result,
            }
        }
        Err(contended(id))
    }

    /// The record after the change.
    fn patched(&self, old: &Key, patch: &KeyPatch, service: &Service) -> Result<Key, Error> {
        let id = old.id;
        check_version(patch.expected_version, old.version, || format!("key {id}"))?;
        if !patch.is_remark() {
            if matches!(old.state, KeyState::Revoked(_)) {
                let message = format!(
                    "key {id} is revoked: nothing but its note and metadata can be changed"
                );
                return Err(Error::new(ErrorKind::State, message));
            }
            if service.retirement.is_some() {
                let so = "nothing but the notes and metadata of its keys can be changed";
                return Err(retired(&service.name, so));
            }
        }
        let patch = patch.clone();
        Ok(Key {
            metadata: patch.metadata_of(&old.metadata)?,
            name: patch.name.clone().unwrap_or_else(|| old.name.clone()),
            owner: patch.owner.clone().unwrap_or_else(|| old.owner.clone()),
            scopes: patch.scopes.of_default(&old.scopes),
            rate: patch.rate.of(&old.rate),
            addresses: patch.addresses.of_default(&old.addresses),
            note: patch.note.of(&old.note),
            expires_at: self.patched_expiry(old, &patch, service)?,
            ..old.clone()
        })
    }

    fn patched_expiry(
        &self,
        old: &Key,
        patch: &KeyPatch,
        service: &Service,
    ) -> Result<Option<crate::clock::Timestamp>, Error> {
        let Some(expiry) = patch.expiry else {
            return Ok(old.expires_at);
        };
        let now = self.clock().now().wall();
        if old.is_expired(now) {
            // It left the service's quota, and others may have taken its place.
            let message = format!("key {} is expired and stays so: create a new one", old.id);
            return Err(Error::new(ErrorKind::State, message));
        }
        let life = Life {
            born: old.created_at,
            now,
        };
        let end = expires_at(expiry, life, service, self.config());
        end.map_err(|invalid: Invalid| invalid.into())
    }
}

/// Each field that changes, before and after.
fn told(event: EventDraft, old: &Key, next: &Key) -> EventDraft {
    let addresses = |key: &Key| {
        let some = !key.addresses.is_empty();
        some.then(|| key.addresses.to_string())
    };
    let event = event
        .key(next)
        .difference("name", Some(&old.name), Some(&next.name))
        .difference("owner", Some(&old.owner), Some(&next.owner))
        .difference("scopes", Some(&old.scopes), Some(&next.scopes))
        .difference("rate", old.rate, next.rate)
        .difference("expires_at", old.expires_at, next.expires_at)
        .difference("addresses", addresses(old), addresses(next))
        .difference("note", old.note.as_ref(), next.note.as_ref());
    if old.metadata == next.metadata {
        return event;
    }
    let size = |key: &Key| size(key.metadata.as_str());
    event.change("metadata", size(old), size(next))
}
