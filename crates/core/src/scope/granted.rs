use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Permission;
use crate::error::Invalid;

/// The longest scope or permission, in bytes.
pub(super) const MAX_LENGTH: usize = 128;
/// The most segments of a scope or permission.
pub(super) const MAX_SEGMENTS: usize = 8;

/// What a key was granted, for example `orders:*`. May hold wildcards.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(Arc<str>);

impl Scope {
    /// Whether this scope allows what `permission` requires.
    #[must_use]
    pub fn allows(&self, permission: &Permission) -> bool {
        let mut required = permission.as_str().split(':');
        let mut granted = self.0.split(':').peekable();
        while let Some(segment) = granted.next() {
            let Some(wanted) = required.next() else {
                return false;
            };
            if segment == "*" {
                if granted.peek().is_none() {
                    return true;
                }
            } else if segment != wanted {
                return false;
            }
        }
        required.next().is_none()
    }

    /// The scope as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let segment = |segment: &str| {
            segment == "*"
                || !segment.is_empty()
                    && segment
                        .bytes()
                        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
        };
        let formed = text.len() <= MAX_LENGTH
            && text.split(':').count() <= MAX_SEGMENTS
            && text.split(':').all(segment);
        if formed {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::new(
                "scope",
                "1 to 8 segments of a-z, 0-9, '.', '_' and '-' or a whole '*', joined by ':', at most 128 characters",
            ))
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Scope};

    #[test]
    fn scopes_allow_what_the_table_says() {
        // The rows of the table in the module's documentation.
        let rows = include_str!("mod.rs").lines().filter_map(|line| {
            let cells: Vec<&str> = line.strip_prefix("//! | `")?.split(" | ").collect();
            let [scope, permission, allowed] = cells[..] else {
                panic!("not a row: {line}");
            };
            Some((
                scope.trim_matches('`'),
                permission.trim_matches('`'),
                allowed == "yes |",
            ))
        });
        let mut tried = 0;
        for (scope, permission, allowed) in rows {
            let granted: Scope = scope.parse().expect(scope);
            let required: Permission = permission.parse().expect(permission);
            assert_eq!(
                granted.allows(&required),
                allowed,
                "{scope} for {permission}"
            );
            tried += 1;
        }
        assert_eq!(tried, 20);
    }

    #[test]
    fn only_whole_segments_of_the_alphabet_are_scopes() {
        for text in ["a", "a.b_c-d", "9", "*", "a:*", "*:*", "a:b:c:d:e:f:g:h"] {
            assert!(text.parse::<Scope>().is_ok(), "{text}");
        }
        let long = "a".repeat(129);
        for text in [
            "",
            ":",
            "a:",
            ":a",
            "a::b",
            "A",
            "a b",
            "a*",
            "*a",
            "ord*:read",
            "a\"",
            "a\\b",
            "é",
            "a:b:c:d:e:f:g:h:i",
            "a\n",
            long.as_str(),
        ] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
            assert!(text.parse::<Permission>().is_err(), "{text}");
        }
        assert!("orders:*".parse::<Permission>().is_err());
    }
}
