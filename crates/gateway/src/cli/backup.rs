use std::path::PathBuf;

use clap::Args;
use portcullis::store::{StoreError, StoreErrorKind};
use portcullis::{BackupReport, SqliteStore};

use super::dto::BackupDto;
use super::error::CliError;
use super::exit::Exit;
use super::global::GlobalArgs;
use super::output::Output;
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to write; there must be none of this name
    #[arg(value_name = "FILE")]
    to: PathBuf,
}

/// Copies the database as it is at one moment, while others use it, and looks at the copy before
/// it gets its name.
pub(super) async fn run(
    args: &BackupArgs,
    global: &GlobalArgs,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let config = Config::load(&global.config)?;
    let path = config.store_path.display();
    let store = SqliteStore::open_existing(&config.store_path).map_err(|error| {
        CliError::because(
            exit_of(&error),
            format!("cannot open the database {path}"),
            &error,
        )
    })?;
    let report = store.backup(&args.to).await.map_err(|error| {
        CliError::because(
            exit_of(&error),
            format!("cannot back up the database {path}"),
            &error,
        )
    })?;
    output.result(&BackupDto::from(&report), || tell(args, &report))?;
    Ok(())
}

fn tell(args: &BackupArgs, report: &BackupReport) -> String {
    format!(
        "{} holds {} services and {} keys ({} bytes), and was found whole\nrevision: {}\naudit \
         head: {}",
        args.to.display(),
        report.services,
        report.keys,
        report.bytes,
        report.head.revision,
        report.audit_head
    )
}

fn exit_of(error: &StoreError) -> Exit {
    match error.kind() {
        StoreErrorKind::AlreadyExists | StoreErrorKind::Conflict => Exit::Conflict,
        StoreErrorKind::Invalid => Exit::Usage,
        StoreErrorKind::Busy | StoreErrorKind::Unavailable => Exit::Unavailable,
        _ => Exit::Failure,
    }
}
