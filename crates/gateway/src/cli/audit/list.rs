use clap::Args;
use portcullis::KeyManager;
use portcullis::audit::{AuditEvent, FieldChange, Outcome};
use portcullis::manager::AuditPage;

use super::filter::FilterArgs;
use crate::cli::dto::AuditPageDto;
use crate::cli::error::CliError;
use crate::cli::output::{self, Output};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// The most events
    #[arg(
        long,
        value_name = "EVENTS",
        default_value_t = 50,
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    limit: u32,
}

pub(super) async fn list(
    manager: &KeyManager,
    args: ListArgs,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let page = manager
        .audit_events(args.filter.request().limit(args.limit))
        .await?;
    output.result(&AuditPageDto::from(&page), || table(&page))?;
    Ok(())
}

fn table(page: &AuditPage) -> String {
    let row = |event: &AuditEvent| {
        let changes: Vec<String> = event.changes.iter().map(change).collect();
        [
            event.sequence.to_string(),
            event.at.to_string(),
            event.actor.name().to_owned(),
            event.action.as_str().to_owned(),
            outcome(event.outcome),
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
        "SEQUENCE", "AT", "ACTOR", "ACTION", "OUTCOME", "SERVICE", "KEY", "CHANGES",
    ];
    let rows = page.events.iter().map(|signed| row(&signed.event));
    let mut text = output::list(titles, rows);
    if let Some(next) = page.next {
        text.push_str(&format!("\n\nmore: --after {next}"));
    }
    text
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused(kind) => format!("refused: {}", kind.as_str()),
        _ => "done".to_owned(),
    }
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
