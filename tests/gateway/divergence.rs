use std::fs;
use std::time::Duration;

use portcullis_tests::{Gateway, Place, Upstream, eventually, eventually_within};

use crate::databases::{checkpoint, copy};
use crate::{PROGRAM, service};

/// P, one poll, and what a busy machine may add.
const BOUND: Duration = Duration::from_secs(3);

#[test]
fn an_older_database_that_is_restored_into_the_open_file_counts_at_once() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/orders", &upstream));
    let (token, gone) = (
        place.issue("orders", &["--scope", "*"]),
        place.issue("orders", &["--scope", "*"]),
    );
    place.run(&["keys", "disable", Place::id(&token)]).ok();
    place
        .run(&["keys", "revoke", Place::id(&gone), "--reason", "leaked"])
        .ok();
    copy(&place.path("portcullis.db"), &place.path("backup.db"));
    place.run(&["keys", "enable", Place::id(&token)]).ok();
    eventually("enabled", || gateway.get("/orders", &token).status == 200);

    copy(&place.path("backup.db"), &place.path("portcullis.db"));
    eventually_within(BOUND, "what the backup says counts", || {
        gateway.get("/orders", &token).status == 401
    });
    assert_eq!(gateway.get("/orders", &gone).status, 401);
    eventually("the divergence is counted", || {
        gateway.metric("portcullis_store_divergences_total") >= 1.0
    });
    // Life goes on, at lower revisions than were seen before.
    place.run(&["keys", "enable", Place::id(&token)]).ok();
    eventually("enabled again", || {
        gateway.get("/orders", &token).status == 200
    });
    place
        .run(&["keys", "revoke", Place::id(&token), "--reason", "leaked"])
        .ok();
    eventually_within(BOUND, "revoked again", || {
        gateway.get("/orders", &token).status == 401
    });
}

#[test]
fn a_database_that_is_moved_into_place_counts_at_once() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/orders", &upstream));
    let (token, other) = (
        place.issue("orders", &["--scope", "*"]),
        place.issue("orders", &["--scope", "*"]),
    );
    // In the copy the key is revoked; in the file that is served it is not.
    copy(&place.path("portcullis.db"), &place.path("copy.db"));
    let aside = place.path("aside.toml");
    fs::write(&aside, "[store]\npath = \"copy.db\"\n").expect("written");
    let revoke = ["keys", "revoke", Place::id(&token), "--reason", "leaked"];
    place.run_with(&aside, &revoke, "").ok();
    // The file that is served has gone further than the copy.
    for _ in 0..5 {
        place.run(&["keys", "disable", Place::id(&other)]).ok();
        place.run(&["keys", "enable", Place::id(&other)]).ok();
    }
    eventually("in use", || gateway.get("/orders", &other).status == 200);
    assert_eq!(gateway.get("/orders", &token).status, 200);

    // Whole in one file before it is moved.
    checkpoint(&place.path("copy.db"));
    fs::rename(place.path("copy.db"), place.path("portcullis.db")).expect("moved");
    eventually_within(BOUND, "what the new file says counts", || {
        gateway.get("/orders", &token).status == 401
    });
    assert_eq!(gateway.get("/orders", &other).status, 200);
    eventually("the divergence is counted", || {
        gateway.metric("portcullis_store_divergences_total") >= 1.0
    });
    let report = place.run(&["--output", "json", "audit", "verify"]).json();
    assert_eq!(report["whole"], true, "{report}");
}
