//! The template names every field with its default.

use http::StatusCode;

use super::{faults, parse};
use crate::access::AccessLogConfig;
use crate::config::{TEMPLATE, documented};
use crate::spans::{OtlpConfig, Ratio};
use crate::upstream::HealthConfig;

/// The template with its comments taken away from every field, and from the tables at its end.
pub(super) fn uncommented() -> String {
    let (mut fields, tables) = documented::uncommented();
    if !cfg!(feature = "otlp") {
        // A program that was built without it takes no such table.
        let from = fields.find("\n[trace.otlp]\n").expect("the table") + 1;
        let rest = fields.get(from + 1..).expect("the rest");
        let to = from + 1 + rest.find("\n[").expect("a table behind it");
        fields.replace_range(from..to, "");
    }
    fields + &tables
}

#[test]
fn the_template_is_the_defaults_and_its_comments_name_them() {
    let default = parse("").expect("valid");
    let template = parse(TEMPLATE).expect("the template is valid");
    assert_eq!(format!("{template:?}"), format!("{default:?}"));

    let text = uncommented();
    let mut spelled = parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let service = spelled.services.pop().expect("the service at the end");
    assert_eq!(service.name.as_str(), "orders");
    assert_eq!(service.rate.expect("a rate").to_string(), "100/s burst 200");
    assert_eq!(
        spelled.credential_header.take().expect("a header"),
        "x-api-key"
    );
    let trusted = std::mem::take(&mut spelled.server.uncounted);
    assert_eq!((trusted.len(), &trusted), (1, &spelled.origin.trust));
    spelled.origin = default.origin.clone();
    let networks = std::mem::take(&mut spelled.server.proxy_protocol);
    assert_eq!(networks.len(), 1);
    assert_eq!(spelled.access_log.take(), Some(AccessLogConfig::default()));
    if let Some(otlp) = spelled.otlp.take() {
        let defaults = OtlpConfig {
            headers: otlp.headers.clone(),
            roots: otlp.roots.clone(),
            ..OtlpConfig::new("http://127.0.0.1:4317".parse().expect("an endpoint"))
        };
        assert_eq!(otlp, defaults);
        assert_eq!(otlp.headers.len(), 1);
        assert_eq!(spelled.trace.export.take(), Some(Ratio::ALL));
    }
    let names: Vec<String> = spelled
        .routes()
        .iter()
        .map(|route| route.name.to_string())
        .collect();
    assert_eq!(names, ["invoices", "customers", "status", "old"]);
    assert_eq!(spelled.handling.body_bytes.take(), Some(10_485_760));
    assert_eq!(spelled.upstreams().len(), 3);
    spelled.route_tables.clear();
    assert!(spelled.tls.take().is_some(), "the listener at the end");
    let [upstream, several, _secure] = std::mem::take(&mut spelled.upstream_tables)
        .try_into()
        .expect("two upstreams");
    let mut common = service.route.expect("a route").upstream;
    common.endpoints = upstream.config.endpoints.clone();
    assert_eq!(upstream.config, common);
    common.endpoints = several.config.endpoints.clone();
    common.health = Some(HealthConfig::new("/healthz".parse().expect("a path")));
    common.retry.statuses = vec![StatusCode::SERVICE_UNAVAILABLE];
    assert_eq!(several.config, common);
    assert_eq!(format!("{spelled:?}"), format!("{default:?}"));
}

#[test]
fn the_template_names_every_field() {
    let (fields, tables) = documented::uncommented();
    let text = fields + &tables;
    for (table, known) in [
        ("[manager]\nx = 1", 15),
        ("[timeouts]\nx = 1", 10),
        ("[limits]\nx = 1", 9),
        ("[http2]\nx = 1", 5),
        ("[forwarded]\nx = 1", 2),
        ("[trace]\nx = 1", 3),
        ("[trace.otlp]\nx = 1", 10),
        ("[access_log]\nx = 1", 4),
        ("[[services]]\nx = 1", 6),
        ("[[upstreams]]\nx = 1", 19),
        ("[tls]\nx = 1", 5),
        ("[[tls.certificates]]\nx = 1", 3),
        ("[[routes]]\nx = 1", 26),
        ("x = 1", 17),
    ] {
        let found = faults(table);
        let known_fields = found
            .iter()
            .find_map(|fault| fault.split_once("unknown field `x`, expected "));
        let (_, fields) = known_fields.expect("an unknown field");
        // Of two fields the one or the other is expected.
        let fields = fields.trim_start_matches("one of ").replace(" or ", ", ");
        let fields: Vec<&str> = fields
            .split(", ")
            .map(|field| field.trim_matches('`'))
            .collect();
        assert_eq!(fields.len(), known, "{fields:?}");
        for field in fields {
            let named = text.lines().any(|line| {
                line.starts_with(&format!("{field} = "))
                    || line.trim_matches(['[', ']']).rsplit('.').next() == Some(field)
            });
            assert!(named, "{field} is not in the template");
        }
    }
    // These stand within one line.
    for (table, field, nested) in [
        (
            "upstreams",
            "tls",
            &["roots", "certificate", "key", "server_name"][..],
        ),
        ("routes", "headers", &["name", "value"]),
        ("routes", "respond", &["status", "content_type", "body"]),
        ("routes", "redirect", &["to", "status"]),
        ("upstreams", "endpoints", &["url", "weight"]),
        ("upstreams", "queue", &["requests", "wait"]),
        (
            "upstreams",
            "retry",
            &["attempts", "ratio", "per_second", "statuses"],
        ),
        (
            "upstreams",
            "ejection",
            &["failures", "base", "longest", "share"],
        ),
        (
            "upstreams",
            "health",
            &[
                "path",
                "interval",
                "timeout",
                "healthy",
                "unhealthy",
                "status",
            ],
        ),
        ("routes", "request_headers", &["set", "add", "remove"]),
        (
            "routes",
            "cors",
            &["origins", "headers", "expose", "credentials", "max_age"],
        ),
        ("routes", "timeouts", &["response", "body", "whole"]),
    ] {
        let value = match field {
            "headers" | "endpoints" => "[{ x = 1 }]",
            _ => "{ x = 1 }",
        };
        let found = faults(&format!("[[{table}]]\n{field} = {value}"));
        let known = found
            .iter()
            .find(|fault| fault.contains("unknown field"))
            .expect(field);
        assert_eq!(
            known.matches('`').count(),
            2 * (nested.len() + 1),
            "{known}"
        );
        let start = format!("{field} = {}", &value[..1]);
        let line = text.lines().find(|line| line.starts_with(&start));
        let line = line.expect(field);
        for name in nested {
            assert!(known.contains(&format!("`{name}`")), "{name} in {known}");
            assert!(line.contains(&format!("{name} = ")), "{name} in {line}");
        }
    }
}
