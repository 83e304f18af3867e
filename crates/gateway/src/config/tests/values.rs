//! What is written reaches its field, and what is not has a default.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use portcullis::key::Environment;
use portcullis::manager::ManagerConfig;

use super::{faults, parse};
use crate::server::ServerConfig;

#[test]
fn an_empty_file_is_the_defaults() {
    let config = parse("").expect("valid");
    assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
    assert_eq!(
        config.operations_listen,
        SocketAddr::from(([127, 0, 0, 1], 9090))
    );
    assert_eq!(
        config.store_path,
        Path::new("/etc/portcullis/portcullis.db")
    );
    assert_eq!(config.keyring_path, Path::new("/etc/portcullis/keyring"));
    assert_eq!(config.manager, ManagerConfig::default());
    assert_eq!(config.server, ServerConfig::default());
    assert!(config.credential_header.is_none() && config.services.is_empty());
}

#[test]
fn values_reach_their_fields() {
    let config = parse(
        r#"
        listen = "[::1]:80"
        store.path = "/var/lib/keys.db"
        [operations]
        listen = "127.0.0.1:0"
        [manager]
        cache_ttl = "5m"
        default_lifetime = "never"
        environment = "test"
        namespace = "edge-1"
        [timeouts]
        header = "3s"
        upstream_idle = "7s"
        [limits]
        connections = 12
        connections_per_address = 3
        [proxy_protocol]
        networks = ["10.0.0.0/8", "2001:db8::1"]
        [[services]]
        name = "orders"
        prefix = "/orders/"
        permissions = ["orders:read", "orders:list"]
        upstream = "http://127.0.0.1:3000/"
        "#,
    )
    .expect("valid");
    assert_eq!(config.listen.port(), 80);
    assert_eq!(config.store_path, Path::new("/var/lib/keys.db"));
    let manager = ManagerConfig::default()
        .cache_ttl(Duration::from_secs(300))
        .default_lifetime(None)
        .environment(Environment::Test)
        .namespace("edge-1");
    assert_eq!(config.manager, manager);
    assert_eq!(config.server.header_read_timeout, Duration::from_secs(3));
    assert_eq!(config.server.max_connections, 12);
    assert_eq!(config.server.max_connections_per_address, 3);
    let networks = config.server.proxy_protocol.iter().map(ToString::to_string);
    assert_eq!(
        networks.collect::<Vec<_>>(),
        ["10.0.0.0/8", "2001:db8::1/128"]
    );
    let [service] = config.services.as_slice() else {
        panic!("one service")
    };
    let route = service.route.as_ref().expect("a route");
    assert_eq!(route.prefix.as_str(), "/orders");
    assert_eq!(service.requirement.to_string(), "orders:read orders:list");
    assert_eq!(route.upstream.endpoints[0].authority, "127.0.0.1:3000");
    assert_eq!(route.upstream.idle_timeout, Duration::from_secs(7));
    assert!(service.environments().contain(Environment::Live));
}

#[test]
fn http2_is_spoken_as_it_says_and_not_at_all_where_it_is_turned_off() {
    let table = |rest: &str| parse(&format!("[http2]\nstreams = 7\nping = \"5s\"\n{rest}"));
    let config = table("resets = 20\ncontrol_frames = 50\nenabled = true").expect("valid");
    let http2 = config.server.http2.expect("spoken");
    assert_eq!(
        (http2.streams, http2.resets, http2.control_frames),
        (7, 20, 50)
    );
    assert_eq!(http2.ping, Duration::from_secs(5));
    let without = table("enabled = false").expect("valid");
    assert!(without.server.http2.is_none());
    let limits = parse("[limits]\nrequests_per_connection = 9").expect("valid");
    assert_eq!(limits.server.max_requests, 9);
}

#[test]
fn bounds_of_http2_are_told_where_it_is_turned_off_as_well() {
    let text = "[http2]\nenabled = false\nstreams = 0\nping = \"999ms\"\nresets = 19\n\
                control_frames = 1000001\n[limits]\nrequests_per_connection = 0";
    assert_eq!(
        faults(text),
        [
            "3:11 http2.streams: expected 1 to 1000 streams",
            "4:8 http2.ping: expected 1s to 3600s",
            "5:10 http2.resets: expected 20 to 1000000 streams",
            "6:18 http2.control_frames: expected 20 to 1000000 frames",
            "8:27 limits.requests_per_connection: expected 1 to 1000000000 requests",
        ]
    );
    let kind = faults("[http2]\nenabled = 1");
    assert!(
        kind.len() == 1 && kind[0].starts_with("2:11 http2.enabled: "),
        "{kind:?}"
    );
}

#[test]
fn a_credential_has_a_header_of_its_own() {
    for name in [
        "x-request-id",
        "X_Request_Id",
        "user-agent",
        "Accept",
        "accept-encoding",
        "origin",
        "date",
        "keep-alive",
        "x_portcullis_owner",
        "x.forwarded.for",
        "content_type",
        "sec-gpc",
    ] {
        let found = faults(&format!("[credentials]\nheader = \"{name}\""));
        let expected = "2:10 credentials.header: expected a header that has no other meaning";
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{name}: {found:?}"
        );
    }
    for name in [
        "x-api-key",
        "api-key",
        "Apikey",
        "x-acme-token",
        "x-auth-token",
    ] {
        let config = parse(&format!("[credentials]\nheader = \"{name}\"")).expect(name);
        assert!(config.credential_header.is_some());
    }
}

#[test]
fn a_network_is_written_in_one_way() {
    for network in [
        "10.0.0.1/8",
        "::ffff:10.0.0.0/104",
        "10.0.0.0/33",
        "example.com",
        "",
    ] {
        let found = faults(&format!(
            "[proxy_protocol]\nnetworks = [\"::1\", \"{network}\"]"
        ));
        let expected = "2:20 proxy_protocol.networks[1]: expected the first address of a network";
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{network}: {found:?}"
        );
    }
}

#[test]
fn rates_of_all_cached_keys_are_remembered() {
    for (keys, rates) in [
        (1, 1_000_000),
        (1_000_000, 1_000_000),
        (2_000_001, 2_000_001),
    ] {
        let config = parse(&format!("[manager]\ncache_capacity = {keys}")).expect("valid");
        assert_eq!(config.rate_capacity, rates);
    }
    assert_eq!(parse("").expect("valid").rate_capacity, 1_000_000);
}

/// A variable that is there and empty comes to the same.
#[test]
fn a_text_that_says_nothing_is_told_what_is_expected() {
    let address = "expected an IP address and a port, for example 127.0.0.1:8080";
    for (text, told) in [
        ("listen = \"\"", format!("1:10 listen: {address}")),
        ("listen = \" \"", format!("1:10 listen: {address}")),
        ("listen = \":8080\"", format!("1:10 listen: {address}")),
        (
            "[operations]\nlisten = \"\"",
            format!("2:10 operations.listen: {address}"),
        ),
        (
            "[tls]\nlisten = \"\"\n[[tls.certificates]]\ncertificate = \"a\"\nkey = \"b\"",
            format!("2:10 tls.listen: {address}"),
        ),
        (
            "[store]\npath = \"\"",
            "2:8 store.path: expected the path of a file".to_owned(),
        ),
        (
            "[keyring]\npath = \"\"",
            "2:8 keyring.path: expected the path of a file".to_owned(),
        ),
        (
            "[credentials]\nheader = \"\"",
            "2:10 credentials.header: expected a header name".to_owned(),
        ),
        (
            "[manager]\nnamespace = \"\"",
            "2:13 manager.namespace: expected 1 to 63 characters".to_owned(),
        ),
        (
            "[timeouts]\nidle = \"\"",
            "2:8 timeouts.idle: expected a whole number and one of ms".to_owned(),
        ),
    ] {
        let found = faults(text);
        assert!(found.len() == 1 && found[0].starts_with(&told), "{found:?}");
    }
}
