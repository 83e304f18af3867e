//! What routes do with fields, bodies, times and pages; proxies in front, and traces.

use std::time::Duration;

use super::{faults, parse};
use crate::body::BodyRate;
use crate::config::{ActionPlan, DoorPlan};
use crate::headers::host::HostPolicy;
use crate::headers::origin::{OriginField, OriginPolicy};
use crate::headers::trace_context::{Inbound, TracePolicy};
use crate::route::PathRewrite;

const TEXT: &str = r#"
[limits]
body_bytes = 1000
body_rate = "1/s"
[forwarded]
trust = ["10.0.0.0/8", "::1"]
field = "forwarded"
[trace]
inbound = "never"
sampled = false
[[services]]
name = "orders"
permissions = ["orders:read"]
[[services]]
name = "billing"
prefix = "/billing"
upstream = "http://b:1"
[[upstreams]]
name = "own"
url = "http://o:1"
host = "orders.internal:81"
[[upstreams]]
name = "kept"
url = "http://k:1"
host = "preserve"
[[routes]]
name = "edited"
path = "/orders/{id}"
service = "orders"
any_permission = ["a", "b"]
by_method = { POST = ["c"], PUT = { permissions = ["d"], any_permission = ["e", "f"] } }
upstream = "own"
rewrite = "/v2/{id}"
request_headers = { set = { X-Tenant = "acme" }, add = { x-tag = "a b" }, remove = ["X-Debug"] }
response_headers = { set = { x-frame-options = "DENY" } }
cors = { origins = ["https://a.test", "http://b.test:81"], expose = ["etag"], credentials = true, max_age = "1m" }
body_bytes = 0
body_rate = "none"
timeouts = { response = "2h", body = "1s", whole = "1d" }
[[routes]]
name = "plain"
path = "/plain"
auth = "open"
upstream = "kept"
cors = { origins = ["*"] }
"#;

#[test]
fn what_a_route_does_on_the_way_is_said_by_its_table_or_by_all() {
    let text = TEXT.replace("\"2h\"", "\"1h\"");
    let config = parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let policy = OriginPolicy {
        trust: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        field: OriginField::Forwarded,
    };
    assert_eq!(config.origin, policy);
    let (inbound, sampled) = (Inbound::Never, false);
    let policy = TracePolicy {
        inbound,
        sampled,
        export: None,
    };
    assert_eq!(config.trace, policy);
    let [billing, edited, plain] = &config.routes()[..] else {
        panic!("three routes")
    };
    for route in [billing, plain] {
        assert_eq!(route.handling.body_bytes, Some(1_000));
        assert_eq!(route.handling.body_rate, "1/s".parse::<BodyRate>().unwrap());
        assert_eq!(route.handling.whole, None);
    }
    let handling = &edited.handling;
    assert_eq!(handling.body_bytes, Some(0));
    assert_eq!(handling.body_rate, BodyRate::NONE);
    let times = handling.times;
    assert_eq!(times.response, Some(Duration::from_secs(3_600)));
    assert_eq!(times.body, Some(Duration::from_secs(1)));
    assert_eq!(handling.whole, Some(Duration::from_secs(86_400)));
    assert_eq!(handling.request.set[0].0, "x-tenant");
    assert_eq!(handling.request.add[0].1, "a b");
    assert_eq!(&*handling.request.remove, ["x-debug"]);
    assert_eq!(handling.response.set[0].1, "DENY");
    let cors = handling.cors.as_ref().expect("cors");
    let origins = cors.origins.as_deref().expect("by name");
    assert_eq!(origins, ["https://a.test", "http://b.test:81"]);
    assert_eq!(&*cors.headers, ["authorization", "content-type"]);
    assert_eq!(
        (&*cors.expose, cors.credentials),
        (&["etag".parse().unwrap()][..], true)
    );
    assert!(edited.matching.preflights && !billing.matching.preflights);
    let cors = plain.handling.cors.as_ref().expect("cors");
    assert_eq!((cors.origins.as_ref(), cors.credentials), (None, false));

    let ActionPlan::Forward { rewrite, .. } = &edited.action else {
        panic!("{:?}", edited.action)
    };
    assert!(matches!(rewrite, PathRewrite::Template(_)));
    let DoorPlan::Required(terms) = &edited.door else {
        panic!("{:?}", edited.door)
    };
    assert_eq!(terms.requirement.to_string(), "orders:read a|b");
    let by_method = terms.by_method.iter().map(|(_, all)| all.to_string());
    assert_eq!(
        by_method.collect::<Vec<_>>(),
        ["orders:read a|b c", "orders:read a|b d e|f"]
    );
    let hosts: Vec<_> = config
        .upstreams()
        .into_iter()
        .map(|plan| plan.host)
        .collect();
    let own: HostPolicy = "orders.internal:81".parse().unwrap();
    assert_eq!(hosts, [HostPolicy::Upstream, own, HostPolicy::Preserve]);
}

#[test]
fn every_fault_of_it_is_told_with_its_place() {
    let route = "[[services]]\nname = \"orders\"\nprefix = \"/o\"\nupstream = \"http://a\"\n\
                 [[routes]]\nname = \"x\"\nprefix = \"/x/{id}\"\nservice = \"orders\"\nupstream = \"orders\"\n";
    for (text, expected) in [
        (
            "[forwarded]\ntrust = [\"10.0.0.1/8\", \"x\"]\nfield = \"x-real-ip\"",
            &[
                "2:10 forwarded.trust[0]: expected the first address of a network",
                "2:24 forwarded.trust[1]: expected the first address of a network",
                "3:9 forwarded.field: expected x-forwarded-for or forwarded",
            ][..],
        ),
        (
            "[trace]\ninbound = \"no\"\nsampled = 1",
            &[
                "2:11 trace.inbound: expected trusted, always or never",
                "3:11 trace.sampled: invalid type",
            ],
        ),
        (
            "[limits]\nbody_bytes = -1\nbody_rate = \"0/s\"",
            &[
                "2:14 limits.body_bytes: expected 0 to 1099511627776 bytes",
                "3:13 limits.body_rate: expected 1 to 1000000000 bytes a second",
            ],
        ),
        (
            "[[upstreams]]\nname = \"u\"\nurl = \"http://u\"\nhost = \"http://a\"",
            &["4:8 upstreams[0].host: expected upstream for its own address"],
        ),
        (
            &format!("{route}rewrite = \"/y/{{other}}\"\nany_permission = []"),
            &[
                "10:11 routes[0].rewrite: expected parameters of the route's path: it has no {other}",
                "11:18 routes[0].any_permission: expected one permission at least",
            ],
        ),
        (
            &format!("{route}rewrite = \"/y\"\nstrip_prefix = true"),
            &["10:11 routes[0].rewrite: expected an upstream beside it, and no strip_prefix"],
        ),
        (
            &format!(
                "{route}by_method = {{ GET = {{ any_permission = [] }}, PUT = {{ all = [] }}, POST = 1 }}"
            ),
            &[
                "10:40 routes[0].by_method.GET.any_permission: expected one permission at least",
                "10:54 routes[0].by_method.PUT.all: unknown field `all`",
                "10:73 routes[0].by_method.POST: invalid type",
            ],
        ),
        (
            &format!(
                "{route}request_headers = {{ set = {{ host = \"a\", X_Portcullis_Owner = \"a\" }}, add = {{ te = \"a\" }}, remove = [\"x-forwarded-for\"] }}"
            ),
            &[
                "10:29 routes[0].request_headers.set.host: expected a field that the gateway does not set",
                "10:41 routes[0].request_headers.set.X_Portcullis_Owner: expected a field",
                "10:77 routes[0].request_headers.add.te: expected a field",
                "10:99 routes[0].request_headers.remove[0]: expected a field",
            ],
        ),
        (
            &format!(
                "{route}response_headers = {{ set = {{ x-a = \"é\", content-length = \"1\" }} }}"
            ),
            &[
                "10:36 routes[0].response_headers.set.x-a: expected visible ASCII",
                "10:41 routes[0].response_headers.set.content-length: expected a field",
            ],
        ),
        (
            &format!("{route}cors = {{ origins = [\"*\", \"https://a.test\"] }}"),
            &["10:21 routes[0].cors.origins[0]: expected * alone"],
        ),
        (
            &format!("{route}cors = {{ origins = [\"*\"], credentials = true }}"),
            &[
                "10:21 routes[0].cors.origins[0]: expected the origins by name: with credentials = true",
            ],
        ),
        (
            &format!(
                "{route}cors = {{ origins = [\"-\", \"https://A.test\", \"https://a.test/\", \"https://a.test:443\"] }}"
            ),
            &[
                "10:21 routes[0].cors.origins[0]: expected an origin as browsers write it",
                "10:26 routes[0].cors.origins[1]: expected an origin as browsers write it",
                "10:44 routes[0].cors.origins[2]: expected an origin as browsers write it",
                "10:63 routes[0].cors.origins[3]: expected an origin as browsers write it",
            ],
        ),
        (
            &format!(
                "{route}cors = {{ origins = [], max_age = \"2d\" }}\nresponse_headers.remove = [\"access-control-allow-origin\"]"
            ),
            &[
                "10:20 routes[0].cors.origins: expected one origin at least",
                "10:34 routes[0].cors.max_age: expected 1ms to 86400s",
                "11:28 routes[0].response_headers.remove[0]: expected a field",
            ],
        ),
        (
            &format!("{route}cors = {{ credentials = true }}"),
            &["5:1 routes[0].cors.origins: is missing"],
        ),
        (
            &format!(
                "{route}timeouts = {{ response = \"2h\", body = \"0s\", whole = \"2d\" }}\nbody_bytes = 1099511627777"
            ),
            &[
                "10:25 routes[0].timeouts.response: expected 1ms to 3600s",
                "10:38 routes[0].timeouts.body: expected 1ms to 3600s",
                "10:52 routes[0].timeouts.whole: expected 1ms to 86400s",
                "11:14 routes[0].body_bytes: expected 0 to 1099511627776 bytes",
            ],
        ),
        (
            &format!(
                "[[services]]\nname = \"deep\"\nprefix = \"{}\"\nupstream = \"http://a\"",
                "/a".repeat(33)
            ),
            &["3:10 services[0].prefix: expected at most 32 segments"],
        ),
    ] {
        let found = faults(text);
        assert_eq!(found.len(), expected.len(), "{text}\n{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                found.starts_with(expected),
                "{text}\nfound    {found}\nexpected {expected}"
            );
        }
    }
    let deepest = format!(
        "[[services]]\nname = \"deep\"\nprefix = \"{}\"\nupstream = \"http://a\"",
        "/a".repeat(32)
    );
    assert!(parse(&deepest).is_ok());
}
