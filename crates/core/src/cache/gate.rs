use crate::key::KeyId;
use crate::store::Revision;
use crate::sync::atomic::{AtomicU64, Ordering::SeqCst};
use crate::sync::parts;

/// How many groups of keys share a least revision. A change to one key makes
/// the others of its group be read again, once.
const STRIPES: usize = parts(4_096);

/// Bits of a stamp that hold the revision; the others hold the epoch. That is
/// a million changes a second for twelve days, or one for 34,000 years, and
/// sixteen million divergences in one process.
const REVISION_BITS: u32 = 40;
const REVISION_MASK: u64 = (1 << REVISION_BITS) - 1;

/// When a record was read: the epoch in which the read began, and the revision
/// of the snapshot. Later stamps are greater, and every stamp of a later epoch
/// is greater than all of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(u64);

/// A life of the store, as this process counts them: one more each time the
/// store turns out to have been restored or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Epoch(u64);

impl Stamp {
    pub(crate) fn new(epoch: Epoch, revision: Revision) -> Self {
        Self(epoch.0 | revision.count().min(REVISION_MASK))
    }
}

/// The least stamps that still count: per stripe of keys, and for services.
///
/// A change raises its stripe once it is committed; a record read before it
/// then fails the gate, however late it arrives and wherever it was kept.
#[derive(Debug)]
pub(crate) struct Gate {
    epoch: AtomicU64,
    keys: Box<[AtomicU64]>,
    services: AtomicU64,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            epoch: AtomicU64::new(1 << REVISION_BITS),
            keys: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
            services: AtomicU64::new(0),
        }
    }

    /// The present epoch. A load takes it **before** it asks the store.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(SeqCst))
    }

    /// Whether a key's record that was read at `stamp` still counts.
    pub(crate) fn passes_key(&self, id: KeyId, stamp: Stamp) -> bool {
        stamp.0 >= self.stripe(id).load(SeqCst) && self.is_present(stamp)
    }

    /// Whether a table of services that was read at `stamp` still counts.
    pub(crate) fn passes_services(&self, stamp: Stamp) -> bool {
        stamp.0 >= self.services.load(SeqCst) && self.is_present(stamp)
    }

    /// The key was changed by the commit of this stamp's revision, or before.
    ///
    /// Raising takes the epoch in which the store was asked: what a store that
    /// is gone has told raises nothing in the life of the present one.
    pub(crate) fn raise_key(&self, id: KeyId, stamp: Stamp) {
        self.stripe(id).fetch_max(stamp.0, SeqCst);
    }

    /// A service was changed by the commit of this stamp's revision, or before.
    pub(crate) fn raise_services(&self, stamp: Stamp) {
        self.services.fetch_max(stamp.0, SeqCst);
    }

    /// Anything may have been changed up to this stamp's revision.
    pub(crate) fn raise_all(&self, stamp: Stamp) {
        for stripe in &self.keys {
            stripe.fetch_max(stamp.0, SeqCst);
        }
        self.raise_services(stamp);
    }

    /// The store lives another life: nothing read before now counts. Nothing
    /// needs to be lowered, as every stamp of the new epoch is greater than
    /// what was raised in the old one. After the last epoch nothing passes any
    /// more, and every request reads through.
    pub(crate) fn diverge(&self) {
        let _ = self.epoch.fetch_update(SeqCst, SeqCst, |epoch| {
            epoch.checked_add(1 << REVISION_BITS)
        });
    }

    /// A revision beyond what a stamp holds cannot be told from later ones, so
    /// that it never counts.
    fn is_present(&self, stamp: Stamp) -> bool {
        let (epoch, revision) = (stamp.0 & !REVISION_MASK, stamp.0 & REVISION_MASK);
        epoch == self.epoch().0 && epoch != !REVISION_MASK && revision != REVISION_MASK
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder of division by the length"
    )]
    fn stripe(&self, id: KeyId) -> &AtomicU64 {
        let [first, second, ..] = *id.as_bytes();
        &self.keys[usize::from(u16::from_be_bytes([first, second])) % STRIPES]
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, Stamp};
    use crate::key::KeyId;
    use crate::store::Revision;

    fn stamp(gate: &Gate, revision: u64) -> Stamp {
        Stamp::new(gate.epoch(), Revision::new(revision))
    }

    #[test]
    fn what_was_read_before_a_change_does_not_count_after_it() {
        let (gate, id) = (Gate::new(), KeyId::random());
        let read = stamp(&gate, 7);
        assert!(gate.passes_key(id, read));
        gate.raise_key(id, stamp(&gate, 7));
        assert!(
            gate.passes_key(id, read),
            "read in the change's own snapshot"
        );
        gate.raise_key(id, stamp(&gate, 8));
        assert!(!gate.passes_key(id, read));
        gate.raise_key(id, stamp(&gate, 3));
        assert!(!gate.passes_key(id, read), "raising never lowers");
    }

    #[test]
    fn a_change_of_services_or_of_anything_raises_what_it_is_about() {
        let [one, other] = [1, 2].map(|second| {
            let mut id = [7; 16];
            (id[0], id[1]) = (0, second);
            KeyId::from_bytes(id)
        });
        let gate = Gate::new();
        let read = stamp(&gate, 7);
        gate.raise_services(stamp(&gate, 8));
        assert!(!gate.passes_services(read) && gate.passes_key(one, read));
        gate.raise_key(one, stamp(&gate, 8));
        assert!(!gate.passes_key(one, read) && gate.passes_key(other, read));
        gate.raise_all(stamp(&gate, 9));
        let read = stamp(&gate, 8);
        assert!(!gate.passes_key(other, read) && !gate.passes_services(read));
    }

    #[test]
    fn what_was_read_in_another_life_never_counts() {
        let (gate, id) = (Gate::new(), KeyId::random());
        let read = stamp(&gate, 1_000);
        gate.raise_all(stamp(&gate, 1_000));
        gate.diverge();
        assert!(!gate.passes_key(id, read));
        assert!(!gate.passes_services(read));
        let anew = stamp(&gate, 2);
        assert!(
            gate.passes_key(id, anew),
            "a restored store's lower revisions count"
        );
        gate.raise_key(id, stamp(&gate, 3));
        assert!(!gate.passes_key(id, anew));
    }

    #[test]
    fn what_was_committed_in_another_life_raises_nothing() {
        let (gate, id) = (Gate::new(), KeyId::random());
        let committed = stamp(&gate, 1_000);
        gate.diverge();
        gate.raise_key(id, committed);
        gate.raise_services(committed);
        gate.raise_all(committed);
        let read = stamp(&gate, 10);
        assert!(gate.passes_key(id, read) && gate.passes_services(read));
    }

    #[test]
    fn after_the_last_epoch_nothing_passes() {
        let (gate, id) = (Gate::new(), KeyId::random());
        gate.epoch.store(
            !super::REVISION_MASK - (1 << super::REVISION_BITS),
            super::SeqCst,
        );
        assert!(gate.passes_key(id, stamp(&gate, 1)));
        gate.diverge();
        gate.diverge();
        assert!(!gate.passes_key(id, stamp(&gate, 1)));
    }

    #[test]
    fn a_revision_beyond_what_a_stamp_holds_never_counts() {
        let (gate, id) = (Gate::new(), KeyId::random());
        let last = super::REVISION_MASK - 1;
        gate.raise_all(stamp(&gate, last));
        let read = stamp(&gate, last);
        assert!(gate.passes_key(id, read) && gate.passes_services(read));
        for beyond in [last + 1, last + 2, u64::MAX] {
            let read = stamp(&gate, beyond);
            assert!(!gate.passes_key(id, read) && !gate.passes_services(read));
        }
    }
}
