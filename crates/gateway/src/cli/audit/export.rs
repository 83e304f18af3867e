use clap::Args;
use portcullis::KeyManager;
use portcullis::manager::ListEvents;

use super::filter::FilterArgs;
use crate::cli::dto::ExportedEventDto;
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::output::Output;

#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// The most events; all where not given
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

/// Prints a page at a time: how many events there are costs no memory, and who has read a line may
/// stop at it and go on later. However it ends, it says from where on.
pub(super) async fn export(
    manager: &KeyManager,
    args: ExportArgs,
    interrupt: &Interrupt,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    args.filter.check_end(manager).await?;
    let mut cursor = args.filter.after;
    let printed = print(manager, &args, interrupt, &mut cursor, output).await;
    let told = output.note(&format!("cursor: --after {cursor}"));
    printed?;
    Ok(told?)
}

/// `cursor` is the last event of what was printed as a whole.
async fn print(
    manager: &KeyManager,
    args: &ExportArgs,
    interrupt: &Interrupt,
    cursor: &mut u64,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let request = args.filter.request();
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0 {
        interrupt.check(|| "there are more events".to_owned())?;
        let limit = u32::try_from(left)
            .unwrap_or(u32::MAX)
            .min(ListEvents::MAX_LIMIT);
        let page = manager
            .audit_events(request.clone().after(*cursor).limit(limit))
            .await?;
        let lines = page
            .events
            .iter()
            .map(|signed| serde_json::to_string(&ExportedEventDto::from(signed)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(std::io::Error::from)?;
        if let Some(last) = page.events.last() {
            output.line(&lines.join("\n"))?;
            *cursor = last.event.sequence;
        }
        left = left.saturating_sub(lines.len() as u64);
        if page.next.is_none() {
            break;
        }
    }
    Ok(())
}
