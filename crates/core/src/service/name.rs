use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Invalid;

/// The name of a service: 1 to 63 characters of `a-z`, `0-9` and `-`, with a
/// letter first and no hyphen at the end. The form of a DNS label (RFC 1035
/// section 2.3.1), so that it can stand in metrics, headers and host names.
///
/// Cheap to clone.
///
/// ```
/// use portcullis_core::service::ServiceName;
///
/// const ORDERS: ServiceName = ServiceName::from_static("orders");
/// assert_eq!(ORDERS.as_str(), "orders");
/// ```
#[derive(Clone)]
pub struct ServiceName(Repr);

#[derive(Clone)]
enum Repr {
    Static(&'static str),
    Shared(Arc<str>),
}

impl ServiceName {
    /// A name written in the program. In a `const` or `static`, a wrong form is
    /// an error at compile time. What borrows the name for longer than a
    /// statement, as a [`Context`](crate::Context) does, needs a `static`.
    ///
    /// # Panics
    ///
    /// Where the text does not have the form of a service's name.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        assert!(
            is_name(text.as_bytes()),
            "not a service name: expected a DNS label in lower case"
        );
        Self(Repr::Static(text))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Static(text) => text,
            Repr::Shared(text) => text,
        }
    }
}

impl FromStr for ServiceName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if is_name(text.as_bytes()) {
            Ok(Self(Repr::Shared(text.into())))
        } else {
            Err(Invalid::new(
                "service",
                "1 to 63 characters of a-z, 0-9 and '-', with a letter first and no '-' at the end",
            ))
        }
    }
}

impl PartialEq for ServiceName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ServiceName {}

impl PartialOrd for ServiceName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ServiceName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for ServiceName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// So that a table by name can be asked with text.
impl std::borrow::Borrow<str> for ServiceName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceName({})", self.as_str())
    }
}

// Written for `const`: no iterators, and every index lies below the length.
#[expect(
    clippy::indexing_slicing,
    reason = "`at` is below `text.len()` by the loop's condition"
)]
const fn is_name(text: &[u8]) -> bool {
    if text.is_empty() || text.len() > 63 {
        return false;
    }
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'a'..=b'z' => {}
            b'0'..=b'9' if at > 0 => {}
            b'-' if at > 0 && at + 1 < text.len() => {}
            _ => return false,
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::ServiceName;

    #[test]
    fn names_are_dns_labels() {
        let longest = "a".repeat(63);
        for text in ["a", "orders", "orders-v2", "a1", longest.as_str()] {
            assert!(text.parse::<ServiceName>().is_ok(), "{text}");
        }
        let huge = "a".repeat(64);
        for text in [
            "",
            "-a",
            "a-",
            "1a",
            "Orders",
            "a_b",
            "a b",
            "a.b",
            "é",
            "a\n",
            huge.as_str(),
        ] {
            assert!(text.parse::<ServiceName>().is_err(), "{text}");
        }
    }

    #[test]
    fn static_and_parsed_names_are_the_same() {
        let parsed: ServiceName = "orders".parse().expect("valid");
        assert_eq!(parsed, ServiceName::from_static("orders"));
    }
}
