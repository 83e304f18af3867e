//! Which certificate clients see, and in which version.

use portcullis_tests::eventually;
use rustls::version::{TLS12, TLS13};

use super::Secure;
use super::client::{Client, shown};
use super::made::authority;

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate_and_the_upstream_is_told_https() {
    let ca = authority();
    let (a, b) = (ca.issue(&["a.test"]), ca.issue(&["*.b.test", "c.test"]));
    let write = |place: &portcullis_tests::Place| {
        a.write(place, "a");
        b.write(place, "b");
    };
    let secure = Secure::start(
        write,
        "[[tls.certificates]]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n\
         [[tls.certificates]]\ncertificate = \"b.pem\"\nkey = \"b.key\"\n",
    );
    let client = Client::trusting(&ca);
    for (name, pair) in [("a.test", &a), ("x.b.test", &b), ("c.test", &b)] {
        let answer = client.get(secure.address, name, &secure.token).expect(name);
        assert!(answer.text.starts_with("HTTP/1.1 200 "), "{}", answer.text);
        assert_eq!(answer.shown, shown(pair), "{name}");
    }
    let other = client.get(secure.address, "d.test", &secure.token);
    assert!(other.is_err(), "it is the first one's, which is not for it");

    let clear = secure.gateway.get("/", &secure.token);
    assert_eq!(clear.status, 200);
    let schemes: Vec<String> = secure
        .upstream
        .take_seen()
        .iter()
        .map(|seen| seen.field("x-forwarded-proto").join(","))
        .collect();
    assert_eq!(schemes, ["https", "https", "https", "http"]);
    assert_eq!(
        secure.gateway.metric("portcullis_tls_handshakes_total"),
        3.0
    );
    eventually("the client that did not trust it is counted", || {
        secure
            .gateway
            .metric("portcullis_tls_handshake_failures_total")
            == 1.0
    });
}

#[test]
fn the_oldest_version_is_the_one_that_is_said() {
    let ca = authority();
    let secure = Secure::of(&ca, "minimum = \"1.3\"");
    let with = |versions| Client {
        versions,
        ..Client::trusting(&ca)
    };
    let old = with(vec![&TLS12]).get(secure.address, "a.test", &secure.token);
    assert!(old.is_err(), "TLS 1.2 is too old");
    let new = with(vec![&TLS13]).get(secure.address, "a.test", &secure.token);
    assert!(new.expect("TLS 1.3").text.starts_with("HTTP/1.1 200 "));
    assert!(!secure.upstream.take_seen().is_empty());
}

#[test]
fn a_strict_gateway_has_no_certificate_for_other_names() {
    let ca = authority();
    let secure = Secure::of(&ca, "strict_sni = true");
    let client = Client::trusting(&ca);
    let good = client.get(secure.address, "a.test", &secure.token);
    assert!(good.expect("its name").text.starts_with("HTTP/1.1 200 "));
    let other = client.get(secure.address, "other.test", &secure.token);
    let told = other.err().expect("refused").to_string();
    assert!(told.contains("AccessDenied"), "it is told so: {told}");
}

#[test]
fn a_bad_certificate_keeps_the_gateway_from_starting_and_is_named() {
    let (place, ca) = (portcullis_tests::Place::new(crate::PROGRAM), authority());
    ca.issue(&["a.test"]).write(&place, "a");
    ca.issue(&["a.test"]).write(&place, "b");
    place.write_config(&format!(
        "listen = \"{}\"\noperations.listen = \"{}\"\n[tls]\nlisten = \"{}\"\n\
         [[tls.certificates]]\ncertificate = \"a.pem\"\nkey = \"b.key\"\n",
        super::free_address(),
        super::free_address(),
        super::free_address(),
    ));
    let outcome = place.run(&["serve"]);
    assert_eq!(outcome.status, 7, "{}", outcome.stderr);
    for told in [
        "tls.certificates[0].key",
        "b.key",
        "its key is not that of the certificate",
    ] {
        assert!(outcome.stderr.contains(told), "{told}: {}", outcome.stderr);
    }
}
