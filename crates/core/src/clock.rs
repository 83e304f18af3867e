//! The one source of time.
//!
//! Everything that depends on time asks a [`Clock`], once per request, and
//! hands the [`Moment`] on. Tests hold the clock still.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::Invalid;
use crate::store::BoxFuture;

/// A point in civil time, in milliseconds since the Unix epoch.
///
/// Prints and parses as RFC 3339 in UTC, with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest timestamp that can be printed: the end of the year 9999,
    /// less one day for time zones.
    pub const MAX: Self = Self(253_402_207_200_000 - 1);

    /// The timestamp that lies `millis` milliseconds after the Unix epoch.
    /// Values before the epoch or after [`Timestamp::MAX`] are brought into
    /// that range.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        if millis < 0 {
            Self(0)
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This timestamp and `duration` later, [`Timestamp::MAX`] at most.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// How long after `earlier` this is; zero where it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            // Cannot happen: the range of this type lies within jiff's.
            Err(_) => Err(fmt::Error),
        }
    }
}

impl FromStr for Timestamp {
    type Err = Invalid;

    /// Parses RFC 3339, for example `2030-01-31T12:00:00Z`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| {
            Invalid::new("time", "an RFC 3339 time, for example 2030-01-31T12:00:00Z")
        })?;
        let millis = parsed.as_millisecond();
        if !(0..=Self::MAX.0).contains(&millis) {
            return Err(Invalid::new("time", "a year from 1970 to 9999"));
        }
        Ok(Self(millis))
    }
}

/// One reading of a clock: when a request was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    monotonic: u64,
    wall: Timestamp,
}

impl Moment {
    /// A reading of `monotonic` nanoseconds since the clock's own epoch, at
    /// civil time `wall`.
    #[must_use]
    pub const fn new(monotonic: u64, wall: Timestamp) -> Self {
        Self { monotonic, wall }
    }

    /// Nanoseconds since the clock's own epoch; never goes back. It may stand
    /// still while the machine is suspended.
    #[must_use]
    pub const fn monotonic(self) -> u64 {
        self.monotonic
    }

    /// Civil time; may be set, forward and back.
    #[must_use]
    pub const fn wall(self) -> Timestamp {
        self.wall
    }

    /// Whether this reading was taken before `other`, on the same clock.
    #[must_use]
    pub const fn is_before(self, other: Self) -> bool {
        self.monotonic < other.monotonic
    }

    /// How old something is that happened at `earlier`: the larger advance of
    /// both clocks, so that a suspended machine does not take old for new.
    #[must_use]
    pub fn age_since(self, earlier: Self) -> Duration {
        let monotonic = Duration::from_nanos(self.monotonic.saturating_sub(earlier.monotonic));
        monotonic.max(self.wall.since(earlier.wall))
    }
}

/// A source of time and of waiting.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Reads both clocks.
    fn now(&self) -> Moment;

    /// [`Moment::monotonic`] of now, for whoever measures how long something
    /// takes and needs no civil time.
    fn monotonic(&self) -> u64 {
        self.now().monotonic()
    }

    /// Ends once `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clocks.
#[derive(Debug, Clone)]
pub struct SystemClock {
    epoch: Instant,
}

impl SystemClock {
    /// A clock whose monotonic reading starts a second ago, so that zero is
    /// never a reading.
    #[must_use]
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            epoch: now.checked_sub(Duration::from_secs(1)).unwrap_or(now),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let monotonic = self.monotonic();
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let millis = i64::try_from(wall.as_millis()).unwrap_or(i64::MAX);
        Moment::new(monotonic, Timestamp::from_millis(millis))
    }

    fn monotonic(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(feature = "testing")]
pub use manual::ManualClock;

#[cfg(feature = "testing")]
mod manual {
    use std::time::Duration;

    use tokio::sync::watch;

    use super::{Clock, Moment, Timestamp};
    use crate::store::BoxFuture;

    /// A clock that stands still until it is told to move.
    ///
    /// Clones share the time. It starts at 2030-01-01T00:00:00Z.
    #[derive(Debug, Clone)]
    pub struct ManualClock {
        now: watch::Sender<Moment>,
    }

    impl ManualClock {
        /// A clock at its start.
        #[must_use]
        pub fn new() -> Self {
            let start = Moment::new(1_000_000_000, Timestamp::from_millis(1_893_456_000_000));
            Self {
                now: watch::Sender::new(start),
            }
        }

        /// Moves both clocks forward.
        pub fn advance(&self, duration: Duration) {
            self.now.send_modify(|now| {
                let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
                *now = Moment::new(
                    now.monotonic().saturating_add(nanos),
                    now.wall().saturating_add(duration),
                );
            });
        }

        /// Sets civil time alone, as an operator or a time server would.
        pub fn set_wall(&self, wall: Timestamp) {
            self.now
                .send_modify(|now| *now = Moment::new(now.monotonic(), wall));
        }
    }

    impl Default for ManualClock {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> Moment {
            *self.now.borrow()
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            let mut now = self.now.subscribe();
            let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            let until = now.borrow().monotonic().saturating_add(nanos);
            Box::pin(async move {
                // An error means that the clock is gone, and time with it.
                if now.wait_for(|now| now.monotonic() >= until).await.is_err() {
                    std::future::pending::<()>().await;
                }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Clock, ManualClock, Timestamp};

    #[test]
    fn timestamps_print_and_parse_as_rfc_3339() {
        let timestamp: Timestamp = "2030-01-31T12:00:00.250Z".parse().expect("valid");
        assert_eq!(timestamp.to_string(), "2030-01-31T12:00:00.250Z");
        assert!(Timestamp::MAX.to_string().starts_with("9999-12-3"));
        for text in [
            "",
            "yesterday",
            "2030-13-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "-1",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_suspended_machine_does_not_take_old_for_new() {
        let clock = ManualClock::new();
        let before = clock.now();
        clock.set_wall(before.wall().saturating_add(Duration::from_secs(3600)));
        assert_eq!(clock.now().age_since(before), Duration::from_secs(3600));
        clock.set_wall(Timestamp::from_millis(0));
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now().age_since(before), Duration::from_secs(2));
    }
}
