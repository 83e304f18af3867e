//! How often a key may be used.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Invalid;

/// A rate with a burst: `requests` per `period`, of which `burst` may come at
/// once after a rest.
///
/// It is enforced by the generic cell rate algorithm (GCRA, ITU-T I.371): each
/// request takes `period / requests` of time, and up to `burst` of them may be
/// taken ahead. Within any window as long as the period, at most
/// `burst + requests` pass.
///
/// As text: `100/s`, `10/m`, `1000/h`, `5/30s`, `10/m burst 20`. Without a
/// burst it equals the number of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    requests: NonZeroU32,
    period: Duration,
    burst: NonZeroU32,
}

impl Rate {
    /// The greatest number of requests a period, and the greatest burst.
    pub const MAX_REQUESTS: u32 = 1_000_000;
    /// The longest period.
    pub const MAX_PERIOD: Duration = Duration::from_secs(31 * 86_400);
    /// The longest time that a spent burst may take to come back in full.
    pub const MAX_RECOVERY: Duration = Duration::from_secs(366 * 86_400);

    /// A rate of `requests` per `period` with a burst of `burst`.
    ///
    /// # Errors
    ///
    /// [`Invalid`] unless `requests` and `burst` lie in 1 to 1,000,000, the
    /// period is of whole seconds, 1 to those of 31 days, and a spent burst
    /// recovers within 366 days.
    pub fn new(requests: u32, period: Duration, burst: u32) -> Result<Self, Invalid> {
        let count = |field, value: u32| {
            NonZeroU32::new(value)
                .filter(|value| value.get() <= Self::MAX_REQUESTS)
                .ok_or_else(|| Invalid::new(field, "1 to 1,000,000 requests"))
        };
        let rate = Self {
            requests: count("rate", requests)?,
            period,
            burst: count("burst", burst)?,
        };
        let whole = period.subsec_nanos() == 0 && !period.is_zero();
        if !whole || period > Self::MAX_PERIOD {
            let expected = "a period of 1 second to 31 days, in whole seconds";
            return Err(Invalid::new("rate", expected));
        }
        if rate.interval().saturating_mul(burst) > Self::MAX_RECOVERY {
            return Err(Invalid::new(
                "burst",
                "a burst that comes back within 366 days (period / requests x burst)",
            ));
        }
        Ok(rate)
    }

    /// Requests per period, 1 to 1,000,000.
    #[must_use]
    pub fn requests(&self) -> NonZeroU32 {
        self.requests
    }

    /// The period, 1 second to 31 days, in whole seconds.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Requests that may come at once after a rest, 1 to 1,000,000.
    #[must_use]
    pub fn burst(&self) -> NonZeroU32 {
        self.burst
    }

    /// The time that one request takes: the period over the requests, rounded
    /// up to a nanosecond so that never more than the rate passes.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let nanos = self
            .period
            .as_nanos()
            .div_ceil(u128::from(self.requests.get()));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.period.as_secs();
        let unit = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]
            .into_iter()
            .find(|(_, length)| seconds.is_multiple_of(*length));
        write!(f, "{}/", self.requests)?;
        match unit {
            Some((unit, length)) if seconds == length => f.write_str(unit)?,
            Some((unit, length)) => write!(f, "{}{unit}", seconds / length)?,
            None => write!(f, "{seconds}s")?,
        }
        if self.burst != self.requests {
            write!(f, " burst {}", self.burst)?;
        }
        Ok(())
    }
}

impl FromStr for Rate {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let form = || Invalid::new("rate", "the form 100/s, 10/m, 5/30s or 10/m burst 20");
        let (rate, burst) = match text.split_once(" burst ") {
            Some((rate, burst)) => (rate, Some(count(burst, "burst")?)),
            None => (text, None),
        };
        let (requests, period) = rate.split_once('/').ok_or_else(form)?;
        let requests = count(requests, "rate")?;
        let unit = period
            .char_indices()
            .next_back()
            .map(|(at, _)| period.split_at(at));
        let (number, length) = match unit {
            Some((number, "s")) => (number, 1),
            Some((number, "m")) => (number, 60),
            Some((number, "h")) => (number, 3_600),
            Some((number, "d")) => (number, 86_400),
            _ => return Err(form()),
        };
        let number = if number.is_empty() {
            1
        } else {
            u64::from(count(number, "rate")?)
        };
        let period = Duration::from_secs(number.saturating_mul(length));
        Self::new(requests, period, burst.unwrap_or(requests))
    }
}

/// Decimal digits alone: no sign, no white space, nothing that overflows.
fn count(text: &str, field: &'static str) -> Result<u32, Invalid> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Invalid::new(
            field,
            "the form 100/s, 10/m, 5/30s or 10/m burst 20",
        ));
    }
    text.parse()
        .map_err(|_| Invalid::new(field, "1 to 1,000,000 requests"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Rate;

    #[test]
    fn rates_read_as_they_are_written() {
        for text in [
            "100/s",
            "10/m",
            "1000/h",
            "5/30s",
            "10/m burst 20",
            "1/7d",
            "1000000/s",
        ] {
            let rate: Rate = text.parse().expect(text);
            assert_eq!(rate.to_string(), text);
        }
        let rate: Rate = "60/60s burst 60".parse().expect("valid");
        assert_eq!(rate.to_string(), "60/m");
    }

    #[test]
    fn absurd_rates_are_refused() {
        for text in [
            "",
            "0/s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "1000001/s",
            "99999999999/s",
            "1/",
            "/s",
            "10",
            "10/0s",
            "10/w",
            "10/32d",
            "10/m burst 0",
            "10/m burst -1",
            "10/m burst 1000001",
            "10/m  burst 2",
            "10/99999999999999999999s",
            "10/é",
            "10/m burst ",
            "1/31d burst 1000000",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        for period in [0, 999, 1_001, 1_500, u64::MAX] {
            let rate = Rate::new(1, Duration::from_millis(period), 1);
            assert!(rate.is_err(), "{period}: it could not be written");
        }
    }

    #[test]
    fn one_request_never_takes_less_than_its_share() {
        let rate: Rate = "3/s".parse().expect("valid");
        assert_eq!(rate.interval(), Duration::from_nanos(333_333_334));
    }
}
