//! Any text as a configuration: read, or refused with faults that lie in it.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use portcullis_gateway::config::Config;

fuzz_target!(|data: &str| {
    if let Err(error) = Config::parse(data, Path::new("portcullis.toml")) {
        let lines = data.split('\n').count();
        assert!(!error.to_string().is_empty());
        for fault in error.faults() {
            assert!((1..=lines.max(1)).contains(&fault.line()), "{error}");
        }
    }
});
