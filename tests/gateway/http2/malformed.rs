use portcullis_tests::{Fate, FrameClient, Gateway, Place, Upstream};

use super::cases::cases;
use crate::{PROGRAM, service};

#[test]
fn what_is_no_request_is_answered_and_goes_nowhere() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    let mut wrong = Vec::new();
    let cases = cases(&token);
    for case in &cases {
        let mut client = FrameClient::connect(gateway.address);
        client.send(&case.octets).expect("sent");
        let fate = client.fate(1);
        if !case.fates.contains(&fate) {
            wrong.push(format!(
                "{} ({}): {fate:?}, expected {:?}",
                case.what, case.rfc, case.fates
            ));
        }
        let arrived = upstream.take_seen();
        if !arrived.is_empty() {
            wrong.push(format!("{} ({}): {arrived:?}", case.what, case.rfc));
        }
        // The others of its connection are served, unless that is at its end.
        if matches!(fate, Fate::Status(_) | Fate::Reset(_)) {
            client.get(5, "/good", &token);
            assert_eq!(client.fate(5), Fate::Status(200), "behind {}", case.what);
            assert_eq!(upstream.take_seen().len(), 1, "behind {}", case.what);
        }
        let mut other = FrameClient::connect(gateway.address);
        other.get(1, "/good", &token);
        assert_eq!(other.fate(1), Fate::Status(200), "beside {}", case.what);
        assert_eq!(upstream.take_seen().len(), 1, "beside {}", case.what);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 100, "{}", cases.len());
}
