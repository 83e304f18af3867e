use crate::audit::{Action, Actor, EventDraft};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::key::{Key, KeyId, KeyState, Revocation, RevocationReason};
use crate::manager::KeyManager;
use crate::store::Operation;

/// How often a change that somebody else came before is tried on the new record.
pub(super) const CONFLICT_RETRIES: usize = 16;

/// The new state, nothing where it is so already, or what a revoked key cannot
/// be.
type Decided = Result<Option<KeyState>, &'static str>;

impl KeyManager {
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
        self.change_state(id, actor, Action::KeyRevoke, move |state, at| match state {
            KeyState::Revoked(_) => Ok(None),
            _ => Ok(Some(KeyState::Revoked(Revocation {
                at,
                reason: reason.clone(),
            }))),
        })
        .await
    }

    /// Refuses a key for good whose record in the store is damaged: it is
    /// accepted nowhere but where it was cached before, and from now on not
    /// there either. The record stays damaged.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Conflict`] where the record is
    /// whole: that is for [`KeyManager::revoke_key`], whose
    /// [`ErrorKind::Corrupt`] says that this one is needed.
    pub async fn revoke_damaged_key(
        &self,
        id: KeyId,
        reason: RevocationReason,
        actor: &Actor,
    ) -> Result<(), Error> {
        let attempt = EventDraft::new(Action::KeyRevoke, actor).key_id(id);
        let at = self.clock().now().wall();
        let event = attempt
            .clone()
            .after("state", "revoked")
            .after("reason", &reason);
        let revocation = Revocation { at, reason };
        let operation = Operation::RevokeDamagedKey { id, revocation };
        let manager = self.clone();
        let change = async move { manager.commit(operation, event).await.map(drop) };
        self.attempt(attempt, change).await
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
    /// before.
    async fn change_state(
        &self,
        id: KeyId,
        actor: &Actor,
        action: Action,
        decide: impl Fn(&KeyState, Timestamp) -> Decided + Send + Sync + 'static,
    ) -> Result<Key, Error> {
        let attempt = EventDraft::new(action, actor).key_id(id);
        let (manager, actor) = (self.clone(), actor.clone());
        let change = async move { manager.try_change_state(id, &actor, action, decide).await };
        self.attempt(attempt, change).await
    }

    async fn try_change_state(
        &self,
        id: KeyId,
        actor: &Actor,
        action: Action,
        decide: impl Fn(&KeyState, Timestamp) -> Decided,
    ) -> Result<Key, Error> {
        for _ in 0..CONFLICT_RETRIES {
            let (epoch, head, old) = self.ask_key(id).await?;
            let decided = decide(&old.state, self.clock().now().wall());
            if !matches!(decided, Ok(Some(_))) {
                // Somebody else did it: what is cached here may not know yet.
                self.shared().raise_key(id, epoch, head);
            }
            let decided = decided.map_err(|what| {
                let message = format!("key {id} is revoked: it cannot be {what}");
                Error::new(ErrorKind::State, message)
            })?;
            let Some(state) = decided else { return Ok(old) };
            let mut event = EventDraft::new(action, actor).key(&old).change(
                "state",
                old.state.as_str(),
                state.as_str(),
            );
            if let KeyState::Revoked(revocation) = &state {
                event = event.after("reason", &revocation.reason);
            }
            match self.update(Key { state, ..old }, event).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                result => return result,
            }
        }
        Err(contended(id))
    }
}

/// That a key was changed by others each time that it was tried.
pub(super) fn contended(id: KeyId) -> Error {
    let message = format!("key {id} keeps changing: try again");
    Error::new(ErrorKind::Conflict, message)
}

/// That the record is of the version that somebody saw.
pub(super) fn check_version(
    expected: Option<u64>,
    found: u64,
    what: impl FnOnce() -> String,
) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != found => {
            let message = format!("{} is of version {found}, not {expected}", what());
            Err(Error::new(ErrorKind::Conflict, message))
        }
        _ => Ok(()),
    }
}
