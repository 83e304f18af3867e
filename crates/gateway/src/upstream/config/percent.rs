use std::fmt;
use std::str::FromStr;

use portcullis::Invalid;

/// A part of a whole, from `0%` to `100%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u8);

impl Percent {
    /// Nothing of it.
    pub const ZERO: Self = Self(0);

    pub(super) const fn of(percent: u8) -> Self {
        Self(percent)
    }

    /// The number before the sign, 0 to 100.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// That part of a number, rounded down.
    #[must_use]
    pub const fn part_of(self, whole: usize) -> usize {
        whole / 100 * self.0 as usize + whole % 100 * self.0 as usize / 100
    }
}

impl FromStr for Percent {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_suffix('%').filter(|digits| {
            (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        digits
            .and_then(|digits| digits.parse().ok())
            .filter(|percent| *percent <= 100)
            .map(Self)
            .ok_or_else(|| Invalid::new("percent", "0% to 100%, for example 20%"))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_a_whole_number_with_its_sign() {
        for (text, part) in [("0%", 0), ("1%", 0), ("33%", 0), ("34%", 1), ("100%", 3)] {
            let percent: Percent = text.parse().unwrap();
            assert_eq!(percent.to_string(), text);
            assert_eq!(percent.part_of(3), part, "{text}");
        }
        assert_eq!(Percent::of(50).part_of(usize::MAX), usize::MAX / 2);
        for text in [
            "", "%", "50", "101%", "-1%", "+1%", "0.5%", "1 %", "0001%", "٣%",
        ] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }
}
