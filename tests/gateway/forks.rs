//! Databases that share a past with the one that is served, and then went
//! another way: behind it, level with it, ahead of it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_tests::{Gateway, Place, Stall, Upstream, eventually, figure};

use crate::databases::{checkpoint, copy};
use crate::{PROGRAM, service};

/// P, and the time of one poll.
const BOUND: Duration = Duration::from_millis(500 + 100);

/// Changes beside the one that counts, in the file that is served and in the
/// other one.
const AHEAD: [(&str, usize, usize); 3] = [("older", 4, 0), ("level", 1, 0), ("newer", 1, 4)];

#[test]
fn a_key_that_another_history_revoked_ends_when_that_history_is_restored() {
    for (which, served, other) in AHEAD {
        let took = replaced_by_another_history(served, other, |from, to| {
            copy(from, to);
        });
        figure(&format!(
            "{which} history restored into the open file: last accepted {took:.0?} later"
        ));
    }
}

#[test]
fn a_key_that_another_history_revoked_ends_when_its_file_is_moved_into_place() {
    for (which, served, other) in AHEAD {
        let took = replaced_by_another_history(served, other, |from, to| {
            fs::rename(from, to).expect("moved");
        });
        figure(&format!(
            "{which} history moved into place: last accepted {took:.0?} later"
        ));
    }
}

/// When the last request was sent that the key still passed with, after
/// `replace` had put the other history in place of the served one.
fn replaced_by_another_history(
    served: usize,
    other: usize,
    replace: impl Fn(&Path, &Path),
) -> Duration {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/orders", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    let (here, there) = (place.path("portcullis.db"), place.path("other.db"));
    copy(&here, &there);
    let aside = place.path("aside.toml");
    fs::write(&aside, "[store]\npath = \"other.db\"\n").expect("written");
    let elsewhere = |arguments: &[&str]| place.run_with(&aside, arguments, "").ok();
    elsewhere(&["keys", "revoke", Place::id(&token), "--reason", "leaked"]);
    for _ in 0..other {
        elsewhere(&[
            "keys",
            "create",
            "--service",
            "orders",
            "--owner",
            "a",
            "--name",
            "b",
        ]);
    }
    let late: Vec<String> = (0..served)
        .map(|_| place.issue("orders", &["--scope", "*"]))
        .collect();
    // Both are cached, and the gateway has heard of the last change.
    for token in late.iter().chain([&token]) {
        assert_eq!(gateway.get("/orders", token).status, 200);
    }
    checkpoint(&there);

    let stall = Stall::watch();
    replace(&there, &here);
    let began = Instant::now();
    let mut last_accepted = Duration::ZERO;
    while began.elapsed() < BOUND * 3 {
        let sent = began.elapsed();
        match gateway.get("/orders", &token).status {
            200 => last_accepted = sent,
            status => assert_eq!(status, 401),
        }
    }
    let withheld = stall.longest();
    assert!(
        last_accepted <= BOUND + withheld,
        "accepted {last_accepted:?} after it, the machine stood still for {withheld:?}"
    );
    for token in late {
        let status = gateway.get("/orders", &token).status;
        assert_eq!(status, 401, "it was never issued in this history");
    }
    eventually("the divergence is counted", || {
        gateway.metric("portcullis_store_divergences_total") >= 1.0
    });
    let added = place.issue("orders", &["--scope", "*"]);
    assert_eq!(gateway.get("/orders", &added).status, 200, "life goes on");
    last_accepted
}
