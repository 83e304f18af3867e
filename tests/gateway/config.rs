//! `portcullis config`, and values that stand elsewhere.

use std::fs;

use portcullis_tests::{Gateway, Place, Upstream};
use serde_json::{Value, json};

use crate::{PROGRAM, service};

const CANARY: &str = "c4n4ry-of-the-environment";

#[test]
fn check_needs_nothing_but_the_file_and_tells_every_fault() {
    let place = Place::new(PROGRAM);
    fs::remove_file(place.path("keyring")).expect("removed");
    let services = "[[services]]\nname = \"orders\"\nprefix = \"/\"\nupstream = \"http://a\"\n";
    place.write_config(services);
    let check = ["config", "check"];
    let told = place.run(&check).ok();
    assert_eq!(told, "valid: 1 service, 1 route, 1 upstream\n");
    let told = place.run(&["--output", "json", "config", "check"]).json();
    assert_eq!((&told["valid"], &told["routes"]), (&json!(true), &json!(1)));
    assert_eq!(told["files"], json!([place.config().display().to_string()]));
    assert!(
        !place.path("portcullis.db").exists(),
        "looking makes nothing"
    );

    place.write_config(&format!("listen = 80\n{services}rate = \"x\"\n"));
    let outcome = place.run(&check);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (7, ""));
    for part in ["2 faults", "portcullis.toml:1:10", "services[0].rate"] {
        assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
    }
    let outcome = place.run(&["--output", "json", "config", "check"]);
    assert_eq!(outcome.status, 7);
    let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(told["valid"], json!(false));
    assert_eq!(told["faults"][0]["field"], "listen");
    assert_eq!(told["faults"][1]["line"], 6);
    fs::remove_file(place.config()).expect("removed");
    assert_eq!(place.run(&check).status, 7);
}

#[test]
fn check_reads_the_certificates_that_are_named() {
    let place = Place::new(PROGRAM);
    place.write_config(
        "[tls]\nlisten = \"127.0.0.1:0\"\n[[tls.certificates]]\n\
         certificate = \"none.pem\"\nkey = \"none.key\"\n",
    );
    let outcome = place.run(&["config", "check"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (7, ""));
    for part in ["tls.certificates[0]", "none.pem"] {
        assert!(outcome.stderr.contains(part), "{part}: {}", outcome.stderr);
    }
    let outcome = place.run(&["--output", "json", "config", "check"]);
    let told: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(told["valid"], json!(false));
    let fault = &told["faults"][0];
    assert_eq!(
        (&fault["line"], fault["field"].as_str().is_some()),
        (&Value::Null, true)
    );
}

#[test]
fn show_is_the_configuration_with_its_defaults_and_without_its_secrets() {
    let place = Place::new(PROGRAM);
    fs::write(place.path("secret"), CANARY).expect("written");
    place.write_config(
        "[limits]\nheaders = 50\n[[routes]]\nname = \"a\"\npath = \"/a\"\nauth = \"open\"\n\
         headers = [{ name = \"x-a\", value = \"${CANARY}\" }, \
         { name = \"x-b\", value = { file = \"secret\" } }]\nrespond = { status = 204 }\n",
    );
    let run = |arguments: &[&str]| {
        let output = place
            .command()
            .args(arguments)
            .env("CANARY", CANARY)
            .output();
        let output = output.expect("started");
        let text = String::from_utf8(output.stdout).expect("text");
        let told = String::from_utf8(output.stderr).expect("text");
        assert!(output.status.success(), "{told}");
        assert!(!text.contains(CANARY), "{text}");
        text
    };
    let shown = run(&["config", "show"]);
    for line in [
        "headers = 50",
        "header_bytes = 32768",
        "${CANARY}",
        "file = \"secret\"",
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
    let json: Value =
        serde_json::from_str(&run(&["--output", "json", "config", "show"])).expect("JSON");
    assert_eq!(json["limits"]["headers"], 50);
    // What is shown is a configuration, and the same one.
    place.write_config(&shown);
    assert_eq!(run(&["config", "show"]), shown);
    // Without the variable it is none.
    let outcome = place.run(&["config", "show"]);
    assert_eq!(outcome.status, 7);
    assert!(
        outcome.stderr.contains("the variable CANARY is not set"),
        "{outcome:?}"
    );
}

#[test]
fn the_schema_needs_no_file() {
    let place = Place::new(PROGRAM);
    fs::remove_file(place.config()).expect("removed");
    let schema = place.run(&["config", "schema"]).json();
    assert_eq!(
        schema["properties"]["limits"]["properties"]["headers"]["default"],
        100
    );
}

#[test]
fn a_gateway_serves_what_stands_in_its_environment() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let url = format!("http://{}", upstream.address());
    let services = service("orders", "/${PLACE:-orders}", &upstream).replace(&url, "${ORDERS_URL}");
    let gateway = Gateway::start_with(&place, &services, |command| {
        command.env("ORDERS_URL", &url);
    });
    // Other commands read the same file.
    let outcome = place.run(&["keys", "list", "--all-services"]);
    assert_eq!(outcome.status, 7, "{outcome:?}");
    let issued = place
        .command()
        .args([
            "keys",
            "create",
            "--service",
            "orders",
            "--owner",
            "acme",
            "--name",
            "job",
        ])
        .args(["--scope", "*"])
        .env("ORDERS_URL", &url)
        .output()
        .expect("started");
    let token = String::from_utf8(issued.stdout).expect("a token");
    assert_eq!(gateway.get("/orders/1", token.trim()).status, 200);
    assert_eq!(upstream.count(), 1);
}
