//! The configuration of `examples/gateway/mtls` does what it says.

use portcullis_tests::{Gateway, Place};
use rustls::version::{TLS12, TLS13};

use super::client::Client;
use super::free_address;
use super::made::authority;
use crate::PROGRAM;
use crate::examples::replaced;

const MTLS: &str = include_str!("../../../examples/gateway/mtls/portcullis.toml");

#[test]
fn tls_on_both_sides() {
    let (public, internal, other) = (authority(), authority(), authority());
    let behind = Place::new(PROGRAM);
    internal.issue(&["orders.internal"]).write(&behind, "a");
    internal.write(&behind, "clients.pem");
    let upstream = free_address();
    let text = format!(
        "[[routes]]\nname = \"all\"\nprefix = \"/\"\nauth = \"open\"\nrespond = {{ status = 204 }}\n\
         [tls]\nlisten = \"{upstream}\"\n\
         [[tls.certificates]]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n\
         [tls.clients]\nverify = \"required\"\nroots = \"clients.pem\"\n"
    );
    let _behind = Gateway::start(&behind, &text);

    let place = Place::new(PROGRAM);
    public.issue(&["api.test"]).write(&place, "server");
    internal.write(&place, "internal-ca.pem");
    internal.issue(&["gateway"]).write(&place, "gateway");
    let address = free_address();
    let config = |clear, operations| {
        let mut text = replaced(MTLS, "127.0.0.1:8080", &format!("{clear}"));
        text = replaced(&text, "127.0.0.1:9090", &format!("{operations}"));
        text = replaced(&text, "0.0.0.0:8443", &address.to_string());
        text = replaced(&text, "127.0.0.1:3443", &upstream.to_string());
        text + "[timeouts]\ndrain_idle = \"0s\"\n"
    };
    let gateway = Gateway::start_configured(&place, config, |_| {});
    let token = place.issue("orders", &["--scope", "orders:read"]);
    let with = |versions| Client {
        versions,
        ..Client::trusting(&public)
    };
    let get = |client: &Client<'_>, token: &str| client.get(address, "api.test", token);
    let status = |token: &str| {
        let answer = get(&with(vec![&TLS13]), token).expect("an answer");
        answer.text[..12].to_owned()
    };
    assert_eq!(status(&token), "HTTP/1.1 204");
    assert_eq!(status("none"), "HTTP/1.1 401");
    assert!(get(&with(vec![&TLS12]), &token).is_err(), "it is too old");

    // The upstream knows nobody of another authority.
    other.issue(&["gateway"]).write(&place, "gateway");
    portcullis_tests::eventually("what the gateway shows is another", || {
        status(&token) == "HTTP/1.1 502"
    });
    drop(gateway);
}
