use std::collections::{BTreeSet, HashMap, HashSet};

use crate::audit::{Action, Actor, EventDraft};
use crate::cache::Epoch;
use crate::error::{Error, ErrorKind, Invalid};
use crate::key::{Key, KeyId, KeyState, Revocation, RevocationReason};
use crate::manager::commit::replacement;
use crate::manager::state::CONFLICT_RETRIES;
use crate::manager::{Issued, KeyManager, NewKey};
use crate::store::{Change, Head, Operation};

/// Ids that an error names at most.
const NAMED: usize = 10;

/// Ids or services that an event of a refused change names at most: about two
/// kilobytes.
const TOLD: usize = 50;

impl KeyManager {
    /// Issues up to 1,000 keys as one change: all of them, or none. They come
    /// back in the order in which they were asked for.
    ///
    /// # Errors
    ///
    /// As [`KeyManager::create_key`], with the place of the key where that is
    /// known; [`ErrorKind::Invalid`] for more than 1,000.
    pub async fn create_keys(&self, new: Vec<NewKey>, actor: &Actor) -> Result<Vec<Issued>, Error> {
        let mut attempt = EventDraft::new(Action::KeyCreate, actor).after("keys", new.len());
        let services: BTreeSet<_> = new.iter().map(|key| &key.service).collect();
        attempt = match services.first() {
            Some(service) if services.len() == 1 => attempt.service_name(service),
            Some(_) => attempt.after("services", listed(services.iter(), TOLD)),
            None => attempt,
        };
        let (manager, actor) = (self.clone(), actor.clone());
        let change = async move { manager.try_create_keys(new, &actor).await };
        self.attempt(attempt, change).await
    }

    async fn try_create_keys(&self, new: Vec<NewKey>, actor: &Actor) -> Result<Vec<Issued>, Error> {
        check_count(new.len())?;
        let (of, now) = (new.len(), self.clock().now().wall());
        let mut services = HashMap::new();
        let (mut steps, mut all) = (Vec::with_capacity(of), Vec::with_capacity(of));
        for (at, new) in new.into_iter().enumerate() {
            let of_it = |error| placed(at, of, error);
            let service = match services.get(&new.service) {
                Some(service) => service,
                None => {
                    let service = self.known_service(&new.service).await.map_err(of_it)?;
                    services.entry(new.service.clone()).or_insert(service)
                }
            };
            let prepared = self.prepare_key(new, service, actor, now).map_err(of_it)?;
            steps.push((prepared.operation, prepared.event));
            all.push(prepared.issued);
        }
        if !steps.is_empty() {
            self.commit_all(steps).await?;
        }
        Ok(all)
    }

    /// Refuses up to 1,000 keys for good, as one change: all of them, or none.
    /// Those that are revoked already stay as they are. They come back in the
    /// order in which they were named.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] names those that do not exist,
    /// [`ErrorKind::Invalid`] one that stands twice, or more than 1,000.
    pub async fn revoke_keys(
        &self,
        ids: Vec<KeyId>,
        reason: RevocationReason,
        actor: &Actor,
    ) -> Result<Vec<Key>, Error> {
        let attempt = EventDraft::new(Action::KeyRevoke, actor).after("keys", ids.len());
        let attempt = match *ids {
            [] => attempt,
            [id] => attempt.key_id(id),
            _ => attempt.after("ids", listed(ids.iter(), TOLD)),
        };
        let (manager, actor) = (self.clone(), actor.clone());
        let change = async move { manager.try_revoke_keys(&ids, &reason, &actor).await };
        self.attempt(attempt, change).await
    }

    async fn try_revoke_keys(
        &self,
        ids: &[KeyId],
        reason: &RevocationReason,
        actor: &Actor,
    ) -> Result<Vec<Key>, Error> {
        check_count(ids.len())?;
        let mut seen = HashSet::new();
        if let Some(twice) = ids.iter().find(|id| !seen.insert(**id)) {
            let expected = format!("each key once: {twice} stands twice");
            return Err(Invalid::new("keys", expected).into());
        }
        for _ in 0..CONFLICT_RETRIES {
            let found = self.ask_keys(ids).await?;
            let (mut steps, mut all) = (Vec::new(), Vec::with_capacity(ids.len()));
            for (epoch, head, old) in found {
                if matches!(old.state, KeyState::Revoked(_)) {
                    // Somebody else did it: what is cached here may not know yet.
                    self.shared().raise_key(old.id, epoch, head);
                    all.push(old);
                } else {
                    let (step, key) = self.revocation(old, reason, actor)?;
                    steps.push(step);
                    all.push(key);
                }
            }
            if steps.is_empty() {
                return Ok(all);
            }
            match self.commit_all(steps).await {
                Ok(_) => return Ok(all),
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        let message = "the keys keep changing: try again, or fewer at once";
        Err(Error::new(ErrorKind::Conflict, message))
    }

    fn revocation(
        &self,
        old: Key,
        reason: &RevocationReason,
        actor: &Actor,
    ) -> Result<((Operation, EventDraft), Key), Error> {
        let now = self.clock().now().wall();
        let revoked = KeyState::Revoked(Revocation {
            at: now,
            reason: reason.clone(),
        });
        let event = EventDraft::new(Action::KeyRevoke, actor)
            .key(&old)
            .change("state", old.state.as_str(), revoked.as_str())
            .after("reason", reason);
        let state = revoked;
        let (operation, key) = replacement(Key { state, ..old }, now)?;
        Ok(((operation, event), key))
    }

    /// The records of all these keys; the error names those that there are not.
    async fn ask_keys(&self, ids: &[KeyId]) -> Result<Vec<(Epoch, Head, Key)>, Error> {
        let (mut found, mut missing) = (Vec::with_capacity(ids.len()), Vec::new());
        for id in ids {
            match self.ask_key(*id).await {
                Ok(key) => found.push(key),
                Err(error) if error.kind() == ErrorKind::NotFound => missing.push(*id),
                Err(error) => return Err(error),
            }
        }
        if missing.is_empty() {
            Ok(found)
        } else {
            Err(Error::new(ErrorKind::NotFound, no_keys(&missing)))
        }
    }
}

fn check_count(keys: usize) -> Result<(), Invalid> {
    if keys > Change::MAX_STEPS {
        return Err(Invalid::new("keys", "at most 1,000 keys at once"));
    }
    Ok(())
}

fn placed(at: usize, of: usize, error: Error) -> Error {
    let message = format!("key {} of {of}: {error}", at.saturating_add(1));
    Error::with_source(error.kind(), message, error)
}

fn no_keys(missing: &[KeyId]) -> String {
    match missing {
        [id] => format!("there is no key {id}"),
        _ => format!("these keys do not exist: {}", listed(missing.iter(), NAMED)),
    }
}

/// The first of them by name, and how many more there are.
fn listed(mut all: impl ExactSizeIterator<Item = impl ToString>, most: usize) -> String {
    let first: Vec<_> = all.by_ref().take(most).map(|one| one.to_string()).collect();
    let first = first.join(" ");
    match all.len() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
