//! Routes and upstreams in tables of their own.

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use portcullis::key::{Environment, Environments};

use super::{faults, parse};
use crate::config::{ActionPlan, DoorPlan};
use crate::route::{Fate, HostPattern, LivePolicy, PathRewrite, Reach};

const TABLES: &str = r#"
[timeouts]
response = "9s"
[[services]]
name = "orders"
permissions = ["orders:read"]
environment = "test"
[[services]]
name = "billing"
prefix = "/billing"
upstream = "http://b:1"
[[upstreams]]
name = "orders-1"
url = "http://o:1"
connect = "2s"
idle_connections = 7
[[routes]]
name = "one"
host = "*.Example.com"
path = "/orders/{id}"
methods = ["GET", "POST"]
headers = [{ name = "X-Version", value = "2" }, { name = "x-there" }]
service = "orders"
permissions = ["orders:list"]
by_method = { POST = ["orders:write"] }
upstream = "orders-1"
end_with_key = false
cut_off = "end"
[[routes]]
name = "some"
prefix = "/orders/{id}/files"
auth = "optional"
service = "orders"
environment = "live"
upstream = "billing"
strip_prefix = true
[[routes]]
name = "status"
path = "/status"
auth = "open"
respond = { status = 204 }
[[routes]]
name = "old"
prefix = "/"
auth = "open"
redirect = { to = "/new{path}" }
"#;

#[test]
fn tables_and_the_short_form_come_to_routes_and_upstreams() {
    let config = parse(TABLES).unwrap_or_else(|error| panic!("{error}"));
    let routes = config.routes();
    let names: Vec<&str> = routes.iter().map(|route| &*route.name).collect();
    assert_eq!(names, ["billing", "one", "some", "status", "old"]);
    let [billing, one, some, status, old] = routes.as_slice() else {
        panic!("five routes")
    };

    assert!(
        matches!(&billing.door, DoorPlan::Required(terms) if terms.service.as_str() == "billing")
    );
    assert_eq!(billing.matching.path.reach(), Reach::Prefix);
    assert_eq!(billing.live, LivePolicy::default());

    assert_eq!(one.matching.host, HostPattern::Suffix("example.com".into()));
    assert_eq!(
        (
            one.matching.path.segments().len(),
            one.matching.path.reach()
        ),
        (2, Reach::Exact)
    );
    assert!(one.matching.methods.contains(&Method::HEAD));
    assert!(!one.matching.methods.contains(&Method::PUT));
    let [version, there] = &*one.matching.headers else {
        panic!("two conditions")
    };
    assert_eq!(version.value, Some(HeaderValue::from_static("2")));
    assert_eq!((there.name.as_str(), &there.value), ("x-there", &None));
    let DoorPlan::Required(terms) = &one.door else {
        panic!("{:?}", one.door)
    };
    assert_eq!(terms.environments, Environments::only(Environment::Test));
    assert_eq!(terms.requirement.to_string(), "orders:read orders:list");
    let [(methods, requirement)] = terms.by_method.as_slice() else {
        panic!("one method")
    };
    assert!(methods.contains(&Method::POST) && !methods.contains(&Method::GET));
    assert_eq!(
        requirement.to_string(),
        "orders:read orders:list orders:write"
    );
    let (with_key, cut_off) = (Fate::Stays, Fate::Ends);
    assert_eq!(one.live, LivePolicy { with_key, cut_off });

    let DoorPlan::Optional(terms) = &some.door else {
        panic!("{:?}", some.door)
    };
    assert_eq!(terms.environments, Environments::only(Environment::Live));
    let (upstream, rewrite) = ("billing".into(), PathRewrite::WithoutFirst(3));
    assert_eq!(some.action, ActionPlan::Forward { upstream, rewrite });
    assert_eq!(some.matching.host, HostPattern::Any);

    assert_eq!(
        (&status.door, &old.door),
        (&DoorPlan::Open, &DoorPlan::Open)
    );
    let ActionPlan::Respond(fixed) = &status.action else {
        panic!("{:?}", status.action)
    };
    assert_eq!(
        (fixed.status, fixed.body.len()),
        (StatusCode::NO_CONTENT, 0)
    );
    let ActionPlan::Redirect(redirect) = &old.action else {
        panic!("{:?}", old.action)
    };
    assert_eq!(redirect.status, StatusCode::TEMPORARY_REDIRECT);

    let upstreams = config.upstreams();
    let names: Vec<&str> = upstreams.iter().map(|upstream| &*upstream.name).collect();
    assert_eq!(names, ["billing", "orders-1"]);
    let own = &upstreams[1].config;
    assert_eq!(
        (own.endpoints[0].authority.as_str(), own.max_idle),
        ("o:1", 7)
    );
    assert_eq!(own.connect_timeout, Duration::from_secs(2));
    assert_eq!(own.response_timeout, Duration::from_secs(9));
}

/// What is there before each text below, in eleven lines.
const BEFORE: &str = r#"[[services]]
name = "orders"
prefix = "/orders"
upstream = "http://a"
[[services]]
name = "billing"
prefix = "/billing"
upstream = "http://b"
[[upstreams]]
name = "files"
url = "http://c"
"#;

#[track_caller]
fn assert_faults(text: &str, expected: &[&str]) {
    let found = faults(&format!("{BEFORE}{text}"));
    assert_eq!(found.len(), expected.len(), "{text}\n{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.starts_with(expected),
            "{text}\nfound    {found}\nexpected {expected}"
        );
    }
}

#[test]
fn every_fault_of_a_route_is_told_with_its_place() {
    let open = "[[routes]]\nname = \"x\"\npath = \"/x\"\nauth = \"open\"\n";
    let keyed =
        "[[routes]]\nname = \"x\"\npath = \"/x\"\nservice = \"orders\"\nupstream = \"files\"\n";
    let respond = "respond = { status = 200 }\n";
    let with = |table: &str, more: &str| format!("{table}{more}");
    let table: &[(String, &[&str])] = &[
        ("[[routes]]".into(), &[
            "12:1 routes[0].name: is missing: expected for example name",
            "12:1 routes[0].path: is missing: expected for example path",
            "12:1 routes[0].upstream: is missing: expected for example upstream",
            "12:1 routes[0].service: is missing: expected for example service = \"orders\", or auth = \"open\"",
        ]),
        (with(open, "host = \"a:80\"\nprefix = \"y\"\nmethods = [\"get\"]\nredirect = { to = \"//a\" }"), &[
            "16:8 routes[0].host: expected a host without a port",
            "17:10 routes[0].prefix: a path prefix begins with a slash",
            "18:12 routes[0].methods[0]: expected a method in capital letters",
            "19:19 routes[0].redirect.to: expected an http or https URI",
        ]),
        (with(open, "prefix = \"/y\"\nrespond = { status = 200 }\nredirect = { to = \"/a\" }"), &[
            "16:10 routes[0].prefix: expected path or prefix, not both",
            "18:12 routes[0].redirect: expected one of upstream, respond and redirect",
        ]),
        (with(open, "service = \"orders\"\npermissions = []\nrespond = { status = 99 }\ncut_off = \"end\""), &[
            "16:11 routes[0].service: an open route asks for no key: expected no service",
            "17:15 routes[0].permissions: an open route asks for no key: expected no permissions",
            "18:22 routes[0].respond.status: expected a status from 200 to 599",
            "19:11 routes[0].cut_off: an open route asks for no key: expected no cut_off",
        ]),
        (with(open, "respond = { status = 204, body = \"x\" }\nstrip_prefix = true"), &[
            "16:34 routes[0].respond.body: expected no body with status 204",
            "17:16 routes[0].strip_prefix: expected a prefix and an upstream beside it",
        ]),
        (with(open, "redirect = { status = 300 }\nheaders = [{ value = \"1\" }, { name = \"a\" }, { name = \"A\" }]"), &[
            "16:12 routes[0].redirect.to: is missing",
            "16:23 routes[0].redirect.status: expected 301, 302, 303, 307 or 308",
            "17:12 routes[0].headers[0].name: is missing",
            "17:54 routes[0].headers[2].name: expected a field that no condition before has",
        ]),
        (with(open, "respond = { status = 200 }\nupgrades = [\"tcp\", \"h2c\", \"a b\"]"), &[
            "17:13 routes[0].upgrades[0]: expected an upstream beside it",
            "17:20 routes[0].upgrades[1]: expected another protocol than HTTP",
            "17:27 routes[0].upgrades[2]: expected a protocol's name such as websocket",
        ]),
        (with(open, "respond = { status = 200 }\nupgrades = [\"tcp\"]\n[timeouts]\ntunnel_idle = \"2d\""), &[
            "17:13 routes[0].upgrades[0]: expected an upstream beside it",
            "19:15 timeouts.tunnel_idle: expected 1ms to 86400s",
        ]),
        (with(open, &format!("{respond}methods = []\nauthh = 1")), &[
            "17:11 routes[0].methods: expected one method at least",
            "18:1 routes[0].authh: unknown field `authh`, expected one of",
        ]),
        (with(keyed, "by_method = { HEAD = [], get = [], POST = [\"a:*\"] }"), &[
            "17:15 routes[0].by_method.HEAD: HEAD asks for what GET does: expected GET",
            "17:26 routes[0].by_method.get: expected a method in capital letters",
            "17:44 routes[0].by_method.POST[0]: expected 1 to 8 segments",
        ]),
        (with(keyed, "methods = [\"GET\"]\nby_method = { POST = [\"a\"] }\nauth = \"none\"\ncut_off = 1"), &[
            "18:15 routes[0].by_method.POST: expected one of the route's methods",
            "19:8 routes[0].auth: expected required, optional or open",
            "20:11 routes[0].cut_off: invalid type",
        ]),
        ("[[routes]]\nname = \"billing\"\npath = \"/{a}/{a}\"\nservice = \"order\"\nupstream = \"file\"".into(), &[
            "13:8 routes[0].name: expected another name: the route of the service of this name has it",
            "14:8 routes[0].path: expected another name for each parameter",
            "15:11 routes[0].service: expected one of the services: `orders`, `billing`",
            "16:12 routes[0].upstream: expected one of the upstreams: `files`, `orders`, `billing`",
        ]),
        ("[[upstreams]]\nname = \"files\"\nurl = \"ftp://a\"\n[[upstreams]]\nname = \"orders\"\nconnect = \"6m\"".into(), &[
            "13:8 upstreams[1].name: expected a name that no upstream before has",
            "14:7 upstreams[1].url: expected http://HOST",
            "15:1 upstreams[2].url: is missing",
            "16:8 upstreams[2].name: expected another name: the upstream of the service",
            "17:11 upstreams[2].connect: expected 1ms to 300s",
        ]),
        ("[[services]]\nname = \"idle\"\n[[services]]\nname = \"half\"\nprefix = \"/half\"".into(), &[
            "12:1 services[2].prefix: is missing",
            "12:1 services[2].upstream: is missing",
            "14:1 services[3].upstream: is missing",
        ]),
    ];
    for (text, expected) in table {
        assert_faults(text, expected);
    }
}

#[test]
fn routes_that_cannot_stand_beside_each_other_are_both_named() {
    let route = |name: &str, rest: &str| {
        format!("[[routes]]\nname = \"{name}\"\nauth = \"open\"\nrespond.status = 200\n{rest}\n")
    };
    for (first, second, expected) in [
        (
            "path = \"/a\"",
            "path = \"/a/\"",
            "21:8 routes[1].path: route `two` can never be reached: route `one` takes all",
        ),
        (
            "path = \"/a\"\nmethods = [\"GET\"]",
            "methods = [\"PUT\", \"GET\"]\npath = \"/a\"",
            "23:8 routes[1].path: some requests belong to route `two` as much as to route `one`",
        ),
        (
            "path = \"/{a}\"\nmethods = [\"GET\"]",
            "path = \"/{b}\"",
            "22:8 routes[1].path: routes `two` and `one` have the same path but for the names",
        ),
        (
            "host = \"a.test\"\nprefix = \"/x\"",
            "prefix = \"/orders\"",
            "22:10 routes[1].prefix: route `two` can never be reached: route `orders` takes all",
        ),
    ] {
        assert_faults(&(route("one", first) + &route("two", second)), &[expected]);
    }
    assert_faults(
        &(route("one", "path = \"/a\"") + &route("one", "path = \"/b\"")),
        &["18:8 routes[1].name: expected a name that no route before has"],
    );
    for (first, second) in [
        ("path = \"/a\"", "prefix = \"/a\""),
        ("path = \"/a\"", "path = \"/a\"\nmethods = [\"GET\"]"),
        ("path = \"/a\"", "path = \"/a\"\nhost = \"a.test\""),
        (
            "path = \"/a\"",
            "path = \"/a\"\nheaders = [{ name = \"x\" }]",
        ),
        ("path = \"/{a}\"", "path = \"/{b}/c\""),
    ] {
        let text = format!("{BEFORE}{}{}", route("one", first), route("two", second));
        let config = parse(&text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.routes().len(), 4);
    }
}
