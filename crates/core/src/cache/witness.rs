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
    newest: Mutex<Option<(Epoch, Head)>>,
}

impl Witness {
    /// The store stood at `head` when it was asked in `epoch`.
    pub(crate) fn met(&self, epoch: Epoch, head: Head) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        // What was asked in an earlier epoch is of a store that is gone.
        let older = newest.is_none_or(|(known, newest)| match known.cmp(&epoch) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => newest.revision < head.revision,
            std::cmp::Ordering::Greater => false,
        });
        if older {
            *newest = Some((epoch, head));
        }
    }

    /// The newest head met in this epoch.
    pub(crate) fn newest(&self, epoch: Epoch) -> Option<Head> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest
            .filter(|(known, _)| *known == epoch)
            .map(|(_, head)| head)
    }
}

#[cfg(test)]
mod tests {
    use super::Witness;
    use crate::cache::Gate;
    use crate::store::{Head, Revision};

    #[test]
    fn the_newest_head_of_the_present_epoch_counts() {
        let (witness, gate) = (Witness::default(), Gate::new());
        let head = |count, tag| Head {
            revision: Revision::new(count),
            tag,
        };
        let before = gate.epoch();
        assert_eq!(witness.newest(before), None);
        witness.met(before, head(7, 70));
        witness.met(before, head(5, 50));
        assert_eq!(witness.newest(before), Some(head(7, 70)));
        gate.diverge();
        let after = gate.epoch();
        assert_eq!(witness.newest(after), None, "of another life");
        witness.met(after, head(2, 20));
        witness.met(before, head(9, 90));
        assert_eq!(
            witness.newest(after),
            Some(head(2, 20)),
            "late news of a store that is gone"
        );
    }
}
