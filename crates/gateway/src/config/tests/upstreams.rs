//! What tables of upstreams say reaches its field, and what they may not say is told.

use std::time::Duration;

use http::StatusCode;

use super::{faults, parse};
use crate::upstream::{Balance, Protocol, UpstreamConfig};

/// The upstream of this table, whose first line is the second of the file.
fn upstream(fields: &str) -> UpstreamConfig {
    let text = format!("[[upstreams]]\nname = \"a\"\n{fields}");
    let config = parse(&text).unwrap_or_else(|error| panic!("{fields}\n{error}"));
    let mut upstreams = config.upstreams();
    upstreams.pop().expect("one").config
}

#[test]
fn every_field_of_an_upstream_reaches_its_place() {
    let config = upstream(
        r#"
        endpoints = ["http://a:1", { url = "http://b", weight = 3 }]
        protocol = "http2"
        host = "b.test"
        balance = "least-requests"
        dns_refresh = "3s"
        header_bytes = 2048
        requests = 7
        queue = { requests = 8, wait = "9ms" }
        retry = { attempts = 2, ratio = "5%", per_second = 1, statuses = [502, 503] }
        ejection = { failures = 4, base = "2s", longest = "4s", share = "25%" }
        health = { path = "/up?now", interval = "1s", timeout = "20ms", healthy = 1, unhealthy = 5, status = "204" }
        "#,
    );
    let endpoints: Vec<_> = config
        .endpoints
        .iter()
        .map(|endpoint| (endpoint.authority.as_str(), endpoint.weight))
        .collect();
    assert_eq!(endpoints, [("a:1", 1), ("b", 3)]);
    assert_eq!(config.protocol, Protocol::Http2);
    assert_eq!(config.host.expect("a host"), "b.test");
    assert_eq!(config.balance, Balance::LeastRequests);
    assert_eq!(config.dns_refresh, Duration::from_secs(3));
    assert_eq!((config.max_header_size, config.max_requests), (2048, 7));
    let wait = Duration::from_millis(9);
    assert_eq!((config.max_waiting, config.wait_timeout), (8, wait));
    let retry = &config.retry;
    let numbers = (retry.attempts, retry.ratio.get(), retry.per_second);
    assert_eq!(numbers, (2, 5, 1));
    let statuses = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
    assert_eq!(retry.statuses, statuses);
    let ejection = &config.ejection;
    let times = (ejection.base.as_secs(), ejection.longest.as_secs());
    let numbers = (ejection.failures, ejection.share.get());
    assert_eq!((numbers, times), ((4, 25), (2, 4)));
    let health = config.health.expect("questions");
    assert_eq!(health.path, "/up?now");
    let times = (health.interval.as_millis(), health.timeout.as_millis());
    let numbers = (health.healthy, health.unhealthy);
    assert_eq!((numbers, times), ((1, 5), (1000, 20)));
    assert_eq!(health.status.to_string(), "204");
}

#[test]
fn an_upstream_that_says_no_more_has_the_defaults() {
    let config = upstream("url = \"http://a:1\"");
    let default = UpstreamConfig::new("a:1".parse().expect("an authority"));
    assert_eq!(config, default);
    assert_eq!(config, upstream("endpoints = [\"http://a:1\"]"));
}

#[test]
fn faults_of_an_upstream_are_told_where_they_stand() {
    for (fields, expected) in [
        (
            "url = \"http://a\"\nendpoints = [\"http://b\"]",
            &["4:13 upstreams[0].endpoints: expected either url or endpoints"][..],
        ),
        (
            "endpoints = []",
            &["3:13 upstreams[0].endpoints: expected 1 to 64 endpoints"],
        ),
        (
            "endpoints = [\"ftp://abc\", 7, {}]",
            &[
                "3:14 upstreams[0].endpoints[0]: expected http://HOST",
                "3:27 upstreams[0].endpoints[1]: invalid type",
                "3:30 upstreams[0].endpoints[2].url: is missing",
            ],
        ),
        (
            "endpoints = [\"http://a\", \"https://b\"]",
            &["3:13 upstreams[0].endpoints: expected http for all endpoints of an upstream"],
        ),
        (
            "endpoints = [\"http://a\", { url = \"http://a\", weight = 0 }]",
            &[
                "3:26 upstreams[0].endpoints[1]: expected an endpoint that is not there before",
                "3:55 upstreams[0].endpoints[1].weight: expected 1 to 1000",
            ],
        ),
        (
            "url = \"http://a\"\nprotocol = \"h2c\"",
            &["4:12 upstreams[0].protocol: expected auto, http1 or http2"],
        ),
        (
            "url = \"http://a\"\nbalance = \"random\"\ndns_refresh = \"99ms\"",
            &[
                "4:11 upstreams[0].balance: expected round-robin or least-requests",
                "5:15 upstreams[0].dns_refresh: expected 100ms to 86400s",
            ],
        ),
        (
            "url = \"http://a\"\nrequests = 0\nqueue = { requests = -1, wait = \"2m\" }\nheader_bytes = 1",
            &[
                "4:12 upstreams[0].requests: expected 1 to 1000000 requests",
                "5:22 upstreams[0].queue.requests: expected 0 to 65536 requests",
                "5:33 upstreams[0].queue.wait: expected 0ns to 60s",
                "6:16 upstreams[0].header_bytes: expected 1024 to 1048576 bytes",
            ],
        ),
        (
            "url = \"http://a\"\nretry = { attempts = 11, ratio = \"101%\", per_second = 1001, statuses = [200, 503, 600] }",
            &[
                "4:22 upstreams[0].retry.attempts: expected 1 to 10 attempts",
                "4:34 upstreams[0].retry.ratio: expected 0% to 100%",
                "4:55 upstreams[0].retry.per_second: expected 0 to 1000 repetitions",
                "4:73 upstreams[0].retry.statuses[0]: expected 400 to 599",
                "4:83 upstreams[0].retry.statuses[2]: expected 400 to 599",
            ],
        ),
        (
            "url = \"http://a\"\nejection = { failures = 0, base = \"2s\", longest = \"1s\", share = \"x\" }",
            &[
                "4:25 upstreams[0].ejection.failures: expected 1 to 1000 failures",
                "4:51 upstreams[0].ejection.longest: expected 2s to 86400s",
                "4:65 upstreams[0].ejection.share: expected 0% to 100%",
            ],
        ),
        (
            "url = \"http://a\"\nhealth = { interval = \"1s\" }",
            &[
                "4:10 upstreams[0].health.path: is missing: expected for example path = \"/healthz\"",
            ],
        ),
        (
            "url = \"http://a\"\nhealth = { path = \"/\", interval = \"9ms\", timeout = \"6m\", healthy = 0, unhealthy = 101, status = \"200-199\" }",
            &[
                "4:35 upstreams[0].health.interval: expected 10ms to 3600s",
                "4:52 upstreams[0].health.timeout: expected 1ms to 300s",
                "4:68 upstreams[0].health.healthy: expected 1 to 100 answers",
                "4:83 upstreams[0].health.unhealthy: expected 1 to 100 answers",
                "4:97 upstreams[0].health.status: expected a status of 200 to 599",
            ],
        ),
        (
            "url = \"http://a\"\nhealth = { path = \"up\" }",
            &["4:19 upstreams[0].health.path: expected a path, for example /healthz"],
        ),
        (
            "url = \"http://a\"\nqueue = 7\nretry = { x = 1 }",
            &[
                "4:9 upstreams[0].queue: invalid type",
                "5:11 upstreams[0].retry.x: unknown field",
            ],
        ),
    ] {
        let found = faults(&format!("[[upstreams]]\nname = \"a\"\n{fields}"));
        assert_eq!(found.len(), expected.len(), "{fields}\n{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{fields}\n{found}\n{expected}");
        }
    }
}

#[test]
fn an_upstream_has_a_bounded_number_of_places() {
    for (count, fits) in [(64, true), (65, false)] {
        let places: Vec<String> = (0..count)
            .map(|port| format!("\"http://a:{}\"", port + 1))
            .collect();
        let text = format!(
            "[[upstreams]]\nname = \"a\"\nendpoints = [{}]",
            places.join(", ")
        );
        assert_eq!(parse(&text).is_ok(), fits, "{count}");
    }
}

#[test]
fn nothing_is_switched_where_http2_alone_is_spoken() {
    let text = |protocol| {
        format!(
            "[[upstreams]]\nname = \"a\"\nurl = \"http://a\"\nprotocol = \"{protocol}\"\n\
             [[routes]]\nname = \"r\"\nprefix = \"/\"\nauth = \"open\"\nupstream = \"a\"\n\
             upgrades = [\"websocket\"]\n"
        )
    };
    let told = "10:13 routes[0].upgrades[0]: expected an upstream that is asked in HTTP/1.1";
    assert_eq!(faults(&text("http2")), [told]);
    for protocol in ["auto", "http1"] {
        parse(&text(protocol)).expect(protocol);
    }
}
