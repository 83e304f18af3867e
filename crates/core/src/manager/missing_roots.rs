use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::keyring::{Keyring, RootName};
use crate::manager::shared::Shared;
use crate::store::{RootCheck, StoreError};

/// The roots under which the store's keys are made, and that this keyring
/// lacks: somebody made one current before this node was given it.
///
/// At the start there are none, or there is no manager.
#[derive(Debug, Default)]
pub(super) struct MissingRoots {
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    names: Arc<[RootName]>,
    /// Whether the roots could not be read when they were last asked for.
    unread: bool,
}

impl MissingRoots {
    /// Whether a token that no root of this keyring proves may have been issued
    /// under one that it lacks.
    pub(super) fn any(&self) -> bool {
        self.any.load(Relaxed)
    }

    /// Their names, in order.
    pub(super) fn names(&self) -> Arc<[RootName]> {
        Arc::clone(&self.state().names)
    }

    /// Notes what the store knows of its roots, and tells what is new of that.
    pub(super) fn found(&self, keyring: &Keyring, known: &[RootCheck]) {
        let mut names = lacking(keyring, known);
        names.sort_unstable();
        let mut state = self.state();
        state.unread = false;
        if *state.names == *names {
            return;
        }
        self.any.store(!names.is_empty(), Relaxed);
        if names.is_empty() {
            tracing::info!("the keyring has every root of the store again");
        } else {
            let list: Vec<_> = names.iter().map(RootName::as_str).collect();
            let roots = list.join(", ");
            tracing::error!(
                %roots,
                "the store is written with roots that the keyring of this process lacks: no token \
                 that it cannot prove is refused any more, each is answered as unavailable (503); \
                 restart it with a keyring that has roots {roots}"
            );
        }
        state.names = names.into();
    }

    /// Nobody knows now whether a root came. What is known stays.
    fn not_found(&self, error: &StoreError) {
        if !std::mem::replace(&mut self.state().unread, true) {
            tracing::warn!(%error, "the roots of the store cannot be read: one that this keyring lacks stays unseen");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Asks under which roots the store's keys are made. That one came moves no
    /// revision: this is asked with every poll, so that it is known before the
    /// first key is made under it.
    pub(super) async fn look_for_missing_roots(&self) {
        match self.within(async { self.store.roots().await }).await {
            Ok(known) => self.missing_roots.found(&self.keyring, &known),
            Err(error) => self.missing_roots.not_found(&error),
        }
    }
}

/// A root of another secret under the same name is no less missing: a store
/// that was put in the place of this one may be of another keyring.
fn lacking(keyring: &Keyring, known: &[RootCheck]) -> Vec<RootName> {
    let is_here = |remembered: &RootCheck| {
        let root = keyring.root(&remembered.name);
        root.is_some_and(|root| root.check() == remembered.check)
    };
    let missing = known.iter().filter(|root| !root.retired && !is_here(root));
    missing.map(|root| root.name.clone()).collect()
}
