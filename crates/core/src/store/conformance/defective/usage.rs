use super::{Defect, Defective};
use crate::key::KeyId;
use crate::store::{BoxFuture, StoreError, UsageStore};
use crate::usage::{KeyUsage, NodeId, Usage, UsageBatch};

impl UsageStore for Defective {
    fn add_usage(&self, batch: &UsageBatch) -> BoxFuture<'_, Result<(), StoreError>> {
        let node = if self.has(Defect::BatchesRepeated) {
            NodeId::random()
        } else {
            batch.node
        };
        let batch = UsageBatch {
            node,
            ..batch.clone()
        };
        Box::pin(async move { self.store.add_usage(&batch).await })
    }

    fn usage(&self, keys: Vec<KeyId>) -> BoxFuture<'_, Result<Vec<KeyUsage>, StoreError>> {
        Box::pin(async move {
            let mut all = self.store.usage(keys).await?;
            for KeyUsage { total, secrets } in &mut all {
                match self.defect {
                    Defect::UsageOfKeysAlone => {
                        secrets.iter_mut().for_each(|secret| secret.usage = *total);
                    }
                    Defect::TotalsOfPresentSecrets => {
                        *total = Usage::default();
                        secrets.iter().for_each(|secret| total.add(&secret.usage));
                    }
                    Defect::LastAddressLost => total.last_address = None,
                    _ => {}
                }
            }
            Ok(all)
        })
    }

    fn most_used(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeyId>, StoreError>> {
        Box::pin(async move {
            let mut keys = self.store.most_used(limit).await?;
            if self.has(Defect::UseUnordered) {
                keys.reverse();
            }
            Ok(keys)
        })
    }
}
