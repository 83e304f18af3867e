use crate::cache::gate::Epoch;
use crate::store::Head;
use crate::sync::{Mutex, PoisonError};

/// The heads that this node has met outside its polls, in what it read and in
/// what it committed, and that no poll has found in the store's history yet.
///
/// A store that is restored to a head which the follower knows, but which lies
/// before what was read or committed since, has diverged as well: the next poll
/// looks whether the store still remembers these heads.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    met: Mutex<Option<Met>>,
}

/// What was met in one epoch.
#[derive(Debug)]
struct Met {
    epoch: Epoch,
    /// Where the last good poll found the store.
    polled: Option<Head>,
    unverified: Vec<Head>,
}

/// The most heads that a poll has to look for. Of more, the first and the
/// newest are kept: what is met first after a poll is what a restored store
/// lacks, and what is met last is what one that was put back lacks.
const MOST: usize = 8;

impl Witness {
    /// The store stood at `head` when it was asked in `epoch`. A head that is
    /// older than others may be of another life than they are.
    pub(crate) fn met(&self, epoch: Epoch, head: Head) {
        self.of(epoch, |met| {
            if met.polled == Some(head) || met.unverified.contains(&head) {
                return;
            }
            if met.unverified.len() < MOST {
                met.unverified.push(head);
            } else if let Some(newest) = met.unverified.last_mut()
                && newest.revision < head.revision
            {
                *newest = head;
            }
        });
    }

    /// The newest head that was met in this epoch, in a poll or outside of one.
    pub(crate) fn newest(&self, epoch: Epoch) -> Option<Head> {
        let newest = self.of(epoch, |met| {
            let all = met.unverified.iter().copied().chain(met.polled);
            all.max_by_key(|head| head.revision)
        });
        newest.flatten()
    }

    /// What was met in this epoch and is to be looked for.
    pub(crate) fn unverified(&self, epoch: Epoch) -> Vec<Head> {
        self.of(epoch, |met| met.unverified.clone())
            .unwrap_or_default()
    }

    /// A poll found the store at `polled`, with all of these in its history.
    pub(crate) fn verified(&self, epoch: Epoch, polled: Head, heads: &[Head]) {
        self.of(epoch, |met| {
            met.polled = Some(polled);
            met.unverified
                .retain(|head| *head != polled && !heads.contains(head));
        });
    }

    /// What was asked in an earlier epoch is of a store that is gone: nothing
    /// is done with it.
    fn of<T>(&self, epoch: Epoch, then: impl FnOnce(&mut Met) -> T) -> Option<T> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if met.as_ref().is_none_or(|met| met.epoch < epoch) {
            *met = Some(Met {
                epoch,
                polled: None,
                unverified: Vec::new(),
            });
        }
        met.as_mut().filter(|met| met.epoch == epoch).map(then)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Witness};
    use crate::cache::Gate;
    use crate::store::{Head, Revision};

    fn head(count: u64, tag: u64) -> Head {
        Head {
            revision: Revision::new(count),
            tag,
        }
    }

    #[test]
    fn what_was_met_in_the_present_epoch_is_to_be_looked_for() {
        let (witness, gate) = (Witness::default(), Gate::new());
        let before = gate.epoch();
        assert_eq!(witness.unverified(before), []);
        witness.met(before, head(7, 70));
        witness.met(before, head(5, 50));
        witness.met(before, head(7, 70));
        assert_eq!(witness.unverified(before), [head(7, 70), head(5, 50)]);
        gate.diverge();
        let after = gate.epoch();
        assert_eq!(witness.unverified(after), [], "of another life");
        witness.met(after, head(2, 20));
        witness.met(before, head(9, 90));
        assert_eq!(witness.unverified(before), [], "of a store that is gone");
        assert_eq!(witness.unverified(after), [head(2, 20)]);
    }

    #[test]
    fn two_heads_of_one_revision_are_both_looked_for() {
        let (witness, gate) = (Witness::default(), Gate::new());
        let epoch = gate.epoch();
        witness.met(epoch, head(7, 70));
        witness.met(epoch, head(7, 71));
        assert_eq!(witness.unverified(epoch), [head(7, 70), head(7, 71)]);
    }

    #[test]
    fn what_comes_while_or_after_a_poll_looks_is_looked_for_by_the_next() {
        let (witness, gate) = (Witness::default(), Gate::new());
        let epoch = gate.epoch();
        witness.met(epoch, head(7, 70));
        let looked_for = witness.unverified(epoch);
        witness.met(epoch, head(8, 80));
        witness.verified(epoch, head(9, 90), &looked_for);
        assert_eq!(witness.unverified(epoch), [head(8, 80)]);
        witness.met(epoch, head(9, 90));
        assert_eq!(witness.unverified(epoch), [head(8, 80)], "just polled");
        witness.met(epoch, head(3, 30));
        assert_eq!(witness.unverified(epoch), [head(8, 80), head(3, 30)]);
    }

    #[test]
    fn of_many_the_first_and_the_newest_are_kept() {
        let (witness, gate) = (Witness::default(), Gate::new());
        let epoch = gate.epoch();
        for count in 1..=100 {
            witness.met(epoch, head(count, count));
        }
        witness.met(epoch, head(50, 51));
        let kept = witness.unverified(epoch);
        assert_eq!(kept.len(), MOST);
        assert_eq!(
            (kept.first(), kept.last()),
            (Some(&head(1, 1)), Some(&head(100, 100)))
        );
    }
}
