use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis::key::Owner;

/// Every owner's orders, in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Book(Arc<Mutex<HashMap<Owner, Vec<String>>>>);

/// That an owner has as many orders as fit.
#[derive(Debug)]
pub(super) struct Full;

impl Book {
    /// The most orders of one owner.
    pub(super) const MAX: usize = 100;

    pub(super) fn add(&self, owner: &Owner, order: String) -> Result<(), Full> {
        self.with(|orders| {
            let theirs = orders.entry(owner.clone()).or_default();
            if theirs.len() == Self::MAX {
                return Err(Full);
            }
            theirs.push(order);
            Ok(())
        })
    }

    /// The owner's orders, a line each.
    pub(super) fn of(&self, owner: &Owner) -> String {
        self.with(|orders| {
            let theirs = orders.get(owner).into_iter().flatten();
            theirs.map(|order| format!("{order}\n")).collect()
        })
    }

    pub(super) fn count(&self, owner: Option<&Owner>) -> usize {
        self.with(|orders| match owner {
            Some(owner) => orders.get(owner).map_or(0, Vec::len),
            None => orders.values().map(Vec::len).sum(),
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Owner, Vec<String>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
