//! Fields that end at the next hop (RFC 9110 section 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};

use super::spelling;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removed whether or not `Connection` names them.
static ALWAYS: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Removes the hop-by-hop fields of a request or a response, those that its `Connection` fields
/// name included.
///
/// A sender must not name a field there that is meant for every recipient. One that does anyway
/// cannot use us to change what a message says of itself: `Host`, `Via`, `Date`, `Cache-Control`
/// and `Content-*` stay. Of what else it names it harms itself only, as long as our own fields are
/// set after this.
pub fn remove(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    spelling::remove_where(headers, |name| ALWAYS.contains(name));
}

/// Whether a field ends at the next hop whatever `Connection` names, in any spelling.
pub(crate) fn is_known(name: &HeaderName) -> bool {
    ALWAYS.iter().any(|known| spelling::same(name, known))
}

/// Whether [`remove`] takes this field away.
pub(crate) fn takes(headers: &HeaderMap, name: &HeaderName) -> bool {
    ALWAYS.contains(name) || named_by_connection(headers).contains(name)
}

/// The present fields that `Connection` names and that may go. Allocates only if there is one.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        // What most of them say, and what goes anyway: no name is made of it.
        .filter(|option| !option.eq_ignore_ascii_case(b"keep-alive"))
        .filter_map(|option| HeaderName::from_bytes(option).ok())
        .filter(|name| !ALWAYS.contains(name) && !is_for_every_recipient(name))
        .filter(|name| headers.contains_key(name))
        .collect()
}

fn is_for_every_recipient(name: &HeaderName) -> bool {
    [HOST, VIA, CONTENT_LENGTH].contains(name)
        || matches!(name.as_str(), "cache-control" | "date")
        || name.as_str().starts_with("content-")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn known_hop_by_hop_fields_go() {
        let mut all = headers(&[
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authenticate", "Basic"),
            ("proxy-authorization", "Basic eA=="),
            ("accept", "*/*"),
        ]);
        remove(&mut all);
        assert_eq!(all, headers(&[("accept", "*/*")]));
    }

    #[test]
    fn fields_named_by_any_connection_field_go() {
        let mut named = headers(&[
            ("connection", "close , X-One,,\t x-two"),
            ("connection", "x-three"),
            ("x-one", "1"),
            ("x-one", "1b"),
            ("x-two", "2"),
            ("x-three", "3"),
            ("x-four", "4"),
        ]);
        remove(&mut named);
        assert_eq!(named, headers(&[("x-four", "4")]));
    }

    #[test]
    fn connection_cannot_change_what_a_message_says_of_itself() {
        let own = [
            ("host", "example.com"),
            ("content-length", "3"),
            ("content-type", "text/plain"),
            ("content-encoding", "gzip"),
            ("cache-control", "no-store"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("via", "1.1 before"),
        ];
        let mut all = headers(&own);
        all.append(
            CONNECTION,
            HeaderValue::from_static(
                "host, content-length, content-type, content-encoding, cache-control, date, via",
            ),
        );
        remove(&mut all);
        assert_eq!(all, headers(&own));
    }

    #[test]
    fn nonsense_in_connection_is_harmless() {
        let mut odd = headers(&[("connection", ",,;=\"a b\", @, ")]);
        odd.append(CONNECTION, HeaderValue::from_bytes(b"\xff,\xfe").unwrap());
        remove(&mut odd);
        assert!(odd.is_empty());
    }
}
