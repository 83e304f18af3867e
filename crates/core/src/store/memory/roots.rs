use std::collections::BTreeMap;

use crate::keyring::RootName;
use crate::store::{RootCheck, RootUse, StoreError, StoreErrorKind};

/// What is remembered of the keyring's roots.
#[derive(Debug, Clone, Default)]
pub(super) struct Roots {
    known: BTreeMap<RootName, RootCheck>,
}

impl Roots {
    pub(super) fn remember(&mut self, checks: Vec<RootCheck>) -> Vec<RootCheck> {
        for check in checks {
            self.known.entry(check.name.clone()).or_insert(RootCheck {
                retired: false,
                ..check
            });
        }
        self.known.values().cloned().collect()
    }

    pub(super) fn is_retired(&self, name: &RootName) -> bool {
        self.known.get(name).is_some_and(|root| root.retired)
    }

    /// Retires a root; false where it was retired before.
    pub(super) fn retire(&mut self, name: &RootName, used: RootUse) -> Result<bool, StoreError> {
        let known = self.known.get_mut(name).ok_or_else(|| {
            let message = format!("nothing was ever made under root {name} here");
            StoreError::new(StoreErrorKind::NotFound, message)
        })?;
        if used != RootUse::default() {
            let message = format!(
                "root {name} is in use: {} digests were made under it, and {} tokens bear its tag",
                used.digests, used.tokens
            );
            return Err(StoreError::new(StoreErrorKind::InUse, message));
        }
        Ok(!std::mem::replace(&mut known.retired, true))
    }

    pub(super) fn unretire(&mut self, name: &RootName) {
        if let Some(known) = self.known.get_mut(name) {
            known.retired = false;
        }
    }
}
