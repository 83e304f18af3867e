use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::keyring::RootName;
use crate::store::StoreFault;
use crate::verdict::{DenialReason, Verdict};

/// Defines the counters and levels, their public snapshot, and their metrics.
macro_rules! stats {
    (
        counters { $($(#[$doc:meta])* $field:ident => $metric:literal,)* }
        levels { $($(#[$level_doc:meta])* $level:ident => $level_metric:literal,)* }
    ) => {
        /// What a manager has counted since it was built, and how it stands.
        /// Cheap to take.
        ///
        /// Each field is a metric as well, of the `metrics` crate, with the label
        /// `namespace` ([`ManagerConfig::namespace`](super::ManagerConfig)): those
        /// whose names end in `_total` are counters, the others gauges. Managers
        /// of one namespace add up. One gauge is no field:
        /// `portcullis_store_age_seconds{namespace}`, how long ago the store was
        /// last known to hold nothing unheard of. All of them are handed over with
        /// each flush.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct ManagerStats {
            $(
                $(#[$doc])*
                ///
                #[doc = concat!("Metric: `", $metric, "`.")]
                pub $field: u64,
            )*
            /// Validations that were refused, by [`DenialReason::ALL`]'s order.
            ///
            /// Metric: `portcullis_validations_denied_total`, with the label
            /// `reason` ([`DenialReason::as_str`]).
            pub denied: [u64; DenialReason::COUNT],
            $(
                $(#[$level_doc])*
                ///
                #[doc = concat!("Metric: `", $level_metric, "`.")]
                pub $level: u64,
            )*
            /// Why the store takes no changes now; nothing where it takes them.
            ///
            /// Metric: `portcullis_store_writable`, 1 where there is no fault,
            /// and 0 where there is; of several managers, where one has a fault.
            pub store_fault: Option<StoreFault>,
        }

        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $field: AtomicU64,)*
            denied: [AtomicU64; DenialReason::COUNT],
            last_error: Mutex<Option<String>>,
            pub(super) warming: AtomicBool,
        }

        /// What is not counted but is so now.
        #[derive(Debug, Default)]
        pub(super) struct Levels {
            $(pub(super) $level: u64,)*
            pub(super) store_fault: Option<StoreFault>,
        }

        impl Counters {
            pub(super) fn stats(&self, levels: Levels) -> ManagerStats {
                ManagerStats {
                    $($field: self.$field.load(Relaxed),)*
                    denied: std::array::from_fn(|at| {
                        self.denied.get(at).map_or(0, |count| count.load(Relaxed))
                    }),
                    $($level: levels.$level,)*
                    store_fault: levels.store_fault,
                }
            }
        }

        impl ManagerStats {
            /// The metrics' names, in the order of [`ManagerStats::counts`].
            pub(super) const COUNTERS: [&str; [$($metric),*].len()] = [$($metric),*];
            /// The metrics' names, in the order of [`ManagerStats::levels`].
            pub(super) const LEVELS: [&str; [$($level_metric),*].len()] = [$($level_metric),*];

            pub(super) fn counts(&self) -> [u64; Self::COUNTERS.len()] {
                [$(self.$field),*]
            }

            pub(super) fn levels(&self) -> [u64; Self::LEVELS.len()] {
                [$(self.$level),*]
            }
        }
    };
}

stats! {
    counters {
        /// Validations that granted.
        granted => "portcullis_validations_granted_total",
        /// Validations that could not be answered.
        unavailable => "portcullis_validations_unavailable_total",
        /// Validations answered from the cache.
        cache_hits => "portcullis_cache_hits_total",
        /// Of those: refused because the id is known to name no key.
        negative_hits => "portcullis_cache_negative_hits_total",
        /// Validations that had to ask the store, or to wait for it.
        cache_misses => "portcullis_cache_misses_total",
        /// Misses that joined a read which was under way.
        coalesced_misses => "portcullis_cache_coalesced_misses_total",
        /// Keys read from the store.
        loads => "portcullis_store_loads_total",
        /// Reads of the store that failed or timed out.
        load_failures => "portcullis_store_load_failures_total",
        /// Reads that brought what could not be used, as it was too old by
        /// then, and that began again.
        gate_retries => "portcullis_gate_retries_total",
        /// Misses refused because too many were waiting, or waited too long for
        /// their turn.
        overloads => "portcullis_store_overloads_total",
        /// Misses refused because their client's address had as many reads
        /// under way as there were places left for all others.
        address_overloads => "portcullis_store_address_overloads_total",
        /// Entries to be read again in the background, past their TTL.
        refreshes => "portcullis_cache_refreshes_total",
        /// Of those: not read, as too many were read already, or the read
        /// failed. The entry counts until S, and is tried again after P.
        refresh_failures => "portcullis_cache_refresh_failures_total",
        /// Mismatching tokens for which the key was read again.
        rereads => "portcullis_cache_rereads_total",
        /// Keys read ahead after the start, as they were used most.
        warmed_keys => "portcullis_cache_warmed_keys_total",
        /// Times that reading ahead was given up, as it took too long.
        warm_ups_cut => "portcullis_cache_warm_ups_cut_total",
        /// Polls for changes that were good.
        polls => "portcullis_polls_total",
        /// Polls that failed or timed out.
        poll_failures => "portcullis_poll_failures_total",
        /// Times that the store turned out to be restored or replaced.
        divergences => "portcullis_store_divergences_total",
        /// Batches of usage that the store acknowledged.
        flushes => "portcullis_usage_flushes_total",
        /// Batches of usage that the store did not acknowledge; they are sent
        /// again.
        flush_failures => "portcullis_usage_flush_failures_total",
        /// Changes that were committed through this manager.
        commits => "portcullis_commits_total",
        /// Changes that were refused or failed.
        commit_failures => "portcullis_commit_failures_total",
        /// Changes that were asked for and refused. The audit trail tells each
        /// of them, or of many how many they were.
        refused_changes => "portcullis_refused_changes_total",
        /// Digests that moved to the current root, as their secrets were used.
        redigests => "portcullis_redigests_total",
        /// Batches of digests that the store did not take; they are sent again.
        redigest_failures => "portcullis_redigest_failures_total",
    }
    levels {
        /// Keys that are cached, roughly.
        cached_keys => "portcullis_cache_keys",
        /// Ids that are remembered to name no key, roughly.
        negative_entries => "portcullis_cache_negative_entries",
        /// Reads of keys that run.
        loads_running => "portcullis_store_loads_running",
        /// Reads of keys that wait for their turn.
        loads_waiting => "portcullis_store_loads_waiting",
        /// 1 while the most used keys are read ahead after the start; 0 once
        /// all are read, the cache is full, the store failed or was too slow, or
        /// the manager shuts down.
        warming => "portcullis_cache_warming",
        /// Digests that wait to be moved to the current root.
        digests_waiting => "portcullis_redigests_waiting",
        /// Roots under which the store's keys are made, and that this keyring
        /// lacks: while there is one, a token that cannot be proved is answered
        /// as unavailable, as it may be of that root.
        missing_roots => "portcullis_keyring_missing_roots",
    }
}

impl ManagerStats {
    /// Whether nothing is read ahead any more.
    #[must_use]
    pub fn warm_up_done(&self) -> bool {
        self.warming == 0
    }

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
    /// Why the store takes no changes now, as the last attempt at one has
    /// shown; nothing where it takes them. Keys that are cached or can be read
    /// are decided as before.
    pub fault: Option<StoreFault>,
    /// The roots under which the store's keys are made, and that this keyring
    /// lacks, by name. While there is one, a token that no root of the keyring
    /// proves is [unavailable](crate::verdict::UnavailableCause::UnknownRoot) and not
    /// refused; what the keyring proves is decided as before. A restart with a
    /// keyring that has them ends it.
    pub missing_roots: Arc<[RootName]>,
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
