use crate::audit::Anchor;

/// What a walk over the audit trail found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditReport {
    /// How many events were pruned: the first one that is kept is the next. A
    /// signed anchor, and an event of the trail, say so.
    pub pruned: u64,
    /// How many of the kept events were found whole, each by the key that
    /// signed it.
    pub verified: u64,
    /// How many are of roots that are retired and gone, and were found to be
    /// what they were when a root of this keyring signed a place behind them.
    pub attested: u64,
    /// How many are of such roots, and nobody can say whether they are as they
    /// were written: an earlier version retired their root without telling what
    /// it had signed. The number never grows; one that does is a fault.
    pub unproven: u64,
    /// The anchor behind the events of roots that are retired and gone: the
    /// trail was whole when it was signed. Nothing where every kept event was
    /// verified.
    pub rests_on: Option<Anchor>,
    /// Whether the exported head was met; nothing where none was given.
    pub head: Option<HeadCheck>,
    /// The first fault, in words; nothing where the trail is whole.
    pub fault: Option<String>,
}

/// What was found of a head that was kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeadCheck {
    /// Its event is on the chain: nothing up to it was rewritten or cut off.
    Confirmed,
    /// Its event was pruned before: nothing can be said of it.
    Pruned,
}

impl AuditReport {
    /// Whether no fault was found: every kept event up to the stored head is as
    /// it was written, but for those that are [unproven](Self::unproven). Events that were cut off together with the head are not missed: verify
    /// with a head that was kept elsewhere.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.fault.is_none()
    }
}

/// What a pruning removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Pruned {
    /// How many events.
    pub events: u64,
    /// The last event that is gone, by this pruning or an earlier one; 0 where
    /// none ever was.
    pub through: u64,
}

impl Pruned {
    pub(crate) const fn new(events: u64, through: u64) -> Self {
        Self { events, through }
    }
}
