//! Text that is read as the file at its usual place.

use std::path::Path;

use crate::config::{Config, ConfigError};

pub(super) fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/portcullis/portcullis.toml"))
}

/// Every fault as `line:column field: message`.
pub(super) fn faults(text: &str) -> Vec<String> {
    let error = parse(text).expect_err(text);
    let shown = error
        .faults()
        .iter()
        .map(|fault| format!("{}:{} {fault}", fault.line(), fault.column()));
    shown.collect()
}
