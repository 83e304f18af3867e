//! What is wrong with a number in a configuration.

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A setting that is outside of its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSetting {
    field: &'static str,
    allowed: String,
}

impl InvalidSetting {
    pub(crate) fn new(field: &'static str, allowed: &str) -> Self {
        Self {
            field,
            allowed: allowed.to_owned(),
        }
    }

    /// The field's name, as the configuration struct spells it.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// The range that is allowed, with its unit.
    #[must_use]
    pub fn allowed(&self) -> &str {
        &self.allowed
    }
}

/// Checks a duration.
pub(crate) fn check_duration(
    field: &'static str,
    value: Duration,
    range: RangeInclusive<Duration>,
) -> Result<(), InvalidSetting> {
    within(field, value, &range, || {
        format!("{:?} to {:?}", range.start(), range.end())
    })
}

/// Checks a count or size, whose unit is part of the answer.
pub(crate) fn check_count(
    field: &'static str,
    value: usize,
    range: RangeInclusive<usize>,
    unit: &str,
) -> Result<(), InvalidSetting> {
    within(field, value, &range, || {
        format!("{} to {} {unit}", range.start(), range.end())
    })
}

fn within<T: PartialOrd>(
    field: &'static str,
    value: T,
    range: &RangeInclusive<T>,
    allowed: impl FnOnce() -> String,
) -> Result<(), InvalidSetting> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(InvalidSetting {
        field,
        allowed: allowed(),
    })
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` must be {}", self.field, self.allowed)
    }
}

impl Error for InvalidSetting {}
