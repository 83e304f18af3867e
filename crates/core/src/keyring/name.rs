use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Invalid;

/// The name of a root: 1 to 32 characters of `a-z`, `0-9` and `-`. No secret.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootName(Arc<str>);

impl RootName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RootName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let formed = (1..=32).contains(&text.len())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if formed {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new(
                "root",
                "1 to 32 characters of a-z, 0-9 and '-'",
            ))
        }
    }
}

impl fmt::Display for RootName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RootName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootName({})", self.0)
    }
}
