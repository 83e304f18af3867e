//! `[trace.otlp]`, in a program that has the feature.

use std::time::Duration;

use super::{faults, parse};
use crate::config::{Config, Effective};
use crate::spans::{OtlpProtocol, Ratio};

fn config(fields: &str) -> Config {
    let text = format!("[trace.otlp]\nendpoint = \"http://a:4317\"\n{fields}");
    parse(&text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn it_is_as_the_file_says() {
    assert!(parse("").expect("valid").otlp.is_none());
    let config = config(
        "ratio = 0.5\nservice_name = \"edge\"\nprotocol = \"http\"\nroots = \"r.pem\"\n\
         headers = { X-Key = \"a b\" }\ntimeout = \"2s\"\nqueue = 16\nbatch = 16\ndelay = \"5ms\"",
    );
    assert_eq!(config.trace.export, Ratio::new(0.5));
    let otlp = config.otlp.expect("the table");
    assert_eq!(otlp.endpoint.to_string(), "http://a:4317");
    assert_eq!(otlp.protocol, OtlpProtocol::Http);
    assert_eq!(
        (&*otlp.service_name, otlp.queue, otlp.batch),
        ("edge", 16, 16)
    );
    assert_eq!(
        (otlp.timeout, otlp.delay),
        (Duration::from_secs(2), Duration::from_millis(5))
    );
    assert!(otlp.roots.as_ref().expect("a file").ends_with("r.pem"));
    assert_eq!(otlp.headers["x-key"], "a b");
    assert!(!format!("{otlp:?}").contains("a b"), "{otlp:?}");
}

#[test]
fn what_is_wrong_with_it_is_told_where_it_stands() {
    assert_eq!(
        faults("[trace.otlp]\n"),
        [
            "1:1 trace.otlp.endpoint: is missing: expected for example endpoint = \"http://127.0.0.1:4317\""
        ]
    );
    for (field, told) in [
        ("ratio = 1.5", "3:9 trace.otlp.ratio: expected 0.0 to 1.0"),
        ("ratio = -1", "3:9 trace.otlp.ratio: expected 0.0 to 1.0"),
        ("ratio = nan", "3:9 trace.otlp.ratio: expected 0.0 to 1.0"),
        (
            "protocol = \"udp\"",
            "3:12 trace.otlp.protocol: expected grpc or http",
        ),
        (
            "service_name = \"\"",
            "3:16 trace.otlp.service_name: expected 1 to 255 bytes",
        ),
        (
            "timeout = \"1ms\"",
            "3:11 trace.otlp.timeout: expected 10ms to 60s",
        ),
        (
            "delay = \"2m\"",
            "3:9 trace.otlp.delay: expected 1ms to 60s",
        ),
        (
            "queue = 1",
            "3:9 trace.otlp.queue: expected 16 to 65536 requests",
        ),
        (
            "batch = 0",
            "3:9 trace.otlp.batch: expected 1 to 4096 requests",
        ),
        (
            "headers = { te = \"x\" }",
            "3:13 trace.otlp.headers.te: expected a field that the export",
        ),
        (
            "headers = { Content-Type = \"x\" }",
            "3:13 trace.otlp.headers.Content-Type: expected a field",
        ),
        (
            "headers = { grpc-timeout = \"x\" }",
            "3:13 trace.otlp.headers.grpc-timeout: expected a field",
        ),
        (
            "headers = { a = \"x\", A = \"y\" }",
            "3:13 trace.otlp.headers.a: expected each field once",
        ),
        (
            "roots = \"\"",
            "3:9 trace.otlp.roots: expected the path of a file",
        ),
    ] {
        let found = faults(&format!(
            "[trace.otlp]\nendpoint = \"http://a:4317\"\n{field}\n"
        ));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(told), "{field}: {found:?}");
    }
    let no_path = "expected without a path for grpc, whose paths are its own";
    for (endpoint, told) in [
        ("a:4317", "expected http://HOST:PORT or https://HOST:PORT"),
        ("http://user@a:4317", "expected http://HOST:PORT"),
        ("http://a:4317/?key=x", "expected http://HOST:PORT"),
        ("http://a:4317/path", no_path),
    ] {
        let found = faults(&format!("[trace.otlp]\nendpoint = \"{endpoint}\"\n"));
        let told = format!("2:12 trace.otlp.endpoint: {told}");
        assert_eq!(found.len(), 1, "{endpoint}: {found:?}");
        assert!(found[0].starts_with(&told), "{endpoint}: {found:?}");
    }
    let text = "[trace.otlp]\nendpoint = \"http://a:4317/path\"\nprotocol = \"http\"\n";
    let config = parse(text).unwrap_or_else(|error| panic!("{error}"));
    let endpoint = config.otlp.expect("the table").endpoint;
    assert_eq!(endpoint.to_string(), "http://a:4317/path");
}

#[test]
fn no_fault_shows_a_field_of_the_requests() {
    for (text, field) in [
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\nheaders = { te = \"sesame\" }\n",
            "trace.otlp.headers.te",
        ),
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\nheaders = { a = \"sesame\", b = \" \" }\n",
            "trace.otlp.headers.b",
        ),
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\nheaders = \"sesame\"\n",
            "trace.otlp.headers",
        ),
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\nheaders = { x = \"sesame }\n",
            "",
        ),
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\nheaders = { x = \"sesame\n[limits]\n",
            "",
        ),
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\n[trace.otlp.headers]\nx = \"sesame\" y\n",
            "",
        ),
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\n[trace.otlp.headers]\n\"a b\" = \"sesame\"\n",
            "trace.otlp.headers.a b",
        ),
        (
            "[trace]\notlp.endpoint = \"http://a:1\"\notlp.headers.te = \"sesame\"\n",
            "trace.otlp.headers.te",
        ),
        (
            "trace = { otlp = { queue = 1, headers = { x = \"sesame\" } } }\n",
            "trace.otlp.endpoint",
        ),
        (
            "[trace.otlp]\nheaders = { x = \"sesame\" }\n",
            "trace.otlp.endpoint",
        ),
        // Whatever is misspelt.
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\nheader = { x = \"sesame\" }\n",
            "trace.otlp.header",
        ),
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\nauthorization = \"sesame\"\n",
            "trace.otlp.authorization",
        ),
        ("[trace]\nheaders = { x = \"sesame\" }\n", "trace.headers"),
        ("[trace]\noltp.headers.x = \"sesame\"\n", "trace.oltp"),
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\n[trace.otlp.header]\nx = \"sesame\" y\n",
            "",
        ),
        (
            "[trace.otlp]\nendpoint = \"http://user:sesame@a\"\n",
            "trace.otlp.endpoint",
        ),
        (
            "[trace.otlp]\nendpoint = \"http://a:1\"\nheaders = { x = \"\"\"\n[\"sesame\"\"\"\", te = \"b\" }\n",
            "trace.otlp.headers.te",
        ),
    ] {
        let error = parse(text).expect_err(text);
        let told = error.to_string();
        assert!(!told.contains("sesame"), "{told}");
        let places = error.faults().iter().map(|fault| {
            let place = format!("portcullis.toml:{}:{}", fault.line(), fault.column());
            assert!(told.contains(&place), "{place} in {told}");
            fault.field()
        });
        assert!(
            places.collect::<Vec<_>>().contains(&field),
            "{field} in {told}"
        );
    }
    let told = parse("[trace.otlp]\nqueue = 1 # few\nheaders = {}\n").expect_err("no endpoint");
    assert!(!told.to_string().contains("headers = "), "{told}");
    let told = parse("[limits]\nheaders = true # few\n").expect_err("a number");
    assert!(told.to_string().contains("# few"), "{told}");
}

#[test]
fn no_field_of_the_requests_is_shown() {
    let text = "[trace.otlp]\nendpoint = \"http://a:4317\"\n\
                headers = { x-team = \"sesame\", b = \"${KEPT}\", c = { file = \"kept\" } }\n";
    let shown = Effective::of(text).print();
    assert!(!shown.contains("sesame"), "{shown}");
    for kept in [
        "x-team = \"[redacted]\"",
        "b = \"${KEPT}\"",
        "file = \"kept\"",
        "queue = 4096",
    ] {
        assert!(shown.contains(kept), "{kept} in {shown}");
    }
    assert!(!Effective::of("").print().contains("otlp"));
}
