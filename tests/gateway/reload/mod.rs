//! A configuration that changes while the gateway serves.

mod client;
mod echo;
mod files;
mod lines;
mod load;
mod requests;
mod told;

use std::fs;
use std::path::Path;

use portcullis_tests::{Gateway, Place, eventually, get};

/// Puts a file in the place of another, as editors and deployments do.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("written");
    fs::rename(&new, path).expect("renamed");
}

/// Gives a gateway this configuration, and waits until it counts.
fn change(gateway: &Gateway, place: &Place, services: &str) {
    let before = reloads(gateway, "applied");
    put(&place.config(), &gateway.configuration(services));
    eventually("the configuration counts", || {
        reloads(gateway, "applied") > before
    });
}

/// How many readings came to this.
fn reloads(gateway: &Gateway, outcome: &str) -> u64 {
    let text = get(gateway.operations, "/metrics", None).body;
    let series = format!("portcullis_config_reloads_total{{outcome=\"{outcome}\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&series));
    value.expect("a counter").parse().expect("a number")
}

/// What the gateway says of its configuration.
fn told(gateway: &Gateway) -> serde_json::Value {
    let answer = get(gateway.operations, "/readyz", None);
    assert_eq!(answer.status, 200, "it stays ready: {}", answer.body);
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    body["config"].clone()
}

/// A route with a fixed answer, for everybody.
fn fixed(name: &str, status: u16) -> String {
    format!(
        "[[routes]]\nname = \"{name}\"\npath = \"/{name}\"\nauth = \"open\"\n\
         respond = {{ status = {status} }}\n"
    )
}
