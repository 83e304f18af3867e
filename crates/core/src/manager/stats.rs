use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::verdict::{DenialReason, Verdict};

/// Defines the counters, their public snapshot, and their metrics.
macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident => $metric:literal,)*) => {
        /// Counts since the manager was built. Cheap to take.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct ManagerStats {
            $($(#[$doc])* pub $field: u64,)*
            /// Validations that were refused, by [`DenialReason::ALL`]'s order.
            pub denied: [u64; DenialReason::COUNT],
            /// Keys that are cached, roughly.
            pub cached_keys: u64,
            /// Reads of the store that run or wait.
            pub loads_pending: u64,
        }

        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $field: AtomicU64,)*
            denied: [AtomicU64; DenialReason::COUNT],
            last_error: Mutex<Option<String>>,
        }

        impl Counters {
            pub(super) fn stats(&self, cached_keys: u64, loads_pending: u64) -> ManagerStats {
                ManagerStats {
                    $($field: self.$field.load(Relaxed),)*
                    denied: std::array::from_fn(|at| {
                        self.denied.get(at).map_or(0, |count| count.load(Relaxed))
                    }),
                    cached_keys,
                    loads_pending,
                }
            }
        }

        impl ManagerStats {
            /// Hands the totals to the `metrics` recorder, if one is installed:
            /// totals, not differences, so that one installed later misses
            /// nothing.
            pub(super) fn export(&self, namespace: &str) {
                let label = || namespace.to_owned();
                $(metrics::counter!($metric, "namespace" => label()).absolute(self.$field);)*
                for (reason, count) in DenialReason::ALL.into_iter().zip(self.denied) {
                    metrics::counter!(
                        "portcullis_validations_denied_total",
                        "namespace" => label(), "reason" => reason.as_str()
                    ).absolute(count);
                }
                metrics::gauge!("portcullis_cache_keys", "namespace" => label())
                    .set(self.cached_keys as f64);
                metrics::gauge!("portcullis_store_loads_pending", "namespace" => label())
                    .set(self.loads_pending as f64);
            }
        }
    };
}

counters! {
    /// Validations that granted.
    granted => "portcullis_validations_granted_total",
    /// Validations that could not be answered.
    unavailable => "portcullis_validations_unavailable_total",
    /// Validations answered from the cache.
    cache_hits => "portcullis_cache_hits_total",
    /// Validations that had to ask the store, or to wait for it.
    cache_misses => "portcullis_cache_misses_total",
    /// Keys read from the store.
    loads => "portcullis_store_loads_total",
    /// Reads of the store that failed or timed out.
    load_failures => "portcullis_store_load_failures_total",
    /// Reads that brought what could not be used, as it was too old by then,
    /// and that began again.
    gate_retries => "portcullis_gate_retries_total",
    /// Misses refused because too many were waiting, or waited too long for
    /// their turn.
    overloads => "portcullis_store_overloads_total",
    /// Entries read again in the background, past their TTL.
    refreshes => "portcullis_cache_refreshes_total",
    /// Mismatching tokens for which the key was read again.
    rereads => "portcullis_cache_rereads_total",
    /// Polls for changes that were good.
    polls => "portcullis_polls_total",
    /// Polls that failed or timed out.
    poll_failures => "portcullis_poll_failures_total",
    /// Times that the store turned out to be restored or replaced.
    divergences => "portcullis_store_divergences_total",
    /// Batches of usage that the store acknowledged.
    flushes => "portcullis_usage_flushes_total",
    /// Batches of usage that the store did not acknowledge; they are sent again.
    flush_failures => "portcullis_usage_flush_failures_total",
    /// Changes that were committed through this manager.
    commits => "portcullis_commits_total",
    /// Changes that were refused or failed.
    commit_failures => "portcullis_commit_failures_total",
}

impl ManagerStats {
    /// How many validations were refused for this reason.
    #[must_use]
    pub fn denied_for(&self, reason: DenialReason) -> u64 {
        let mut counted = DenialReason::ALL.into_iter().zip(self.denied);
        counted
            .find(|(other, _)| *other == reason)
            .map_or(0, |(_, count)| count)
    }
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn verdict(&self, verdict: &Verdict) {
        match verdict {
            Verdict::Granted(_) => Self::add(&self.granted),
            Verdict::Denied(denial) => {
                // The order of `ALL` is that of the variants.
                if let Some(count) = self.denied.get(denial.reason() as usize) {
                    Self::add(count);
                }
            }
            Verdict::Unavailable(_) => Self::add(&self.unavailable),
        }
    }

    /// Remembers why the store did not answer a poll, and that it does again.
    pub(super) fn store_state(&self, error: Option<String>) {
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = error;
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// How the store stands, as this node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStatus {
    /// How long ago the store was last known to hold nothing unheard of.
    pub age: Duration,
    /// Whether cached keys still count: the age is at most S.
    pub fresh: bool,
    /// Why the last poll failed; nothing where it was good.
    pub last_error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::DenialReason;

    #[test]
    fn reasons_count_where_they_are_listed() {
        for (at, reason) in DenialReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at, "{}", reason.as_str());
        }
    }
}
