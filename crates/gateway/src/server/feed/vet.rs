use std::ops::Range;

use http::Uri;
use memchr::memchr;

use super::chunks::Chunks;
use super::framing::Framing;
use crate::server::{HeadFault, ServerConfig};

/// How much a head may hold.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct HeadLimits {
    /// Octets, those of the empty line at its end included.
    pub(super) octets: usize,
    pub(super) fields: usize,
}

/// What must be known of a head that is taken.
#[derive(Debug)]
pub(super) struct Vetted {
    pub(super) framing: Framing,
    /// The lines that ask for another protocol. hyper is not to see them: on a connection that it
    /// believes may change its protocol it does not send the last of what it has to send.
    pub(super) upgrades: Vec<Range<usize>>,
}

/// The longest target that there are types for.
const LONGEST_TARGET: usize = 65_534;
/// The longest field name that there are types for, and one octet.
const LONGEST_NAME: usize = 1 << 16;

impl HeadLimits {
    pub(in crate::server) const fn new(config: &ServerConfig) -> Self {
        Self {
            octets: config.max_header_size,
            fields: config.max_headers,
        }
    }
}

/// Looks at a whole head, from its request line, or an empty line before it, to the empty line
/// at its end. Its lines all end with a carriage return and a line feed.
///
/// # Errors
///
/// The first [`HeadFault`].
pub(super) fn vet(head: &[u8], limits: &HeadLimits) -> Result<Vetted, HeadFault> {
    let mut lines = Lines { head, at: 0 };
    let (_, first) = lines.next().ok_or(HeadFault::Target)?;
    let first = match first.is_empty() {
        true => lines.next().ok_or(HeadFault::Target)?.1,
        false => first,
    };
    let version = check_request_line(first)?;
    let mut fields = Fields::new(version);
    let mut count = 0;
    for (range, line) in lines {
        if line.is_empty() {
            break;
        }
        count += 1;
        if count > limits.fields {
            return Err(HeadFault::TooManyFields);
        }
        let (name, value) = check_field(line, count == 1)?;
        fields.take(name, value, range)?;
    }
    Ok(fields.vetted(limits))
}

/// The lines of a head without their ends, and where they are with them.
struct Lines<'a> {
    head: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (Range<usize>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.head.get(self.at..)?;
        let end = memchr(b'\n', rest)?;
        let line = rest.get(..end.checked_sub(1)?)?;
        let range = self.at..self.at + end + 1;
        self.at = range.end;
        Some((range, line))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Minor {
    Zero,
    One,
}

/// RFC 9112 section 3: `method SP request-target SP HTTP-version`.
fn check_request_line(line: &[u8]) -> Result<Minor, HeadFault> {
    if let Some(fault) = line.iter().find_map(|octet| torn(*octet)) {
        return Err(fault);
    }
    let mut parts = line.split(|octet| *octet == b' ');
    let method = parts.next().unwrap_or_default();
    if method.is_empty() || !method.iter().all(|octet| is_token(*octet)) {
        return Err(HeadFault::Method);
    }
    let (Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(HeadFault::Target);
    };
    if method == b"CONNECT" {
        return Err(HeadFault::Connect);
    }
    check_target(target)?;
    match version {
        b"HTTP/1.1" => Ok(Minor::One),
        b"HTTP/1.0" => Ok(Minor::Zero),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(HeadFault::VersionUnsupported)
        }
        _ => Err(HeadFault::Version),
    }
}

/// RFC 9112 section 3.2: a path, an absolute URI, or `*`.
fn check_target(target: &[u8]) -> Result<(), HeadFault> {
    if target.len() > LONGEST_TARGET {
        return Err(HeadFault::TargetTooLong);
    }
    if !target.iter().all(u8::is_ascii_graphic) {
        return Err(HeadFault::Target);
    }
    if memchr(b'#', target).is_some() {
        return Err(HeadFault::Fragment);
    }
    let is_path = target.first() == Some(&b'/');
    if is_path && target.iter().all(|octet| is_plain(*octet)) {
        return Ok(());
    }
    // What hyper would not take must not come to it.
    match Uri::try_from(target) {
        Ok(uri) if is_path || target == b"*" || uri.scheme().is_some() => Ok(()),
        _ => Err(HeadFault::Target),
    }
}

/// RFC 9112 section 5: `field-name ":" OWS field-value OWS`, as its name and value.
fn check_field(line: &[u8], is_first: bool) -> Result<(&[u8], &[u8]), HeadFault> {
    if line.first().is_some_and(|octet| is_blank(*octet)) {
        return Err(match is_first {
            true => HeadFault::SpaceBeforeColon,
            false => HeadFault::Folded,
        });
    }
    let torn_octet = || line.iter().find_map(|octet| torn(*octet));
    let Some((name, value)) = memchr(b':', line).and_then(|at| line.split_at_checked(at)) else {
        return Err(torn_octet().unwrap_or(HeadFault::NoColon));
    };
    if name.len() >= LONGEST_NAME {
        return Err(HeadFault::TooLong);
    }
    if name.is_empty() || !name.iter().all(|octet| is_token(*octet)) {
        let fault = match name.last() {
            Some(last) if is_blank(*last) => HeadFault::SpaceBeforeColon,
            _ => HeadFault::FieldName,
        };
        return Err(torn_octet().unwrap_or(fault));
    }
    let value = value.get(1..).unwrap_or_default();
    // Without a way out in the middle, so that many octets are looked at in one go.
    let sound = value
        .iter()
        .fold(true, |sound, octet| sound & is_field_octet(*octet));
    match sound {
        true => Ok((name, trim(value))),
        false => Err(torn_octet().unwrap_or(HeadFault::FieldValue)),
    }
}

/// What the fields say of the body.
struct Fields {
    version: Minor,
    length: Option<u64>,
    is_chunked: bool,
    upgrades: Vec<Range<usize>>,
}

impl Fields {
    const fn new(version: Minor) -> Self {
        Self {
            version,
            length: None,
            is_chunked: false,
            upgrades: Vec::new(),
        }
    }

    fn take(&mut self, name: &[u8], value: &[u8], line: Range<usize>) -> Result<(), HeadFault> {
        const LENGTH: &[u8] = b"content-length";
        const CODING: &[u8] = b"transfer-encoding";
        match name.len() {
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrades.push(line),
            14 if name.eq_ignore_ascii_case(LENGTH) => self.take_length(value)?,
            17 if name.eq_ignore_ascii_case(CODING) => self.take_coding(value)?,
            14 if looks_like(name, LENGTH) => return Err(HeadFault::LookalikeFraming),
            17 if looks_like(name, CODING) => return Err(HeadFault::LookalikeFraming),
            _ => {}
        }
        match self.length.is_some() && self.is_chunked {
            true => Err(HeadFault::LengthAndCoding),
            false => Ok(()),
        }
    }

    /// RFC 9110 section 8.6: `1*DIGIT`. That several may be one if they are equal is left to those
    /// who have to repair.
    fn take_length(&mut self, value: &[u8]) -> Result<(), HeadFault> {
        if self.length.is_some() {
            return Err(HeadFault::SeveralLengths);
        }
        let is_number = (1..=19).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value)
            .ok()
            .filter(|_| is_number)
            .and_then(|digits| digits.parse().ok());
        self.length = Some(number.ok_or(HeadFault::Length)?);
        Ok(())
    }

    /// RFC 9112 section 6.1. `chunked` is the one coding that everybody knows.
    fn take_coding(&mut self, value: &[u8]) -> Result<(), HeadFault> {
        if self.version == Minor::Zero {
            return Err(HeadFault::CodingInHttp10);
        }
        if self.is_chunked || memchr(b',', value).is_some() {
            return Err(HeadFault::SeveralCodings);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(HeadFault::Coding);
        }
        self.is_chunked = true;
        Ok(())
    }

    fn vetted(self, limits: &HeadLimits) -> Vetted {
        Vetted {
            framing: match self.is_chunked {
                true => Framing::Chunked(Chunks::new(limits.octets)),
                false => Framing::Length(self.length.unwrap_or(0)),
            },
            upgrades: self.upgrades,
        }
    }
}

/// Servers that make a variable of each field do not tell the marks in a name from each other.
fn looks_like(name: &[u8], other: &[u8]) -> bool {
    let fold = |octet: &u8| match octet.is_ascii_alphanumeric() {
        true => octet.to_ascii_lowercase(),
        false => b'-',
    };
    name.iter().map(fold).eq(other.iter().copied())
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [octet, rest @ ..] = value
        && is_blank(*octet)
    {
        value = rest;
    }
    while let [rest @ .., octet] = value
        && is_blank(*octet)
    {
        value = rest;
    }
    value
}

/// What tears a line apart for one reader and not for another.
const fn torn(octet: u8) -> Option<HeadFault> {
    match octet {
        b'\r' => Some(HeadFault::BareCarriageReturn),
        0 => Some(HeadFault::Nul),
        _ => None,
    }
}

const fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// RFC 9110 section 5.5: what a field's value is made of.
pub(super) const fn is_field_octet(octet: u8) -> bool {
    ((octet >= b' ') & (octet != 0x7f)) | (octet == b'\t')
}

/// RFC 9110 section 5.6.2: what names and methods are made of.
pub(super) const fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// RFC 3986 appendix A: what stands in a path and its query without more ado.
const fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
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
                | b'/'
                | b'?'
                | b'%'
        )
}
