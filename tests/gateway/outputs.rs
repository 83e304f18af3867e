//! Where results go that a person or a script has to get whole.

use std::fs;
use std::process::{Command, Stdio};

use portcullis_tests::{Outcome, Place, Process, has_tool};

use crate::PROGRAM;

const CREATE: &str = "keys create --service orders --owner acme --name job";

fn place() -> Place {
    let place = Place::new(PROGRAM);
    place.run(&["services", "create", "orders"]).ok();
    place
}

/// Runs a line of a shell in which `$P` is the program.
fn shell(place: &Place, line: &str) -> Outcome {
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .env("P", PROGRAM)
        .env("PORTCULLIS_CONFIG", place.config())
        .env("USER", "tester")
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (status, stdout, stderr) = Process::start(&mut command).wait_with_output();
    Outcome {
        status,
        stdout,
        stderr,
    }
}

fn keys(place: &Place) -> usize {
    let list = place.run(&["--output", "json", "keys", "list", "--all-services"]);
    list.json()["keys"].as_array().expect("a list").len()
}

#[test]
fn a_token_that_nobody_could_get_is_not_issued() {
    let place = place();
    let token = place.issue("orders", &[]);
    let line = r#"{"service":"orders","owner":"acme","name":"job"}"#;
    fs::write(place.path("keys.jsonl"), line).expect("written");
    let rotate = format!("keys rotate {}", Place::id(&token));
    for command in [CREATE, "keys create-many keys.jsonl", &rotate] {
        for standard_output in [">&-", "1<keyring", ">/dev/null", "1<>/dev/null"] {
            let outcome = shell(&place, &format!("exec $P {command} {standard_output}"));
            assert_eq!(
                outcome.status, 2,
                "{command} {standard_output}: {outcome:?}"
            );
            let told = &outcome.stderr;
            assert!(told.contains("nothing was issued"), "{told}");
        }
    }
    let shown = place.run(&["--output", "json", "keys", "show", Place::id(&token)]);
    assert_eq!((keys(&place), &shown.json()["version"]), (1, &1.into()));
    let outcome = shell(&place, &format!("exec $P {CREATE} >token"));
    outcome.ok();
    assert_eq!(keys(&place), 2);
    // What prints no token may be asked for its status alone.
    shell(&place, "exec $P audit verify >&-").ok();
}

#[test]
fn an_id_is_whole_on_a_terminal_of_whatever_width() {
    if !has_tool("an_id_is_whole_on_a_terminal", "script") {
        return;
    }
    let place = place();
    let token = place.issue("orders", &[]);
    let list = place.run(&["--output", "json", "keys", "list", "--all-services"]);
    let listed = list.json()["keys"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    // A new terminal has no size at all.
    for size in ["", "stty cols 80 &&", "stty cols 20 &&"] {
        let show = format!("$P keys show {}", Place::id(&token));
        for command in ["$P keys list --all-services", &show] {
            let line = format!("script -qec '{size} {command}' /dev/null");
            let printed = shell(&place, &line).ok();
            assert!(printed.contains(&listed), "{size} {command}: {printed}");
        }
    }
}

#[test]
fn a_file_that_may_not_grow_is_an_error_like_any_other() {
    let place = place();
    drop(place.issue("orders", &[]));
    let outcome = shell(&place, "ulimit -f 8; exec $P backup copy.db");
    assert_eq!(outcome.status, 6, "{outcome:?}");
    assert!(
        outcome.stderr.contains("error: cannot back up"),
        "{outcome:?}"
    );
    let names = fs::read_dir(place.path("")).expect("a folder");
    let names = names.map(|entry| entry.expect("one").file_name());
    let left: Vec<_> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.contains("backup") || name == "copy.db")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
