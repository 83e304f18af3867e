use crate::store::{BoxFuture, Change, Head, Operation, Redigest, RootCheck, Store, StoreError};
use crate::usage::UsageBatch;

/// Something that writes.
#[derive(Debug, Clone)]
pub(super) enum Write {
    Commit(Change),
    AddUsage(UsageBatch),
    Redigest(Vec<Redigest>),
    RememberRoots(Vec<RootCheck>),
}

/// What a store answers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    Head(Head),
    Done,
    Count(u64),
    Roots(Vec<RootCheck>),
}

impl Write {
    /// Writes to the store, from the first time that the future is polled on.
    pub(super) fn send(self, store: &dyn Store) -> BoxFuture<'_, Result<Written, StoreError>> {
        match self {
            Self::Commit(change) => {
                let commit = store.commit(change);
                Box::pin(async move { commit.await.map(Written::Head) })
            }
            Self::AddUsage(batch) => {
                let added = store.add_usage(&batch);
                Box::pin(async move { added.await.map(|()| Written::Done) })
            }
            Self::Redigest(batch) => {
                let moved = store.redigest(batch);
                Box::pin(async move { moved.await.map(Written::Count) })
            }
            Self::RememberRoots(checks) => {
                let remembered = store.remember_roots(checks);
                Box::pin(async move {
                    let mut roots = remembered.await?;
                    roots.sort_by(|a, b| a.name.cmp(&b.name));
                    Ok(Written::Roots(roots))
                })
            }
        }
    }

    /// Its name in a tally.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::AddUsage(_) => "add_usage",
            Self::Redigest(_) => "redigest",
            Self::RememberRoots(_) => "remember_roots",
            Self::Commit(change) => match change.steps.as_slice() {
                [] => "nothing",
                [step] => operation(&step.operation),
                _ => "several_steps",
            },
        }
    }
}

fn operation(operation: &Operation) -> &'static str {
    match operation {
        Operation::Record => "record",
        Operation::CreateService(_) => "create_service",
        Operation::UpdateService { .. } => "update_service",
        Operation::CreateKey { .. } => "create_key",
        Operation::UpdateKey { .. } => "update_key",
        Operation::RevokeDamagedKey { .. } => "revoke_damaged_key",
        Operation::RetireRoot { .. } => "retire_root",
        Operation::AnchorAudit(_) => "anchor_audit",
        Operation::PruneAudit(_) => "prune_audit",
    }
}
