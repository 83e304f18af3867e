use clap::Subcommand;
use portcullis::KeyManager;
use portcullis::audit::{AuditEvent, FieldChange};

use super::Exit;
use super::dto::{AuditPageDto, AuditReportDto};
use super::error::CliError;
use super::global::GlobalArgs;
use super::output::{Output, list};
use super::session::{Database, with_manager};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List events in their order
    List {
        /// Begin after the event of this number
        #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
        after: u64,
        /// The most events
        #[arg(
            long,
            value_name = "EVENTS",
            default_value_t = 50,
            allow_negative_numbers = true,
            value_parser = clap::value_parser!(u32).range(1..=1000)
        )]
        limit: u32,
    },
    /// Check that every event is as it was written; ends with status 5 where not
    Verify,
}

pub(super) async fn run(
    command: AuditCommand,
    global: &GlobalArgs,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    with_manager(
        global,
        Database::Existing,
        output,
        async |manager, output| perform(command, manager, output).await,
    )
    .await
}

pub(super) async fn perform(
    command: AuditCommand,
    manager: &KeyManager,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    match command {
        AuditCommand::List { after, limit } => {
            let events = manager.audit_events(after, limit).await?;
            let full = u32::try_from(events.len()).is_ok_and(|count| count == limit);
            let last = events.last().filter(|_| full).map(|event| event.sequence);
            let end = manager.audit_head().await?.sequence;
            let next = last.filter(|last| *last < end);
            output.result(&AuditPageDto::new(&events, next), || table(&events, next))?;
            Ok(Exit::Done)
        }
        AuditCommand::Verify => {
            let report = manager.verify_audit().await?;
            output.result(&AuditReportDto::from(&report), || match &report.fault {
                None => format!("whole: {} events are as they were written", report.verified),
                Some(fault) => format!(
                    "fault: {fault} ({} events before are whole)",
                    report.verified
                ),
            })?;
            Ok(if report.is_whole() {
                Exit::Done
            } else {
                Exit::Refused
            })
        }
    }
}

fn table(events: &[AuditEvent], next: Option<u64>) -> String {
    let row = |event: &AuditEvent| {
        let changes: Vec<String> = event.changes.iter().map(change).collect();
        [
            event.sequence.to_string(),
            event.at.to_string(),
            event.actor.name().to_owned(),
            event.action.as_str().to_owned(),
            event
                .service
                .as_ref()
                .map_or_else(|| "-".to_owned(), ToString::to_string),
            event
                .key
                .map_or_else(|| "-".to_owned(), |key| key.to_string()),
            changes.join(", "),
        ]
    };
    let titles = [
        "SEQUENCE", "AT", "ACTOR", "ACTION", "SERVICE", "KEY", "CHANGES",
    ];
    let mut text = list(titles, events.iter().map(row));
    if let Some(next) = next {
        text.push_str(&format!("\n\nmore: --after {next}"));
    }
    text
}

fn change(change: &FieldChange) -> String {
    let FieldChange {
        field,
        before,
        after,
    } = change;
    match (before, after) {
        (Some(before), Some(after)) => format!("{field}: {before} -> {after}"),
        (None, Some(after)) => format!("{field}: {after}"),
        (Some(before), None) => format!("{field}: {before} -> none"),
        (None, None) => field.clone(),
    }
}

#[cfg(test)]
mod tests {
    use portcullis::audit::FieldChange;

    use super::change;

    #[test]
    fn a_change_reads_from_before_to_after() {
        let text = |before: Option<&str>, after: Option<&str>| {
            let (before, after) = (before.map(str::to_owned), after.map(str::to_owned));
            change(&FieldChange {
                field: "state".to_owned(),
                before,
                after,
            })
        };
        assert_eq!(
            text(Some("active"), Some("revoked")),
            "state: active -> revoked"
        );
        assert_eq!(text(None, Some("active")), "state: active");
        assert_eq!(text(Some("active"), None), "state: active -> none");
    }
}
