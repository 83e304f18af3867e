//! Field names as servers read them that make an environment variable of each, and do not tell
//! `_` or `.` from `-`.

use http::{HeaderMap, HeaderName};

/// Whether a field's name begins with a prefix; every mark counts as `-`.
pub(crate) fn begins_with(name: &HeaderName, prefix: &str) -> bool {
    let name = name.as_str().as_bytes();
    name.len() >= prefix.len()
        && name
            .iter()
            .zip(prefix.as_bytes())
            .all(|(have, want)| fold(*have) == *want)
}

/// Whether a field's name is another's; every mark counts as `-`.
pub(crate) fn is(name: &HeaderName, other: &str) -> bool {
    name.as_str().len() == other.len() && begins_with(name, other)
}

/// Whether two names are one; every mark counts as `-`.
pub(crate) fn same(one: &HeaderName, two: &HeaderName) -> bool {
    let (one, two) = (one.as_str().as_bytes(), two.as_str().as_bytes());
    one.len() == two.len()
        && one
            .iter()
            .zip(two)
            .all(|(one, two)| fold(*one) == fold(*two))
}

/// Whether another field than this has its name but for the marks in it.
pub(crate) fn has_lookalike(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers
        .keys()
        .any(|other| other != name && same(other, name))
}

/// Removes all fields with a name that is told to go. Allocates only if there is one.
pub(crate) fn remove_where(headers: &mut HeaderMap, goes: impl Fn(&HeaderName) -> bool) {
    let going: Vec<HeaderName> = headers.keys().filter(|name| goes(name)).cloned().collect();
    for name in going {
        headers.remove(name);
    }
}

/// `HeaderName` is in lower case already.
const fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte
    } else {
        b'-'
    }
}
