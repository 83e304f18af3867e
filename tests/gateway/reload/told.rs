//! What is told of a configuration that counts, and of one that does not.

use std::fs;
use std::process::{Command, Stdio};

use portcullis_tests::{Gateway, Place, eventually};
use serde_json::json;

use super::{change, fixed, put, reloads, told};
use crate::PROGRAM;

#[test]
fn a_configuration_with_faults_changes_nothing_and_is_told() {
    let place = Place::new(PROGRAM);
    let gateway = Gateway::start(&place, &fixed("first", 204));
    assert_eq!(told(&gateway)["valid"], json!(true));
    let status = |path| gateway.get(path, "").status;

    let faulty = fixed("second", 204) + "rate = 1\n[[services]]\nname = \"UP\"\n";
    put(&place.config(), &gateway.configuration(&faulty));
    eventually("the faults are counted", || {
        reloads(&gateway, "invalid") == 1
    });
    assert_eq!((status("/first"), status("/second")), (204, 404));
    assert_eq!(gateway.metric("portcullis_config_valid"), 0.0);
    let config = told(&gateway);
    assert_eq!(config["valid"], json!(false));
    let error = config["error"].as_str().expect("an error").to_owned();
    assert!(
        error.contains("faults, the first: line") && error.contains("routes[0].rate"),
        "{error}"
    );
    let log = fs::read_to_string(place.path("gateway.log")).expect("a log");
    for field in ["routes[0].rate", "services[0].name"] {
        assert!(log.contains(field), "{field} in {log}");
    }

    // A file that says nothing is about to be written; one that is gone may come back.
    fs::write(place.config(), "").expect("written");
    eventually("the empty file is told", || {
        reloads(&gateway, "invalid") == 2
    });
    fs::remove_file(place.config()).expect("removed");
    eventually("the missing file is told", || {
        reloads(&gateway, "invalid") == 3
    });
    assert_eq!(status("/first"), 204);

    change(&gateway, &place, &fixed("second", 204));
    assert_eq!((status("/first"), status("/second")), (404, 204));
    assert_eq!(told(&gateway)["valid"], json!(true));
    assert!(told(&gateway)["error"].is_null());
    assert_eq!(gateway.metric("portcullis_config_valid"), 1.0);
    assert_eq!(reloads(&gateway, "applied"), 1);
}

#[test]
fn sighup_reads_what_has_not_changed_and_ends_nothing() {
    let place = Place::new(PROGRAM);
    let gateway = Gateway::start(&place, &fixed("first", 204));
    for count in 1..=3 {
        gateway.process().signal("HUP");
        eventually("it is read", || reloads(&gateway, "applied") == count);
    }
    assert_eq!(gateway.get("/first", "").status, 204);
    gateway.process().signal("TERM");
    assert_eq!(gateway.wait(), 0);
}

#[test]
fn fields_that_wait_for_a_restart_are_named_and_the_others_count() {
    let place = Place::new(PROGRAM);
    let gateway = Gateway::start(&place, &fixed("first", 204));
    let text = gateway.configuration(&fixed("second", 204));
    let other = text
        .replace(
            "drain_idle = \"0s\"",
            "drain_idle = \"1s\"\nresponse = \"9s\"",
        )
        .replace(
            "flush_interval",
            "cache_ttl = \"9s\"\ncache_capacity = 5000\nflush_interval",
        );
    assert_ne!(other, text);
    put(&place.config(), &other);
    eventually("it is told", || reloads(&gateway, "applied") == 1);
    assert_eq!(gateway.get("/second", "").status, 204);
    let fields = json!(["manager.cache_capacity", "manager.cache_ttl"]);
    assert_eq!(told(&gateway)["restart_needed"], fields);
    assert_eq!(gateway.metric("portcullis_config_restart_needed"), 2.0);
    let log = fs::read_to_string(place.path("gateway.log")).expect("a log");
    assert!(
        log.contains("manager.cache_capacity, manager.cache_ttl"),
        "{log}"
    );

    change(&gateway, &place, &fixed("second", 204));
    assert_eq!(told(&gateway)["restart_needed"], json!([]));
}

#[test]
fn connections_for_which_there_are_too_few_files_are_told() {
    let place = Place::new(PROGRAM);
    let with = |connections: u32| {
        let limits = format!("[limits]\nconnections = {connections}\n");
        limits + &fixed("first", 204)
    };
    let gateway = Gateway::start_with(&place, &with(500), |command| {
        *command = with_few_files(&place);
    });
    assert_eq!(gateway.metric("portcullis_open_files_limit"), 3_000.0);
    let warnings = || {
        let log = fs::read_to_string(place.path("gateway.log")).expect("a log");
        log.matches("limits.connections may need").count()
    };
    for (connections, told) in [(600, 0), (1_500, 1), (700, 1)] {
        change(&gateway, &place, &with(connections));
        assert_eq!(warnings(), told, "{connections}");
    }
}

/// The program, serving, with so few files that it may open.
fn with_few_files(place: &Place) -> Command {
    let program = place.command();
    let log = fs::File::options()
        .append(true)
        .open(place.path("gateway.log"));
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 3000; ulimit -Sn 1024; exec \"$0\" serve"])
        .arg(program.get_program())
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env_remove("PORTCULLIS_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.expect("a log"));
    command
}
