use std::str::FromStr;
use std::time::Duration;

use portcullis::Invalid;
use portcullis::clock::Timestamp;

use crate::config::HumanDuration;

/// A time, or how far it lies from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// This time.
    At(Timestamp),
    /// So much earlier, or later: as the argument says.
    Away(Duration),
}

impl When {
    /// The time, where a duration looks back.
    pub(super) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Away(duration) => {
                let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_millis(now.as_millis().saturating_sub(millis))
            }
        }
    }

    /// The time, where a duration looks ahead.
    pub(super) fn after(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Away(duration) => now.saturating_add(duration),
        }
    }

    /// Whether the time depends on when it is asked for.
    pub(super) fn is_relative(self) -> bool {
        matches!(self, Self::Away(_))
    }
}

impl FromStr for When {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Ok(duration) = text.parse::<HumanDuration>() {
            return Ok(Self::Away(duration.get()));
        }
        text.parse().map(Self::At).map_err(|_| {
            Invalid::new(
                "time",
                "a time such as 2030-01-31T12:00:00Z, or a duration such as 7d",
            )
        })
    }
}

/// How long ago that was, in words.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(at).as_secs();
    let (count, unit) = match seconds {
        0..5 => return "just now".to_owned(),
        5..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis::clock::Timestamp;

    use super::{When, ago};

    #[test]
    fn it_is_a_time_or_a_distance() {
        let now = Timestamp::from_millis(1_000_000);
        let when = |text: &str| text.parse::<When>();
        let minute = when("1m").expect("valid");
        assert_eq!(minute.before(now), Timestamp::from_millis(940_000));
        assert_eq!(minute.after(now), Timestamp::from_millis(1_060_000));
        let at = when("1970-01-01T00:00:01Z").expect("valid");
        assert_eq!(at, When::At(Timestamp::from_millis(1_000)));
        let long = when("36525d").expect("valid");
        assert_eq!(
            long.before(now),
            Timestamp::from_millis(0),
            "no time is before the epoch"
        );
        for text in ["", "yesterday", "-1d", "1 d", "2030-01-31"] {
            assert!(when(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_is_told_in_words() {
        let at = Timestamp::from_millis(0);
        let after = |seconds| ago(at, at.saturating_add(Duration::from_secs(seconds)));
        for (seconds, words) in [
            (0, "just now"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (180, "3 minutes ago"),
            (7_200, "2 hours ago"),
            (86_400 * 400, "400 days ago"),
        ] {
            assert_eq!(after(seconds), words);
        }
        assert_eq!(
            ago(Timestamp::from_millis(9_000), at),
            "just now",
            "clocks may differ"
        );
    }
}
