use std::convert::Infallible;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use proptest::prelude::*;
use tower::{Layer, ServiceExt, service_fn};

use super::{ClientAddr, TrustedProxies, forwarded, node};

const PROXY: &str = "10.0.0.1";
const CLIENT: &str = "203.0.113.9";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn networks() -> [ipnet::IpNet; 2] {
    ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().expect("a network"))
}

fn fields(name: &'static str, values: &[&str]) -> HeaderMap {
    let values = values.iter().map(|value| {
        let value = HeaderValue::from_str(value).expect("a value");
        (HeaderName::from_static(name), value)
    });
    values.collect()
}

fn x_forwarded_for(peer: &str, values: &[&str]) -> IpAddr {
    let fields = fields("x-forwarded-for", values);
    TrustedProxies::x_forwarded_for(networks()).client(ip(peer), &fields)
}

fn by_forwarded(peer: &str, values: &[&str]) -> IpAddr {
    let fields = fields("forwarded", values);
    TrustedProxies::forwarded(networks()).client(ip(peer), &fields)
}

#[test]
fn a_stranger_is_who_it_is_whatever_it_says() {
    let says = [PROXY, "10.0.0.7, 192.0.2.1", "192.0.2.1"];
    assert_eq!(x_forwarded_for(CLIENT, &says), ip(CLIENT));
    let says = ["for=192.0.2.1", "for=10.0.0.7"];
    assert_eq!(by_forwarded(CLIENT, &says), ip(CLIENT));
    assert_eq!(
        x_forwarded_for("2001:db8::1", &["192.0.2.1"]),
        ip("2001:db8::1")
    );
}

#[test]
fn what_a_trusted_proxy_appended_counts_and_what_stands_before_does_not() {
    let rows: [(&[&str], &str); 9] = [
        (&[], PROXY),
        (&[CLIENT], CLIENT),
        (&["192.0.2.1, 203.0.113.9"], CLIENT),
        (&["10.0.0.7, 203.0.113.9, 10.0.0.2 ,10.0.0.3"], CLIENT),
        (&["192.0.2.1", "203.0.113.9", "10.0.0.2"], CLIENT),
        (&["203.0.113.9:1234, fd00::7, [fd00::8]:443"], CLIENT),
        (&["10.0.0.5, 10.0.0.4"], "10.0.0.5"),
        (&[", 203.0.113.9,, "], CLIENT),
        (&["nonsense, 203.0.113.9"], CLIENT),
    ];
    for (values, client) in rows {
        assert_eq!(x_forwarded_for(PROXY, values), ip(client), "{values:?}");
    }
    let rows: [(&[&str], &str); 9] = [
        (&["for=203.0.113.9"], CLIENT),
        (&["For=\"203.0.113.9:80\";proto=https;by=10.0.0.1"], CLIENT),
        (&["by=10.0.0.1 ; for=203.0.113.9 ;"], CLIENT),
        (&["for=\"[2001:db8::9]:1234\""], "2001:db8::9"),
        (&["for=192.0.2.1, for=203.0.113.9, for=10.0.0.3"], CLIENT),
        (
            &["for=192.0.2.1", "for=203.0.113.9", "for=\"[fd00::8]\""],
            CLIENT,
        ),
        (&["for=203.0.113.9;host=\"a,for=192.0.2.1\""], CLIENT),
        (
            &["for=203.0.113.9;host=\"a\\\",for=192.0.2.1;for=1.1.1.1\""],
            CLIENT,
        ),
        (&["for=203.0.113.9:_hidden"], CLIENT),
    ];
    for (values, client) in rows {
        assert_eq!(by_forwarded(PROXY, values), ip(client), "{values:?}");
    }
}

#[test]
fn what_cannot_be_read_ends_the_way_at_the_last_trusted_hop() {
    for entry in [
        "unknown",
        "_hidden",
        "203.0.113.9.",
        "203.0.113",
        "0203.0.113.9",
        "203.0.113.9:",
        "203.0.113.9:x",
        "203.0.113.9:+1",
        "203.0.113.9:65536",
        "[203.0.113.9]",
        "[2001:db8::1",
        "[2001:db8::1]1",
        "fe80::1%eth0",
        "203.0.113.9 192.0.2.1",
        "\"203.0.113.9\"",
        "/",
        "é",
    ] {
        let values = [&format!("203.0.113.1, {entry}, 10.0.0.2")[..]];
        assert_eq!(x_forwarded_for(PROXY, &values), ip("10.0.0.2"), "{entry}");
    }
    for element in [
        "unknown",
        "for",
        "for=",
        "for=unknown",
        "for=_hidden",
        "proto=https",
        "for=\"",
        "for=\"a",
        "for=203.0.113.9\"",
        "for=\"203.0.113.9\"x",
        "for=203.0.113.9;for=203.0.113.9",
        "=",
        "for=\"203.0.113.9\\\"",
        "for=\"203.0.113.9\";x",
    ] {
        let values = [&format!("for=203.0.113.1, {element}")[..], "for=10.0.0.2"];
        assert_eq!(by_forwarded(PROXY, &values), ip("10.0.0.2"), "{element}");
    }
}

#[test]
fn no_open_quote_on_the_left_swallows_what_a_proxy_appended() {
    for open in [
        "for=\"",
        "for=\"192.0.2.1",
        "\"",
        "for=\"a\\",
        "for=\"a\\\\\\\"",
    ] {
        let values = [&format!("{open}, for=203.0.113.9")[..]];
        assert_eq!(by_forwarded(PROXY, &values), ip(CLIENT), "{open}");
        let values = [&format!("{open}, for=\"203.0.113.9\";host=\"x\\\"y\"")[..]];
        assert_eq!(by_forwarded(PROXY, &values), ip(CLIENT), "{open}");
    }
}

#[test]
fn ten_thousand_elements_are_read_once_and_no_further_than_they_are_trusted() {
    let trusted = vec!["10.0.0.7"; 10_000].join(", ");
    assert_eq!(x_forwarded_for(PROXY, &[&trusted]), ip("10.0.0.7"));
    let line = format!("192.0.2.1, {CLIENT}, {trusted}");
    assert_eq!(x_forwarded_for(PROXY, &[&line]), ip(CLIENT));
    let line = format!("{trusted}, {CLIENT}");
    assert_eq!(x_forwarded_for(PROXY, &[&line]), ip(CLIENT));
    let empty = ", ,\t".repeat(10_000);
    let line = format!("{empty},{CLIENT}{empty}");
    assert_eq!(x_forwarded_for(PROXY, &[&line]), ip(CLIENT));
    let trusted = vec!["for=\"[fd00::7]:443\";by=_x"; 10_000].join(",");
    let line = format!("for={CLIENT}, {trusted}");
    assert_eq!(by_forwarded(PROXY, &[&line]), ip(CLIENT));
    // Neither quotes nor escapes make a look at an element one at all others.
    for long in ["\"", "\\", "\\\"", "\\\",", "\",\""] {
        let line = format!("{}, for={CLIENT}", long.repeat(10_000));
        assert_eq!(by_forwarded(PROXY, &[&line]), ip(CLIENT), "{long}");
    }
}

#[test]
fn one_field_is_read_and_the_other_is_a_client_s() {
    let fields = fields("x-forwarded-for", &["192.0.2.1"]);
    let client = TrustedProxies::forwarded(networks()).client(ip(PROXY), &fields);
    assert_eq!(client, ip(PROXY));
}

#[test]
fn mapped_addresses_are_the_addresses_they_map() {
    assert_eq!(
        x_forwarded_for("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]),
        ip(CLIENT)
    );
    assert_eq!(
        x_forwarded_for("::ffff:203.0.113.9", &["192.0.2.1"]),
        ip(CLIENT)
    );
    let mapped = ["::ffff:10.0.0.0/104".parse().expect("a network")];
    let proxies = TrustedProxies::x_forwarded_for(mapped);
    let fields = fields("x-forwarded-for", &[CLIENT]);
    assert_eq!(proxies.client(ip(PROXY), &fields), ip(CLIENT));
    assert_eq!(proxies.client(ip("11.0.0.1"), &fields), ip("11.0.0.1"));
}

#[test]
fn what_a_socket_for_both_families_shows_is_unmapped() {
    let mut extensions = http::Extensions::new();
    extensions.insert(ClientAddr(ip("::ffff:203.0.113.9")));
    assert_eq!(ClientAddr::of(&extensions), Some(ip(CLIENT)));
}

/// What is made of a client's own claims and of what two proxies add to them:
/// scheme, host, and what is left of the field that is read.
fn told(proxies: &TrustedProxies, peer: &str, fields: &[(&'static str, &str)]) -> [String; 4] {
    let fields: HeaderMap = fields
        .iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value).expect("a value");
            (HeaderName::from_static(name), value)
        })
        .collect();
    let origin = proxies.origin(ip(peer), &fields);
    assert_eq!(origin.client, proxies.client(ip(peer), &fields));
    assert_eq!(origin.is_trusted, proxies.trusts(ip(peer)));
    [
        origin.client.to_string(),
        origin.scheme.map_or_else(String::new, |it| it.to_string()),
        origin.host.map_or_else(String::new, |it| it.to_string()),
        origin
            .chain
            .map_or_else(String::new, |it| it.to_str().expect("text").to_owned()),
    ]
}

#[test]
fn scheme_and_host_are_of_the_hop_that_the_client_asked() {
    let proxies = TrustedProxies::x_forwarded_for(networks());
    let (scheme, host) = ("x-forwarded-proto", "x-forwarded-host");
    for (fields, expected) in [
        (
            &[
                ("x-forwarded-for", CLIENT),
                (scheme, "HTTPS"),
                (host, "a.test:81"),
            ][..],
            [CLIENT, "https", "a.test:81", CLIENT],
        ),
        (
            &[
                ("x-forwarded-for", "192.0.2.1, 203.0.113.9, 10.0.0.7"),
                (scheme, "http, https, http"),
                (host, "evil.test, a.test, inner.test"),
            ],
            [CLIENT, "https", "a.test", "203.0.113.9, 10.0.0.7"],
        ),
        // Proxies that pass on what the first of them said.
        (
            &[
                ("x-forwarded-for", "203.0.113.9, 10.0.0.7"),
                (scheme, "https"),
            ],
            [CLIENT, "https", "", "203.0.113.9, 10.0.0.7"],
        ),
        (&[(scheme, "https")], [PROXY, "https", "", ""]),
        (
            &[
                ("x-forwarded-for", CLIENT),
                (scheme, "gopher"),
                (host, "u@a.test"),
            ],
            [CLIENT, "", "", CLIENT],
        ),
        (
            &[("x-forwarded-for", CLIENT), (host, "a.test:")],
            [CLIENT, "", "", CLIENT],
        ),
        (
            &[("forwarded", "for=192.0.2.1;proto=https;host=evil.test")],
            [PROXY, "", "", ""],
        ),
    ] {
        assert_eq!(told(&proxies, PROXY, fields), expected, "{fields:?}");
        let strange = told(&proxies, "192.0.2.7", fields);
        assert_eq!(strange, ["192.0.2.7", "", "", ""], "{fields:?}");
    }

    let proxies = TrustedProxies::forwarded(networks());
    let line = "for=192.0.2.1;proto=http;host=evil.test, \
                for=203.0.113.9;proto=https;host=\"a.test:81\", for=10.0.0.7;proto=http";
    for (fields, expected) in [
        (
            &[("forwarded", line)][..],
            [
                CLIENT,
                "https",
                "a.test:81",
                "for=203.0.113.9;proto=https;host=\"a.test:81\", for=10.0.0.7;proto=http",
            ],
        ),
        (
            &[("forwarded", "for=203.0.113.9;proto=https;proto=http")],
            [CLIENT, "", "", "for=203.0.113.9;proto=https;proto=http"],
        ),
        (
            &[
                ("x-forwarded-for", CLIENT),
                (scheme, "https"),
                (host, "evil.test"),
            ],
            [PROXY, "", "", ""],
        ),
    ] {
        assert_eq!(told(&proxies, PROXY, fields), expected, "{fields:?}");
        let strange = told(&proxies, "192.0.2.7", fields);
        assert_eq!(strange, ["192.0.2.7", "", "", ""], "{fields:?}");
    }
}

#[test]
fn without_networks_nobody_is_trusted() {
    let fields = fields("x-forwarded-for", &["192.0.2.1"]);
    let client = TrustedProxies::x_forwarded_for([]).client(ip(PROXY), &fields);
    assert_eq!(client, ip(PROXY));
}

#[tokio::test]
async fn the_layer_tells_those_behind_and_invents_no_peer() {
    let service = TrustedProxies::x_forwarded_for(networks()).layer(service_fn(
        async |request: Request<()>| {
            let told = request.extensions().get::<ClientAddr>().copied();
            Ok::<_, Infallible>((told, request.headers().len()))
        },
    ));
    let answer = async |peer: Option<&str>| {
        let mut request = Request::new(());
        request
            .headers_mut()
            .insert("x-forwarded-for", HeaderValue::from_static(CLIENT));
        if let Some(peer) = peer {
            request.extensions_mut().insert(ClientAddr(ip(peer)));
        }
        service.clone().oneshot(request).await.expect("infallible")
    };
    assert_eq!(answer(Some(PROXY)).await, (Some(ClientAddr(ip(CLIENT))), 1));
    let stranger = Some(ClientAddr(ip("192.0.2.1")));
    assert_eq!(answer(Some("192.0.2.1")).await, (stranger, 1));
    assert_eq!(
        answer(None).await,
        (None, 1),
        "no peer, so nobody to believe"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = node::address(&bytes);
        for element in forwarded::elements(&bytes) {
            let _ = forwarded::node(element);
        }
    }

    /// Whatever a client sends, the proxy's own entry decides.
    #[test]
    fn nothing_that_a_client_writes_changes_what_the_proxy_appended(
        sent in "[-a-z0-9=\"\\\\;, .:\\[\\]]{0,40}",
    ) {
        let line = format!("{sent}, {CLIENT}");
        prop_assert_eq!(x_forwarded_for(PROXY, &[&line]), ip(CLIENT));
        let line = format!("{sent}, for=\"{CLIENT}:80\";host=\"a\\\"b\"");
        prop_assert_eq!(by_forwarded(PROXY, &[&line]), ip(CLIENT));
    }
}
