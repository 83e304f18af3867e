//! From where requests come, in front of and behind the gateway; and their traces.

use portcullis_tests::{Gateway, Place, Upstream, get_with};

use crate::{PROGRAM, service};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn the_address_that_counts_is_the_one_that_trusted_proxies_tell() {
    for (trust, expected) in [
        ("127.0.0.0/8", [200, 401, 401]),
        ("10.0.0.0/8", [401, 401, 401]),
    ] {
        let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
        let config = format!(
            "[forwarded]\ntrust = [\"{trust}\"]\n{}",
            service("orders", "/", &upstream)
        );
        let gateway = Gateway::start(&place, &config);
        let token = place.issue("orders", &["--scope", "*", "--address", "203.0.113.9"]);
        let bearer = format!("authorization: Bearer {token}\r\n");
        for (told, status) in [
            "x-forwarded-for: 192.0.2.1, 203.0.113.9\r\n",
            "x-forwarded-for: 203.0.113.9, 192.0.2.1\r\n",
            "forwarded: for=203.0.113.9\r\nx-real-ip: 203.0.113.9\r\n",
        ]
        .into_iter()
        .zip(expected)
        {
            let answer = get_with(gateway.address, "/", &format!("{bearer}{told}"));
            assert_eq!(answer.status, status, "{trust} {told}");
        }
    }
}

#[test]
fn the_upstream_learns_of_the_whole_trusted_way() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let config = format!(
        "[forwarded]\ntrust = [\"127.0.0.1\", \"10.0.0.0/8\"]\n{}",
        service("orders", "/", &upstream)
    );
    let gateway = Gateway::start(&place, &config);
    let token = place.issue("orders", &["--scope", "*"]);
    let fields = format!(
        "authorization: Bearer {token}\r\nx-forwarded-for: 192.0.2.1, 203.0.113.9\r\n\
         X_Forwarded_For: 192.0.2.66\r\nx-forwarded-for: 10.0.0.7\r\nx-forwarded-proto: https\r\n\
         x-forwarded-host: Public.test\r\nforwarded: for=192.0.2.66\r\ntraceparent: {PARENT}\r\n\
         tracestate: a=1\r\n"
    );
    assert_eq!(get_with(gateway.address, "/", &fields).status, 200);
    let seen = upstream.take_seen().pop().expect("a request");
    assert!(!seen.text().contains("192.0.2"), "{seen:?}");
    assert_eq!(
        seen.field("x-forwarded-for"),
        ["203.0.113.9, 10.0.0.7, 127.0.0.1"]
    );
    assert_eq!(seen.field("x-forwarded-proto"), ["https"]);
    assert_eq!(seen.field("x-forwarded-host"), ["public.test"]);
    assert_eq!(
        seen.field("forwarded"),
        ["for=203.0.113.9;host=\"public.test\";proto=https"]
    );
    let [parent] = seen.field("traceparent")[..] else {
        panic!("{seen:?}")
    };
    assert_eq!(
        (parent.len(), &parent[..36], &parent[52..]),
        (55, &PARENT[..36], "-01")
    );
    assert_ne!(parent, PARENT, "the span is the gateway's");
    assert_eq!(seen.field("tracestate"), ["a=1"]);
}

#[test]
fn a_stranger_says_neither_where_it_is_nor_to_which_trace_it_belongs() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    let sent = format!(
        "authorization: Bearer {token}\r\nx-forwarded-for: 192.0.2.1\r\ntraceparent: {PARENT}\r\n\
         tracestate: a=1\r\nconnection: traceparent\r\n"
    );
    let mut parents = Vec::new();
    for _ in 0..2 {
        assert_eq!(get_with(gateway.address, "/", &sent).status, 200);
        let seen = upstream.take_seen().pop().expect("a request");
        assert_eq!(seen.field("x-forwarded-for"), ["127.0.0.1"]);
        assert!(seen.field("tracestate").is_empty());
        let parent = seen.field("traceparent");
        assert_eq!(parent.len(), 1, "{seen:?}");
        assert!(!parent[0].contains(&PARENT[3..35]), "{parent:?}");
        parents.push(parent[0].to_owned());
    }
    assert_ne!(parents[0][..35], parents[1][..35], "each begins a trace");
}

#[test]
fn a_host_is_told_in_the_one_spelling_that_it_was_routed_by() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    for (policy, expected) in [
        ("upstream", upstream.address().to_string()),
        ("preserve", "gateway.test:81".to_owned()),
        ("orders.internal", "orders.internal".to_owned()),
    ] {
        let config = format!(
            "[[upstreams]]\nname = \"up\"\nurl = \"http://{}\"\nhost = \"{policy}\"\n\
             [[routes]]\nname = \"all\"\nhost = \"gateway.test\"\nprefix = \"/\"\nauth = \"open\"\nupstream = \"up\"\n",
            upstream.address()
        );
        let gateway = Gateway::start(&place, &config);
        let head = "GET / HTTP/1.1\r\nhost: GATEWAY.Test.:081\r\nconnection: close\r\n\r\n";
        let answer = portcullis_tests::send(gateway.address, head.as_bytes());
        assert_eq!(answer.status, 200, "{policy}");
        let seen = upstream.take_seen().pop().expect("a request");
        assert_eq!(seen.field("host"), [expected], "{policy}");
        assert_eq!(
            seen.field("x-forwarded-host"),
            ["gateway.test:81"],
            "{policy}"
        );
        let forwarded = "for=127.0.0.1;host=\"gateway.test:81\";proto=http";
        assert_eq!(seen.field("forwarded"), [forwarded]);
    }
}
