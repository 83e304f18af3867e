use portcullis::KeyManager;

use super::error::CliError;
use super::global::GlobalArgs;
use super::output::Output;
use crate::config::Config;

/// Whether a command may begin a new database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Database {
    /// The command makes the first entry, so it makes the database as well.
    Created,
    /// There must be one: a mistyped path is told, not made true.
    Existing,
}

/// Opens what the configuration names, does one thing with it, and closes it again.
pub(super) async fn with_manager<T>(
    global: &GlobalArgs,
    database: Database,
    output: &mut Output<'_>,
    command: impl AsyncFnOnce(&KeyManager, &mut Output<'_>) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let mut config = Config::load(&global.config)?;
    // A command is over before what is read ahead could serve anybody.
    config.manager = config.manager.warm_up(0_u32);
    let manager = match database {
        Database::Created => config.open_manager().await?,
        Database::Existing => config.open_existing_manager().await?,
    };
    let result = command(&manager, output).await;
    let closed = manager.shutdown().await;
    let value = result.map_err(|error| error.naming(&config.store_path))?;
    if let Err(error) = closed {
        // What was asked for is done, also where nobody reads remarks.
        let _ = output.note(&format!(
            "warning: done, but counters of use were not written: {error}"
        ));
    }
    Ok(value)
}
