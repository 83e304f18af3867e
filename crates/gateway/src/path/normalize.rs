//! The rules of the canonical form, on text.

use std::borrow::Cow;

use memchr::memchr2;

use super::PathErrorKind;

/// Whether a path is in canonical form and holds none of what [`canonicalize`] must look at as a
/// whole (parameters, an encoded `%`, encoded bytes beyond ASCII). Allocates nothing.
pub(super) fn is_canonical(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if (segment.is_empty() && !last) || is_dot_segment(segment) || !is_plain(segment) {
            return false;
        }
    }
    true
}

/// The canonical form of a path that begins with a slash.
pub(super) fn canonicalize(path: &str) -> Result<String, PathErrorKind> {
    let decoded = decode(path)?;
    if is_encoded_twice(&decoded) {
        return Err(PathErrorKind::DoubleEncoding);
    }
    resolve(&decoded)
}

/// Whether a server may take a segment of a canonical path for one of this name: parameters left
/// off, and every encoded character decoded, more than once if need be.
pub(super) fn same_name(segment: &str, name: &str) -> bool {
    decoded(without_parameters(segment)).eq(decoded(name))
}

/// What [`same_name`] compares, of one segment of a canonical path.
pub(super) fn name_of(segment: &str) -> Cow<'_, [u8]> {
    if has_marks(segment) {
        Cow::Owned(decoded(without_parameters(segment)).collect())
    } else {
        Cow::Borrowed(segment.as_bytes())
    }
}

/// Whether what is decoded once has something encoded in it still, as `%253A`.
pub(super) fn is_encoded_again(segment: &str) -> bool {
    if !has_marks(segment) {
        return false;
    }
    let digits = |after: &str| hex_pair(&mut after.bytes()).is_ok();
    segment.split("%25").skip(1).any(digits)
}

/// Whether a segment of a canonical path holds an encoded `?` or `#`.
pub(super) fn ends_early(segment: &str) -> bool {
    cut(segment, &["%3F", "%23"]).len() != segment.len()
}

/// Whether a segment of a canonical path has parameters before an encoded `?` or `#`.
pub(super) fn has_parameters_before_end(segment: &str) -> bool {
    without_parameters(segment).len() != cut(segment, &["%3F", "%23"]).len()
}

/// A canonical path with every character decoded that may stand raw in a path: of all paths that
/// [`same_name`] takes for one, the one that is written most plainly.
pub(super) fn plainest(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    for byte in decoded(path) {
        match byte {
            byte if byte == b'/' || is_pchar(byte) => plain.push(char::from(byte)),
            byte => push_encoded(&mut plain, byte),
        }
    }
    plain
}

/// Whether [`without_parameters`] would shorten any segment of a canonical path.
pub(super) fn has_parameters(path: &str) -> bool {
    has_marks(path)
        && path
            .split('/')
            .any(|segment| without_parameters(segment).len() != segment.len())
}

/// Whether anything is encoded or may end a name. Hardly any path has such a mark, so this is what
/// is asked first.
pub(super) fn has_marks(text: &str) -> bool {
    memchr2(b'%', b';', text.as_bytes()).is_some()
}

/// A segment up to what a server may take for the end of its name: `;`, `%3B`, `%3F`, `%23`.
fn without_parameters(segment: &str) -> &str {
    cut(segment, &[";", "%3B", "%3F", "%23"])
}

/// The bytes of a canonical path as a server reads them that decodes until nothing changes. What
/// would come out as a slash or end the path is not in a canonical one.
fn decoded(path: &str) -> impl Iterator<Item = u8> {
    let mut rest = path.as_bytes();
    std::iter::from_fn(move || {
        let (first, after) = rest.split_first()?;
        let (byte, after) = match first {
            b'%' => encoded_byte(after).unwrap_or((b'%', after)),
            raw => (*raw, after),
        };
        rest = after;
        Some(byte)
    })
}

/// The byte whose digits stand behind a percent sign, and what follows them. An encoded percent
/// sign before two more digits is the beginning of another encoding; a third is never there.
fn encoded_byte(digits: &[u8]) -> Option<(u8, &[u8])> {
    let pair = |digits: &[u8]| hex_pair(&mut digits.iter().copied()).ok();
    let inner = digits
        .strip_prefix(b"25")
        .filter(|inner| pair(inner).is_some());
    let digits = inner.unwrap_or(digits);
    Some((pair(digits)?, digits.get(2..)?))
}

pub(super) const fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f
}

fn cut<'a>(segment: &'a str, marks: &[&str]) -> &'a str {
    if !has_marks(segment) {
        return segment;
    }
    marks.iter().fold(segment, |shorter, mark| {
        shorter
            .split_once(mark)
            .map_or(shorter, |(before, _)| before)
    })
}

fn is_dot_segment(segment: &str) -> bool {
    segment == "." || segment == ".."
}

fn is_plain(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => upper_hex_pair(&mut bytes).is_some_and(stays_encoded),
            b';' => false,
            other => is_pchar(other),
        };
        if !fine {
            return false;
        }
    }
    true
}

fn upper_hex_pair(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let (high, low) = (bytes.next()?, bytes.next()?);
    if high.is_ascii_lowercase() || low.is_ascii_lowercase() {
        return None;
    }
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

/// Encoded characters that need no second look: not `;`, `?`, `#`, which end a name, nor `%`.
const fn stays_encoded(byte: u8) -> bool {
    matches!(byte, 0x20..0x7f)
        && !is_unreserved(byte)
        && !matches!(byte, b'/' | b'\\' | b'%' | b';' | b'?' | b'#')
}

/// Decodes what may be decoded, encodes what must be, and refuses what has no single meaning.
fn decode(path: &str) -> Result<String, PathErrorKind> {
    let mut decoded = String::with_capacity(path.len());
    let mut beyond_ascii = Vec::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let (byte, encoded) = match byte {
            b'%' => (hex_pair(&mut bytes)?, true),
            0x80.. => return Err(PathErrorKind::NonAscii),
            raw => (raw, false),
        };
        if byte >= 0x80 {
            beyond_ascii.push(byte);
        } else {
            check_utf8(&mut beyond_ascii)?;
        }
        match byte {
            b'/' if encoded => return Err(PathErrorKind::EncodedSlash),
            b'\\' => return Err(PathErrorKind::Backslash),
            byte if is_control(byte) => return Err(PathErrorKind::Control),
            byte if is_unreserved(byte) => decoded.push(char::from(byte)),
            byte if !encoded && (byte == b'/' || is_pchar(byte)) => decoded.push(char::from(byte)),
            byte => push_encoded(&mut decoded, byte),
        }
    }
    check_utf8(&mut beyond_ascii)?;
    Ok(decoded)
}

fn hex_pair(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, PathErrorKind> {
    let mut digit = || {
        bytes
            .next()
            .and_then(hex_digit)
            .ok_or(PathErrorKind::InvalidEncoding)
    };
    Ok(digit()? << 4 | digit()?)
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// A run of bytes beyond ASCII stands between ASCII characters, so each run is whole by itself.
fn check_utf8(run: &mut Vec<u8>) -> Result<(), PathErrorKind> {
    let valid = std::str::from_utf8(run).is_ok();
    run.clear();
    if valid {
        Ok(())
    } else {
        Err(PathErrorKind::InvalidUtf8)
    }
}

fn push_encoded(text: &mut String, byte: u8) {
    text.push('%');
    for digit in [byte >> 4, byte & 0x0f] {
        let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
        text.push(digit.to_ascii_uppercase());
    }
}

/// Whether an encoded `%` stands before digits that name a character which this module decodes or
/// refuses. Other pairs (`%2520`, `%253A`) cannot change what a path means, and clients that carry
/// one URL inside another send them.
fn is_encoded_twice(decoded: &str) -> bool {
    decoded.split("%25").skip(1).any(|after| {
        hex_pair(&mut after.bytes()).is_ok_and(|byte| byte < 0x80 && !stays_encoded(byte))
    })
}

/// Merges slashes, resolves dot segments, and keeps the trailing slash.
fn resolve(decoded: &str) -> Result<String, PathErrorKind> {
    let mut path = String::with_capacity(decoded.len());
    let mut ends_in_slash = true;
    for segment in decoded.split('/').skip(1) {
        ends_in_slash = segment.is_empty() || is_dot_segment(segment);
        match segment {
            "" | "." => {}
            ".." => {
                let parent = path.rfind('/').ok_or(PathErrorKind::AboveRoot)?;
                path.truncate(parent);
            }
            segment if is_disguised(segment) => return Err(PathErrorKind::Parameters),
            segment => {
                path.push('/');
                path.push_str(segment);
            }
        }
    }
    if ends_in_slash {
        path.push('/');
    }
    Ok(path)
}

/// Whether a segment is empty or a dot segment to a server that takes parameters off it.
fn is_disguised(segment: &str) -> bool {
    cut(segment, &[";", "%3B"]).is_empty() || is_dot_segment(without_parameters(segment))
}

/// RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 section 3.3, without the percent sign.
const fn is_pchar(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
        )
}
