use metrics::{Counter, Gauge, counter, gauge};

use super::health::Condition;
use super::retry::Reason;
use crate::telemetry::names;

/// What one upstream is counted by. The only labels are its name and closed sets of words, never
/// an address: the log tells of single addresses.
///
/// The handles are made once, for the recorder that is installed then. Gauges go up and down by
/// what exists, so that two upstreams of one name add up while one takes the place of the other.
#[derive(Debug)]
pub(super) struct Meters {
    pub(super) in_flight: Gauge,
    pub(super) waiting: Gauge,
    pub(super) idle: Gauge,
    pub(super) dialled: Counter,
    pub(super) dial_failures: Counter,
    pub(super) reused: Counter,
    pub(super) ejections: Counter,
    pub(super) last_resorts: Counter,
    pub(super) budget_spent: Counter,
    retries: [(Reason, Counter); 4],
    addresses: [(Condition, Gauge); 3],
    checks: [Counter; 2],
    lookups: [Counter; 2],
}

/// One more of something, for as long as it exists.
pub(super) struct Counted(Gauge);

impl Meters {
    pub(super) fn new(upstream: &str) -> Self {
        let of = |name: &'static str| counter!(name, "upstream" => upstream.to_owned());
        let now = |name: &'static str| gauge!(name, "upstream" => upstream.to_owned());
        let outcome = |name: &'static str, outcome: &'static str| counter!(name, "upstream" => upstream.to_owned(), "outcome" => outcome);
        Self {
            in_flight: now(names::UPSTREAM_IN_FLIGHT),
            waiting: now(names::UPSTREAM_WAITING),
            idle: now(names::UPSTREAM_IDLE),
            dialled: of(names::UPSTREAM_DIALLED),
            dial_failures: of(names::UPSTREAM_DIAL_FAILURES),
            reused: of(names::UPSTREAM_REUSED),
            ejections: of(names::UPSTREAM_EJECTIONS),
            last_resorts: of(names::UPSTREAM_LAST_RESORTS),
            budget_spent: of(names::UPSTREAM_BUDGET_SPENT),
            retries: Reason::ALL.map(|reason| {
                let retries = counter!(
                    names::UPSTREAM_RETRIES,
                    "upstream" => upstream.to_owned(), "reason" => reason.as_str()
                );
                (reason, retries)
            }),
            addresses: Condition::ALL.map(|condition| {
                let addresses = gauge!(
                    names::UPSTREAM_ADDRESSES,
                    "upstream" => upstream.to_owned(), "condition" => condition.as_str()
                );
                (condition, addresses)
            }),
            checks: ["good", "bad"].map(|word| outcome(names::UPSTREAM_HEALTH_CHECKS, word)),
            lookups: ["good", "bad"].map(|word| outcome(names::UPSTREAM_LOOKUPS, word)),
        }
    }

    pub(super) fn retried(&self, reason: Reason) {
        let counter = self.retries.iter().find(|(of, _)| *of == reason);
        if let Some((_, counter)) = counter {
            counter.increment(1);
        }
    }

    pub(super) fn checked(&self, is_good: bool) {
        count(&self.checks, is_good);
    }

    pub(super) fn looked_up(&self, is_good: bool) {
        count(&self.lookups, is_good);
    }

    /// An address in this condition, for as long as it is.
    pub(super) fn address(&self, condition: Condition) -> Option<Counted> {
        let gauge = self.addresses.iter().find(|(of, _)| *of == condition);
        gauge.map(|(_, gauge)| Counted::new(gauge))
    }
}

fn count([good, bad]: &[Counter; 2], is_good: bool) {
    match is_good {
        true => good.increment(1),
        false => bad.increment(1),
    }
}

impl Counted {
    pub(super) fn new(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl std::fmt::Debug for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counted(..)")
    }
}
