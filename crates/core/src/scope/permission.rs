use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::granted::{MAX_LENGTH, MAX_SEGMENTS};
use crate::error::Invalid;

/// What a route requires, for example `orders:read`. Never holds a wildcard.
///
/// ```
/// use portcullis_core::scope::Permission;
///
/// const READ: Permission = Permission::from_static("orders:read");
/// assert_eq!(READ.as_str(), "orders:read");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission(Cow<'static, str>);

impl Permission {
    /// A permission written in the program. In a `const` or `static`, a wrong
    /// form is an error at compile time. What borrows it for longer than a
    /// statement needs a `static`.
    ///
    /// # Panics
    ///
    /// Where the text does not have the form of a permission (see the
    /// [module](super)).
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        assert!(
            is_permission(text.as_bytes()),
            "not a permission: expected segments of [a-z0-9._-] joined by ':'"
        );
        Self(Cow::Borrowed(text))
    }

    /// The permission as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Permission {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_permission(text.as_bytes()) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(Invalid::new(
                "permission",
                "1 to 8 segments of a-z, 0-9, '.', '_' and '-', joined by ':', at most 128 characters, without '*'",
            ))
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permission({})", self.as_str())
    }
}

// Written for `const`: no iterators, and every index lies below the length.
#[expect(
    clippy::indexing_slicing,
    reason = "`at` is below `text.len()` by the loop's condition"
)]
const fn is_permission(text: &[u8]) -> bool {
    if text.is_empty() || text.len() > MAX_LENGTH {
        return false;
    }
    let (mut at, mut segments, mut length) = (0, 1, 0);
    while at < text.len() {
        match text[at] {
            b':' => {
                if length == 0 {
                    return false;
                }
                segments += 1;
                length = 0;
            }
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => length += 1,
            _ => return false,
        }
        at += 1;
    }
    length > 0 && segments <= MAX_SEGMENTS
}

#[cfg(test)]
mod tests {
    use super::Permission;

    #[test]
    fn the_longest_permission_is_allowed_and_a_longer_one_is_not() {
        let longest = "p".repeat(128);
        let permission: Permission = longest.parse().expect("128 characters");
        assert_eq!(permission.to_string(), longest);
        assert!("p".repeat(129).parse::<Permission>().is_err());
        assert!("a:b:c:d:e:f:g:h".parse::<Permission>().is_ok());
        assert!("a:b:c:d:e:f:g:h:i".parse::<Permission>().is_err());
    }
}
