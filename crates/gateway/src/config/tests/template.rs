//! The template names every field with its default.

use super::{faults, parse};
use crate::access::AccessLogConfig;
use crate::config::TEMPLATE;

/// The template with its comments taken away from every field, and from the tables at its end.
fn uncommented() -> String {
    let (fields, service) = TEMPLATE
        .split_once("# [[services]]")
        .expect("a service at the end");
    let mut text = String::new();
    for line in fields.lines() {
        text.push_str(
            line.strip_prefix('#')
                .filter(|line| !line.starts_with([' ', '#']))
                .unwrap_or(line),
        );
        text.push('\n');
    }
    text.push_str("[[services]]\n");
    for line in service.lines() {
        text.push_str(line.strip_prefix("# ").unwrap_or(line));
        text.push('\n');
    }
    text
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
    assert_eq!(spelled.access_log.take(), Some(AccessLogConfig::default()));
    let names: Vec<String> = spelled
        .routes()
        .iter()
        .map(|route| route.name.to_string())
        .collect();
    assert_eq!(names, ["invoices", "status", "old"]);
    assert_eq!(spelled.upstreams().len(), 1);
    spelled.route_tables.clear();
    let [upstream] = std::mem::take(&mut spelled.upstream_tables)
        .try_into()
        .expect("one upstream");
    let mut common = service.route.expect("a route").upstream;
    common.authority = upstream.config.authority.clone();
    assert_eq!(upstream.config, common);
    assert_eq!(format!("{spelled:?}"), format!("{default:?}"));
}

#[test]
fn the_template_names_every_field() {
    let text = uncommented();
    for (table, known) in [
        ("[manager]\nx = 1", 15),
        ("[timeouts]\nx = 1", 9),
        ("[limits]\nx = 1", 6),
        ("[access_log]\nx = 1", 4),
        ("[[services]]\nx = 1", 6),
        ("[[upstreams]]\nx = 1", 7),
        ("[[routes]]\nx = 1", 17),
        ("x = 1", 13),
    ] {
        let found = faults(table);
        let known_fields = found
            .iter()
            .find_map(|fault| fault.split_once("expected one of "));
        let (_, fields) = known_fields.expect("an unknown field");
        let fields: Vec<&str> = fields
            .split(", ")
            .map(|field| field.trim_matches('`'))
            .collect();
        assert_eq!(fields.len(), known, "{fields:?}");
        for field in fields {
            let named = text.lines().any(|line| {
                line.starts_with(&format!("{field} = ")) || line.trim_matches(['[', ']']) == field
            });
            assert!(named, "{field} is not in the template");
        }
    }
    // These stand within one line.
    for (field, nested) in [
        ("headers", &["name", "value"][..]),
        ("respond", &["status", "content_type", "body"]),
        ("redirect", &["to", "status"]),
    ] {
        let value = if field == "headers" {
            "[{ x = 1 }]"
        } else {
            "{ x = 1 }"
        };
        let found = faults(&format!("[[routes]]\n{field} = {value}"));
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
