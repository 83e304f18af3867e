use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser as _};

use super::output::Format;
use crate::telemetry::LogFormat;

/// What every command understands.
#[derive(Debug, Args)]
pub(super) struct GlobalArgs {
    /// The configuration file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PORTCULLIS_CONFIG",
        default_value = "portcullis.toml",
        value_parser = OsStringValueParser::new().try_map(file)
    )]
    pub(super) config: PathBuf,

    /// Tables for people, or JSON for programs
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    pub(super) output: Format,

    /// How the log on standard error looks; PORTCULLIS_LOG filters it
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    pub(super) log_format: LogFormat,
}

/// Whoever sets the variable to nothing has not named another file, and does not read of an option
/// that was not given.
fn file(path: OsString) -> Result<PathBuf, &'static str> {
    if path.is_empty() {
        return Err("expected the path of a file, in PORTCULLIS_CONFIG as well where that is set");
    }
    Ok(path.into())
}
