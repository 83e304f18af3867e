//! What spans say.

use portcullis_tests::{Place, Upstream, get_with, send};

use super::collector::{Collector, Told};
use super::{PARENT, World};

const TRUSTED: &str = "[forwarded]\ntrust = [\"127.0.0.1\"]";

/// The server's span and the client's, of a request that went to the upstream.
fn both(spans: &[Told]) -> (&Told, &Told) {
    let of = |kind| spans.iter().find(|span| span.kind == kind);
    (of(2).expect("a server's"), of(3).expect("a client's"))
}

#[test]
fn a_request_and_its_exchange_are_spans_of_the_trace_that_a_trusted_proxy_tells() {
    let collector = Collector::start();
    let world = World::start(&collector, "service_name = \"edge\"", TRUSTED);
    let fields = world.fields(&format!(
        "traceparent: {PARENT}\r\ntracestate: a=1\r\nx-forwarded-for: 203.0.113.9\r\n\
         x-forwarded-proto: https\r\nuser-agent: {} {}\r\nhost: Shop.test:8443\r\n",
        world.token,
        "x".repeat(1_000)
    ));
    let path = format!("/orders/{}", world.token);
    let head = format!("GET {path}?card=4711 HTTP/1.1\r\n{fields}connection: close\r\n\r\n");
    let answer = send(world.gateway.address, head.as_bytes());
    assert_eq!(answer.status, 200);
    let spans = collector.wait_for(2);
    let (server, client) = both(&spans);
    assert_eq!(server.trace, &PARENT[3..35]);
    assert_eq!(server.parent, &PARENT[36..52]);
    assert_eq!((server.flags, client.flags), (0x301, 0x101));
    assert_eq!((&*server.state, &*client.state), ("a=1", "a=1"));
    assert_eq!((&client.trace, &client.parent), (&server.trace, &server.id));
    assert_ne!(client.id, server.id);
    assert!(client.nanos <= server.nanos);
    let seen = world.upstream.take_seen().pop().expect("a request");
    let told = format!("00-{}-{}-01", server.trace, client.id);
    assert_eq!(seen.field("traceparent"), [told]);

    assert_eq!(server.service, "edge");
    assert_eq!((&*server.name, &*client.name), ("GET /orders/*", "GET"));
    assert!(!server.is_error && !client.is_error);
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/orders/*"),
        ("http.response.status_code", "200"),
        ("url.scheme", "https"),
        ("server.address", "Shop.test"),
        ("server.port", "8443"),
        ("client.address", "203.0.113.9"),
        ("network.peer.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("http.response.body.size", "3"),
        ("portcullis.service", "orders"),
        ("portcullis.route", "orders"),
        ("portcullis.upstream", "orders"),
        ("portcullis.verdict", "granted"),
        ("portcullis.admission", "admitted"),
        ("portcullis.outcome", "complete"),
        (
            "portcullis.request_id",
            answer.field("x-request-id").unwrap(),
        ),
    ] {
        assert_eq!(server.of_name(name), Some(value), "{name}");
    }
    assert_eq!(server.of_name("error.type"), None);
    let key = server.of_name("portcullis.key_id").expect("a key");
    assert_eq!(key.replace('-', ""), Place::id(&world.token));
    let path = server.of_name("url.path").expect("a path");
    assert!(path.starts_with("/orders/pck_"), "{path}");
    let agent = server.of_name("user_agent.original").expect("an agent");
    assert!(agent.len() <= 256 && agent.ends_with("xxx"), "{agent}");
    assert_eq!(client.of_name("http.response.status_code"), Some("200"));
    assert_eq!(client.of_name("portcullis.upstream"), Some("orders"));
    let text = collector.text();
    for secret in [&world.token, "4711", &world.upstream.address().to_string()] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn a_stranger_says_neither_to_which_trace_it_belongs_nor_whether_that_is_recorded() {
    let collector = Collector::start();
    let world = World::start(&collector, "", "");
    let unsampled = PARENT.replace("-01", "-00");
    let mut spans = Vec::new();
    for (at, fields) in [
        String::new(),
        format!("traceparent: {PARENT}\r\n"),
        format!("traceparent: {unsampled}\r\n"),
    ]
    .iter()
    .enumerate()
    {
        let answer = get_with(world.gateway.address, "/orders", &world.fields(fields));
        assert_eq!(answer.status, 200);
        spans = collector.wait_for(2 * (at + 1));
    }
    let servers: Vec<&Told> = spans.iter().filter(|span| span.kind == 2).collect();
    assert_eq!(servers.len(), 3);
    for server in &servers {
        assert_eq!((&*server.parent, server.flags), ("", 0x101));
        assert_ne!(server.trace, &PARENT[3..35]);
    }
    assert_ne!(servers[0].trace, servers[1].trace, "each begins a trace");
    for (seen, server) in world.upstream.take_seen().iter().zip(servers) {
        assert!(seen.field("traceparent")[0].contains(&server.trace));
    }
}

#[test]
fn whether_a_trace_is_recorded_says_who_began_it() {
    let collector = Collector::start();
    let world = World::start(&collector, "ratio = 0.0", TRUSTED);
    let unsampled = PARENT.replace("-01", "-00");
    for (fields, flags) in [
        (String::new(), "-00"),
        (format!("traceparent: {unsampled}\r\n"), "-00"),
        (format!("traceparent: {PARENT}\r\n"), "-01"),
    ] {
        let answer = get_with(world.gateway.address, "/orders", &world.fields(&fields));
        assert_eq!(answer.status, 200);
        let seen = world.upstream.take_seen().pop().expect("a request");
        assert!(seen.field("traceparent")[0].ends_with(flags), "{seen:?}");
    }
    // The last one alone, which was also the last to be handed over.
    let spans = collector.wait_for(2);
    assert!(spans.iter().all(|span| span.trace == PARENT[3..35]));
}

#[test]
fn a_reload_takes_up_how_many_traces_are_recorded_and_not_where_they_go() {
    let collector = Collector::start();
    let world = World::start(&collector, "ratio = 0.0", "");
    let ask = || get_with(world.gateway.address, "/orders", &world.fields("")).status;
    assert_eq!(ask(), 200);
    world.reload("ratio = 0.0", "ratio = 1.0");
    assert_eq!(ask(), 200);
    collector.wait_for(2);
    let waits = || world.gateway.metric("portcullis_config_restart_needed") as u64;
    assert_eq!(waits(), 0);
    let elsewhere = format!("{}\"", collector.address);
    world.reload(&elsewhere, "127.0.0.1:1\"");
    assert_eq!((ask(), waits()), (200, 1));
    collector.wait_for(4);
}

#[test]
fn a_reload_that_no_longer_says_where_spans_go_leaves_how_many_are_recorded() {
    let collector = Collector::start();
    let world = World::start(&collector, "ratio = 0.0", TRUSTED);
    let ends = |fields: &str, end: &str| {
        let answer = get_with(world.gateway.address, "/orders", &world.fields(fields));
        assert_eq!(answer.status, 200);
        let seen = world.upstream.take_seen().pop().expect("a request");
        assert!(seen.field("traceparent")[0].ends_with(end), "{seen:?}");
    };
    let table = format!(
        "[trace.otlp]\nendpoint = \"http://{}\"\ndelay = \"20ms\"\nratio = 0.0\n",
        collector.address
    );
    world.reload(&table, "");
    (0..10).for_each(|_| ends("", "-00"));
    ends(&format!("traceparent: {PARENT}\r\n"), "-01");
    // The last one alone, which was also the last to be handed over.
    let spans = collector.wait_for(2);
    assert!(spans.iter().all(|span| span.trace == PARENT[3..35]));
}

#[test]
fn a_state_that_looks_like_a_token_stays_here() {
    let collector = Collector::start();
    let world = World::start(&collector, "", "[trace]\ninbound = \"always\"");
    let fields = world.fields(&format!(
        "traceparent: {PARENT}\r\ntracestate: a=1,b={}\r\n",
        world.token
    ));
    assert_eq!(
        get_with(world.gateway.address, "/orders", &fields).status,
        200
    );
    let spans = collector.wait_for(2);
    assert!(spans.iter().all(|span| span.trace == PARENT[3..35]));
    assert!(spans.iter().all(|span| span.state.is_empty()), "{spans:?}");
    assert!(!collector.text().contains(&world.token));
}

#[test]
fn the_span_of_an_exchange_says_how_often_it_was_tried_again() {
    let away = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let (collector, upstream) = (Collector::start(), Upstream::start());
    let both = format!(
        "[[upstreams]]\nname = \"both\"\nendpoints = [\"http://{away}\", \"http://{}\"]\n\
         [[routes]]\nname = \"both\"\nprefix = \"/both\"\nauth = \"open\"\nupstream = \"both\"\n",
        upstream.address()
    );
    let world = World::start(&collector, "", &both);
    for _ in 0..3 {
        assert_eq!(get_with(world.gateway.address, "/both", "").status, 200);
    }
    let spans = collector.wait_for(6);
    let told = spans.iter().filter(|span| span.kind == 3);
    let told: Vec<_> = told
        .map(|span| span.of_name("http.request.resend_count"))
        .collect();
    assert!(told.contains(&Some("1")), "{told:?}");
    assert!(!told.contains(&Some("0")), "{told:?}");
    let servers = spans.iter().filter(|span| span.kind == 2);
    for server in servers {
        assert_eq!(server.of_name("tls.protocol.version"), None);
    }
}

#[test]
fn what_is_refused_or_fails_has_a_span_that_says_so() {
    let away = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let collector = Collector::start();
    let routes = format!(
        "[[upstreams]]\nname = \"away\"\nurl = \"http://{away}\"\n[[routes]]\nname = \"lost\"\n\
         path = \"/lost/{{id}}\"\nauth = \"open\"\nupstream = \"away\"\n"
    );
    let world = World::start(&collector, "", &routes);
    let bad = format!("authorization: Bearer {}x\r\n", world.token);
    let address = world.gateway.address;
    assert_eq!(get_with(address, "/orders/1", &bad).status, 401);
    let refused = collector.wait_for(1).remove(0);
    assert_eq!(get_with(address, "/none", "").status, 404);
    let nowhere = collector.wait_for(2).remove(1);
    assert_eq!(send(address, b"what is this\r\n\r\n").status, 400);
    let faulty = collector.wait_for(3).remove(2);
    let odd = b"BREW /orders HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(send(address, odd).status, 401);
    let other = collector.wait_for(4).remove(3);
    assert_eq!(get_with(address, "/lost/7", "").status, 502);
    let spans = collector.wait_for(6);
    let (failed, exchange) = both(&spans[4..]);

    assert_eq!(refused.name, "GET /orders/*");
    assert_eq!(refused.of_name("portcullis.verdict"), Some("denied"));
    assert_eq!(refused.of_name("http.response.status_code"), Some("401"));
    assert_eq!(nowhere.name, "GET");
    assert_eq!(nowhere.of_name("portcullis.refused"), Some("no_route"));
    assert_eq!(faulty.name, "HTTP");
    assert!(faulty.of_name("portcullis.fault").is_some(), "{faulty:?}");
    assert_eq!(faulty.of_name("url.path"), None);
    assert_eq!(other.name, "HTTP /orders/*");
    assert_eq!(other.of_name("http.request.method"), Some("_OTHER"));
    let original = other.of_name("http.request.method_original");
    assert_eq!(original, Some("BREW"));
    for span in [&refused, &nowhere, &faulty, &other] {
        assert!(
            !span.is_error,
            "a client's mistake is none of ours: {span:?}"
        );
    }
    assert_eq!(failed.name, "GET /lost/{id}");
    assert_eq!(failed.of_name("portcullis.verdict"), Some("open"));
    assert_eq!(failed.of_name("error.type"), Some("connect"));
    assert_eq!(exchange.of_name("error.type"), Some("connect"));
    assert_eq!(exchange.of_name("http.response.status_code"), None);
    assert!(failed.is_error && exchange.is_error);
    assert!(!collector.text().contains(&world.token));
}
