use portcullis_tests::{Gateway, Place, Upstream, get_with};

use crate::{PROGRAM, service};

#[test]
fn the_upstream_sees_our_identity_fields_alone_and_the_client_none() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    let bearer = format!("authorization: Bearer {token}\r\n");
    let names = [
        "key-id",
        "owner",
        "service",
        "environment",
        "scopes",
        "admin",
    ];
    let mut forged = String::new();
    for name in names {
        let hyphens = format!("x-portcullis-{name}");
        for spelling in [
            hyphens.clone(),
            hyphens.to_uppercase(),
            hyphens.replace('-', "_"),
            hyphens.replacen('-', "_", 1),
            format!("X_Portcullis-{name}"),
        ] {
            forged += &format!("{spelling}: root\r\n");
        }
    }
    for connection in [
        "",
        "connection: x-portcullis-owner, x-portcullis-scopes, x-request-id\r\n",
    ] {
        let answer = get_with(
            gateway.address,
            "/",
            &format!("{bearer}{forged}{connection}"),
        );
        assert_eq!(answer.status, 200, "{connection}");
        assert_eq!(
            answer.field("x-portcullis-owner"),
            None,
            "the upstream's is not handed on"
        );
        let seen = upstream.take_seen().pop().expect("a request");
        assert!(!seen.text().contains("root"), "{seen:?}");
        let ours = seen.fields.iter().filter(|line| {
            line.to_ascii_lowercase()
                .replace('_', "-")
                .starts_with("x-portcullis-")
        });
        assert_eq!(ours.count(), 5, "{seen:?}");
        assert_eq!(seen.field("x-portcullis-owner"), ["acme"]);
        assert_eq!(seen.field("x-request-id").len(), 1, "{connection}{seen:?}");
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
        "trailers",
        "websocket",
        "eDp5",
        "192.0.2.1",
        "evil.test",
        "https",
    ] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
    assert_eq!(seen.field("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.field("x-forwarded-host"), ["gateway.test"]);
    assert_eq!(seen.field("host"), [upstream.address().to_string()]);
}
