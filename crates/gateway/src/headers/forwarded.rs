//! Where a request came from, for the upstream: `Forwarded` (RFC 7239), `X-Forwarded-*`, `Via`.
//!
//! What a client says of its own origin is removed, and ours is the only entry. What proxies say is
//! kept where they are trusted, see [`origin`](super::origin).

use std::fmt::Write;
use std::net::IpAddr;

use bytes::{BufMut, BytesMut};
use http::Version;
use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue, VIA};

use super::origin::{Origin, OriginField};
use super::spelling;
use super::values::Values;

/// The address of the client.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The host that the client asked for.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// The scheme by which the client reached the gateway.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// All of `X-Forwarded-*`, and the fields by which frameworks let a proxy replace host or path
/// (`X-Original-URL`, `X-Rewrite-URL`): with those, a client could name another path than the one
/// that was authorized.
const PREFIXES: [&str; 3] = ["x-forwarded", "x-original-", "x-rewrite-"];
/// The names under which other proxies tell a client's address, host or path; `Proxy`, which CGI
/// makes the variable `HTTP_PROXY`, where many programs look for a proxy of their own; and those by
/// which frameworks take another method than the one that was authorized; and the certificate that a
/// proxy in TLS was shown (RFC 9440), which this one tells nobody.
const NAMES: [&str; 24] = [
    "forwarded",
    "proxy",
    "client-cert",
    "client-cert-chain",
    "client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "proxy-client-ip",
    "true-client-ip",
    "wl-proxy-client-ip",
    "x-client-cert",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-envoy-original-path",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-ssl-client-cert",
];

/// Removes what a client says of its origin, in every spelling.
pub fn strip(headers: &mut HeaderMap) {
    spelling::remove_where(headers, is_claim);
}

/// Whether a field of this name tells of a request's origin, or replaces what it asks for.
pub(crate) fn is_claim(name: &HeaderName) -> bool {
    PREFIXES
        .iter()
        .any(|prefix| spelling::begins_with(name, prefix))
        || NAMES.iter().any(|other| spelling::is(name, other))
}

/// Sets `Forwarded`, `X-Forwarded-For`, `-Host` and `-Proto` from what we know. `asked` is the host
/// that the request itself names.
///
/// What trusted proxies wrote into the field that is read from them goes on, from the client's
/// entry on, with the proxy that we were asked by behind it; the other of the two names the client
/// alone. Scheme and host are those that the client used, as far as it is known.
///
/// An IPv4 address that came in as IPv6 is written as IPv4. A value that cannot stand in a field
/// leaves its field out.
pub fn set(headers: &mut HeaderMap, origin: &Origin, asked: Option<&str>) {
    set_shared(headers, origin, asked, &mut Values::with_capacity(128));
}

/// The same, with values that share their allocation with others.
pub(crate) fn set_shared(
    headers: &mut HeaderMap,
    origin: &Origin,
    asked: Option<&str>,
    values: &mut Values,
) {
    let host = origin.host().or(asked);
    let ours = || Element {
        address: origin.peer(),
        host: asked,
        scheme: origin.own_scheme(),
    };
    let client = || Element {
        address: origin.client(),
        host,
        scheme: origin.scheme(),
    };
    let forwarded = values.value(|text| match origin.chain(OriginField::Forwarded) {
        Some(chain) => {
            chained(text, chain);
            ours().write(text);
        }
        None => client().write(text),
    });
    insert(headers, FORWARDED, forwarded);
    let (chain, address) = match origin.chain(OriginField::XForwardedFor) {
        Some(chain) => (Some(chain), origin.peer()),
        None => (None, origin.client()),
    };
    if let Some(address) = address {
        let addresses = values.value(|text| {
            if let Some(chain) = chain {
                chained(text, chain);
            }
            write_address(text, address);
        });
        insert(headers, X_FORWARDED_FOR, addresses);
    }
    if let Some(host) = host {
        insert(headers, X_FORWARDED_HOST, values.copied(host));
    }
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(origin.scheme()));
}

/// Appends ours to the `Via` fields (RFC 9110 section 7.6.3), with the protocol by which the
/// message came to us.
pub fn append_via(headers: &mut HeaderMap, received: Version) {
    headers.append(
        VIA,
        HeaderValue::from_static(match received {
            Version::HTTP_10 => "1.0 portcullis",
            Version::HTTP_2 => "2 portcullis",
            _ => "1.1 portcullis",
        }),
    );
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value);
    }
}

/// One `forwarded-element` (RFC 7239 section 4). IPv6 stands in brackets and quotes (section 6).
struct Element<'a> {
    address: Option<IpAddr>,
    host: Option<&'a str>,
    scheme: &'a str,
}

impl Element<'_> {
    fn write(&self, text: &mut BytesMut) {
        text.put_slice(b"for=");
        match self.address {
            Some(address @ IpAddr::V4(_)) => write_address(text, address),
            Some(address @ IpAddr::V6(_)) => {
                text.put_slice(b"\"[");
                write_address(text, address);
                text.put_slice(b"]\"");
            }
            None => text.put_slice(b"unknown"),
        }
        if let Some(host) = self.host {
            text.put_slice(b";host=\"");
            write_quoted(text, host);
            text.put_slice(b"\"");
        }
        text.put_slice(b";proto=");
        text.put_slice(self.scheme.as_bytes());
    }
}

/// What others wrote, with room for ours behind it.
fn chained(text: &mut BytesMut, chain: &str) {
    text.put_slice(chain.as_bytes());
    text.put_slice(b", ");
}

fn write_address(text: &mut BytesMut, address: IpAddr) {
    match address {
        // Without what formats anything: each request has one.
        IpAddr::V4(address) => {
            for (at, octet) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    text.put_u8(b'.');
                }
                text.put_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        // Memory is all that could be missing.
        IpAddr::V6(address) => drop(write!(text, "{address}")),
    }
}

/// Text inside a quoted-string (RFC 9110 section 5.6.4).
fn write_quoted(text: &mut BytesMut, quoted: &str) {
    for byte in quoted.bytes() {
        if matches!(byte, b'"' | b'\\') {
            text.put_u8(b'\\');
        }
        text.put_u8(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_for(peer: Option<&str>, host: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let origin = Origin::of_peer(peer.map(|peer| peer.parse().unwrap()));
        set(&mut headers, &origin, host);
        headers
    }

    #[test]
    fn the_certificate_of_a_client_is_nobodys_claim() {
        for name in [
            "Client-Cert",
            "client_cert_chain",
            "X-Client-Cert",
            "x_ssl_client_cert",
        ] {
            let mut headers = HeaderMap::new();
            let field: HeaderName = name.parse().unwrap();
            headers.insert(field, HeaderValue::from_static(":AAAA:"));
            strip(&mut headers);
            assert!(headers.is_empty(), "{name}");
        }
    }

    #[test]
    fn every_spelling_of_a_clients_claim_is_stripped() {
        let mut headers = HeaderMap::new();
        for name in [
            "forwarded",
            "x-forwarded-for",
            "x_forwarded_for",
            "X-Forwarded_For",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x_forwarded-port",
            "x-forwarded-prefix",
            "x-forwarded",
            "x-real-ip",
            "x_real_ip",
            "true-client-ip",
            "x-original-url",
            "X_Rewrite_Url",
            "x-original-forwarded-for",
            "Proxy",
            "client_ip",
            "cf-connecting-ip",
            "fastly-client-ip",
            "proxy-client-ip",
            "wl-proxy-client-ip",
            "x-client-ip",
            "x-cluster-client-ip",
            "x-envoy-external-address",
            "x-envoy-original-path",
            "x-remote-ip",
            "x_remote_addr",
        ] {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_static("192.0.2.66"));
        }
        headers.append("x-real-ipx", HeaderValue::from_static("other"));
        headers.append("via", HeaderValue::from_static("1.1 before"));
        strip(&mut headers);
        assert_eq!(headers.keys().count(), 2, "{headers:?}");
        assert!(headers.contains_key("x-real-ipx") && headers.contains_key(VIA));
    }

    #[test]
    fn origin_is_the_peer_alone() {
        let headers = set_for(Some("192.0.2.7:5000"), Some("api.example.com:8080"));
        assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
        assert_eq!(headers["x-forwarded-host"], "api.example.com:8080");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(
            headers["forwarded"],
            "for=192.0.2.7;host=\"api.example.com:8080\";proto=http"
        );
    }

    #[test]
    fn ipv6_is_quoted_and_mapped_ipv4_is_not_ipv6() {
        let headers = set_for(Some("[2001:db8::1]:5000"), None);
        assert_eq!(headers["forwarded"], "for=\"[2001:db8::1]\";proto=http");
        assert_eq!(headers["x-forwarded-for"], "2001:db8::1");
        let headers = set_for(Some("[::ffff:192.0.2.7]:5000"), None);
        assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
    }

    #[test]
    fn host_cannot_leave_its_quotes() {
        let headers = set_for(None, Some("a\";for=192.0.2.1;x=\"\\"));
        assert_eq!(
            headers["forwarded"],
            "for=unknown;host=\"a\\\";for=192.0.2.1;x=\\\"\\\\\";proto=http"
        );
        assert!(!headers.contains_key("x-forwarded-for"));
    }

    #[test]
    fn via_is_appended_to_those_before() {
        let mut headers = HeaderMap::new();
        headers.append(VIA, HeaderValue::from_static("1.0 before"));
        append_via(&mut headers, Version::HTTP_11);
        append_via(&mut headers, Version::HTTP_10);
        let all: Vec<_> = headers.get_all(VIA).iter().collect();
        assert_eq!(all, ["1.0 before", "1.1 portcullis", "1.0 portcullis"]);
    }
}
