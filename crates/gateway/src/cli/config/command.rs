use clap::Subcommand;

use super::check::check;
use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::cli::global::GlobalArgs;
use crate::cli::output::Output;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ConfigCommand {
    /// Find everything that is wrong in the configuration, without a look at keyring or database
    Check,
    /// Print the configuration with its defaults, without what is secret in it
    Show,
    /// Print a JSON Schema of the configuration
    Schema,
}

pub(in crate::cli) fn run(
    command: ConfigCommand,
    global: &GlobalArgs,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        ConfigCommand::Check => return check(&global.config, output),
        ConfigCommand::Show => {
            let reading = Config::read(&global.config);
            let effective = reading.effective();
            reading.into_config()?;
            output.result(&effective.table(), || effective.print())?;
        }
        ConfigCommand::Schema => {
            let schema = Config::schema();
            // It is JSON for people as well.
            let text = serde_json::to_string_pretty(&schema).map_err(std::io::Error::from)?;
            output.line(&text)?;
        }
    }
    Ok(Exit::Done)
}
