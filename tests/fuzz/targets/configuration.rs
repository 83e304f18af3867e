//! Any text as a configuration: read, or refused with faults that lie in it, and that do not repeat
//! what a variable holds.
#![no_main]

use std::ffi::OsString;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use portcullis_gateway::config::Config;

/// What no message may have.
const CANARY: &str = "cAnArY oF tHe EnViRoNmEnT";

/// Variables of every kind: their names are those that the fuzzer finds first.
fn variable(name: &str) -> Option<OsString> {
    match name.len() {
        1 => Some(CANARY.into()),
        2 => Some("7".into()),
        3 => Some(OsString::new()),
        _ => None,
    }
}

fuzz_target!(|data: &str| {
    let read = Config::parse_with(data, Path::new("/nonexistent/portcullis.toml"), &variable);
    if let Err(error) = read {
        let lines = data.split('\n').count();
        assert!(!error.to_string().is_empty());
        for fault in error.faults() {
            assert!((1..=lines.max(1)).contains(&fault.line()), "{error}");
            let repeats = fault.message().contains(CANARY) && !data.contains(CANARY);
            assert!(!repeats, "{error}");
        }
    }
});
