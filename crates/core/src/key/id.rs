use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::error::Invalid;

/// The stable name of a key: a random UUID (version 4, RFC 9562).
///
/// It is no secret: it may be logged, searched for and shown. Prints with
/// hyphens; parses with or without.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Uuid);

impl KeyId {
    /// A new random id.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The id of these sixteen bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The id's sixteen bytes, in network order.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The 32 lower-case hexadecimal digits that stand in a token.
    pub(crate) fn write_digits(self, digits: &mut [u8; 32]) {
        self.0.simple().encode_lower(digits);
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

impl FromStr for KeyId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = || {
            Invalid::new(
                "key id",
                "a UUID of 32 hexadecimal digits, with or without hyphens",
            )
        };
        if text.len() != 32 && text.len() != 36 {
            return Err(expected());
        }
        Uuid::try_parse(text).map(Self).map_err(|_| expected())
    }
}
