use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use portcullis::Verdict;
use portcullis::manager::Validation;
use portcullis_benches::{Failure, World};

use crate::cores::Cores;

/// How long nothing else happens.
const ALONE: Duration = Duration::from_secs(3);
/// Calls between two looks at whether the phase is over.
const STRIDE: u64 = 256;

/// Somebody with good keys, all cached.
pub(crate) struct Live<'a> {
    world: &'a World,
    cores: Cores,
}

/// How long its validations took, and the most reads that were seen meanwhile.
pub(crate) struct Phase {
    name: &'static str,
    nanos: Histogram<u64>,
    pub(crate) most_running: u64,
    pub(crate) most_waiting: u64,
}

impl<'a> Live<'a> {
    pub(crate) fn new(world: &'a World, cores: Cores) -> Self {
        Self { world, cores }
    }

    /// While nothing else happens.
    pub(crate) fn alone(&self, name: &'static str) -> Result<Phase, Failure> {
        let began = Instant::now();
        self.cores
            .timed(|| self.until(name, || began.elapsed() >= ALONE))?
    }

    /// Until somebody else says that it is over.
    pub(crate) fn beside(&self, name: &'static str, over: &AtomicBool) -> Result<Phase, Failure> {
        self.cores
            .timed(|| self.until(name, || over.load(Relaxed)))?
    }

    fn until(&self, name: &'static str, over: impl Fn() -> bool) -> Result<Phase, Failure> {
        let (manager, issue) = (self.world.manager(), &self.world.free);
        let mut phase = Phase {
            name,
            nanos: Histogram::new_with_bounds(1, 60_000_000_000, 3)?,
            most_running: 0,
            most_waiting: 0,
        };
        let mut turn = 0;
        while !over() {
            for _ in 0..STRIDE {
                let began = Instant::now();
                let validation = manager.try_validate(issue.token(turn), &issue.context());
                let took = began.elapsed();
                // A poll may tell of what was created last, once: that is read again.
                if !matches!(validation, Validation::Decided(Verdict::Granted(_))) {
                    return Err(
                        format!("{name}: a cached key is not served: {validation:?}").into(),
                    );
                }
                drop(validation);
                phase.nanos.saturating_record(took.as_nanos() as u64);
                turn += 1;
            }
            let stats = manager.stats();
            phase.most_running = phase.most_running.max(stats.loads_running);
            phase.most_waiting = phase.most_waiting.max(stats.loads_waiting);
        }
        phase.print();
        Ok(phase)
    }
}

impl Phase {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Nanoseconds that one in a hundred took longer than.
    pub(crate) fn p99(&self) -> u64 {
        self.nanos.value_at_quantile(0.99)
    }

    fn print(&self) {
        println!(
            "{:<28} {:>9} {:>9} {:>9} {:>10}",
            self.name,
            self.nanos.value_at_quantile(0.5),
            self.p99(),
            self.nanos.value_at_quantile(0.999),
            self.nanos.len()
        );
    }
}
