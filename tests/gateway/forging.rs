//! Show 6: whatever a client says of who and where it is, in whatever spelling and place, the
//! upstream sees exactly what the gateway knows.

use portcullis_tests::{Answer, Gateway, Place, Seen, Upstream, get_with, send};

use crate::{PROGRAM, service, upstream_table};

/// The identity fields, and one that may come later.
const NAMES: [&str; 6] = [
    "key-id",
    "owner",
    "service",
    "environment",
    "scopes",
    "admin",
];

/// A name with each set of its hyphens made another mark, in lower case, in upper, and mixed.
fn spellings(name: &str) -> Vec<String> {
    let hyphens = name.matches('-').count();
    let mut all = Vec::new();
    for set in 0..1_u32 << hyphens {
        for mark in ["_", ".", "~"] {
            let mut at = 0;
            let spelled: String = name
                .chars()
                .map(|letter| match letter {
                    '-' => {
                        at += 1;
                        match set >> (at - 1) & 1 {
                            0 => "-".to_owned(),
                            _ => mark.to_owned(),
                        }
                    }
                    letter => letter.to_string(),
                })
                .collect();
            let mixed = spelled.replace("port", "Port").replace("own", "oWn");
            all.extend([spelled.to_uppercase(), mixed, spelled]);
        }
    }
    all.sort();
    all.dedup();
    all
}

/// Every forged field, in parts that a head may have.
fn forged() -> Vec<String> {
    let all: Vec<String> = NAMES
        .iter()
        .flat_map(|name| spellings(&format!("x-portcullis-{name}")))
        .collect();
    assert!(all.len() >= 100, "{}", all.len());
    all
}

fn is_identity(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    let folded: String = name
        .chars()
        .map(|letter| match letter.is_ascii_alphanumeric() {
            true => letter.to_ascii_lowercase(),
            false => '-',
        })
        .collect();
    folded.starts_with("x-portcullis-")
}

/// Exactly ours: each of the five once, none of another spelling, and nothing that was forged.
#[track_caller]
fn assert_ours(seen: &Seen, id: &str) {
    assert!(!seen.text().contains("root"), "{seen:?}");
    let lines = seen.fields.iter().chain(&seen.trailers);
    let mut ours: Vec<&str> = lines
        .filter(|line| is_identity(line))
        .map(String::as_str)
        .collect();
    ours.sort_unstable();
    let id: String = id.chars().filter(char::is_ascii_hexdigit).collect();
    let parts = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]];
    let expected = [
        "x-portcullis-environment: live".to_owned(),
        format!("x-portcullis-key-id: {}", parts.join("-")),
        "x-portcullis-owner: acme".to_owned(),
        "x-portcullis-scopes: *".to_owned(),
        "x-portcullis-service: orders".to_owned(),
    ];
    assert_eq!(ours, expected, "{seen:?}");
    assert_eq!(seen.field("x-request-id").len(), 1, "{seen:?}");
}

fn answered(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let forged = answer.field("x-portcullis-owner");
    assert_eq!(forged, None, "the upstream's is not handed on");
}

#[test]
fn the_upstream_sees_our_identity_fields_alone_and_the_client_none() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    let bearer = format!("authorization: Bearer {token}\r\n");
    for part in forged().chunks(40) {
        let fields: String = part
            .iter()
            .map(|name| format!("{name}: root\r\n"))
            .collect();
        let named = format!("connection: {}\r\n", part.join(", "));
        let ours = "connection: x-portcullis-owner, x-portcullis-scopes, x-portcullis-key-id\r\n\
                    connection: x-portcullis-service, x-portcullis-environment, x-request-id\r\n";
        for connection in ["", ours, &named] {
            let fields = format!("{bearer}{fields}{connection}x_request_id: root\r\n");
            answered(&get_with(gateway.address, "/", &fields));
            assert_ours(
                &upstream.take_seen().pop().expect("a request"),
                Place::id(&token),
            );
        }
    }
}

#[test]
fn no_trailer_forges_what_the_head_says() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    let others = [
        "x-forwarded-for",
        "X_Forwarded_For",
        "forwarded",
        "x-real-ip",
        "x-request-id",
        "x_request_id",
        "traceparent",
        "host",
        "authorization",
        "cookie",
        "content-length",
        "transfer-encoding",
        "connection",
        "via",
        "x-tenant",
        "X_Tenant",
        "x-http-method-override",
    ];
    let mut all = forged();
    all.extend(others.map(str::to_owned));
    for part in all.chunks(40) {
        let trailers: String = part
            .iter()
            .map(|name| format!("{name}: root\r\n"))
            .collect();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {token}\r\n\
             connection: close\r\nx-tenant: acme\r\ntransfer-encoding: chunked\r\n\
             trailer: x-sum, {}\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 1\r\n{trailers}\r\n",
            part.join(", ")
        );
        answered(&send(gateway.address, request.as_bytes()));
        let seen = upstream.take_seen().pop().expect("a request");
        assert_eq!(
            (&*seen.body, &seen.trailers[..]),
            ("hi", &["x-sum: 1".to_owned()][..])
        );
        assert_ours(&seen, Place::id(&token));
        assert_eq!(seen.field("x-tenant"), ["acme"]);
    }
}

#[test]
fn an_open_route_hands_on_no_identity_at_all() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let open = "[[routes]]\nname = \"open\"\nprefix = \"/\"\nauth = \"open\"\nupstream = \"up\"\n";
    let gateway = Gateway::start(&place, &(upstream_table("up", &upstream) + open));
    for part in forged().chunks(40) {
        let fields: String = part
            .iter()
            .map(|name| format!("{name}: root\r\n"))
            .collect();
        answered(&get_with(gateway.address, "/", &fields));
        let seen = upstream.take_seen().pop().expect("a request");
        assert!(
            !seen.fields.iter().any(|line| is_identity(line)),
            "{seen:?}"
        );
    }
}

#[test]
fn what_belongs_to_the_client_s_hop_or_claims_another_origin_ends_here() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    let fields = format!(
        "authorization: Bearer {token}\r\nkeep-alive: 5\r\nte: trailers\r\nupgrade: websocket\r\n\
         connection: x-once\r\nx-once: 1\r\nproxy-authorization: Basic eDp5\r\n\
         x-forwarded-for: 192.0.2.1\r\nX_Forwarded_For: 192.0.2.1\r\nforwarded: for=192.0.2.1\r\n\
         x-real-ip: 192.0.2.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: evil.test\r\nproxy: http://evil.test\r\n"
    );
    assert_eq!(get_with(gateway.address, "/", &fields).status, 200);
    let seen = upstream.take_seen().pop().expect("a request");
    let text = seen.text();
    for gone in [
        "x-once",
        "keep-alive",
        "websocket",
        "eDp5",
        "192.0.2.1",
        "evil.test",
        "https",
    ] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
    // Trailers it may be sent are no claim, and said for this hop.
    assert_eq!(seen.field("te"), ["trailers"]);
    assert_eq!(seen.field("connection"), ["te"]);
    assert_eq!(seen.field("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.field("x-forwarded-host"), ["gateway.test"]);
    assert_eq!(seen.field("host"), [upstream.address().to_string()]);
}
