use std::net::IpAddr;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::sync::atomic::{
    AtomicI64, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use crate::usage::{AddressClass, Refusals, Usage};

/// One secret's counters since they were last taken.
#[derive(Debug, Default)]
pub(crate) struct UsageCell {
    granted: AtomicU64,
    ended: AtomicU64,
    foreign: AtomicU64,
    address: AtomicU64,
    permission: AtomicU64,
    throttled: AtomicU64,
    last: AtomicI64,
}

/// What a refusal of a proved key is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalClass {
    Ended,
    Foreign,
    Address,
    Permission,
}

impl UsageCell {
    pub(crate) fn record_granted(&self, at: Timestamp, client: Option<IpAddr>) {
        let last = pack(at, client);
        // Most requests of a busy key fall into one millisecond: reading first
        // leaves the cache line alone.
        if self.last.load(Relaxed) < last {
            self.last.fetch_max(last, Relaxed);
        }
        // Counted last, so that who takes the count sees the time as well: a
        // count of nothing would not tell it later.
        self.granted.fetch_add(1, Release);
    }

    pub(crate) fn record_refused(&self, class: RefusalClass) {
        let counter = match class {
            RefusalClass::Ended => &self.ended,
            RefusalClass::Foreign => &self.foreign,
            RefusalClass::Address => &self.address,
            RefusalClass::Permission => &self.permission,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn record_throttled(&self) {
        self.throttled.fetch_add(1, Relaxed);
    }

    /// Takes what was counted until `now`; nothing where nothing was.
    pub(crate) fn take(&self, now: Timestamp) -> Option<Usage> {
        let granted = self.granted.swap(0, Acquire);
        let (last_used_at, last_address) = unpack(self.last_until(now));
        let usage = Usage {
            granted,
            refused: Refusals {
                ended: self.ended.swap(0, Relaxed),
                foreign: self.foreign.swap(0, Relaxed),
                address: self.address.swap(0, Relaxed),
                permission: self.permission.swap(0, Relaxed),
            },
            throttled: self.throttled.swap(0, Relaxed),
            last_used_at,
            last_address,
        };
        let counted = usage.granted | usage.refused.total() | usage.throttled != 0;
        counted.then_some(usage)
    }

    /// The last use, which was not later than now. Where it says so, the clock
    /// was ahead then and was set right since: it is brought back, or nothing
    /// would be later for as long as the cell lives.
    fn last_until(&self, now: Timestamp) -> i64 {
        let last = self.last.load(Relaxed);
        let ahead = unpack(last).0.map_or(Duration::ZERO, |at| at.since(now));
        if ahead <= MOST_AHEAD {
            return last;
        }
        let class = last & ((1 << CLASS_BITS) - 1);
        let right = now.as_millis() << CLASS_BITS | class;
        // Who comes in between has the later word.
        let _ = self.last.compare_exchange(last, right, Relaxed, Relaxed);
        right
    }
}

/// How far a use may lie ahead of a reading of the same clock that was taken a
/// little earlier.
const MOST_AHEAD: Duration = Duration::from_secs(60);

/// Bits for the class of an address; zero stands for one that is not known.
const CLASS_BITS: u32 = 3;

/// Time and class in one number, so that they are of the same request. Zero
/// stands for never.
fn pack(at: Timestamp, client: Option<IpAddr>) -> i64 {
    let class = client.map_or(0, |client| match AddressClass::of(client) {
        AddressClass::Loopback => 1,
        AddressClass::LinkLocal => 2,
        AddressClass::Private => 3,
        AddressClass::Public => 4,
    });
    // A timestamp ends below 2^48.
    at.as_millis() << CLASS_BITS | class
}

fn unpack(last: i64) -> (Option<Timestamp>, Option<AddressClass>) {
    let class = match last & ((1 << CLASS_BITS) - 1) {
        1 => Some(AddressClass::Loopback),
        2 => Some(AddressClass::LinkLocal),
        3 => Some(AddressClass::Private),
        4 => Some(AddressClass::Public),
        _ => None,
    };
    match last >> CLASS_BITS {
        0 => (None, None),
        millis => (Some(Timestamp::from_millis(millis)), class),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RefusalClass, UsageCell};
    use crate::clock::Timestamp;
    use crate::usage::{AddressClass, Refusals};

    #[test]
    fn everything_is_taken_once_and_by_its_class() {
        let cell = UsageCell::default();
        assert_eq!(cell.take(Timestamp::MAX), None);
        cell.record_refused(RefusalClass::Ended);
        cell.record_refused(RefusalClass::Foreign);
        cell.record_refused(RefusalClass::Address);
        cell.record_refused(RefusalClass::Permission);
        cell.record_refused(RefusalClass::Permission);
        cell.record_throttled();
        let usage = cell.take(Timestamp::MAX).expect("counted");
        let refused = Refusals {
            ended: 1,
            foreign: 1,
            address: 1,
            permission: 2,
        };
        assert_eq!((usage.refused, usage.throttled), (refused, 1));
        assert_eq!((usage.granted, usage.last_used_at), (0, None));
        assert_eq!(cell.take(Timestamp::MAX), None);
    }

    #[test]
    fn the_last_use_is_the_latest_one_with_its_own_address() {
        let cell = UsageCell::default();
        let client = |text: &str| Some(text.parse().expect(text));
        cell.record_granted(Timestamp::from_millis(7), client("10.0.0.1"));
        cell.record_granted(Timestamp::from_millis(5), client("192.0.2.1"));
        let usage = cell.take(Timestamp::MAX).expect("counted");
        assert_eq!(usage.last_used_at, Some(Timestamp::from_millis(7)));
        assert_eq!(usage.last_address, Some(AddressClass::Private));
        cell.record_granted(Timestamp::MAX, None);
        let usage = cell.take(Timestamp::MAX).expect("counted");
        assert_eq!(usage.last_used_at, Some(Timestamp::MAX));
        assert_eq!(usage.last_address, None);
    }

    #[test]
    fn a_clock_that_was_ahead_leaves_no_last_use_that_lies_ahead() {
        let cell = UsageCell::default();
        let client = Some("10.0.0.1".parse().expect("address"));
        let now = Timestamp::from_millis(1_000_000);
        cell.record_granted(Timestamp::MAX, client);
        let usage = cell.take(now).expect("counted");
        assert_eq!(usage.last_used_at, Some(now), "no later than now");
        assert_eq!(usage.last_address, Some(AddressClass::Private));
        let later = now.saturating_add(Duration::from_secs(1));
        cell.record_granted(later, None);
        let usage = cell.take(now).expect("counted");
        assert_eq!(usage.last_used_at, Some(later), "the clock has moved on");
        assert_eq!(usage.last_address, None);
    }
}
