//! The dashboard and the alerts name what the gateway shows, and it shows what it says.

use std::collections::{HashMap, HashSet};

use portcullis_gateway::telemetry::names::{Kind, METRICS, Metric};
use portcullis_tests::{Gateway, Place, Upstream, eventually, get, send};
use serde_json::Value;

use crate::{PROGRAM, service};

const DASHBOARD: &str = include_str!("../../deploy/grafana.json");
const ALERTS: &str = include_str!("../../deploy/alerts.yml");

/// What Prometheus itself puts beside the labels of a metric.
const ADDED: [&str; 2] = ["instance", "job"];

/// The metric that a series is of: a histogram has several.
fn metric(series: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| match metric.kind {
        Kind::Histogram => ["_bucket", "_sum", "_count"]
            .iter()
            .any(|end| series.strip_suffix(end) == Some(metric.name)),
        _ => metric.name == series,
    })
}

/// The words of an expression, each with what follows it.
fn words(text: &str) -> Vec<(&str, &str)> {
    let is_part = |mark: char| mark.is_ascii_alphanumeric() || mark == '_';
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_part) {
        let word = &rest[at..];
        let end = word.find(|mark| !is_part(mark)).unwrap_or(word.len());
        words.push((&word[..end], &word[end..]));
        rest = &word[end..];
    }
    words
}

/// What is wrong with an expression: names that are none, labels that no such metric has.
fn faults(expression: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut labels: HashSet<&str> = ADDED.into();
    let mut named = 0;
    for (word, rest) in words(expression) {
        if !word.starts_with("portcullis_") {
            continue;
        }
        named += 1;
        let Some(metric) = metric(word) else {
            faults.push(format!("{word} is no series"));
            continue;
        };
        let mut own: HashSet<&str> = metric.labels.iter().copied().chain(ADDED).collect();
        if word.ends_with("_bucket") {
            own.insert("le");
        }
        let matchers = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        for matcher in matchers.map_or("", |(matchers, _)| matchers).split(',') {
            let label = matcher.split(['=', '!']).next().unwrap_or_default();
            if !label.is_empty() && !own.contains(label) {
                faults.push(format!("{word} has no label {label}"));
            }
        }
        labels.extend(own);
    }
    if named == 0 {
        faults.push(format!("no metric in {expression}"));
    }
    for grouped in expression.split("by (").skip(1) {
        let list = grouped.split(')').next().unwrap_or_default();
        for label in list.split(',').map(str::trim) {
            if !labels.contains(label) {
                faults.push(format!("grouped by {label}, which none of it has"));
            }
        }
    }
    if expression.matches('(').count() != expression.matches(')').count() {
        faults.push("brackets that do not match".to_owned());
    }
    faults
}

/// All texts of a key, however deep.
fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let (true, Value::String(text)) = (name == key, value) {
                    found.push(text);
                }
                texts(value, key, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, key, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_names_what_there_is() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let mut expressions = Vec::new();
    texts(&dashboard, "expr", &mut expressions);
    assert!(expressions.len() > 30, "{}", expressions.len());
    for expression in &expressions {
        assert_eq!(faults(expression), Vec::<String>::new(), "{expression}");
    }
    let mut queries = Vec::new();
    texts(&dashboard, "query", &mut queries);
    let queries: Vec<_> = queries
        .iter()
        .filter_map(|query| query.strip_prefix("label_values("))
        .collect();
    assert_eq!(queries.len(), 2);
    for query in queries {
        let (name, label) = query.trim_end_matches(')').split_once(", ").expect("two");
        let labels = metric(name).expect(name).labels;
        assert!(labels.contains(&label) || ADDED.contains(&label), "{query}");
    }
    let mut ids = HashSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")));
        let is_told = panel["description"]
            .as_str()
            .is_some_and(|text| !text.is_empty());
        assert!(panel["type"] == "row" || is_told, "{panel}");
    }
}

/// One alert, as far as it is of one line a field.
type Alert = HashMap<&'static str, &'static str>;

/// Reads the alerts. Whatever is not of their form is a fault: there is no other reader of YAML
/// here.
fn alerts() -> Vec<Alert> {
    let mut alerts: Vec<Alert> = Vec::new();
    let mut lines = ALERTS
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    for expected in ["groups:", "  - name: portcullis", "    rules:"] {
        assert_eq!(lines.next(), Some(expected));
    }
    for line in lines {
        if let Some(name) = line.strip_prefix("      - alert: ") {
            alerts.push([("alert", name)].into());
            continue;
        }
        let alert = alerts.last_mut().expect("an alert first");
        if ["        labels:", "        annotations:"].contains(&line) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let (field, value) = line.trim_start().split_once(": ").expect(line);
        let depth = match field {
            "expr" | "for" => 8,
            "severity" | "summary" | "runbook" => 10,
            _ => panic!("{line}"),
        };
        assert_eq!(indent, depth, "{line}");
        let value = match field {
            "summary" | "runbook" => value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
                .expect(line),
            _ => {
                // These would be read as something else without quotes.
                assert!(!value.contains(": ") && !value.contains(" #"), "{line}");
                assert!(
                    !value.starts_with(['"', '\'', '{', '[', '&', '*', '!']),
                    "{line}"
                );
                value
            }
        };
        assert!(!value.contains(['"', '\\']) || field == "expr", "{line}");
        assert_eq!(alert.insert(field, value), None, "{line}");
    }
    alerts
}

#[test]
fn the_alerts_name_what_there_is_and_say_what_to_do() {
    let alerts = alerts();
    assert!(alerts.len() >= 12);
    let mut names = HashSet::new();
    for alert in &alerts {
        let name = alert["alert"];
        assert!(
            names.insert(name) && name.starts_with("Portcullis"),
            "{name}"
        );
        assert_eq!(faults(alert["expr"]), Vec::<String>::new(), "{name}");
        let wait = alert.get("for").copied();
        // What counts how often something happened need not go on.
        assert!(
            wait.is_some() || alert["expr"].contains("increase("),
            "{name}"
        );
        let is_wait = |wait: &str| {
            wait.ends_with(['s', 'm']) && wait[..wait.len() - 1].parse::<u32>().is_ok()
        };
        assert!(wait.is_none_or(is_wait), "{name}");
        assert!(
            ["critical", "warning", "info"].contains(&alert["severity"]),
            "{name}"
        );
        assert!(alert["summary"].contains("{{ $"), "{name}");
        assert!(
            alert["runbook"].ends_with('.') && alert["runbook"].len() > 60,
            "{name}"
        );
    }
}

#[test]
fn an_expression_with_a_fault_is_found_out() {
    for (expression, fault) in [
        ("rate(portcullis_nonsense_total[5m])", "is no series"),
        ("portcullis_request_duration_seconds", "is no series"),
        (
            "portcullis_panics_total{service=\"a\"}",
            "has no label service",
        ),
        (
            "sum by (route) (portcullis_requests_total)",
            "grouped by route",
        ),
        ("vector(1)", "no metric"),
        ("sum(portcullis_panics_total", "brackets"),
    ] {
        let found = faults(expression).join(", ");
        assert!(found.contains(fault), "{expression}: {found}");
    }
}

#[test]
fn a_gateway_shows_what_is_listed_with_these_labels_and_nothing_else() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = format!(
        "[access_log]\npath = \"access.log\"\n{}",
        service("orders", "/", &upstream)
    );
    let gateway = Gateway::start(&place, &services);
    let token = place.issue("orders", &["--scope", "orders:read", "--rate", "100/s"]);
    assert_eq!(gateway.get("/", &token).status, 200);
    assert_eq!(get(gateway.address, "/", None).status, 401);
    assert_eq!(
        send(gateway.address, b"GET / HTTP/1.1\nhost: a\n\n").status,
        400
    );
    // A request whose key ends while it waits.
    upstream.hold();
    let waiting = std::thread::spawn({
        let (address, token) = (gateway.address, token.clone());
        move || get(address, "/", Some(&token)).status
    });
    eventually("it waits", || upstream.count() == 2);
    let revoke = ["keys", "revoke", Place::id(&token), "--reason", "lost"];
    place.run(&revoke).ok();
    assert_eq!(waiting.join().expect("answered"), 401);
    upstream.release();

    // What is told with the manager's next flush.
    eventually("all is shown", || {
        gateway.metric("portcullis_streams_ended_total") == 1.0
            && gateway.metric("portcullis_validations_granted_total") >= 2.0
    });
    let text = get(gateway.operations, "/metrics", None).body;
    let mut shown = HashSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let name = comment.split(' ').nth(1).expect("a name");
            let metric = METRICS.iter().find(|metric| metric.name == name);
            let metric = metric.unwrap_or_else(|| panic!("{name} is not listed"));
            if let Some(help) = comment.strip_prefix("HELP ") {
                assert!(help.ends_with(metric.help), "{line}");
            }
            continue;
        }
        let (series, labels) = line.split_once('{').map_or_else(
            || (line.split(' ').next().unwrap_or_default(), ""),
            |(series, rest)| (series, rest.split('}').next().unwrap_or_default()),
        );
        let metric = metric(series).unwrap_or_else(|| panic!("{series} is not listed"));
        let labels: HashSet<&str> = labels
            .split("\",")
            .filter_map(|label| Some(label.split_once('=')?.0))
            .filter(|label| *label != "le")
            .collect();
        let listed: HashSet<&str> = metric.labels.iter().copied().collect();
        assert_eq!(labels, listed, "{line}");
        let help = format!("# HELP {} {}", metric.name, metric.help);
        assert!(text.contains(&help), "{help}");
        shown.insert(metric.name);
    }
    // Not before there is one.
    let rare = [
        "portcullis_panics_total",
        "portcullis_tunnels_open",
        "portcullis_tunnels_ended_total",
        "portcullis_limiter_evictions_total",
        "portcullis_store_checkpoints_total",
        "portcullis_tls_handshakes_total",
        "portcullis_tls_handshake_failures_total",
        "portcullis_trace_spans_exported_total",
        "portcullis_trace_spans_dropped_total",
        "portcullis_trace_exports_total",
    ];
    for metric in METRICS.iter().filter(|metric| !rare.contains(&metric.name)) {
        assert!(shown.contains(metric.name), "{} is not shown", metric.name);
    }
}
