use std::fmt;
use std::str::FromStr;

use crate::error::Invalid;

/// The first part of a token: 2 to 16 characters, `[a-z][a-z0-9]*`. It tells
/// people and secret scanners whose token they see.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    bytes: [u8; Self::MAX],
    length: u8,
}

impl Prefix {
    /// The longest prefix.
    pub const MAX: usize = 16;

    /// `pck`, for services that set none.
    pub const DEFAULT: Self = {
        let mut bytes = [0; Self::MAX];
        [bytes[0], bytes[1], bytes[2]] = *b"pck";
        Self { bytes, length: 3 }
    };

    pub(super) fn from_bytes(text: &[u8]) -> Option<Self> {
        let formed = text.len() >= 2
            && text.len() <= Self::MAX
            && text.first().is_some_and(u8::is_ascii_lowercase)
            && text
                .iter()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
        if !formed {
            return None;
        }
        let mut bytes = [0; Self::MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self {
            bytes,
            length: u8::try_from(text.len()).ok()?,
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for Prefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::from_bytes(text.as_bytes()).ok_or_else(|| {
            Invalid::new(
                "prefix",
                "2 to 16 characters of a-z and 0-9, with a letter first",
            )
        })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    #[test]
    fn a_prefix_is_read_and_written_as_it_is() {
        for text in ["pk", "shop2", "abcdefghijklmno9"] {
            let prefix: Prefix = text.parse().expect(text);
            assert_eq!(
                (prefix.as_str(), prefix.to_string()),
                (text, text.to_owned())
            );
        }
        for text in [
            "",
            "p",
            "2shop",
            "Shop",
            "sh_op",
            "shöp",
            "abcdefghijklmno90",
        ] {
            let fault = text.parse::<Prefix>().expect_err(text).to_string();
            assert!(fault.contains("prefix"), "{fault}");
        }
        assert_eq!(format!("{:>5}|", Prefix::DEFAULT), "  pck|");
    }
}
