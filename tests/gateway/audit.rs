//! The audit trail by the command line: exported, verified, anchored, pruned,
//! and tampered with.

use std::fs;

use portcullis_tests::{Outcome, Place};
use rusqlite::Connection;
use serde_json::Value;

use crate::PROGRAM;

/// A place with one service and so many keys: that many events and one.
fn with_keys(keys: usize) -> Place {
    let place = Place::new(PROGRAM);
    place.run(&["services", "create", "orders"]).ok();
    for _ in 0..keys {
        drop(place.issue("orders", &["--scope", "*"]));
    }
    place
}

fn lines(outcome: Outcome) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).expect("a line of JSON");
    outcome.ok().lines().map(line).collect()
}

fn numbers(events: &[Value]) -> Vec<u64> {
    let number = |event: &Value| event["sequence"].as_u64().expect("a number");
    events.iter().map(number).collect()
}

fn verify(place: &Place, further: &[&str]) -> (i32, Value) {
    let arguments = [&["--output", "json", "audit", "verify"], further].concat();
    let outcome = place.run(&arguments);
    let report = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
    (outcome.status, report)
}

/// Writes to the database as somebody does who has the file and not the
/// keyring.
fn tamper(place: &Place, statement: &str) {
    let database = Connection::open(place.path("portcullis.db")).expect("a database");
    let changed = database.execute(statement, []).expect(statement);
    assert!(changed > 0, "{statement} changed nothing");
}

#[test]
fn an_export_goes_on_where_the_one_before_ended() {
    let place = with_keys(3);
    let outcome = place.run(&["audit", "export", "--limit", "2"]);
    assert_eq!(outcome.stderr, "cursor: --after 2\n");
    assert_eq!(numbers(&lines(outcome)), [1, 2]);
    let outcome = place.run(&["audit", "export", "--after", "2"]);
    assert_eq!(outcome.stderr, "cursor: --after 4\n");
    let events = lines(outcome);
    assert_eq!(numbers(&events), [3, 4]);
    let outcome = place.run(&["audit", "export", "--after", "4"]);
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str()),
        ("", "cursor: --after 4\n")
    );

    let event = &events[0];
    assert_eq!(event["action"], "key.create");
    assert_eq!(event["outcome"], "done");
    assert_eq!(event["service"], "orders");
    assert_eq!(event["root"], "k1");
    assert_eq!(event["actor"], "cli:tester");
    assert_eq!(event["mac"].as_str().map(str::len), Some(64));
    assert!(
        event["at"].as_str().expect("a time").ends_with('Z'),
        "{event}"
    );
    assert!(event["changes"].is_array(), "{event}");

    let key = event["key"].as_str().expect("a key");
    let of_key = lines(place.run(&["audit", "export", "--key", key]));
    assert_eq!(numbers(&of_key), [3]);
    let of_service = lines(place.run(&["audit", "export", "--service", "orders"]));
    assert_eq!(numbers(&of_service), [1, 2, 3, 4]);
    let of_other = lines(place.run(&["audit", "export", "--service", "billing"]));
    assert_eq!(numbers(&of_other), [0; 0]);
}

#[test]
fn a_refused_change_is_in_the_trail() {
    let place = with_keys(0);
    let refused = place.run(&["services", "create", "orders"]);
    assert_eq!(refused.status, 4);
    let events = lines(place.run(&["audit", "export", "--after", "1"]));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["outcome"], "refused");
    assert_eq!(events[0]["refused"], "already_exists");
}

#[test]
fn a_trail_that_was_tampered_with_is_found() {
    let place = with_keys(4);
    let head = place.run(&["audit", "head"]).ok();
    assert!(head.starts_with("5:"), "{head}");
    fs::write(place.path("head"), &head).expect("written");
    let (status, report) = verify(&place, &["--head", "@head"]);
    assert_eq!(
        (status, &report["head"]),
        (0, &Value::from("confirmed")),
        "{report}"
    );
    let whole = fs::read(place.path("portcullis.db")).expect("read");

    let found = |statement: &str, word: &str| {
        tamper(&place, statement);
        let (status, report) = verify(&place, &[]);
        assert_eq!(
            (status, &report["whole"]),
            (5, &Value::Bool(false)),
            "{statement}: {report}"
        );
        let fault = report["fault"].as_str().expect("a fault");
        assert!(fault.contains(word), "{statement}: {fault}");
        fs::write(place.path("portcullis.db"), &whole).expect("put back");
    };
    found(
        "UPDATE audit SET bytes = CAST(replace(CAST(bytes AS TEXT), 'tester', 'nobody') AS BLOB) \
         WHERE sequence = 3",
        "event 3 is not as it was written",
    );
    found("DELETE FROM audit WHERE sequence = 3", "event 3 is missing");
    // That the end is missing is seen before anything is opened.
    tamper(&place, "DELETE FROM audit WHERE sequence = 5");
    let cut = place.run(&["audit", "verify"]);
    assert_eq!(cut.status, 5, "{cut:?}");
    assert!(cut.stderr.contains("the newest audit event"), "{cut:?}");
    fs::write(place.path("portcullis.db"), &whole).expect("put back");
    found("DELETE FROM audit WHERE sequence <= 2", "no anchor");
    assert_eq!(verify(&place, &[]).0, 0);

    for (head, status) in [("", 2), ("5", 2), ("nonsense", 2), ("@missing", 2)] {
        let outcome = place.run(&["audit", "verify", "--head", head]);
        assert_eq!(outcome.status, status, "{head}: {outcome:?}");
    }
    let other = format!("5:{}", "0".repeat(64));
    let (status, report) = verify(&place, &["--head", &other]);
    assert_eq!(status, 5, "{report}");
    let later = head.replacen("5:", "6:", 1);
    let (status, report) = verify(&place, &["--head", later.trim_end()]);
    assert!(
        report["fault"]
            .as_str()
            .expect("a fault")
            .contains("cut off"),
        "{report}"
    );
    assert_eq!(status, 5);
}

#[test]
fn old_events_are_pruned_behind_an_anchor() {
    let place = with_keys(3);
    let first = place.run(&["audit", "head"]).ok().trim_end().to_owned();
    let anchored = place.run(&["audit", "anchor"]).ok();
    assert!(anchored.contains("event 4"), "{anchored}");
    let kept = place.run(&["audit", "head"]).ok().trim_end().to_owned();

    let refused = place.run(&["audit", "prune", "--older-than", "0s"]);
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let nothing = place
        .run(&["audit", "prune", "--older-than", "90d", "--yes"])
        .ok();
    assert!(nothing.contains("nothing is older"), "{nothing}");
    // All are older than the year 9000; the newest stays.
    let prune = [
        "audit",
        "prune",
        "--older-than",
        "9000-01-01T00:00:00Z",
        "--yes",
    ];
    let pruned = place.run(&prune).ok();
    assert!(
        pruned.contains("4 events") && pruned.contains("begins at event 5"),
        "{pruned}"
    );
    let events = lines(place.run(&["audit", "export"]));
    assert_eq!(numbers(&events), [5, 6]);
    assert_eq!(events[1]["action"], "audit.prune");
    assert_eq!(events[1]["changes"][1]["after"], "4");

    let (status, report) = verify(&place, &["--head", &kept]);
    assert_eq!(
        (status, &report["pruned"]),
        (0, &Value::from(4)),
        "{report}"
    );
    assert_eq!(
        verify(&place, &["--head", &first]).1["head"],
        "confirmed",
        "the anchor has it"
    );
    let long_ago = format!("1:{}", "0".repeat(64));
    let (status, report) = verify(&place, &["--head", &long_ago]);
    assert_eq!(
        (status, &report["head"]),
        (5, &Value::from("pruned")),
        "{report}"
    );
    // Once more, and everything still goes on.
    drop(place.issue("orders", &["--scope", "*"]));
    place.run(&prune).ok();
    assert_eq!(verify(&place, &[]).0, 0);
    // Whoever cuts at the anchor prunes nothing: the trail does not say so.
    drop(place.issue("orders", &["--scope", "*"]));
    place.run(&["audit", "anchor"]).ok();
    let sequence: u64 = {
        let head = place.run(&["audit", "head"]).ok();
        head.split(':')
            .next()
            .expect("a number")
            .parse()
            .expect("a number")
    };
    tamper(
        &place,
        &format!("DELETE FROM audit WHERE sequence < {sequence}"),
    );
    let (status, report) = verify(&place, &[]);
    let fault = report["fault"].as_str().expect("a fault");
    assert!(status == 5 && fault.contains("no event says"), "{report}");
}
