use std::sync::{Mutex, PoisonError};

use crate::cache::gate::Epoch;
use crate::store::Head;

/// The newest head that this node has met outside its polls: in what it read,
/// and in what it committed.
///
/// A store that is restored to a head which the follower knows, but which lies
/// before what was read or committed since, has diverged as well: the next poll
/// looks whether the store still remembers this head.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    newest: Mutex<Option<(Epoch, Met)>>,
}

/// What a node has met of a store in one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    /// This head, and none of a greater revision.
    Head(Head),
    /// Two heads of one revision: there were two stores, or two lives of one.
    Two,
}

impl Witness {
    /// The store stood at `head` when it was asked in `epoch`.
    pub(crate) fn met(&self, epoch: Epoch, head: Head) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        match *newest {
            // What was asked in an earlier epoch is of a store that is gone.
            Some((known, _)) if known > epoch => {}
            Some((known, met)) if known == epoch => *newest = Some((epoch, met.and(head))),
            _ => *newest = Some((epoch, Met::Head(head))),
        }
    }

    /// What was met in this epoch.
    pub(crate) fn newest(&self, epoch: Epoch) -> Option<Met> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest
            .filter(|(known, _)| *known == epoch)
            .map(|(_, met)| met)
    }
}

impl Met {
    fn and(self, head: Head) -> Self {
        match self {
            Self::Head(known) if known.revision < head.revision => Self::Head(head),
            Self::Head(known) if known.revision == head.revision && known != head => Self::Two,
            known => known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Met, Witness};
    use crate::cache::Gate;
    use crate::store::{Head, Revision};

    fn head(count: u64, tag: u64) -> Head {
        Head {
            revision: Revision::new(count),
            tag,
        }
    }

    #[test]
    fn the_newest_head_of_the_present_epoch_counts() {
        let (witness, gate) = (Witness::default(), Gate::new());
        let before = gate.epoch();
        assert_eq!(witness.newest(before), None);
        witness.met(before, head(7, 70));
        witness.met(before, head(5, 50));
        assert_eq!(witness.newest(before), Some(Met::Head(head(7, 70))));
        gate.diverge();
        let after = gate.epoch();
        assert_eq!(witness.newest(after), None, "of another life");
        witness.met(after, head(2, 20));
        witness.met(before, head(9, 90));
        assert_eq!(
            witness.newest(after),
            Some(Met::Head(head(2, 20))),
            "late news of a store that is gone"
        );
    }

    #[test]
    fn two_heads_of_one_revision_are_of_two_stores() {
        let (witness, gate) = (Witness::default(), Gate::new());
        let epoch = gate.epoch();
        witness.met(epoch, head(7, 70));
        witness.met(epoch, head(7, 70));
        assert_eq!(witness.newest(epoch), Some(Met::Head(head(7, 70))));
        witness.met(epoch, head(7, 71));
        assert_eq!(witness.newest(epoch), Some(Met::Two));
        witness.met(epoch, head(8, 80));
        assert_eq!(witness.newest(epoch), Some(Met::Two), "still cached");
        gate.diverge();
        assert_eq!(witness.newest(gate.epoch()), None);
    }
}
