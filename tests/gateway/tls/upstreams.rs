//! Upstreams that are spoken to in TLS. The upstream here is a gateway as well,
//! with an answer of its own.

use portcullis_tests::{Gateway, Place};

use super::made::authority;
use super::{PROGRAM, Secure, free_address};

/// What a gateway answers that asks an upstream in TLS, and what its log says.
fn asked(front: &Place, url: &str, tls: &str) -> (u16, String) {
    let text = format!(
        "[[upstreams]]\nname = \"behind\"\nurl = \"{url}\"\ntls = {{ {tls} }}\n\
         [[routes]]\nname = \"all\"\nprefix = \"/\"\nauth = \"open\"\nupstream = \"behind\"\n"
    );
    let gateway = Gateway::start(front, &text);
    let answer = gateway.get("/", "none");
    assert!(!answer.body.contains("127.0.0.1"), "{}", answer.body);
    let log = std::fs::read_to_string(front.path("gateway.log")).expect("a log");
    (answer.status, log)
}

#[test]
fn an_upstream_is_trusted_by_its_roots_and_name_and_trusts_us_by_ours() {
    let (ca, other) = (authority(), authority());
    let behind = Place::new(PROGRAM);
    ca.issue(&["localhost", "b.test"]).write(&behind, "a");
    ca.write(&behind, "clients.pem");
    let address = free_address();
    let text = format!(
        "[[routes]]\nname = \"all\"\nprefix = \"/\"\nauth = \"open\"\nrespond = {{ status = 204 }}\n\
         [tls]\nlisten = \"{address}\"\n\
         [[tls.certificates]]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n\
         [tls.clients]\nverify = \"required\"\nroots = \"clients.pem\"\n"
    );
    let _behind = Gateway::start(&behind, &text);
    let named = format!("https://localhost:{}", address.port());
    let by_address = format!("https://127.0.0.1:{}", address.port());
    let pair = "certificate = \"g.pem\", key = \"g.key\"";
    for (url, tls, status, told) in [
        (&named, format!("roots = \"ca.pem\", {pair}"), 204, ""),
        (
            &by_address,
            format!("roots = \"ca.pem\", {pair}, server_name = \"b.test\""),
            204,
            "",
        ),
        (
            &by_address,
            format!("roots = \"ca.pem\", {pair}"),
            502,
            "the certificate is not for the name that was asked for",
        ),
        (
            &named,
            format!("roots = \"other.pem\", {pair}"),
            502,
            "the certificate leads to no root that is trusted",
        ),
        (
            &named,
            "roots = \"ca.pem\"".to_owned(),
            502,
            "our certificate was refused, or is missing",
        ),
    ] {
        let front = Place::new(PROGRAM);
        ca.write(&front, "ca.pem");
        other.write(&front, "other.pem");
        ca.issue(&["gateway"]).write(&front, "g");
        let (answered, log) = asked(&front, url, &tls);
        assert_eq!(answered, status, "{tls}: {log}");
        if !told.is_empty() {
            assert!(log.contains("upstream `behind`"), "{log}");
            assert!(log.contains(told), "{tls}: {log}");
        }
    }
}

#[test]
fn a_route_through_two_gateways_is_in_tls_all_the_way() {
    let ca = authority();
    let behind = Secure::of(&ca, "");
    let front = Place::new(PROGRAM);
    ca.write(&front, "ca.pem");
    let port = behind.address.port();
    let text = format!(
        "[[upstreams]]\nname = \"behind\"\nurl = \"https://127.0.0.1:{port}\"\n\
         tls = {{ roots = \"ca.pem\", server_name = \"a.test\" }}\n\
         [[routes]]\nname = \"all\"\nprefix = \"/\"\nauth = \"open\"\nupstream = \"behind\"\n"
    );
    let gateway = Gateway::start(&front, &text);
    // An open route hands on no credential, so the one behind refuses.
    assert_eq!(gateway.get("/", &behind.token).status, 401);
    assert!(behind.upstream.take_seen().is_empty());
    assert_eq!(
        behind.gateway.metric("portcullis_tls_handshakes_total"),
        1.0
    );
    assert!(behind.place.path("a.pem").exists());
}
