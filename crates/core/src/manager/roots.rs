use crate::audit::{Action, Actor, EventDraft, RETIRED_ROOT};
use crate::error::{Error, ErrorKind};
use crate::keyring::RootName;
use crate::manager::KeyManager;
use crate::manager::anchors::{RETRIES, anchored};
use crate::store::{EventsRequest, Operation, RootCheck, RootUse};

/// A root, as keyring and store know it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RootStatus {
    /// Its name.
    pub name: RootName,
    /// Whether this keyring makes everything new under it.
    pub current: bool,
    /// Whether this keyring has it.
    pub in_keyring: bool,
    /// Whether the root is retired for good: keyrings may lack it.
    pub retired: bool,
    /// What stands under it in the store.
    pub used: RootUse,
}

impl KeyManager {
    /// The roots that the keyring has or the store remembers, by name.
    ///
    /// # Errors
    ///
    /// What the store says where it does not answer.
    pub async fn roots(&self) -> Result<Vec<RootStatus>, Error> {
        let shared = self.shared();
        let known = self.known_roots(Vec::new()).await?;
        let mut names: Vec<RootName> = shared.keyring.names().cloned().collect();
        names.extend(known.iter().map(|root| root.name.clone()));
        names.sort_unstable();
        names.dedup();
        let now = shared.clock.now().wall();
        let mut roots = Vec::with_capacity(names.len());
        for name in names {
            let used = shared.store.root_use(name.clone(), now);
            roots.push(RootStatus {
                current: name == *shared.keyring.current_name(),
                in_keyring: shared.keyring.root(&name).is_some(),
                retired: known.iter().any(|root| root.name == name && root.retired),
                used: shared.within(used).await?,
                name,
            });
        }
        Ok(roots)
    }

    /// Retires a root for good: nothing stands under it, and no keyring needs
    /// it any more. The end of the audit trail is anchored in the same change,
    /// after a walk over the whole of it, and the event tells what was there:
    /// events that the root signed can be computed by nobody once it is gone, and
    /// are proved by that (see [`audit`](crate::audit)). A root that is retired
    /// already stays so.
    ///
    /// Make another root current on **every** node before: a node that goes on
    /// to issue under this one issues what no other node accepts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] for the current root, [`ErrorKind::InUse`] where
    /// secrets that have not ended stand under it (a key that is expired may be
    /// given more time, so that only its revocation ends them), [`ErrorKind::NotFound`]
    /// where neither keyring nor store knows it, [`ErrorKind::Corrupt`] where
    /// the audit trail has a fault, or what the store says. Where an error comes
    /// once the root is retired, that stays, and what another node signed under
    /// it meanwhile may not be anchored yet: do it again.
    pub async fn retire_root(&self, name: &RootName, actor: &Actor) -> Result<(), Error> {
        let attempt = root_retirement(name, actor);
        let (manager, name, actor) = (self.clone(), name.clone(), actor.clone());
        let change = async move { manager.try_retire_root(&name, &actor).await };
        self.attempt(attempt, change).await?
    }

    /// The inner error is one that came when the root was retired already: the
    /// trail must not say that this was refused.
    async fn try_retire_root(
        &self,
        name: &RootName,
        actor: &Actor,
    ) -> Result<Result<(), Error>, Error> {
        if self.is_retired_root(name).await? {
            // Whoever retired it may have been cut off before its last events
            // were anchored.
            if self.shared().keyring.root(name).is_some() {
                let anchored_at = self.newest_anchor().await?;
                self.anchor_stragglers(name, anchored_at, actor).await?;
            }
            return Ok(Ok(()));
        }
        self.may_retire_root(name).await?;
        let mut retries = RETRIES;
        let anchored_at = loop {
            match self.commit_root_retirement(name, actor).await {
                Err(error) if error.kind() == ErrorKind::Conflict && retries > 0 => retries -= 1,
                result => break result?,
            }
        };
        Ok(self.anchor_stragglers(name, anchored_at, actor).await)
    }

    /// Whether the store has retired the root. One that it was never told of
    /// is told to it now, so that its name is not taken for another one later.
    async fn is_retired_root(&self, name: &RootName) -> Result<bool, Error> {
        let found = |known: Vec<RootCheck>| known.into_iter().find(|root| root.name == *name);
        if let Some(root) = found(self.known_roots(Vec::new()).await?) {
            return Ok(root.retired);
        }
        let root = self.shared().keyring.root(name).ok_or_else(|| {
            let message = format!("neither the keyring nor the store knows a root {name}");
            Error::new(ErrorKind::NotFound, message)
        })?;
        let check = RootCheck {
            name: root.name.clone(),
            check: root.check(),
            retired: false,
        };
        let known = self.known_roots(vec![check]).await?;
        Ok(found(known).is_some_and(|root| root.retired))
    }

    async fn may_retire_root(&self, name: &RootName) -> Result<(), Error> {
        let shared = self.shared();
        if name == shared.keyring.current_name() {
            let message = format!("root {name} is the current one: make another one current first");
            return Err(Error::new(ErrorKind::State, message));
        }
        let now = shared.clock.now().wall();
        let used = shared
            .within(shared.store.root_use(name.clone(), now))
            .await?;
        if used == RootUse::default() {
            return Ok(());
        }
        let RootUse { digests, tokens } = used;
        let message = format!(
            "root {name} is in use: {digests} digests were made under it, and {tokens} tokens bear \
             its tag; rotate or revoke their keys (an expired key counts until it is revoked)"
        );
        Err(Error::new(ErrorKind::InUse, message))
    }

    /// Anchors the end of the trail and retires the root, at once; returns the
    /// last event that the anchor vouches for.
    async fn commit_root_retirement(&self, name: &RootName, actor: &Actor) -> Result<u64, Error> {
        let trail = self.walk_whole_trail(()).await?;
        let (end, told) = (trail.end, &trail.told);
        let retirement = Operation::RetireRoot {
            name: name.clone(),
            now: self.clock().now().wall(),
        };
        let mut steps = Vec::new();
        if end.sequence > 0 {
            let anchor = Operation::AnchorAudit(self.sign(end));
            steps.push((anchor, anchored(told, actor)));
        }
        steps.push((retirement, told.on(root_retirement(name, actor))));
        self.commit_all(steps).await?;
        Ok(end.sequence)
    }

    /// Anchors what a node that had not changed to another root yet signed
    /// between the walk and the retirement. This keyring still has the root:
    /// later nobody could say that it was whole.
    async fn anchor_stragglers(
        &self,
        name: &RootName,
        mut after: u64,
        actor: &Actor,
    ) -> Result<(), Error> {
        loop {
            let request = EventsRequest {
                after,
                limit: 1_000,
                ..EventsRequest::default()
            };
            let events = self.stored_events(request).await?;
            if events.iter().any(|event| event.root == *name) {
                return self.anchor_end(actor).await;
            }
            match events.last() {
                Some(last) => after = last.sequence,
                None => return Ok(()),
            }
        }
    }

    /// Anchors the end of the trail as a part of another change.
    async fn anchor_end(&self, actor: &Actor) -> Result<(), Error> {
        let mut retries = RETRIES;
        loop {
            match self.try_anchor_audit(actor).await {
                Err(error) if error.kind() == ErrorKind::Conflict && retries > 0 => retries -= 1,
                result => return result.map(drop),
            }
        }
    }

    /// The last event that an anchor vouches for; zero where there is none.
    async fn newest_anchor(&self) -> Result<u64, Error> {
        let shared = self.shared();
        let anchors = shared.within(shared.store.anchors()).await?;
        let newest = anchors.iter().map(|anchor| anchor.place.sequence).max();
        Ok(newest.unwrap_or_default())
    }

    async fn known_roots(&self, checks: Vec<RootCheck>) -> Result<Vec<RootCheck>, Error> {
        let shared = self.shared();
        Ok(shared.within(shared.store.remember_roots(checks)).await?)
    }
}

fn root_retirement(name: &RootName, actor: &Actor) -> EventDraft {
    EventDraft::new(Action::KeyringRetire, actor).after(RETIRED_ROOT, name)
}
