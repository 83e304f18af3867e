//! The exit statuses, as the README has them.

use std::fs;
use std::path::Path;

use portcullis_tests::{Outcome, Place};
use rusqlite::Connection;

use crate::PROGRAM;
use crate::databases::checkpoint;

const LIST: &[&str] = &["keys", "list", "--all-services"];

/// A folder with a database in its one file, and a key of it.
fn place() -> (Place, String) {
    let place = Place::new(PROGRAM);
    place.write_config("listen = \"127.0.0.1:0\"\n[operations]\nlisten = \"127.0.0.1:0\"\n");
    place.run(&["services", "create", "orders"]).ok();
    let id = Place::id(&place.issue("orders", &[])).to_owned();
    checkpoint(&place.path("portcullis.db"));
    (place, id)
}

fn ended(outcome: &Outcome, status: i32, word: &str) {
    assert_eq!(outcome.status, status, "{outcome:?}");
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(told.contains(word), "{outcome:?}");
}

#[test]
fn what_is_damaged_or_set_back_ends_with_5() {
    let (place, id) = place();
    let database = place.path("portcullis.db");
    let older = fs::read(&database).expect("read");
    drop(place.issue("orders", &[]));
    checkpoint(&database);
    let newer = fs::read(&database).expect("read");

    fs::write(&database, &older).expect("written");
    for arguments in [LIST, &["serve"], &["backup", "copy.db"], &["check"]] {
        ended(&place.run(arguments), 5, "was acknowledged");
    }
    fs::write(&database, &newer).expect("written");
    let tampered = Connection::open(&database).expect("a database");
    let altered = tampered.execute("UPDATE keys SET owner = 'mallory'", []);
    assert_eq!(altered.expect("altered"), 2);
    drop(tampered);
    for arguments in [
        &["keys", "show", &id][..],
        LIST,
        &["keys", "disable", &id],
        &["backup", "copy.db"],
    ] {
        ended(&place.run(arguments), 5, "damaged");
    }
}

#[test]
fn what_cannot_be_used_ends_with_6() {
    let (place, _) = place();
    let database = place.path("portcullis.db");
    let refused = || {
        for arguments in [LIST, &["serve"], &["check"], &["backup", "copy.db"]] {
            ended(&place.run(arguments), 6, "portcullis.db");
        }
    };
    fs::write(&database, "no database at all ".repeat(99)).expect("written");
    refused();
    fs::remove_file(&database).expect("removed");
    let foreign = Connection::open(&database).expect("a database");
    foreign.execute("CREATE TABLE t (a)", []).expect("a table");
    drop(foreign);
    refused();
    fs::remove_file(&database).expect("removed");
    fs::create_dir(&database).expect("a folder");
    refused();
    // Not even the administrator makes a folder below a file.
    ended(
        &place.run(&["init", "--dir", "keyring/set-up"]),
        6,
        "keyring",
    );
}

#[test]
fn an_empty_variable_is_told_by_its_name() {
    let (place, _) = place();
    ended(
        &place.run_with(Path::new(""), LIST, ""),
        2,
        "PORTCULLIS_CONFIG",
    );
}
