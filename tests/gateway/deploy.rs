use std::fs;
use std::path::Path;
use std::time::Duration;

use portcullis_gateway::server::ServerConfig;
use portcullis_tests::Place;

use crate::PROGRAM;

/// The values of a directive, as the unit gives them.
fn directive<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    let of = |line: &'a str| line.strip_prefix(name)?.strip_prefix('=');
    unit.lines().filter_map(of).collect()
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(name);
    fs::read_to_string(&path).expect("a file of deploy")
}

/// Runs what a file of deploy runs, with `--help` for what would not end.
fn accepts(arguments: &str) {
    let place = Place::new(PROGRAM);
    let arguments: Vec<&str> = arguments.split_whitespace().chain(["--help"]).collect();
    place.run(&arguments).ok();
}

#[test]
fn the_service_manager_waits_longer_than_the_gateway_takes_to_end() {
    let unit = read("portcullis.service");
    let patience = directive(&unit, "TimeoutStopSec");
    let seconds = patience.first().and_then(|patience| patience.parse().ok());
    let patience = Duration::from_secs(seconds.expect("seconds"));
    let end = ServerConfig::default().shutdown_timeout;
    assert!(
        patience >= end + Duration::from_secs(10),
        "{patience:?} {end:?}"
    );
}

#[test]
fn the_unit_starts_the_program_as_it_is() {
    let unit = read("portcullis.service");
    let start = directive(&unit, "ExecStart");
    let [start] = start[..] else {
        panic!("{start:?}");
    };
    let (program, arguments) = start.split_once(' ').expect("arguments");
    assert!(program.ends_with("/portcullis"), "{program}");
    accepts(arguments);
    assert_eq!(
        directive(&unit, "Type"),
        ["notify-reload"],
        "it tells when it is ready, and when it has read its configuration again"
    );
    // The signal is the one that is sent unless ReloadSignal= says otherwise.
    for other in ["ReloadSignal", "ExecReload"] {
        assert!(directive(&unit, other).is_empty(), "{other}");
    }
    let hopeless = directive(&unit, "RestartPreventExitStatus");
    assert_eq!(
        hopeless,
        ["2 7"],
        "the statuses of arguments and configuration"
    );
    // It must be able to write where its configuration stands, and nowhere else.
    let folder = directive(&unit, "Environment");
    assert_eq!(
        folder,
        ["PORTCULLIS_CONFIG=/var/lib/portcullis/portcullis.toml"]
    );
    assert_eq!(directive(&unit, "StateDirectory"), ["portcullis"]);
    assert_eq!(directive(&unit, "ProtectSystem"), ["strict"]);
}

#[test]
fn the_sockets_come_in_the_order_in_which_they_are_taken() {
    let unit = read("portcullis.socket");
    assert_eq!(directive(&unit, "ListenStream"), ["8080", "127.0.0.1:9090"]);
}

#[test]
fn the_container_starts_the_program_as_it_is() {
    let file = read("Containerfile");
    let command = file.lines().find_map(|line| line.strip_prefix("CMD "));
    let command: Vec<String> = serde_json::from_str(command.expect("a command")).expect("JSON");
    accepts(&command.join(" "));
    let user = file.lines().filter(|line| line.starts_with("USER "));
    assert_eq!(user.collect::<Vec<_>>(), ["USER 65532:65532"], "not root");
}
