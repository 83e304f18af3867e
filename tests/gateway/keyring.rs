//! The keyring file and its roots, by the command line.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use portcullis_tests::{Gateway, Outcome, Place, Upstream, eventually, get};

use crate::{PROGRAM, service};

/// A root, as `keyring list` shows it: its state, its digests and its tokens.
fn root(place: &Place, name: &str) -> Option<(String, u64, u64)> {
    let list = place.run(&["--output", "json", "keyring", "list"]).json();
    let roots = list["roots"].as_array().expect("roots");
    let root = roots.iter().find(|root| root["name"] == name)?;
    let count = |field: &str| root[field].as_u64().expect("a count");
    let state = root["state"].as_str().expect("a state").to_owned();
    Some((state, count("digests"), count("tokens")))
}

fn state(state: &str, digests: u64, tokens: u64) -> Option<(String, u64, u64)> {
    Some((state.to_owned(), digests, tokens))
}

/// Runs a command, and finds nothing of the keyring's secrets in what it says.
fn run(place: &Place, arguments: &[&str]) -> Outcome {
    let before = secrets(place);
    let outcome = place.run(arguments);
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    for secret in before.into_iter().chain(secrets(place)) {
        assert!(!told.contains(&secret[..16]), "{arguments:?} told a secret");
    }
    outcome
}

fn secrets(place: &Place) -> Vec<String> {
    let text = fs::read_to_string(place.path("keyring")).expect("a keyring");
    let roots = text.lines().filter(|line| line.starts_with("root "));
    roots
        .filter_map(|line| line.split(' ').next_back())
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn refused(outcome: &Outcome, status: i32, word: &str) {
    assert_eq!(outcome.status, status, "{outcome:?}");
    assert!(outcome.stderr.contains(word), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn a_root_is_rotated_and_retired_while_keys_are_used() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = service("orders", "/orders", &upstream);
    let gateway = Gateway::start(&place, &services);
    let old = place.issue("orders", &["--scope", "orders:read"]);
    assert_eq!(gateway.get("/orders", &old).status, 200);
    assert_eq!(root(&place, "k1"), state("current", 1, 1));

    // Added: every node has it, and nothing is made under it.
    run(&place, &["keyring", "add", "k2"]).ok();
    assert_eq!(root(&place, "k2"), state("verify-only", 0, 0));
    gateway.kill();
    let gateway = Gateway::start(&place, &services);
    assert_eq!(gateway.get("/orders", &old).status, 200);
    assert_eq!(root(&place, "k1"), state("current", 1, 1));

    // Made current: digests move as keys are used, tokens keep their tag.
    let rotated = run(&place, &["keyring", "rotate", "k2"]);
    assert!(
        rotated.stderr.contains("every node needs the root"),
        "{rotated:?}"
    );
    gateway.kill();
    let gateway = Gateway::start(&place, &services);
    assert_eq!(gateway.get("/orders", &old).status, 200);
    eventually("the digest moves", || {
        root(&place, "k1") == state("verify-only", 0, 1)
    });
    assert_eq!(root(&place, "k2"), state("current", 1, 0));
    assert_eq!(
        gateway.get("/orders", &old).status,
        200,
        "by the moved digest"
    );
    eventually("it is counted", || {
        gateway.metric("portcullis_redigests_total") >= 1.0
    });

    // Retired: not before its last token has ended.
    refused(
        &run(&place, &["keyring", "retire", "k1"]),
        4,
        "1 tokens bear its tag",
    );
    refused(&run(&place, &["keyring", "retire", "k2"]), 4, "current");
    assert_eq!(secrets(&place).len(), 2, "the file is as it was");
    let new = place.run(&["keys", "rotate", Place::id(&old), "--grace", "0s"]);
    let new = new.ok().trim_end().to_owned();
    eventually("the old token is over", || {
        gateway.get("/orders", &old).status == 401
    });
    assert_eq!(gateway.get("/orders", &new).status, 200);
    // The file cannot be written: what is done, and what is left, is said.
    fs::create_dir(place.path("keyring.new")).expect("in the way");
    let half = run(&place, &["keyring", "retire", "k1"]);
    refused(&half, 8, "root k1 is retired, but is still in");
    assert_eq!(root(&place, "k1"), state("retired", 0, 0));
    assert_eq!(secrets(&place).len(), 2);
    fs::remove_dir(place.path("keyring.new")).expect("out of the way");
    run(&place, &["keyring", "retire", "k1"]).ok();
    assert_eq!(root(&place, "k1"), state("retired", 0, 0));
    assert_eq!(secrets(&place).len(), 1);
    assert_eq!(
        gateway.get("/orders", &new).status,
        200,
        "a running node needs nothing"
    );
    // On another node the same command takes it out of the file alone.
    run(&place, &["keyring", "retire", "k1"]).ok();

    gateway.kill();
    let gateway = Gateway::start(&place, &services);
    assert_eq!(gateway.get("/orders", &old).status, 401);
    assert_eq!(gateway.get("/orders", &new).status, 200);
    refused(
        &run(&place, &["keyring", "add", "k1"]),
        4,
        "never used again",
    );
    let report = place.run(&["--output", "json", "audit", "verify"]).json();
    assert_eq!(report["whole"], true, "{report}");
    assert!(report["anchored"].as_u64() > Some(0), "{report}");
    assert!(report["attested"].as_u64() > Some(0), "{report}");
    assert_eq!(report["unproven"], 0, "{report}");
}

#[test]
fn a_gateway_that_runs_without_a_new_root_answers_503_until_it_starts_with_it() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = service("orders", "/orders", &upstream);
    let gateway = Gateway::start(&place, &services);
    let old = place.issue("orders", &["--scope", "orders:read"]);
    assert_eq!(gateway.get("/orders", &old).status, 200);
    run(&place, &["keyring", "add", "k2"]).ok();
    run(&place, &["keyring", "rotate", "k2"]).ok();
    eventually("the gateway knows", || {
        let ready = get(gateway.operations, "/readyz", None);
        ready.status == 200 && ready.body.contains(r#""missing_roots":["k2"]"#)
    });
    let new = place.issue("orders", &["--scope", "orders:read"]);
    assert_eq!(gateway.get("/orders", &new).status, 503, "never a 401");
    assert_eq!(gateway.get("/orders", &old).status, 200);
    eventually("it is counted", || {
        gateway.metric("portcullis_keyring_missing_roots") >= 1.0
    });
    let log = fs::read_to_string(place.path("gateway.log")).expect("a log");
    let told = log.matches("keyring of this process lacks").count();
    assert_eq!(told, 1, "{log}");

    gateway.kill();
    let gateway = Gateway::start(&place, &services);
    for token in [&old, &new] {
        assert_eq!(gateway.get("/orders", token).status, 200);
    }
}

#[test]
fn before_there_is_a_database_roots_come_and_go_freely() {
    let place = Place::new(PROGRAM);
    run(&place, &["keyring", "add", "k2"]).ok();
    refused(&run(&place, &["keyring", "add", "k2"]), 4, "k2 already");
    refused(&run(&place, &["keyring", "rotate", "k9"]), 3, "no root k9");
    refused(&run(&place, &["keyring", "retire", "k9"]), 3, "no root k9");
    refused(&run(&place, &["keyring", "retire", "k1"]), 4, "current");
    let list = run(&place, &["--output", "json", "keyring", "list"]).json();
    assert_eq!(list["roots"][1]["state"], "verify-only");
    assert!(list["roots"][1]["digests"].is_null(), "{list}");
    run(&place, &["keyring", "rotate", "k2"]).ok();
    run(&place, &["keyring", "retire", "k1"]).ok();
    let table = run(&place, &["keyring", "list"]).ok();
    assert!(table.contains("k2") && !table.contains("k1"), "{table}");
    for n in 3..=9 {
        run(&place, &["keyring", "add", &format!("k{n}")]).ok();
    }
    refused(
        &run(&place, &["keyring", "add", "k10"]),
        4,
        "8 roots, the most",
    );
    refused(
        &run(&place, &["keyring", "add", "K"]),
        2,
        "<NAME>: expected 1 to 32",
    );
    assert!(
        !place.path("portcullis.db").exists(),
        "looking makes no database"
    );
    place.run(&["services", "create", "orders"]).ok();
}

#[test]
fn a_keyring_file_that_is_wrong_is_refused_with_its_fault_and_left_alone() {
    let place = Place::new(PROGRAM);
    place.run(&["services", "create", "orders"]).ok();
    let path = place.path("keyring");
    let good = fs::read_to_string(&path).expect("a keyring");
    let secret = secrets(&place).remove(0);
    let second = |state: &str| format!("{good}root k2 {state} {}\n", "b".repeat(64));
    let nine: String = (2..=9)
        .map(|n| format!("root k{n} verify-only {}\n", "c".repeat(64)))
        .collect();
    for (text, word) in [
        (good.replace(&secret, &secret[2..]), "64 hexadecimal digits"),
        (
            good.replace(&secret, &format!("{secret}00")),
            "64 hexadecimal digits",
        ),
        (
            second("verify-only").replace("k2", "k1"),
            "a name that no other root has",
        ),
        (second("current"), "current once"),
        (
            good.replace(" current ", " verify-only "),
            "one current root",
        ),
        (format!("{good}{nine}"), "1 to 8 roots"),
        (good.replace("k1", "K1"), "1 to 32 characters"),
        (String::new(), "one current root"),
    ] {
        fs::write(&path, &text).expect("written");
        for command in [
            &["list"][..],
            &["add", "k5"],
            &["rotate", "k1"],
            &["retire", "k1"],
        ] {
            let arguments = [&["keyring"], command].concat();
            refused(&run(&place, &arguments), 6, word);
        }
        assert_eq!(fs::read_to_string(&path).expect("read"), text);
    }
    fs::write(&path, &good).expect("written");
    for mode in [0o640, 0o604, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
        refused(&run(&place, &["keyring", "add", "k2"]), 6, "expected 0600");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, mode);
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode");
    // Another keyring than that of the database.
    let other = good.replace(&secret, &"d".repeat(64));
    fs::write(&path, &other).expect("written");
    refused(
        &run(&place, &["keyring", "add", "k2"]),
        6,
        "root k1 is not the one",
    );
    fs::write(&path, good.replace(" k1 ", " k7 ")).expect("written");
    refused(&run(&place, &["keyring", "list"]), 6, "lacks root k1");
    fs::write(&path, &good).expect("written");
    run(&place, &["keyring", "add", "k2"]).ok();
    assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
    assert!(!place.path("keyring.new").exists());
}
