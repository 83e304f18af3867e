use clap::Args;
use portcullis::KeyManager;
use portcullis::clock::Timestamp;
use portcullis::key::{Key, KeyId};
use portcullis::manager::ListKeys;
use portcullis::service::ServiceName;
use portcullis::usage::Usage;

use super::describe::{describe, optional};
use crate::cli::checked::checked;
use crate::cli::dto::{KeyDto, KeyPageDto};
use crate::cli::error::CliError;
use crate::cli::output::{self, Output};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// The service whose keys are listed
    #[arg(long, value_parser = checked::<ServiceName>())]
    service: ServiceName,
    /// The most keys
    #[arg(
        long,
        value_name = "KEYS",
        default_value_t = 50,
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(ListKeys::MAX_LIMIT))
    )]
    limit: u32,
    /// Go on where a page before ended
    #[arg(long, allow_hyphen_values = true)]
    cursor: Option<String>,
}

pub(super) async fn list(
    manager: &KeyManager,
    args: ListArgs,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let mut request = ListKeys::new(args.service).limit(args.limit);
    if let Some(cursor) = args.cursor {
        request = request.cursor(cursor);
    }
    let page = manager.list_keys(request).await?;
    let ids: Vec<KeyId> = page.keys.iter().map(|key| key.id).collect();
    let usage = manager.usage(&ids).await?;
    let now = manager.clock().now().wall();
    let rows: Vec<(&Key, &Usage)> = page.keys.iter().zip(&usage).collect();
    let keys = rows
        .iter()
        .map(|(key, usage)| KeyDto::new(key, now).with_usage(usage))
        .collect();
    let dto = KeyPageDto {
        keys,
        next: page.next,
    };
    output.result(&dto, || table(&rows, dto.next.as_deref(), now))?;
    Ok(())
}

pub(super) async fn show(
    manager: &KeyManager,
    id: KeyId,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let key = manager.key(id).await?;
    let usage = manager
        .usage(&[id])
        .await?
        .into_iter()
        .next()
        .unwrap_or_default();
    let now = manager.clock().now().wall();
    let dto = KeyDto::new(&key, now).with_usage(&usage);
    Ok(output.result(&dto, || describe(&key, Some(&usage), now))?)
}

fn table(rows: &[(&Key, &Usage)], next: Option<&str>, now: Timestamp) -> String {
    let row = |(key, usage): &(&Key, &Usage)| {
        [
            key.id.to_string(),
            key.name.to_string(),
            key.owner.to_string(),
            key.environment.to_string(),
            key.status(now).as_str().to_owned(),
            key.scopes.to_string(),
            optional(key.rate, "default"),
            optional(key.expires_at, "never"),
            optional(usage.last_used_at, "never"),
        ]
    };
    let titles = [
        "ID",
        "NAME",
        "OWNER",
        "ENVIRONMENT",
        "STATUS",
        "SCOPES",
        "RATE",
        "EXPIRES",
        "LAST USED",
    ];
    let mut text = output::list(titles, rows.iter().map(row));
    if let Some(next) = next {
        text.push_str(&format!("\n\nmore: --cursor {next}"));
    }
    text
}
