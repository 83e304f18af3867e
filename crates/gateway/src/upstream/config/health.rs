use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::StatusCode;
use http::uri::PathAndQuery;
use portcullis::Invalid;

use crate::setting::{InvalidSetting, check_count, check_duration};

/// How each address is asked whether it is well, beside the requests that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthConfig {
    /// What it is asked for, by GET, on a connection of its own each time.
    pub path: PathAndQuery,
    /// From one answer to the next question, a tenth more or less by chance. 10 ms to 1 h; 10 s by
    /// default.
    pub interval: Duration,
    /// How long connection and head of the answer may take. 1 ms to 5 min; 2 s by default.
    pub timeout: Duration,
    /// How many good answers one after the other bring it back. 1 to 100; 2 by default.
    pub healthy: usize,
    /// How many bad ones one after the other take it out. 1 to 100; 3 by default.
    pub unhealthy: usize,
    /// What a good answer is. 200 to 299 by default.
    pub status: StatusRange,
}

/// Statuses from one to another, both included: `200-299`, or `204` for one alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    first: u16,
    last: u16,
}

impl HealthConfig {
    /// The defaults, for a path.
    #[must_use]
    pub const fn new(path: PathAndQuery) -> Self {
        Self {
            path,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(2),
            healthy: 2,
            unhealthy: 3,
            status: StatusRange {
                first: 200,
                last: 299,
            },
        }
    }

    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        let interval = Duration::from_millis(10)..=Duration::from_hours(1);
        check_duration("health.interval", self.interval, interval)?;
        let timeout = Duration::from_millis(1)..=Duration::from_mins(5);
        check_duration("health.timeout", self.timeout, timeout)?;
        check_count("health.healthy", self.healthy, 1..=100, "answers")?;
        check_count("health.unhealthy", self.unhealthy, 1..=100, "answers")?;
        match self.path.as_str().starts_with('/') {
            true => Ok(()),
            false => Err(InvalidSetting::new(
                "health.path",
                "a path, for example /healthz",
            )),
        }
    }
}

impl StatusRange {
    pub(in crate::upstream) fn contains(self, status: StatusCode) -> bool {
        (self.first..=self.last).contains(&status.as_u16())
    }
}

impl FromStr for StatusRange {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let number = |text: &str| {
            let is_status = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|_| is_status)?;
            (200..=599).contains(&number).then_some(number)
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        number(first)
            .zip(number(last))
            .filter(|(first, last)| first <= last)
            .map(|(first, last)| Self { first, last })
            .ok_or_else(|| {
                let expected =
                    "a status of 200 to 599, or two for all between, for example 200-299";
                Invalid::new("status", expected)
            })
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_one_or_all_between_two() {
        for (text, within, without) in [("204", 204, 200), ("200-399", 302, 404)] {
            let range: StatusRange = text.parse().unwrap();
            assert_eq!(range.to_string(), text);
            assert!(range.contains(StatusCode::from_u16(within).unwrap()));
            assert!(!range.contains(StatusCode::from_u16(without).unwrap()));
        }
        for text in [
            "", "-", "200-", "-299", "299-200", "100-200", "600", "20", "2xx", "+200",
        ] {
            assert!(text.parse::<StatusRange>().is_err(), "{text}");
        }
    }
}
