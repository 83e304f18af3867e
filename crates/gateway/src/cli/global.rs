use std::path::PathBuf;

use clap::Args;

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
        default_value = "portcullis.toml"
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
