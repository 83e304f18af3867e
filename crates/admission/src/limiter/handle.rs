use std::fmt;
use std::sync::Arc;

use portcullis_core::Grant;

use super::LimiterConfig;
use super::table::Table;
use crate::engine::{Allowance, RateState, check};

/// The limits of a process: what each key has used of its rate.
///
/// Cheap to clone; clones are one set of limits. Two limiters made apart share
/// nothing, even over one manager.
#[derive(Clone)]
pub struct Limiter {
    table: Arc<Table>,
}

impl Limiter {
    /// A limiter that has seen no request.
    #[must_use]
    pub fn new(config: LimiterConfig) -> Self {
        Self {
            table: Arc::new(Table::new(config.entries())),
        }
    }

    /// How much the limiter remembers.
    #[must_use]
    pub fn stats(&self) -> LimiterStats {
        LimiterStats {
            entries: self.table.entries(),
            evictions: self.table.evictions(),
        }
    }

    /// Takes one request from what the grant's rate allows; nothing where it
    /// has no rate.
    ///
    /// # Errors
    ///
    /// What is left, where the rate is exceeded.
    pub(crate) fn admit(&self, grant: &Grant) -> Result<Option<Allowance>, Allowance> {
        let Some(rate) = grant.rate() else {
            return Ok(None);
        };
        let decision = match grant.shortcut(|| self.shortcut(grant)) {
            Some(shortcut) if shortcut.is_of(&self.table) => {
                check(&shortcut.state, rate, grant.moment())
            }
            // The place is taken by another limiter over the same manager.
            Some(_) | None => check(&self.state_of(grant), rate, grant.moment()),
        };
        decision.map(Some)
    }

    fn shortcut(&self, grant: &Grant) -> Shortcut {
        Shortcut {
            table: Arc::clone(&self.table),
            state: self.state_of(grant),
        }
    }

    fn state_of(&self, grant: &Grant) -> Arc<RateState> {
        self.table.state(grant.key_id(), grant.moment().monotonic())
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new(LimiterConfig::default())
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// How much a [`Limiter`] remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimiterStats {
    /// How many keys' use is remembered now.
    pub entries: usize,
    /// How many keys were forgotten before their recovery, for want of room,
    /// since the limiter was made.
    pub evictions: u64,
}

/// A key's state, found without a look at the table.
struct Shortcut {
    /// Whose state it is. It keeps the table alive, so that a later limiter
    /// cannot come to lie at the same address.
    table: Arc<Table>,
    state: Arc<RateState>,
}

impl Shortcut {
    fn is_of(&self, table: &Arc<Table>) -> bool {
        Arc::ptr_eq(&self.table, table)
    }
}
