use portcullis::audit::AuditReport;
use portcullis::manager::VerifyAudit;
use portcullis::{CheckReport, SqliteStore};

use super::dto::CheckDto;
use super::error::CliError;
use super::exit::Exit;
use super::global::GlobalArgs;
use super::output::{Output, counted};
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
            CliError::because(error.kind().into(), message, &error)
        })?,
        Err(error) => {
            return Err(CliError::because(
                Exit::Failure,
                "the check did not end",
                &error,
            ));
        }
    };
    let mut trail = None;
    if report.is_whole() {
        config.manager = config.manager.warm_up(0_u32);
        trail = Some(walk_with_keyring(&config).await?);
    }
    let check = CheckDto::new(&report, trail.as_ref());
    output.result(&check, || tell(&report, &check))?;
    Ok(if check.is_whole() {
        Exit::Done
    } else {
        Exit::Refused
    })
}

/// What the keyring can say of a database that is whole: that it is its own, and that every audit
/// event is as it was written.
async fn walk_with_keyring(config: &Config) -> Result<AuditReport, CliError> {
    let manager = config.open_existing_manager().await?;
    let walked = manager.verify_audit(VerifyAudit::new()).await;
    manager.shutdown().await?;
    Ok(walked?)
}

fn tell(report: &CheckReport, check: &CheckDto) -> String {
    let read = format!(
        "{}, {}, {}, {}",
        counted(report.services(), "service"),
        counted(report.keys(), "key"),
        counted(report.secrets(), "secret"),
        counted(report.events(), "audit event")
    );
    if check.is_whole() {
        let mut text =
            format!("whole: {read}; the keyring is the database's, and the audit trail holds");
        if check.unproven() > 0 {
            text.push_str(&format!(
                "\nunproven: of {} nobody can say whether they are as they were \
                 written (see audit verify)",
                counted(check.unproven(), "audit event")
            ));
        }
        return text;
    }
    let mut text: String = check
        .faults()
        .iter()
        .map(|fault| format!("fault: {fault}\n"))
        .collect();
    if report.untold() > 0 {
        text.push_str(&format!("and {} more\n", counted(report.untold(), "fault")));
    }
    if !report.is_whole() {
        text.push_str("keyring and audit trail were not looked at\n");
    }
    text + "read: " + &read
}

#[cfg(test)]
mod tests {
    use portcullis::keyring::Keyring;
    use portcullis::manager::VerifyAudit;
    use portcullis::{KeyManager, SqliteStore};

    use super::{AuditReport, CheckDto, tell};

    #[tokio::test]
    async fn events_that_nobody_can_prove_are_told_with_what_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.db");
        let store = SqliteStore::open(&path).expect("a store");
        let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
        let manager = KeyManager::builder(store).keyring(keyring).build().await;
        let manager = manager.expect("a manager");
        let walked = manager.verify_audit(VerifyAudit::new()).await;
        let mut trail = walked.expect("a walk");
        let report = SqliteStore::check(&path).expect("checked");
        let told = |trail: &AuditReport| {
            let check = CheckDto::new(&report, Some(trail));
            let json = serde_json::to_value(&check).expect("JSON");
            (tell(&report, &check), json["unproven"].clone())
        };
        let (text, unproven) = told(&trail);
        assert!(text.ends_with("the audit trail holds"), "{text}");
        assert_eq!(unproven, 0);
        trail.unproven = 3;
        let (text, unproven) = told(&trail);
        assert!(text.contains("unproven: of 3 audit events"), "{text}");
        assert_eq!(unproven, 3);
    }
}
