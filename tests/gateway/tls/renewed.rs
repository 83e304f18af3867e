//! A certificate that is replaced while the gateway serves.

use std::fs;

use portcullis_tests::{Place, eventually};

use super::Secure;
use super::client::{Client, shown};
use super::made::authority;

#[test]
fn a_certificate_counts_once_its_key_is_there_too_and_connections_stay() {
    let ca = authority();
    let (old, new) = (ca.issue(&["a.test"]), ca.issue(&["a.test"]));
    let secure = Secure::start(
        |place: &Place| old.write(place, "a"),
        "[[tls.certificates]]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n",
    );
    let client = Client::trusting(&ca);
    let seen = || {
        let answer = client.get(secure.address, "a.test", &secure.token);
        let answer = answer.expect("an answer");
        assert!(answer.text.starts_with("HTTP/1.1 200 "), "{}", answer.text);
        answer.shown
    };
    assert_eq!(seen(), shown(&old));

    // A certificate without its key is none: what was, counts.
    fs::write(secure.place.path("a.pem"), &new.certificate).expect("written");
    let log = || fs::read_to_string(secure.place.path("gateway.log")).expect("a log");
    eventually("it is told", || log().contains("could not be put to use"));
    assert_eq!(seen(), shown(&old));
    let ready = portcullis_tests::get(secure.gateway.operations, "/readyz", None);
    assert_eq!(ready.status, 200, "{}", ready.body);

    fs::write(secure.place.path("a.key"), &new.key).expect("written");
    eventually("the new one is shown", || seen() == shown(&new));
}
