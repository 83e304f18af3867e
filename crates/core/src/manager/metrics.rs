//! What the manager counts, as metrics of the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::manager::ManagerStats;
use crate::verdict::DenialReason;

const COUNTERS: usize = ManagerStats::COUNTERS.len();
const LEVELS: usize = ManagerStats::LEVELS.len();

/// What all managers of a namespace have handed over in this process. It stays
/// when a manager ends, as counters never go back. Namespaces come from
/// configuration.
static HANDED_OVER: Mutex<BTreeMap<String, Totals>> = Mutex::new(BTreeMap::new());

/// Hands what one manager counts to the `metrics` recorder.
///
/// Differences go into totals of the process, and these to the recorder: one
/// that is installed later misses nothing, and managers of one namespace add
/// up instead of hiding each other.
#[derive(Debug)]
pub(super) struct Recording {
    namespace: String,
    handed: Totals,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Totals {
    counts: [u64; COUNTERS],
    denied: [u64; DenialReason::COUNT],
    levels: [u64; LEVELS],
    /// How many managers have a store that takes no changes.
    unwritable: u64,
}

impl Recording {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            handed: Totals::default(),
        }
    }

    /// Hands over what was counted since the last time, and how old the
    /// knowledge of the store is: that of the manager which says so last.
    pub(super) fn hand_over(&mut self, stats: &ManagerStats, store_age: Duration) {
        let now = Totals {
            counts: stats.counts(),
            denied: stats.denied,
            levels: stats.levels(),
            unwritable: u64::from(stats.store_fault.is_some()),
        };
        self.advance(now);
        metrics::gauge!("portcullis_store_age_seconds", "namespace" => self.namespace.clone())
            .set(store_age.as_secs_f64());
    }

    fn advance(&mut self, now: Totals) {
        let total = {
            let mut all = HANDED_OVER.lock().unwrap_or_else(PoisonError::into_inner);
            let total = all.entry(self.namespace.clone()).or_default();
            total.move_by(&self.handed, &now);
            total.clone()
        };
        self.handed = now;
        total.record(&self.namespace);
    }
}

/// A manager that ended has nothing cached and reads nothing.
impl Drop for Recording {
    fn drop(&mut self) {
        let ended = Totals {
            levels: [0; LEVELS],
            unwritable: 0,
            ..self.handed.clone()
        };
        self.advance(ended);
    }
}

impl Totals {
    /// Takes what one part of it was off, and adds what it is.
    fn move_by(&mut self, was: &Self, is: &Self) {
        let each = |total: &mut [u64], was: &[u64], is: &[u64]| {
            for ((total, was), is) in total.iter_mut().zip(was).zip(is) {
                *total = total.wrapping_sub(*was).wrapping_add(*is);
            }
        };
        each(&mut self.counts, &was.counts, &is.counts);
        each(&mut self.denied, &was.denied, &is.denied);
        each(&mut self.levels, &was.levels, &is.levels);
        let unwritable = std::slice::from_mut(&mut self.unwritable);
        each(unwritable, &[was.unwritable], &[is.unwritable]);
    }

    fn record(&self, namespace: &str) {
        let label = || namespace.to_owned();
        for (name, count) in ManagerStats::COUNTERS.into_iter().zip(self.counts) {
            metrics::counter!(name, "namespace" => label()).absolute(count);
        }
        for (reason, count) in DenialReason::ALL.into_iter().zip(self.denied) {
            metrics::counter!(
                "portcullis_validations_denied_total",
                "namespace" => label(), "reason" => reason.as_str()
            )
            .absolute(count);
        }
        for (name, level) in ManagerStats::LEVELS.into_iter().zip(self.levels) {
            metrics::gauge!(name, "namespace" => label()).set(level as f64);
        }
        let writable = f64::from(u8::from(self.unwritable == 0));
        metrics::gauge!("portcullis_store_writable", "namespace" => label()).set(writable);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
        with_local_recorder,
    };

    use super::Recording;
    use crate::manager::ManagerStats;
    use crate::manager::stats::{Counters, Levels};
    use crate::store::StoreFault;

    /// Keeps counters and gauges by name.
    #[derive(Default)]
    struct Kept(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

    impl Kept {
        fn of(&self, key: &Key) -> Arc<AtomicU64> {
            let mut kept = self.0.lock().expect("lock");
            Arc::clone(kept.entry(key.name().to_owned()).or_default())
        }

        fn counter(&self, name: &str) -> u64 {
            self.0.lock().expect("lock")[name].load(Relaxed)
        }

        fn gauge(&self, name: &str) -> f64 {
            f64::from_bits(self.counter(name))
        }
    }

    impl Recorder for Kept {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.of(key))
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::from_arc(self.of(key))
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    fn stats(polls: u64, cached_keys: u64) -> ManagerStats {
        let counters = Counters::default();
        counters.polls.store(polls, Relaxed);
        counters.stats(Levels {
            cached_keys,
            ..Levels::default()
        })
    }

    #[test]
    fn managers_of_one_namespace_add_up_and_a_late_recorder_misses_nothing() {
        let age = Duration::from_secs(2);
        let (mut one, mut other) = (Recording::new("adds-up"), Recording::new("adds-up"));
        let mut foreign = Recording::new("another");
        // Nobody records yet.
        one.hand_over(&stats(10, 100), age);
        other.hand_over(&stats(3, 30), age);
        foreign.hand_over(&stats(1_000, 1_000), age);
        let kept = Kept::default();
        with_local_recorder(&kept, || {
            one.hand_over(&stats(11, 90), age);
            assert_eq!(kept.counter("portcullis_polls_total"), 14);
            assert_eq!(kept.gauge("portcullis_cache_keys"), 120.0);
            assert_eq!(kept.gauge("portcullis_store_age_seconds"), 2.0);
            // One ends, and another one begins in its place.
            drop(one);
            assert_eq!(kept.gauge("portcullis_cache_keys"), 30.0);
            let mut next = Recording::new("adds-up");
            next.hand_over(&stats(1, 1), age);
            assert_eq!(kept.counter("portcullis_polls_total"), 15);
            assert_eq!(kept.gauge("portcullis_cache_keys"), 31.0);
        });
    }

    #[test]
    fn a_namespace_is_writable_where_every_store_of_it_is() {
        let faulty = || {
            Counters::default().stats(Levels {
                store_fault: Some(StoreFault::Full),
                ..Levels::default()
            })
        };
        let age = Duration::ZERO;
        let (mut one, mut other) = (Recording::new("full"), Recording::new("full"));
        let kept = Kept::default();
        with_local_recorder(&kept, || {
            let writable = || kept.gauge("portcullis_store_writable");
            one.hand_over(&stats(1, 1), age);
            assert_eq!(writable(), 1.0);
            other.hand_over(&faulty(), age);
            one.hand_over(&stats(1, 1), age);
            assert_eq!(writable(), 0.0, "of both");
            other.hand_over(&stats(1, 1), age);
            assert_eq!(writable(), 1.0);
            other.hand_over(&faulty(), age);
            drop(other);
            assert_eq!(writable(), 1.0, "it is gone");
        });
    }

    #[test]
    fn every_figure_has_a_name_of_its_own() {
        let names: Vec<_> = ManagerStats::COUNTERS
            .into_iter()
            .chain(ManagerStats::LEVELS)
            .collect();
        for (at, name) in names.iter().enumerate() {
            assert!(name.starts_with("portcullis_"), "{name}");
            assert!(!names[..at].contains(name), "{name}");
        }
        for name in ManagerStats::COUNTERS {
            assert!(name.ends_with("_total"), "{name}");
        }
    }
}
