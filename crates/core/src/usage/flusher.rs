use crate::clock::Timestamp;
use crate::usage::{NodeId, UsageBatch, UsageDelta, UsageTable};

/// The most rows of one batch, so that a flush of very many secrets leaves the
/// store's writer to others in between. A flush of no more secrets than this
/// is one write.
const MOST_ROWS: usize = 10_000;

/// Freezes what was counted into numbered batches, one at a time.
#[derive(Debug)]
pub(crate) struct Flusher {
    node: NodeId,
    number: u64,
    frozen: Option<UsageBatch>,
    /// What is gathered and not in a batch yet.
    gathered: Vec<UsageDelta>,
}

impl Flusher {
    pub(crate) fn new() -> Self {
        Self {
            node: NodeId::random(),
            number: 0,
            frozen: None,
            gathered: Vec::new(),
        }
    }

    /// Gathers what was counted from the last time until `now`; nothing while something
    /// of that is not acknowledged, so that a store that is away makes nobody
    /// hold more than the counters themselves.
    pub(crate) fn gather(&mut self, table: &UsageTable, now: Timestamp) {
        if self.frozen.is_none() && self.gathered.is_empty() {
            self.gathered = table.take(now);
        }
    }

    /// The batch to send: the one not yet acknowledged, or else the next one of
    /// what was gathered; nothing where nothing is left of it.
    pub(crate) fn next(&mut self, at: Timestamp) -> Option<&UsageBatch> {
        if self.frozen.is_none() && !self.gathered.is_empty() {
            let rest = self.gathered.len().saturating_sub(MOST_ROWS);
            self.number += 1;
            self.frozen = Some(UsageBatch {
                node: self.node,
                number: self.number,
                at,
                rows: self.gathered.split_off(rest),
            });
        }
        self.frozen.as_ref()
    }

    /// The store has the batch: the next one may be taken.
    pub(crate) fn acknowledged(&mut self) {
        self.frozen = None;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Flusher, MOST_ROWS};
    use crate::clock::Timestamp;
    use crate::key::KeyId;
    use crate::usage::UsageTable;

    const AT: Timestamp = Timestamp::from_millis(1);

    #[test]
    fn a_batch_stays_the_same_until_it_is_acknowledged() {
        let (table, mut flusher) = (UsageTable::new(), Flusher::new());
        flusher.gather(&table, AT);
        assert!(flusher.next(AT).is_none());
        let cell = table.cell(KeyId::random(), 1);
        cell.record_granted(AT, None);
        flusher.gather(&table, AT);
        let sent = flusher.next(AT).cloned().expect("a batch");
        cell.record_granted(AT, None);
        flusher.gather(&table, AT);
        assert_eq!(flusher.next(AT), Some(&sent), "frozen");
        flusher.acknowledged();
        assert!(flusher.next(AT).is_none(), "not gathered yet");
        flusher.gather(&table, AT);
        let next = flusher.next(AT).expect("what came in between");
        assert_eq!((next.number, next.rows.len()), (2, 1));
    }

    #[test]
    fn a_flush_of_very_many_secrets_is_written_in_parts_and_nothing_twice() {
        let (table, mut flusher) = (UsageTable::new(), Flusher::new());
        let used = MOST_ROWS * 2 + 1;
        for _ in 0..used {
            table.cell(KeyId::random(), 1).record_throttled();
        }
        flusher.gather(&table, AT);
        let (mut numbers, mut keys, mut rows) = (Vec::new(), HashSet::new(), 0);
        while let Some(batch) = flusher.next(AT) {
            assert!(batch.rows.len() <= MOST_ROWS);
            rows += batch.rows.len();
            keys.extend(batch.rows.iter().map(|row| row.key));
            numbers.push(batch.number);
            flusher.acknowledged();
            // What is counted meanwhile waits for the next flush.
            table.cell(KeyId::random(), 1).record_throttled();
        }
        assert_eq!((numbers, rows, keys.len()), (vec![1, 2, 3], used, used));
        flusher.gather(&table, AT);
        assert_eq!(flusher.next(AT).expect("the next flush").rows.len(), 3);
    }
}
