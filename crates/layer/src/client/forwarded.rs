//! `Forwarded` (RFC 7239 section 4), read from the right.
//!
//! What stands on the left may be of a stranger, who may leave a quoted string
//! open in order to swallow what trusted proxies appended. Read from the right,
//! nothing on the left changes how an element is read.

use std::borrow::Cow;
use std::net::IpAddr;

use super::node;

/// The elements of a field's value, the last one first. Empty ones are none
/// (RFC 9110 section 5.6.1.2).
pub(super) fn elements(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(field);
    let elements = std::iter::from_fn(move || {
        let text = rest?;
        let Some(comma) = last_comma(text) else {
            rest = None;
            return Some(text);
        };
        rest = text.get(..comma);
        text.get(comma + 1..)
    });
    elements
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// The address that an element says it was asked `for`; nothing where it says
/// none, two, or something else than an address.
pub(super) fn node(element: &[u8]) -> Option<IpAddr> {
    node::address(&parameter(element, b"for")?)
}

/// What an element says under a name; nothing where it says nothing, says it
/// twice, or cannot be read.
pub(super) fn parameter<'a>(element: &'a [u8], wanted: &[u8]) -> Option<Cow<'a, [u8]>> {
    let mut found = None;
    for pair in pairs(element) {
        let (name, value) = pair.split_at(pair.iter().position(|byte| *byte == b'=')?);
        if !name.trim_ascii().eq_ignore_ascii_case(wanted) {
            continue;
        }
        if found.is_some() {
            return None;
        }
        let value = value.strip_prefix(b"=")?.trim_ascii();
        found = Some(unquoted(value)?);
    }
    found
}

/// Where the last comma outside of a quoted string is.
fn last_comma(text: &[u8]) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in text.iter().enumerate().rev() {
        match byte {
            b'"' if !quoted => quoted = true,
            b'"' => quoted = is_escaped(text, at),
            b',' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether an odd number of backslashes stands before this place.
fn is_escaped(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count() % 2 == 1
}

/// The pairs of one element: split at semicolons outside of quoted strings.
fn pairs(element: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let pairs = element.split(move |byte| {
        let escapes = quoted && !escaped && *byte == b'\\';
        if *byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = escapes;
        *byte == b';' && !quoted
    });
    // The grammar allows empty ones.
    pairs.filter(|pair| !pair.trim_ascii().is_empty())
}

/// A token as it is, a quoted string (RFC 9110 section 5.6.4) without quotes
/// and escapes; nothing where the quotes do not match.
fn unquoted(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(quoted) = value.strip_prefix(b"\"") else {
        return (!value.contains(&b'"')).then_some(Cow::Borrowed(value));
    };
    let text = quoted.strip_suffix(b"\"")?;
    if !text.contains(&b'\\') {
        return (!text.contains(&b'"')).then_some(Cow::Borrowed(text));
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => plain.push(*bytes.next()?),
            b'"' => return None,
            byte => plain.push(*byte),
        }
    }
    Some(Cow::Owned(plain))
}
