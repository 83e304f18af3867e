use crate::clock::Timestamp;
use crate::usage::{NodeId, UsageBatch, UsageTable};

/// Freezes what was counted into numbered batches, one at a time.
#[derive(Debug)]
pub(crate) struct Flusher {
    node: NodeId,
    number: u64,
    frozen: Option<UsageBatch>,
}

impl Flusher {
    pub(crate) fn new() -> Self {
        Self {
            node: NodeId::random(),
            number: 0,
            frozen: None,
        }
    }

    /// The batch to send: the one not yet acknowledged, or else a new one of
    /// what was counted since; nothing where nothing was.
    pub(crate) fn next(&mut self, table: &UsageTable, at: Timestamp) -> Option<&UsageBatch> {
        if self.frozen.is_none() {
            let rows = table.take();
            if !rows.is_empty() {
                self.number += 1;
                self.frozen = Some(UsageBatch {
                    node: self.node,
                    number: self.number,
                    at,
                    rows,
                });
            }
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
    use super::Flusher;
    use crate::clock::Timestamp;
    use crate::key::KeyId;
    use crate::usage::UsageTable;

    #[test]
    fn a_batch_stays_the_same_until_it_is_acknowledged() {
        let (table, mut flusher) = (UsageTable::new(), Flusher::new());
        let at = Timestamp::from_millis(1);
        assert!(flusher.next(&table, at).is_none());
        let cell = table.cell(KeyId::random());
        cell.record_granted(at);
        let sent = flusher.next(&table, at).cloned().expect("a batch");
        cell.record_granted(at);
        assert_eq!(flusher.next(&table, at), Some(&sent), "frozen");
        flusher.acknowledged();
        let next = flusher.next(&table, at).expect("what came in between");
        assert_eq!((next.number, next.rows.len()), (2, 1));
    }
}
