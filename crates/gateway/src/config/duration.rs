use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use portcullis::Invalid;

/// A duration as people write it: a whole number and one unit, `500ms`, `30s`, `5m`, `1h`, `90d`.
///
/// Prints in the greatest unit that keeps it whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(Duration);

impl HumanDuration {
    /// The longest duration that can be written: 36,525 days, a hundred years.
    pub const MAX: Duration = Duration::from_secs(36_525 * 86_400);

    /// The duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// The units, the greatest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl From<Duration> for HumanDuration {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for HumanDuration {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let length = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, length)| *length);
        let Some(length) = length.filter(|_| !number.is_empty()) else {
            return Err(Invalid::new(
                "duration",
                "a whole number and one of ms, s, m, h, d, for example 500ms, 30s or 90d",
            ));
        };
        number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(length))
            .map(Duration::from_millis)
            .filter(|duration| *duration <= Self::MAX)
            .map(Self)
            .ok_or_else(|| Invalid::new("duration", "at most 36525d"))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let whole = |length: u64| millis > 0 && millis.is_multiple_of(u128::from(length));
        match UNITS.into_iter().find(|(_, length)| whole(*length)) {
            Some((unit, length)) => write!(f, "{}{unit}", millis / u128::from(length)),
            None => f.write_str("0s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HumanDuration;

    #[test]
    fn durations_read_as_they_are_written() {
        for text in [
            "500ms", "30s", "5m", "1h", "90d", "0s", "36525d", "1500ms", "61s",
        ] {
            let duration: HumanDuration = text.parse().expect(text);
            assert_eq!(duration.to_string(), text);
        }
        for (text, shortest) in [
            ("1000ms", "1s"),
            ("120s", "2m"),
            ("24h", "1d"),
            ("0d", "0s"),
        ] {
            let duration: HumanDuration = text.parse().expect(text);
            assert_eq!(duration.to_string(), shortest);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "s",
            "10",
            "-1s",
            "+1s",
            "1.5s",
            "1 s",
            " 1s",
            "1s ",
            "1w",
            "1S",
            "1é",
            "٣s",
            "1sm",
            "36526d",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(text.parse::<HumanDuration>().is_err(), "{text}");
        }
    }
}
