use portcullis::manager::VerifyAudit;
use portcullis::store::{StoreError, StoreErrorKind};
use portcullis::{CheckReport, SqliteStore};

use super::dto::CheckDto;
use super::error::CliError;
use super::exit::Exit;
use super::global::GlobalArgs;
use super::output::Output;
use crate::config::Config;

/// Looks at the whole database without a change to it, then opens it with the keyring, as every
/// command does, and walks over the audit trail.
pub(super) async fn run(global: &GlobalArgs, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let mut config = Config::load(&global.config)?;
    let path = config.store_path.clone();
    let looked = tokio::task::spawn_blocking(move || SqliteStore::check(path)).await;
    let report = match looked {
        Ok(report) => report.map_err(|error| {
            let message = format!("cannot check the database {}", config.store_path.display());
            CliError::because(exit_of(&error), message, &error)
        })?,
        Err(error) => {
            return Err(CliError::because(
                Exit::Failure,
                "the check did not end",
                &error,
            ));
        }
    };
    let mut faults = report.faults().to_vec();
    if report.is_whole() {
        config.manager = config.manager.warm_up(0_u32);
        faults.extend(check_with_keyring(&config).await?);
    }
    let check = CheckDto::new(&report, faults);
    output.result(&check, || tell(&report, &check))?;
    Ok(if check.is_whole() {
        Exit::Done
    } else {
        Exit::Refused
    })
}

/// Damage that leaves nothing to read is a fault that was found.
fn exit_of(error: &StoreError) -> Exit {
    match error.kind() {
        StoreErrorKind::Corrupt => Exit::Refused,
        kind => kind.into(),
    }
}

/// What the keyring can say of a database that is whole: that it is its own, and that every audit
/// event is as it was written.
async fn check_with_keyring(config: &Config) -> Result<Option<String>, CliError> {
    let manager = config.open_existing_manager().await?;
    let walked = manager.verify_audit(VerifyAudit::new()).await;
    manager.shutdown().await?;
    let fault = walked?.fault;
    Ok(fault.map(|fault| format!("the audit trail has a fault: {fault}")))
}

fn tell(report: &CheckReport, check: &CheckDto) -> String {
    let read = format!(
        "{} services, {} keys, {} secrets, {} audit events",
        report.services(),
        report.keys(),
        report.secrets(),
        report.events()
    );
    if check.is_whole() {
        return format!("whole: {read}; the keyring is the database's, and the audit trail holds");
    }
    let mut text: String = check
        .faults()
        .iter()
        .map(|fault| format!("fault: {fault}\n"))
        .collect();
    if report.untold() > 0 {
        text.push_str(&format!("and {} faults more\n", report.untold()));
    }
    if !report.is_whole() {
        text.push_str("keyring and audit trail were not looked at\n");
    }
    text + "read: " + &read
}
