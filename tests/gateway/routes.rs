//! Routes in tables of their own, over sockets.

use portcullis_tests::{Answer, Gateway, Place, Seen, Upstream, send};

use crate::{PROGRAM, upstream_table};

const ROUTES: &str = r#"
[[services]]
name = "orders"
permissions = ["orders:read"]
[[routes]]
name = "api"
host = "api.test"
prefix = "/"
auth = "open"
upstream = "one"
[[routes]]
name = "below"
host = "*.api.test"
path = "/"
auth = "open"
upstream = "two"
[[routes]]
name = "order"
path = "/orders/{id}"
methods = ["GET", "POST", "DELETE"]
service = "orders"
any_permission = ["orders:web", "orders:app"]
by_method = { POST = ["orders:write"], DELETE = { any_permission = ["admin", "support"] } }
upstream = "one"
[[routes]]
name = "versioned"
path = "/orders/{id}"
methods = ["GET"]
headers = [{ name = "x-version", value = "2" }]
auth = "open"
upstream = "two"
[[routes]]
name = "stripped"
prefix = "/files/{bucket}"
auth = "open"
upstream = "one"
strip_prefix = true
[[routes]]
name = "rewritten"
path = "/customers/{id}/orders/{order}"
auth = "open"
upstream = "one"
rewrite = "/v2/{order}/of/{id}"
[[routes]]
name = "edited"
path = "/edited"
auth = "open"
upstream = "one"
request_headers = { set = { x-tenant = "acme" }, add = { x-tag = "ours" }, remove = ["x-debug"] }
response_headers = { set = { x-frame-options = "DENY" }, remove = ["x-powered-by"] }
[[routes]]
name = "status"
path = "/status"
auth = "open"
respond = { status = 203, content_type = "text/plain", body = "fine" }
response_headers = { set = { x-status = "1" } }
[[routes]]
name = "old"
prefix = "/old"
auth = "open"
redirect = { to = "https://new.test{path}", status = 308 }
[[routes]]
name = "page"
path = "/page"
methods = ["GET", "POST"]
service = "orders"
upstream = "one"
cors = { origins = ["https://app.test"], expose = ["etag"], credentials = true, max_age = "1m" }
[[routes]]
name = "page-options"
path = "/page"
methods = ["OPTIONS"]
auth = "open"
upstream = "two"
"#;

struct World {
    place: Place,
    one: Upstream,
    two: Upstream,
    gateway: Gateway,
}

impl World {
    fn start() -> Self {
        let place = Place::new(PROGRAM);
        let one = Upstream::start_telling(
            "x-powered-by: x\r\nalt-svc: h2=\":1\"\r\nx-ratelimit-limit: 9\r\nRateLimit: x\r\n\
             access-control-allow-origin: *\r\nconnection: x-hop\r\nx-hop: 1\r\n",
        );
        let two = Upstream::start();
        let tables = upstream_table("one", &one) + &upstream_table("two", &two);
        let gateway = Gateway::start(&place, &format!("{tables}{ROUTES}"));
        Self {
            place,
            one,
            two,
            gateway,
        }
    }

    /// Sends a request line's method and target with these further lines.
    fn ask(&self, request: &str, fields: &str) -> Answer {
        let host = if fields.contains("host: ") {
            ""
        } else {
            "host: gateway.test\r\n"
        };
        let head = format!("{request} HTTP/1.1\r\n{host}connection: close\r\n{fields}\r\n");
        send(self.gateway.address, head.as_bytes())
    }

    /// What the one upstream, or the other, has seen since the last time.
    fn seen(&self) -> Vec<(u8, Seen)> {
        let ones = self.one.take_seen().into_iter().map(|seen| (1, seen));
        let twos = self.two.take_seen().into_iter().map(|seen| (2, seen));
        ones.chain(twos).collect()
    }

    /// The upstream that a request came to, and what it asked there.
    fn came(&self, request: &str, fields: &str) -> (u8, String) {
        let answer = self.ask(request, fields);
        assert_eq!(answer.status, 200, "{request} {fields}");
        let [(upstream, seen)] = &self.seen()[..] else {
            panic!("{request}: one request")
        };
        (*upstream, seen.line.clone())
    }
}

#[test]
fn requests_go_where_host_path_method_and_fields_say() {
    let world = World::start();
    for (request, fields, upstream, line) in [
        ("GET /x?y", "host: API.test.:80\r\n", 1, "GET /x?y"),
        ("GET http://api.test/x", "host: api.test\r\n", 1, "GET /x"),
        ("GET /", "host: v1.api.test\r\n", 2, "GET /"),
        ("GET /orders/7", "x-version: 2\r\n", 2, "GET /orders/7"),
        ("HEAD /orders/7", "x-version: 2\r\n", 2, "HEAD /orders/7"),
        ("PUT /files/b/a/./b?c", "", 1, "PUT /a/b?c"),
        ("GET /files/b", "", 1, "GET /"),
        (
            "GET /customers/a%20b/orders/7?q=1",
            "",
            1,
            "GET /v2/7/of/a%20b?q=1",
        ),
        (
            "OPTIONS /page",
            "origin: https://app.test\r\n",
            2,
            "OPTIONS /page",
        ),
    ] {
        let line = format!("{line} HTTP/1.1");
        assert_eq!(world.came(request, fields), (upstream, line), "{request}");
    }
    for (request, fields, status) in [
        ("GET /x", "host: v1.api.test\r\n", 404),
        ("GET /nowhere", "", 404),
        ("GET /orders/7", "", 401),
        ("GET /orders/7", "x_version: 2\r\n", 400),
        ("GET http://api.test/x", "host: v1.api.test\r\n", 400),
        ("GET /orders/7/x", "", 404),
    ] {
        assert_eq!(world.ask(request, fields).status, status, "{request}");
    }
    let refused = world.ask("PUT /orders/7", "");
    assert_eq!(
        (refused.status, refused.field("allow")),
        (405, Some("GET, HEAD, POST, DELETE"))
    );
    assert!(world.seen().is_empty());
}

#[test]
fn methods_ask_for_all_of_some_permissions_and_for_one_of_others() {
    let world = World::start();
    let read = "orders:read";
    for (scopes, expected) in [
        (&[read, "orders:web"][..], [200, 403, 403]),
        (&[read, "orders:app", "orders:write"], [200, 200, 403]),
        (&[read, "orders:app", "support"], [200, 403, 200]),
        (&[read, "support", "orders:write"], [403, 403, 403]),
        (&["orders:web", "orders:write", "admin"], [403, 403, 403]),
    ] {
        let scopes: Vec<&str> = scopes
            .iter()
            .flat_map(|scope| ["--scope", *scope])
            .collect();
        let token = world.place.issue("orders", &scopes);
        let bearer = format!("authorization: Bearer {token}\r\n");
        for (method, status) in ["GET", "POST", "DELETE"].into_iter().zip(expected) {
            let answer = world.ask(&format!("{method} /orders/7"), &bearer);
            assert_eq!(answer.status, status, "{method} {scopes:?}");
            assert_eq!(world.seen().len(), usize::from(status == 200));
            if status == 403 && method == "DELETE" {
                let challenge = answer.field("www-authenticate").expect("a challenge");
                let scope = "scope=\"orders:read orders:web orders:app admin support\"";
                assert!(challenge.contains(scope), "{challenge}");
            }
        }
    }
}

#[test]
fn fields_are_edited_in_every_spelling_and_answers_cleaned() {
    let world = World::start();
    let sent = "x_tenant: evil\r\nX-Tenant: evil\r\nx-tag: own\r\nX_Debug: 1\r\nx-debug: 1\r\n\
                connection: x-tenant\r\n";
    let answer = world.ask("GET /edited", sent);
    let [(1, seen)] = &world.seen()[..] else {
        panic!("one request")
    };
    assert_eq!(seen.field("x-tenant"), ["acme"]);
    assert_eq!(seen.field("x-tag"), ["own", "ours"]);
    assert!(!seen.text().contains("evil") && !seen.text().to_lowercase().contains("debug"));
    assert_eq!(answer.field("x-frame-options"), Some("DENY"));
    for gone in ["x-powered-by", "alt-svc", "x-hop", "x-portcullis-owner"] {
        assert_eq!(answer.field(gone), None, "{gone}");
    }
    assert_eq!(
        answer.field("x-ratelimit-limit"),
        Some("9"),
        "no key, and so no rate of ours"
    );
    let read = ["--scope", "orders:read"];
    let token = world.place.issue("orders", &read);
    let answer = world.ask("GET /page", &format!("authorization: Bearer {token}\r\n"));
    assert_eq!(answer.status, 200);
    for gone in [
        "x-ratelimit-limit",
        "ratelimit",
        "access-control-allow-origin",
    ] {
        assert_eq!(answer.field(gone), None, "{gone}");
    }
}

#[test]
fn some_routes_answer_themselves() {
    let world = World::start();
    let answer = world.ask("GET /status", "");
    assert_eq!((answer.status, &*answer.body), (203, "fine"));
    assert_eq!(answer.field("content-type"), Some("text/plain"));
    assert_eq!(answer.field("x-status"), Some("1"));
    let answer = world.ask("GET /old//x/../y?z", "");
    assert_eq!(answer.status, 308);
    assert_eq!(answer.field("location"), Some("https://new.test/old/y?z"));
    assert!(world.seen().is_empty());
}

#[test]
fn a_preflight_is_answered_before_anybody_is_asked_for_a_key() {
    let world = World::start();
    let preflight = |origin: &str, method: &str| {
        let fields = format!("origin: {origin}\r\naccess-control-request-method: {method}\r\n");
        world.ask("OPTIONS /page", &fields)
    };
    let answer = preflight("https://app.test", "POST");
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("access-control-allow-origin", "https://app.test"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET,HEAD,POST"),
        ("access-control-allow-headers", "authorization,content-type"),
        ("access-control-max-age", "60"),
    ] {
        assert_eq!(answer.field(name), Some(value), "{name}");
    }
    let answer = preflight("https://evil.test", "POST");
    assert_eq!(
        (answer.status, answer.field("access-control-allow-origin")),
        (200, None)
    );
    assert!(world.seen().is_empty(), "no preflight goes on");
    // What it asks for is no method of the route with pages: it is a request like others.
    assert_eq!(preflight("https://app.test", "PUT").status, 200);
    assert!(matches!(&world.seen()[..], [(2, seen)] if seen.line.starts_with("OPTIONS /page ")));
    // Nor is one without an origin, or one elsewhere, a preflight.
    let asked = "access-control-request-method: GET\r\n";
    assert_eq!(
        world
            .ask(
                "OPTIONS /orders/7",
                &format!("origin: https://app.test\r\n{asked}")
            )
            .status,
        405
    );
    assert_eq!(world.ask("OPTIONS /page", asked).status, 200);
    assert_eq!(world.seen().len(), 1);

    let from = |fields: &str| {
        world.ask(
            "GET /page",
            &format!("origin: https://app.test\r\n{fields}"),
        )
    };
    let refused = from("");
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.field("access-control-allow-origin"),
        Some("https://app.test")
    );
    let token = world.place.issue("orders", &["--scope", "orders:read"]);
    let answer = from(&format!("authorization: Bearer {token}\r\n"));
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.field("access-control-allow-origin"),
        Some("https://app.test")
    );
    assert_eq!(answer.field("access-control-expose-headers"), Some("etag"));
    let lines = answer.head.iter().filter(|line| {
        line.to_lowercase()
            .starts_with("access-control-allow-origin")
    });
    assert_eq!(lines.count(), 1, "the upstream's own is gone");
}
