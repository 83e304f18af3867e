//! The access log: one line for each request, whatever becomes of it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use portcullis_tests::{Gateway, Place, Upstream, eventually, get, send};
use serde_json::{Value, json};

use crate::{PROGRAM, service};

const LOGGED: &str = "[access_log]\npath = \"access.log\"\n";

/// The lines of the access log, once there are so many; there are no more.
fn lines(place: &Place, count: usize) -> Vec<Value> {
    let read = || fs::read_to_string(place.path("access.log")).unwrap_or_default();
    eventually("the lines are written", || read().lines().count() >= count);
    let text = read();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), count, "{text}");
    lines
}

/// What stands in these fields of a line.
fn told<'a>(line: &'a Value, fields: &[&str]) -> Vec<&'a str> {
    let text = |field: &&str| match &line[*field] {
        Value::String(text) => text.as_str(),
        _ => "",
    };
    fields.iter().map(text).collect()
}

/// A server that takes one request and then does this with its connection.
fn one_answer(answer: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a head");
            head.extend(byte);
        }
        answer(stream);
    });
    address
}

fn route(name: &str, path: &str, address: SocketAddr) -> String {
    format!(
        "[[upstreams]]\nname = \"{name}\"\nurl = \"http://{address}\"\n\
         [[routes]]\nname = \"{name}\"\nprefix = \"{path}\"\nservice = \"orders\"\n\
         upstream = \"{name}\"\n"
    )
}

#[test]
fn every_decision_has_a_line_with_its_true_reason() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let open = "[[routes]]\nname = \"status\"\npath = \"/status\"\nauth = \"open\"\n\
                respond = { status = 200, body = \"fine\" }\n";
    let services = format!("{LOGGED}{}{open}", service("orders", "/orders", &upstream));
    let gateway = Gateway::start(&place, &services);
    let rated = place.issue("orders", &["--scope", "orders:read", "--rate", "1/h"]);
    let bare = place.issue("orders", &[]);
    let ended = place.issue("orders", &["--scope", "orders:read"]);
    let revoke = ["keys", "revoke", Place::id(&ended), "--reason", "lost"];
    place.run(&revoke).ok();
    let last = if rated.ends_with('x') { 'y' } else { 'x' };
    let typo = format!("{}{last}", &rated[..rated.len() - 1]);
    let mut expected = Vec::new();
    for (path, token, status, fields) in [
        (
            "/orders/7?q=1",
            Some(&rated),
            200,
            ["granted", "", "admitted", ""],
        ),
        (
            "/orders/7",
            Some(&rated),
            429,
            ["granted", "", "throttled", "rate_limited"],
        ),
        ("/orders/7", None, 401, ["", "", "", "missing_credential"]),
        (
            "/orders/7",
            Some(&typo),
            401,
            ["denied", "checksum", "", "invalid_token"],
        ),
        (
            "/orders/7",
            Some(&ended),
            401,
            ["denied", "revoked", "", "invalid_token"],
        ),
        (
            "/orders/7",
            Some(&bare),
            403,
            ["denied", "permission", "", "insufficient_scope"],
        ),
        ("/status", None, 200, ["open", "", "", ""]),
        ("/nowhere", Some(&rated), 404, ["", "", "", "no_route"]),
        ("/a%2fb", None, 400, ["", "", "", "bad_request"]),
    ] {
        let answer = get(gateway.address, path, token.map(String::as_str));
        assert_eq!(answer.status, status, "{path}");
        let id = answer.field("x-request-id").expect("an id").to_owned();
        expected.push((id, status, fields, answer.body.len()));
    }
    // What is no request at all has its answer and its line as well.
    let fault = send(gateway.address, b"GET / HTTP/1.1\nhost: a\n\n");
    assert_eq!(fault.status, 400);

    let lines = lines(&place, expected.len() + 1);
    for (line, (id, status, fields, length)) in lines.iter().zip(&expected) {
        assert_eq!(line["request_id"], json!(id));
        assert_eq!(line["status"], json!(status), "{line}");
        let names = ["verdict", "reason", "admission", "refused"];
        assert_eq!(told(line, &names), fields, "{line}");
        assert_eq!(line["bytes_out"], json!(length), "{line}");
        assert_eq!(
            told(line, &["outcome", "client"]),
            ["complete", "127.0.0.1"]
        );
        assert!(line["duration_ms"].as_f64().expect("a time") >= 0.0);
        assert_eq!(line["path"], Value::Null, "nobody asked for paths");
    }
    let first = &lines[0];
    let fields = [
        "route", "service", "upstream", "method", "protocol", "key_id",
    ];
    let key = first["key_id"].as_str().expect("a key").replace('-', "");
    assert_eq!(key, Place::id(&rated));
    assert_eq!(
        told(first, &fields)[..5],
        ["orders", "orders", "orders", "GET", "HTTP/1.1"]
    );
    assert_eq!(first["remaining"], json!(0));
    let endpoint = upstream.address().to_string();
    assert_eq!(told(first, &["endpoint", "tls"]), [&*endpoint, ""]);
    assert_eq!(first["attempts"], Value::Null, "it was one");
    assert!(first["upstream_ms"].as_f64().expect("a time") > 0.0);
    assert_eq!(
        told(&lines[1], &["upstream", "endpoint"]),
        ["", ""],
        "it was not sent there"
    );
    let last = lines.last().expect("a line");
    assert_eq!(
        told(last, &["fault", "refused"]),
        ["bare_line_feed", "bad_head"]
    );
}

#[test]
fn every_way_to_end_has_its_word() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let down = gone.local_addr().expect("an address");
    drop(gone);
    let broken = one_answer(|mut stream| {
        let part = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf.";
        stream.write_all(part).expect("written");
    });
    let stream = one_answer(|mut stream| {
        let part = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";
        stream.write_all(part).expect("written");
        // Until the gateway lets go.
        let _ = stream.read(&mut [0]);
    });
    let services = format!(
        "{LOGGED}{}{}{}{}",
        service("orders", "/orders", &upstream),
        route("down", "/down", down),
        route("broken", "/broken", broken),
        route("stream", "/stream", stream),
    );
    let gateway = Gateway::start(&place, &services);
    let token = place.issue("orders", &["--scope", "orders:read"]);

    assert_eq!(gateway.get("/down", &token).status, 502);
    assert_eq!(gateway.get("/broken", &token).body, "half.");
    // A client that leaves before its answer, of which the upstream has the request.
    upstream.hold();
    let mut client = TcpStream::connect(gateway.address).expect("connected");
    let head = format!("GET /orders HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
    client.write_all(head.as_bytes()).expect("written");
    eventually("the upstream has it", || upstream.count() == 1);
    drop(client);
    lines(&place, 3);
    upstream.release();
    // A stream whose key is revoked.
    let mut client = TcpStream::connect(gateway.address).expect("connected");
    let head = head.replace("/orders", "/stream");
    client.write_all(head.as_bytes()).expect("written");
    let mut seen = Vec::new();
    while !seen.ends_with(b"first\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("a part");
        seen.extend(byte);
    }
    let revoke = ["keys", "revoke", Place::id(&token), "--reason", "lost"];
    place.run(&revoke).ok();
    let _ = client.read_to_end(&mut seen);

    let lines = lines(&place, 4);
    let fields = ["route", "outcome", "error", "reason", "verdict"];
    let told: Vec<_> = lines.iter().map(|line| told(line, &fields)).collect();
    assert_eq!(
        told,
        [
            ["down", "upstream_broke", "connect", "", "granted"],
            ["broken", "upstream_broke", "broken", "", "granted"],
            ["orders", "client_gone", "", "", "granted"],
            ["stream", "ended", "ended", "revoked", "granted"],
        ]
    );
    let numbers = |field| {
        lines
            .iter()
            .map(|line| line[field].as_u64())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers("status"), [Some(502), Some(200), None, Some(200)]);
    assert_eq!(numbers("bytes_out")[1..], [Some(5), Some(0), Some(5)]);
    eventually("the end is measured", || {
        gateway.metric("portcullis_stream_end_duration_seconds_count") == 1.0
    });
}

#[test]
fn a_line_says_how_often_and_where_an_upstream_was_asked() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let down = gone.local_addr().expect("an address");
    drop(gone);
    let both = format!(
        "[[upstreams]]\nname = \"both\"\nendpoints = [\"http://{down}\", \"http://{}\"]\n\
         [[routes]]\nname = \"both\"\nprefix = \"/both\"\nservice = \"orders\"\n\
         upstream = \"both\"\n",
        upstream.address()
    );
    let orders = service("orders", "/orders", &upstream);
    let services = format!("{LOGGED}{orders}{both}{}", route("down", "/down", down));
    let gateway = Gateway::start(&place, &services);
    let token = place.issue("orders", &["--scope", "orders:read"]);
    for path in ["/both", "/both", "/both", "/down"] {
        assert_ne!(gateway.get(path, &token).status, 401);
    }
    let lines = lines(&place, 4);
    let up = upstream.address().to_string();
    let attempts: Vec<_> = lines[..3]
        .iter()
        .map(|line| {
            assert_eq!(told(line, &["endpoint", "outcome"]), [&*up, "complete"]);
            line["attempts"].as_u64()
        })
        .collect();
    assert!(attempts.contains(&Some(2)), "{attempts:?}");
    assert!(!attempts.contains(&Some(1)), "{attempts:?}");
    let fields = ["endpoint", "outcome", "error"];
    let down = down.to_string();
    assert_eq!(
        told(&lines[3], &fields),
        [&*down, "upstream_broke", "connect"]
    );
}

#[test]
fn no_line_holds_a_token_though_paths_are_asked_for() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = format!(
        "{LOGGED}path_field = true\n{}",
        service("orders", "/", &upstream)
    );
    let gateway = Gateway::start(&place, &services);
    let token = place.issue("orders", &["--scope", "orders:read"]);
    let encoded = token.replace('_', "%5f");
    let paths = [
        "/plain".to_owned(),
        format!("/x/{token}?access_token={token}"),
        format!("/x/{encoded}/y"),
        format!("/..%2f{token}"),
        format!("/x;t={token}"),
    ];
    for path in &paths {
        assert_ne!(gateway.get(path, &token).status, 0);
    }
    let method = format!("{token} /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    send(gateway.address, method.as_bytes());
    let fields = format!(
        "POST /x HTTP/1.1\r\nhost: {token}\r\nauthorization: Bearer {token}\r\nuser-agent: \
         {token}\r\nx-request-id: {token}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{token}",
        token.len()
    );
    send(gateway.address, fields.as_bytes());

    let lines = lines(&place, paths.len() + 2);
    assert_eq!(lines[0]["path"], json!("/plain"));
    let path = lines[1]["path"].as_str().expect("a path");
    assert!(
        path.starts_with("/x/pck_live_") && path.ends_with("_[redacted]"),
        "{path}"
    );
    let text = fs::read_to_string(place.path("access.log")).expect("read");
    let secret = &token[token.len() - 49..];
    for at in 0..secret.len() - 16 {
        assert!(!text.contains(&secret[at..at + 16]), "{text}");
    }
}

#[test]
fn a_file_that_is_renamed_is_left_at_the_signal() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = format!("{LOGGED}{}", service("orders", "/", &upstream));
    let gateway = Gateway::start(&place, &services);
    get(gateway.address, "/first", None);
    lines(&place, 1);
    fs::rename(place.path("access.log"), place.path("access.log.1")).expect("renamed");
    gateway.process().signal("HUP");
    eventually("it is opened anew", || place.path("access.log").exists());
    get(gateway.address, "/second", None);
    lines(&place, 1);
    let kept = fs::read_to_string(place.path("access.log.1")).expect("read");
    assert_eq!(kept.lines().count(), 1);
}

#[test]
fn an_output_that_takes_nothing_loses_lines_and_no_request() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = format!(
        "[access_log]\nlines = 16\n{}",
        service("orders", "/", &upstream)
    );
    // A pipe that nobody reads: what it holds is little.
    let gateway = Gateway::start_with(&place, &services, |command| {
        command.stdout(Stdio::piped());
    });
    let lost = || gateway.metric("portcullis_access_log_dropped_total");
    let since = Instant::now();
    while lost() == 0.0 {
        for _ in 0..50 {
            assert_eq!(get(gateway.address, "/", None).status, 401);
        }
        assert!(since.elapsed() < Duration::from_secs(60), "lines are lost");
    }
    let log = fs::read_to_string(place.path("gateway.log")).expect("a log");
    assert!(log.contains("its queue is full"), "{log}");
    // Nor does it wait for that output at its end.
    let since = Instant::now();
    gateway.process().signal("TERM");
    assert_eq!(gateway.wait(), 0);
    assert!(since.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_disk_that_is_full_loses_lines_and_no_request() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = format!(
        "[access_log]\npath = \"/dev/full\"\n{}",
        service("orders", "/", &upstream)
    );
    let gateway = Gateway::start(&place, &services);
    for _ in 0..3 {
        assert_eq!(get(gateway.address, "/", None).status, 401);
    }
    eventually("they are counted", || {
        gateway.metric("portcullis_access_log_dropped_total") == 3.0
    });
    let log = fs::read_to_string(place.path("gateway.log")).expect("a log");
    assert!(log.contains("the access log cannot be written"), "{log}");
}

#[test]
fn all_lines_are_written_by_the_end_and_a_file_that_cannot_be_is_told_at_the_start() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = format!("{LOGGED}{}", service("orders", "/", &upstream));
    let gateway = Gateway::start(&place, &services);
    for _ in 0..200 {
        assert_eq!(get(gateway.address, "/", None).status, 401);
    }
    gateway.process().signal("TERM");
    assert_eq!(gateway.wait(), 0);
    let text = fs::read_to_string(place.path("access.log")).expect("read");
    assert_eq!(text.lines().count(), 200);

    place.write_config("listen = \"127.0.0.1:0\"\n[operations]\nlisten = \"127.0.0.1:0\"\n[access_log]\npath = \"no/such/folder\"\n");
    let outcome = place.run(&["serve"]);
    assert_eq!(outcome.status, 6, "{}", outcome.stderr);
    for part in ["the access log cannot be opened", "no/such/folder"] {
        assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
    }
}
