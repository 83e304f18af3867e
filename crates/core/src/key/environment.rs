use std::fmt;
use std::str::FromStr;

use crate::error::Invalid;

/// Where a key may be used. Part of the token, so that a person sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Environment {
    /// Real traffic: `live`.
    Live,
    /// Trials: `test`.
    Test,
}

impl Environment {
    /// `live` or `test`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Live => 1,
            Self::Test => 2,
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Environment {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err(Invalid::new("environment", "live or test")),
        }
    }
}

/// The environments whose keys a door accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environments(u8);

impl Environments {
    /// Keys of every environment are accepted.
    pub const ALL: Self = Self(Environment::Live.bit() | Environment::Test.bit());

    /// Keys of this environment alone are accepted.
    #[must_use]
    pub const fn only(environment: Environment) -> Self {
        Self(environment.bit())
    }

    /// Whether keys of `environment` are accepted.
    #[must_use]
    pub const fn contain(self, environment: Environment) -> bool {
        self.0 & environment.bit() != 0
    }
}

impl From<Environment> for Environments {
    fn from(environment: Environment) -> Self {
        Self::only(environment)
    }
}
