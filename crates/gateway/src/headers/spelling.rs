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

/// Whether another field than this has its name but for the marks in it.
pub(crate) fn has_lookalike(headers: &HeaderMap, name: &HeaderName) -> bool {
    let (own, bytes) = (name, name.as_str().as_bytes());
    headers.keys().any(|name| {
        let other = name.as_str().as_bytes();
        name != own
            && other.len() == bytes.len()
            && other
                .iter()
                .zip(bytes)
                .all(|(one, two)| fold(*one) == fold(*two))
    })
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
