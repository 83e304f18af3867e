//! Certificates that clients show.

use portcullis_tests::eventually;

use super::Secure;
use super::authority::Ca;
use super::client::Client;
use super::made::authority;

fn started(ca: &Ca, of_clients: &Ca, verify: &str) -> Secure {
    let pair = ca.issue(&["a.test"]);
    let write = |place: &portcullis_tests::Place| {
        pair.write(place, "a");
        of_clients.write(place, "clients.pem");
    };
    let tls = format!(
        "[[tls.certificates]]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n\
         [tls.clients]\nverify = \"{verify}\"\nroots = \"clients.pem\"\n"
    );
    Secure::start(write, &tls)
}

#[test]
fn a_certificate_is_required_or_may_be_missing_and_never_is_it_bad() {
    let (ca, of_clients) = (authority(), authority());
    let good = of_clients.issue(&["client"]);
    let expired = of_clients.issue_until(&["client"], 2001);
    let strange = ca.issue(&["client"]);
    for (verify, without) in [("required", false), ("optional", true)] {
        let secure = started(&ca, &of_clients, verify);
        for (pair, passes, who) in [
            (None, without, "without one"),
            (Some(&good), true, "a good one"),
            (Some(&expired), false, "an expired one"),
            (Some(&strange), false, "one of another authority"),
        ] {
            let client = Client {
                pair,
                ..Client::trusting(&ca)
            };
            let answer = client.get(secure.address, "a.test", &secure.token);
            let text = answer.map(|answer| answer.text);
            match passes {
                true => assert!(
                    text.is_ok_and(|text| text.starts_with("HTTP/1.1 200 ")),
                    "{who}"
                ),
                false => assert!(text.is_err(), "{verify}, {who}: {text:?}"),
            }
        }
        let passed = usize::from(without) + 1;
        assert_eq!(secure.upstream.take_seen().len(), passed, "{verify}");
        let refused = if without { 2.0 } else { 3.0 };
        eventually("those that were refused are counted", || {
            secure
                .gateway
                .metric("portcullis_tls_handshake_failures_total")
                == refused
        });
        // It is beside the key, and not in its place.
        let client = Client {
            pair: Some(&good),
            ..Client::trusting(&ca)
        };
        let keyless = client
            .get(secure.address, "a.test", "nonsense")
            .expect("answered");
        assert!(
            keyless.text.starts_with("HTTP/1.1 401 "),
            "{}",
            keyless.text
        );
    }
}
