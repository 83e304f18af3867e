use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use portcullis::{BackupReport, SqliteStore};

use super::dto::BackupDto;
use super::error::CliError;
use super::exit::Exit;
use super::global::GlobalArgs;
use super::output::{Output, counted};
use super::shutdown::Shutdown;
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
    let mut shutdown = Shutdown::listen_at_terminal()?;
    let given_up = Arc::new(AtomicBool::new(false));
    let mut copy = tokio::task::spawn_blocking({
        let (from, to) = (config.store_path.clone(), args.to.clone());
        let given_up = Arc::clone(&given_up);
        // As it is: a backup changes nothing of what it is a copy of.
        move || SqliteStore::copy(from, to, &given_up)
    });
    let (stopped, copied) = tokio::select! {
        copied = &mut copy => (None, copied),
        exit = shutdown.next() => {
            given_up.store(true, Ordering::Relaxed);
            // What was begun is removed first, unless whoever told it does not want to wait.
            tokio::select! {
                copied = &mut copy => (Some(exit), copied),
                exit = shutdown.next() => return Err(cut(exit)),
            }
        }
    };
    let failed = |exit, error: &(dyn std::error::Error + 'static)| {
        let path = config.store_path.display();
        CliError::because(exit, format!("cannot back up the database {path}"), error)
    };
    let report = copied
        .map_err(|error| failed(Exit::Failure, &error))?
        .map_err(|error| failed(stopped.unwrap_or(error.kind().into()), &error))?;
    output.result(&BackupDto::from(&report), || tell(args, &report))?;
    if report.schema != SqliteStore::SCHEMA {
        // The copy is there, also where nobody reads remarks.
        let _ = output.note(&format!(
            "the copy has the schema that the database has, {}: it is migrated when it is opened",
            report.schema
        ));
    }
    Ok(())
}

fn cut(exit: Exit) -> CliError {
    let message = "stopped at once: what was begun of the copy may be left beside it";
    CliError::new(exit, message)
}

fn tell(args: &BackupArgs, report: &BackupReport) -> String {
    format!(
        "{} holds {} and {} ({} bytes), and was found whole\nrevision: {}\naudit \
         head: {}",
        args.to.display(),
        counted(report.services, "service"),
        counted(report.keys, "key"),
        report.bytes,
        report.head.revision,
        report.audit_head
    )
}
