//! Trailer fields: which of them may pass, and how they are announced (RFC 9110 section 6.5).
//!
//! They come after all that was decided by the head, and some servers merge the two. So none
//! passes that says anything of the message, its way or its sender, and none that the head has
//! already, in whatever spelling.

use std::error::Error;
use std::fmt;

use http::header::{HeaderMap, HeaderName, HeaderValue, TE, TRAILER};

use super::{forwarded, hop_by_hop, identity, request_id, spelling, trace_context};

/// The most trailer fields of a message.
pub const MAX_FIELDS: usize = 64;
/// The most bytes in names and values of a message's trailer fields.
pub const MAX_BYTES: usize = 8 * 1024;

/// More trailer fields, or longer ones, than a message may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyTrailers;

/// Fields that are none of a trailer section: they route, frame, guard, or say how the content is
/// to be read (RFC 9110 section 6.5.1).
const NAMES: [&str; 34] = [
    "age",
    "alt-svc",
    "authentication-info",
    "authorization",
    "cache-control",
    "clear-site-data",
    "cookie",
    "date",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "refresh",
    "retry-after",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-api-key",
    "x-frame-options",
    "x-xss-protection",
];
const BEGINNINGS: [&str; 11] = [
    "accept",
    "access-control-",
    "content-",
    "cross-origin-",
    "if-",
    "permissions-policy",
    "proxy",
    "ratelimit",
    "sec-",
    "x-content-",
    "x-ratelimit-",
];

/// Whether a field of this name may come after the content.
#[must_use]
pub fn may_pass(name: &HeaderName) -> bool {
    let is_refused = NAMES.iter().any(|other| spelling::is(name, other))
        || BEGINNINGS
            .iter()
            .any(|prefix| spelling::begins_with(name, prefix))
        || hop_by_hop::is_known(name)
        || identity::is_ours(name)
        || forwarded::is_claim(name)
        || trace_context::is_ours(name)
        || spelling::is(name, request_id::X_REQUEST_ID.as_str());
    !is_refused
}

/// Removes what may not pass: what is no trailer by its name, and whatever has one of the `taken`
/// names, in any spelling.
///
/// # Errors
///
/// [`TooManyTrailers`] for more than [`MAX_FIELDS`] or [`MAX_BYTES`], of which nothing may pass.
pub fn clean(fields: &mut HeaderMap, taken: &[HeaderName]) -> Result<(), TooManyTrailers> {
    let bytes: usize = fields
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if fields.len() > MAX_FIELDS || bytes > MAX_BYTES {
        return Err(TooManyTrailers);
    }
    spelling::remove_where(fields, |name| {
        !may_pass(name) || taken.iter().any(|other| spelling::same(name, other))
    });
    Ok(())
}

/// Whether the sender of a request takes trailers in the answer (RFC 9110 section 10.1.4).
#[must_use]
pub fn are_accepted(headers: &HeaderMap) -> bool {
    list(headers, &TE).any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
}

/// The trailer fields that a message announces, and that may pass; nothing where there are none.
#[must_use]
pub fn announced(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut names: Vec<HeaderName> = Vec::new();
    for name in list(headers, &TRAILER).filter_map(|name| HeaderName::from_bytes(name).ok()) {
        if may_pass(&name) && !names.contains(&name) && names.len() < MAX_FIELDS {
            names.push(name);
        }
    }
    let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
    match names.is_empty() {
        true => None,
        false => HeaderValue::try_from(names.join(", ")).ok(),
    }
}

/// The members of a list, over all lines of the field.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter();
    let members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    members.map(<[u8]>::trim_ascii)
}

impl fmt::Display for TooManyTrailers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the trailer section has more than {MAX_FIELDS} fields or {MAX_BYTES} bytes"
        )
    }
}

impl Error for TooManyTrailers {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(all: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn what_says_anything_of_the_message_is_no_trailer() {
        for name in [
            "x-portcullis-owner",
            "X_Portcullis_Owner",
            "x.portcullis.scopes",
            "connection",
            "keep-alive",
            "te",
            "trailer",
            "transfer-encoding",
            "transfer_encoding",
            "upgrade",
            "content-length",
            "content_length",
            "content-type",
            "host",
            "authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "cache-control",
            "forwarded",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-real-ip",
            "x-request-id",
            "x_request_id",
            "traceparent",
            "tracestate",
            "via",
            "x-http-method-override",
            "x-original-url",
            "access-control-allow-origin",
            "if-match",
            "www-authenticate",
            "location",
        ] {
            let mut trailers = fields(&[(name, "1"), ("x-sum", "2")]);
            clean(&mut trailers, &[]).unwrap();
            assert_eq!(trailers, fields(&[("x-sum", "2")]), "{name}");
        }
        for name in [
            "grpc-status",
            "grpc-message",
            "server-timing",
            "etag",
            "digest",
            "x-sum",
        ] {
            assert!(may_pass(&name.parse().unwrap()), "{name}");
        }
    }

    #[test]
    fn what_the_head_has_is_not_said_again() {
        let head = ["x-version", "x_tenant"].map(|name| name.parse().unwrap());
        let mut trailers = fields(&[
            ("x-version", "1"),
            ("X_Version", "1"),
            ("x-tenant", "1"),
            ("x-versions", "1"),
        ]);
        clean(&mut trailers, &head).unwrap();
        assert_eq!(trailers, fields(&[("x-versions", "1")]));
    }

    #[test]
    fn trailers_are_bounded_by_count_and_by_bytes() {
        let mut most = HeaderMap::new();
        for at in 0..MAX_FIELDS {
            most.append("x-sum", HeaderValue::from(at));
        }
        assert_eq!(clean(&mut most.clone(), &[]), Ok(()));
        most.append("x-sum", HeaderValue::from(0));
        assert_eq!(clean(&mut most, &[]), Err(TooManyTrailers));
        let long = |length| fields(&[("x-sum", &"1".repeat(length))]);
        assert_eq!(clean(&mut long(MAX_BYTES - 5), &[]), Ok(()));
        assert_eq!(clean(&mut long(MAX_BYTES - 4), &[]), Err(TooManyTrailers));
    }

    #[test]
    fn trailers_are_announced_once_and_without_those_that_end_here() {
        let headers = fields(&[
            ("trailer", "X-Sum, x-portcullis-owner,, content-length"),
            ("trailer", "x-sum , X-Other,@"),
            ("te", "gzip;q=1 , Trailers"),
        ]);
        assert_eq!(announced(&headers).unwrap(), "x-sum, x-other");
        assert!(are_accepted(&headers));
        let none = fields(&[("trailer", "host"), ("te", "trailer, trailers;q=0")]);
        assert_eq!(announced(&none), None);
        assert!(!are_accepted(&none));
    }
}
