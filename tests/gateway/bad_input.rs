use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use portcullis_tests::{Gateway, Outcome, Place, Upstream, send};
use rusqlite::Connection;

use crate::{PROGRAM, service};

/// Fails with this status, and says each of these parts.
fn refused(outcome: &Outcome, status: i32, parts: &[&str]) {
    assert_eq!(outcome.status, status, "{outcome:?}");
    for part in parts {
        assert!(
            outcome.stderr.contains(part),
            "{part:?} is not in {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_wrong_configuration_is_refused_with_line_column_field_and_what_is_allowed() {
    let place = Place::new(PROGRAM);
    let service = "[[services]]\nname = \"a\"\nprefix = \"/\"\nupstream = \"http://127.0.0.1:1\"\n";
    for (text, parts) in [
        (
            "listen = 8080\n".to_owned(),
            &["portcullis.toml:1:10", "listen"][..],
        ),
        (
            "[store]\npaht = \"x\"\n".into(),
            &["portcullis.toml:2:1", "paht", "path"],
        ),
        ("listen = \n".into(), &["portcullis.toml:1:"]),
        (
            "[manager]\npoll_interval = \"1ms\"\n".into(),
            &["portcullis.toml:2:17", "poll_interval", "10ms"],
        ),
        (
            "[manager]\nmax_staleness = \"soon\"\n".into(),
            &["portcullis.toml:2:17", "max_staleness"],
        ),
        (
            format!("{service}rate = \"0/s\"\n"),
            &["portcullis.toml:5:8", "rate", "1 to 1,000,000"],
        ),
        (
            format!("{service}rate = \"-1/s\"\n"),
            &["portcullis.toml:5:8", "rate", "100/s"],
        ),
        (
            format!("{service}permissions = [\"a:*\"]\n"),
            &["portcullis.toml:5:16", "permissions"],
        ),
        (
            service.replace("\"a\"", "\"A\""),
            &["portcullis.toml:2:8", "a-z"],
        ),
        (
            service.replace("\"/\"", "\"x\""),
            &["portcullis.toml:3:10", "prefix"],
        ),
        (
            service.replace("http:", "ftp:"),
            &["portcullis.toml:4:12", "http://HOST"],
        ),
        (format!("{service}{service}"), &["portcullis.toml:6:8"]),
        (
            "listen = 1\nkeyring = 2\nstore = 3\n".into(),
            &[":1:10", ":2:11", ":3:9"],
        ),
    ] {
        place.write_config(&text);
        let outcome = place.run(&["serve"]);
        refused(&outcome, 7, parts);
    }
    fs::remove_file(place.config()).expect("removed");
    refused(&place.run(&["serve"]), 7, &["portcullis.toml", "init"]);
    assert!(!place.path("portcullis.db").exists(), "nothing was made");
}

#[test]
fn a_taken_port_is_named_and_nothing_is_made() {
    let place = Place::new(PROGRAM);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    place.write_config(&format!(
        "listen = \"{address}\"\n[operations]\nlisten = \"127.0.0.1:0\"\n"
    ));
    refused(&place.run(&["serve"]), 6, &["listen", &address, "already"]);
    assert!(!place.path("portcullis.db").exists());
}

#[test]
fn a_missing_or_wrong_keyring_is_named_and_nothing_is_changed() {
    let place = Place::new(PROGRAM);
    place.run(&["services", "create", "orders"]).ok();
    let database = fs::read(place.path("portcullis.db")).expect("a database");
    let keyring = fs::read_to_string(place.path("keyring")).expect("a keyring");
    let list = || place.run(&["services", "list"]);

    fs::remove_file(place.path("keyring")).expect("removed");
    refused(&list(), 6, &["keyring", "bring that back"]);
    let other = Place::new(PROGRAM);
    fs::copy(other.path("keyring"), place.path("keyring")).expect("copied");
    refused(&list(), 6, &["keyring", "k1", "not the one"]);
    fs::write(place.path("keyring"), keyring.replace("k1", "k2")).expect("written");
    refused(&list(), 6, &["lacks root k1"]);
    fs::write(place.path("keyring"), "not a keyring\n").expect("written");
    refused(&list(), 6, &["line 1"]);
    let mut open = fs::metadata(place.path("keyring"))
        .expect("a file")
        .permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o644);
    fs::write(place.path("keyring"), &keyring).expect("written");
    fs::set_permissions(place.path("keyring"), open).expect("a mode");
    refused(&list(), 6, &["0644", "0600"]);
    assert_eq!(
        fs::read(place.path("portcullis.db")).expect("a database"),
        database
    );
}

#[test]
fn a_database_that_is_locked_foreign_or_newer_is_refused_and_untouched() {
    let place = Place::new(PROGRAM);
    place.run(&["services", "create", "orders"]).ok();
    let path = place.path("portcullis.db");
    let create = || place.run(&["services", "create", "more"]);

    let lock = Connection::open(&path).expect("opened");
    lock.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    let began = Instant::now();
    refused(&create(), 6, &["portcullis.db"]);
    assert!(began.elapsed() < Duration::from_secs(20), "it gave up");
    drop(lock);
    create().ok();

    let good = fs::read(&path).expect("a database");
    let newer = Connection::open(&path).expect("opened");
    newer
        .execute_batch("UPDATE refinery_schema_history SET version = version + 9000")
        .expect("changed");
    newer
        .pragma_update(None, "user_version", 9_000)
        .expect("changed");
    newer
        .pragma_update(None, "wal_checkpoint", "TRUNCATE")
        .expect("checkpointed");
    drop(newer);
    let altered = fs::read(&path).expect("a database");
    refused(&create(), 6, &["newer"]);
    assert_eq!(fs::read(&path).expect("a database"), altered);

    fs::write(&path, "a letter to somebody\n".repeat(100)).expect("written");
    refused(&create(), 6, &["portcullis.db"]);
    assert!(
        fs::read_to_string(&path)
            .expect("a letter")
            .starts_with("a letter")
    );
    fs::remove_file(&path).expect("removed");
    let foreign = Connection::open(&path).expect("opened");
    foreign
        .execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)")
        .expect("written");
    drop(foreign);
    let theirs = fs::read(&path).expect("a database");
    refused(&create(), 6, &["portcullis.db"]);
    assert_eq!(fs::read(&path).expect("a database"), theirs);

    fs::write(&path, good).expect("written");
    place.run(&["services", "list"]).ok();
}

#[test]
fn bad_arguments_are_refused_with_the_argument_and_what_is_allowed() {
    let place = Place::new(PROGRAM);
    place.run(&["services", "create", "orders"]).ok();
    let huge = "x".repeat(100_000);
    let create = |further: &[&str]| {
        let fixed = [
            "keys",
            "create",
            "--service",
            "orders",
            "--owner",
            "a",
            "--name",
            "b",
        ];
        place.run(&fixed.iter().chain(further).copied().collect::<Vec<_>>())
    };
    for (further, parts) in [
        (&["--rate", "0/s"][..], &["--rate", "1 to 1,000,000"][..]),
        (&["--rate=-5/s"], &["--rate", "100/s"]),
        (
            &["--rate", "99999999999999999999/s"],
            &["--rate", "1 to 1,000,000"],
        ),
        (&["--rate", "10/m burst 0"], &["--rate", "1 to 1,000,000"]),
        (&["--scope", "Orders"], &["--scope", "a-z"]),
        (&["--scope", &huge], &["--scope", "128"]),
        (
            &["--environment", "prod"],
            &["--environment", "live or test"],
        ),
        (&["--expires-in", "0s"], &["--expires-in"]),
        (&["--expires-in", "forever"], &["--expires-in"]),
        (
            &["--expires-at", "2001-01-01T00:00:00Z"],
            &["--expires-at", "ahead"],
        ),
        (&["--expires-at", "tomorrow"], &["--expires-at", "RFC 3339"]),
    ] {
        let outcome = create(further);
        assert_eq!(outcome.status, 2, "{further:?}: {outcome:?}");
        for part in parts {
            assert!(
                outcome.stderr.contains(part),
                "{part} is not in {}",
                outcome.stderr
            );
        }
    }
    let keys = |service: &str, owner: &str, name: &str| {
        place.run(&[
            "keys",
            "create",
            "--service",
            service,
            "--owner",
            owner,
            "--name",
            name,
        ])
    };
    refused(&keys("none", "a", "b"), 3, &["none"]);
    refused(&keys("Orders", "a", "b"), 2, &["--service"]);
    refused(&keys("orders", "", "b"), 2, &["--owner", "1 to 128"]);
    refused(&keys("orders", &huge, "b"), 2, &["--owner", "1 to 128"]);
    refused(
        &keys("orders", "a", "b\u{202e}c"),
        2,
        &["--name", "bidirectional"],
    );
    refused(
        &place.run(&["services", "create", "orders"]),
        4,
        &["orders"],
    );
    refused(
        &place.run(&["services", "create", "big", "--quota", "0"]),
        2,
        &["quota"],
    );
    let list = ["keys", "list", "--service", "orders", "--cursor", "AAAA"];
    refused(&place.run(&list), 2, &["cursor"]);
    refused(
        &place.run(&["keys", "list", "--service", "orders", "--limit", "0"]),
        2,
        &["limit", "1000"],
    );
    let nobody = "00000000-0000-4000-8000-000000000000";
    refused(&place.run(&["keys", "show", nobody]), 3, &[nobody]);
    refused(
        &place.run(&["keys", "revoke", nobody, "--reason", "x"]),
        3,
        &[nobody],
    );
    let verify = ["keys", "verify", "--service", "orders"];
    refused(
        &place.run_with(&place.config(), &verify, "nonsense"),
        5,
        &[],
    );

    let listed = place
        .run(&["--output", "json", "keys", "list", "--service", "orders"])
        .json();
    assert_eq!(
        listed["keys"].as_array().map(Vec::len),
        Some(0),
        "nothing was created"
    );
    let events = place.run(&["--output", "json", "audit", "list"]).json();
    let done = |event: &&serde_json::Value| event["outcome"] == "done";
    let all = events["events"].as_array().expect("a list");
    assert_eq!(all.iter().filter(done).count(), 1, "{events}");
    let told = |event: &serde_json::Value| event["refused"].as_str().map(str::to_owned);
    let refusals: Vec<String> = all.iter().filter_map(told).collect();
    assert_eq!(refusals, ["not_found", "already_exists", "not_found"]);
}

#[test]
fn init_overwrites_nothing() {
    let place = Place::new(PROGRAM);
    let keyring = fs::read(place.path("keyring")).expect("a keyring");
    fs::write(place.config(), "# mine\n").expect("written");
    let folder = place.path("").display().to_string();
    let outcome = place.run(&["init", "--dir", &folder]);
    refused(&outcome, 4, &["portcullis.toml"]);
    fs::remove_file(place.config()).expect("removed");
    let outcome = place.run(&["init", "--dir", &folder]);
    refused(&outcome, 4, &["keyring"]);
    assert!(!place.config().exists(), "nothing by half");
    assert_eq!(fs::read(place.path("keyring")).expect("a keyring"), keyring);
}

#[test]
fn what_is_no_request_has_an_answer_of_the_gateways_and_is_counted() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    let head = format!("host: a.test\r\nauthorization: Bearer {token}\r\n");
    let long = "x".repeat(40_000);
    for (status, request) in [
        (400, format!("GET / HTTP/1.1\n{head}\r\n")),
        (
            400,
            format!(
                "POST / HTTP/1.1\r\n{head}content-length: 4\r\ntransfer-encoding: \
                 chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (414, format!("GET /{long} HTTP/1.1\r\n{head}\r\n")),
        (431, format!("GET / HTTP/1.1\r\n{head}x: {long}\r\n\r\n")),
        (501, format!("CONNECT a.test:1 HTTP/1.1\r\n{head}\r\n")),
        (505, format!("GET / HTTP/1.2\r\n{head}\r\n")),
    ] {
        let answer = send(gateway.address, request.as_bytes());
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(
            answer.field("content-type"),
            Some("application/problem+json"),
            "{answer:?}"
        );
        assert!(answer.field("x-request-id").is_some(), "{answer:?}");
        assert_eq!(answer.field("connection"), Some("close"), "{answer:?}");
        let operations = send(gateway.operations, request.as_bytes());
        assert_eq!(operations.status, status, "{operations:?}");
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(gateway.get("/", &token).status, 200);
    assert_eq!(gateway.metric("portcullis_head_faults_total"), 6.0);
}
