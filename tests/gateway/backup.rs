//! The database by the command line: copied while it is in use, put back, and
//! checked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portcullis_tests::Place;
use rusqlite::Connection;
use serde_json::Value;

use crate::PROGRAM;

fn check(place: &Place) -> (i32, Value) {
    let outcome = place.run(&["--output", "json", "check"]);
    let report = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
    (outcome.status, report)
}

#[test]
fn a_backup_that_is_put_back_is_the_truth_again() {
    let place = Place::new(PROGRAM);
    place.run(&["services", "create", "orders"]).ok();
    let kept = place.issue("orders", &[]);
    let copy = place.path("copy.db");
    let to = copy.to_str().expect("text");
    let report: Value =
        serde_json::from_str(&place.run(&["--output", "json", "backup", to]).ok()).expect("JSON");
    assert_eq!(
        (&report["services"], &report["keys"]),
        (&1.into(), &1.into())
    );
    let mode = fs::metadata(&copy).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let head = report["audit_head"].as_str().expect("text").to_owned();
    place.run(&["audit", "verify", "--head", &head]).ok();

    let later = place.issue("orders", &[]);
    for companion in ["portcullis.db-wal", "portcullis.db-shm"] {
        let _ = fs::remove_file(place.path(companion));
    }
    fs::rename(&copy, place.path("portcullis.db")).expect("moved");
    let verify = |token: &str| {
        let arguments = ["keys", "verify", "--service", "orders"];
        place.run_with(&place.config(), &arguments, token).status
    };
    assert_eq!((verify(&kept), verify(&later)), (0, 5));
    assert_eq!(check(&place).0, 0);
}

#[test]
fn a_backup_overwrites_nothing_and_leaves_nothing_by_half() {
    let place = Place::new(PROGRAM);
    place.run(&["services", "create", "orders"]).ok();
    let live = place.path("portcullis.db");
    let before = fs::read(&live).expect("read");
    let link = place.path("link.db");
    fs::hard_link(&live, &link).expect("linked");
    let folder = place.path("");
    for (to, status) in [
        (live.clone(), 4),
        (link.clone(), 4),
        (place.path("keyring"), 4),
        (place.path("portcullis.db-wal"), 4),
        (folder.clone(), 4),
        (place.path("nowhere/copy.db"), 2),
    ] {
        let outcome = place.run(&["backup", to.to_str().expect("text")]);
        assert_eq!(outcome.status, status, "{}: {outcome:?}", to.display());
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    }
    assert_eq!(fs::read(&live).expect("read"), before);
    let left: Vec<_> = fs::read_dir(&folder)
        .expect("a folder")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| name.contains("backup"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_check_tells_damage_of_file_trail_and_keyring() {
    let place = Place::new(PROGRAM);
    place.run(&["services", "create", "orders"]).ok();
    drop(place.issue("orders", &[]));
    let (status, report) = check(&place);
    assert_eq!(
        (status, &report["whole"], &report["keys"]),
        (0, &true.into(), &1.into())
    );

    let tamper = |statement: &str| {
        let database = Connection::open(place.path("portcullis.db")).expect("a database");
        assert!(database.execute(statement, []).expect(statement) > 0);
    };
    tamper(
        "UPDATE audit SET bytes = CAST(replace(CAST(bytes AS TEXT), 'orders', 'others') AS BLOB)",
    );
    let (status, report) = check(&place);
    assert_eq!((status, &report["whole"]), (5, &false.into()));
    let faults = report["faults"].to_string();
    assert!(faults.contains("not as it was written"), "{faults}");

    tamper("UPDATE keys SET owner = 'mallory'");
    let (status, report) = check(&place);
    assert_eq!(status, 5);
    assert!(report["faults"].to_string().contains("keys"), "{report}");

    fs::remove_file(place.path("portcullis.db")).expect("removed");
    let outcome = place.run(&["check"]);
    assert_eq!(outcome.status, 6, "{outcome:?}");
}
