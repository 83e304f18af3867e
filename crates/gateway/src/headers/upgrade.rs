//! Who asks for another protocol, and whether the upstream took it (RFC 9110 section 7.8, RFC 6455
//! section 4).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Method, Request, Version};
use http_body::Body;
use sha1::{Digest as _, Sha1};

/// A protocol that a route hands on, as `Upgrade` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Protocol(Arc<str>);

/// A request for another protocol that is as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upgrade {
    pub(crate) protocol: Protocol,
    /// What a server of WebSocket must answer to the request's key.
    accept: Option<String>,
}

/// Why a request for another protocol is not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadUpgrade {
    Several,
    Connection,
    Method,
    Content,
    Version,
    Key,
}

/// RFC 6455 section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const WEBSOCKET: &str = "websocket";
const LONGEST: usize = 64;

impl Protocol {
    pub(crate) fn is_websocket(&self) -> bool {
        &*self.0 == WEBSOCKET
    }
}

impl FromStr for Protocol {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.to_ascii_lowercase();
        let base = name.split('/').next().unwrap_or_default();
        // HTTP in TLS is RFC 2817's, and drafts of HTTP/2 had names such as h2c-14.
        if base.starts_with("h2") || ["http", "tls"].contains(&base) {
            // Behind it requests would go past every check.
            return Err("expected another protocol than HTTP");
        }
        let is_token = |part: &str| HeaderName::from_str(part).is_ok();
        match name.len() <= LONGEST && name.split('/').count() <= 2 && name.split('/').all(is_token)
        {
            true => Ok(Self(name.into())),
            false => Err("expected a protocol's name such as websocket"),
        }
    }
}

/// What a request asks for of that which its route hands on. `said` is its `Upgrade` field; what
/// names no protocol of the route's asks for nothing, as it may.
///
/// # Errors
///
/// The first [`BadUpgrade`].
pub(crate) fn asked<B: Body>(
    request: &Request<B>,
    said: &[u8],
    allowed: &[Protocol],
) -> Result<Option<Upgrade>, BadUpgrade> {
    // RFC 9110 section 7.8: it is ignored in HTTP/1.0.
    if request.version() != Version::HTTP_11 {
        return Ok(None);
    }
    let names = || said.split(|octet| *octet == b',').map(<[u8]>::trim_ascii);
    let is_named =
        |protocol: &&Protocol| names().any(|name| name.eq_ignore_ascii_case(protocol.0.as_bytes()));
    let Some(protocol) = allowed.iter().find(is_named) else {
        return Ok(None);
    };
    let headers = request.headers();
    if names().count() != 1 {
        return Err(BadUpgrade::Several);
    }
    if !is_option(headers) {
        return Err(BadUpgrade::Connection);
    }
    if *request.method() != Method::GET {
        return Err(BadUpgrade::Method);
    }
    if !request.body().is_end_stream() {
        return Err(BadUpgrade::Content);
    }
    let accept = match protocol.is_websocket() {
        true => Some(accept(headers)?),
        false => None,
    };
    Ok(Some(Upgrade {
        protocol: protocol.clone(),
        accept,
    }))
}

impl Upgrade {
    /// Asks for it in a request, or agrees to it in an answer, in place of what is there.
    pub(crate) fn set(&self, headers: &mut HeaderMap) {
        let name = HeaderValue::from_str(&self.protocol.0);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, name.unwrap_or(HeaderValue::from_static(WEBSOCKET)));
    }

    /// Whether the head of a 101 agrees to this, and to nothing else.
    pub(crate) fn is_met(&self, headers: &HeaderMap) -> bool {
        let is_protocol = |value: &HeaderValue| {
            let value = value.as_bytes().trim_ascii();
            value.eq_ignore_ascii_case(self.protocol.0.as_bytes())
        };
        is_option(headers)
            && only(headers, &UPGRADE).is_some_and(is_protocol)
            && self.accept.as_ref().is_none_or(|accept| {
                only(headers, &SEC_WEBSOCKET_ACCEPT).is_some_and(|value| value == accept)
            })
    }
}

/// What must be answered to the key of a WebSocket's request.
fn accept(headers: &HeaderMap) -> Result<String, BadUpgrade> {
    if only(headers, &SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(BadUpgrade::Version);
    }
    let key = only(headers, &SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let key = key.filter(|key| is_key(key)).ok_or(BadUpgrade::Key)?;
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    Ok(STANDARD.encode(digest))
}

/// Sixteen octets in base64. What stands in the bits that are left over is nobody's business.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
    match key.strip_suffix(b"==") {
        Some(digits) => digits.len() == 22 && digits.iter().all(is_digit),
        None => false,
    }
}

fn is_option(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CONNECTION).iter();
    values
        .flat_map(|value| value.as_bytes().split(|octet| *octet == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

impl fmt::Display for BadUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Several => "Upgrade names more than one protocol",
            Self::Connection => "Connection does not name upgrade",
            Self::Method => "a change of protocol is asked for with GET",
            Self::Content => "a change of protocol is asked for without content",
            Self::Version => "Sec-WebSocket-Version must be 13",
            Self::Key => "Sec-WebSocket-Key must be 16 octets in base64",
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{Empty, Full};

    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn request(fields: &[(&'static str, &'static str)]) -> Request<Empty<&'static [u8]>> {
        let mut request = Request::new(Empty::new());
        for (name, value) in fields {
            let value = HeaderValue::from_static(value);
            request.headers_mut().append(*name, value);
        }
        request
    }

    fn good() -> Vec<(&'static str, &'static str)> {
        vec![
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
        ]
    }

    fn allowed() -> [Protocol; 2] {
        ["WebSocket", "tcp"].map(|name| name.parse().unwrap())
    }

    #[test]
    fn a_good_handshake_asks_for_the_one_protocol() {
        let upgrade = asked(&request(&good()), b"WebSocket", &allowed()).unwrap();
        let upgrade = upgrade.unwrap();
        assert!(upgrade.protocol.is_websocket());
        // RFC 6455 section 1.3.
        assert_eq!(
            upgrade.accept.as_deref(),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        );
        let other = asked(&request(&good()[..1]), b" TCP ", &allowed()).unwrap();
        assert_eq!(other.unwrap().accept, None);
    }

    #[test]
    fn what_the_route_does_not_hand_on_is_not_asked_for() {
        for said in [&b"h2c"[..], b"h2c, HTTP/3", b"", b",", b"websockets"] {
            assert_eq!(asked(&request(&good()), said, &allowed()), Ok(None));
        }
        assert_eq!(asked(&request(&good()), b"websocket", &[]), Ok(None));
        let mut old = request(&good());
        *old.version_mut() = Version::HTTP_10;
        assert_eq!(asked(&old, b"websocket", &allowed()), Ok(None));
        for name in [
            "h2c", "H2C", "h2", "h2c-14", "TLS/1.0", "HTTP/2.0", "", "a b", "a/b/c", "a,b",
        ] {
            assert!(name.parse::<Protocol>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_bad_handshake_is_told_from_a_good_one() {
        let with = |at: usize, value| {
            let mut fields = good();
            fields[at].1 = value;
            asked(&request(&fields), b"websocket", &allowed())
        };
        assert_eq!(with(0, "keep-alive"), Err(BadUpgrade::Connection));
        for version in ["", "8", "013", "13, 8"] {
            assert_eq!(with(1, version), Err(BadUpgrade::Version), "{version}");
        }
        for key in [
            "",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25j",
            "dGhlIHNhbXBsZSBub25j!Q==",
        ] {
            assert_eq!(with(2, key), Err(BadUpgrade::Key), "{key}");
        }
        for (twice, fault) in [(1, BadUpgrade::Version), (2, BadUpgrade::Key)] {
            let mut fields = good();
            fields.push(fields[twice]);
            let told = asked(&request(&fields), b"websocket", &allowed());
            assert_eq!(told, Err(fault));
        }
        let told = asked(&request(&good()), b"websocket, tcp", &allowed());
        assert_eq!(told, Err(BadUpgrade::Several));
        let mut posted = request(&good());
        *posted.method_mut() = Method::POST;
        let told = asked(&posted, b"websocket", &allowed());
        assert_eq!(told, Err(BadUpgrade::Method));
        let full = request(&good()).map(|_| Full::new(&b"x"[..]));
        let told = asked(&full, b"websocket", &allowed());
        assert_eq!(told, Err(BadUpgrade::Content));
    }

    #[test]
    fn only_the_answer_that_was_asked_for_is_an_agreement() {
        let upgrade = asked(&request(&good()), b"websocket", &allowed());
        let upgrade = upgrade.unwrap().unwrap();
        let answer = [
            ("connection", "Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ];
        assert!(upgrade.is_met(request(&answer).headers()));
        for (at, value) in [
            (0, "close"),
            (1, "tcp"),
            (1, "websocket, tcp"),
            (2, "s3pPLMBiTxaQ9kYGzzhZRbK+xOp="),
            (2, ""),
        ] {
            let mut other = answer;
            other[at].1 = value;
            assert!(!upgrade.is_met(request(&other).headers()), "{other:?}");
            assert!(!upgrade.is_met(request(&answer[..2]).headers()));
        }
        let mut headers = HeaderMap::new();
        upgrade.set(&mut headers);
        assert_eq!(
            (&headers[UPGRADE], &headers[CONNECTION]),
            (&"websocket".parse().unwrap(), &"upgrade".parse().unwrap())
        );
    }
}
