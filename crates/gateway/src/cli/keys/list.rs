use clap::Args;
use portcullis::KeyManager;
use portcullis::clock::Timestamp;
use portcullis::key::{Key, KeyId};
use portcullis::manager::ListKeys;
use portcullis::store::DamagedKey;
use portcullis::usage::KeyUsage;

use super::describe::{describe, optional};
use super::filter::FilterArgs;
use crate::cli::Exit;
use crate::cli::checked::checked;
use crate::cli::dto::{DamagedKeyDto, KeyDto, KeyPageDto};
use crate::cli::error::CliError;
use crate::cli::output::{self, Output};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// The most keys
    #[arg(
        long,
        value_name = "KEYS",
        default_value_t = 50,
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(ListKeys::MAX_LIMIT))
    )]
    limit: u32,
    /// Go on where a page before ended, with the same filter
    #[arg(long, allow_hyphen_values = true)]
    cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The key's id, a UUID
    #[arg(value_parser = checked::<KeyId>())]
    id: KeyId,
}

pub(super) async fn list(
    manager: &KeyManager,
    args: ListArgs,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    if !args.filter.names_services() {
        let message = "expected --service SERVICE, or --all-services";
        return Err(CliError::new(Exit::Usage, message));
    }
    let now = manager.clock().now().wall();
    let (since, cursor) = match args.cursor.as_deref() {
        Some(cursor) => begun(cursor, &args.filter, now),
        None => (now, None),
    };
    let mut request = ListKeys::matching(args.filter.filter(since)).limit(args.limit);
    if let Some(cursor) = cursor {
        request = request.cursor(cursor);
    }
    let page = manager.list_keys(request).await?;
    let ids: Vec<KeyId> = page.keys.iter().map(|key| key.id).collect();
    let usage = manager.usage(&ids).await?;
    let rows: Vec<(&Key, &KeyUsage)> = page.keys.iter().zip(&usage).collect();
    let keys = rows
        .iter()
        .map(|(key, usage)| KeyDto::new(key, now).with_usage(usage))
        .collect();
    let next = page.next.map(|next| begin(next, &args.filter, since));
    let dto = KeyPageDto {
        keys,
        damaged: page.damaged.iter().map(DamagedKeyDto::from).collect(),
        next,
    };
    output.result(&dto, || table(&rows, dto.next.as_deref(), now))?;
    for key in &page.damaged {
        output.note(&warning(key))?;
    }
    Ok(if page.damaged.is_empty() {
        Exit::Done
    } else {
        Exit::Refused
    })
}

/// What is said of a key that a listing came to and could not read.
pub(super) fn warning(key: &DamagedKey) -> String {
    let fault = &key.fault;
    match key.id {
        Some(id) => {
            format!("warning: key {id} cannot be read, and may be revoked by its id: {fault}")
        }
        None => format!("warning: a key cannot be read, nor its id: {fault}"),
    }
}

/// The cursor with the time from which the filter's durations are counted: the next page is one
/// of the same listing.
fn begin(cursor: String, filter: &FilterArgs, since: Timestamp) -> String {
    if filter.is_relative() {
        format!("{}.{cursor}", since.as_millis())
    } else {
        cursor
    }
}

/// That time and the manager's cursor, which is good for the filter of that time alone.
fn begun<'a>(cursor: &'a str, filter: &FilterArgs, now: Timestamp) -> (Timestamp, Option<&'a str>) {
    let parts = cursor.split_once('.').filter(|_| filter.is_relative());
    match parts.and_then(|(millis, cursor)| Some((millis.parse().ok()?, cursor))) {
        Some((millis, cursor)) => (Timestamp::from_millis(millis), Some(cursor)),
        None => (now, Some(cursor)),
    }
}

pub(super) async fn show(
    manager: &KeyManager,
    args: ShowArgs,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let key = manager.key(args.id).await?;
    let usage = usage_of(manager, args.id).await?;
    let now = manager.clock().now().wall();
    let dto = KeyDto::new(&key, now).with_usage(&usage);
    Ok(output.result(&dto, || describe(&key, Some(&usage), now))?)
}

pub(super) async fn usage_of(manager: &KeyManager, id: KeyId) -> Result<KeyUsage, CliError> {
    let usage = manager.usage(&[id]).await?.into_iter().next();
    Ok(usage.unwrap_or_default())
}

fn table(rows: &[(&Key, &KeyUsage)], next: Option<&str>, now: Timestamp) -> String {
    let row = |(key, usage): &(&Key, &KeyUsage)| {
        [
            key.id.to_string(),
            key.name.to_string(),
            key.owner.to_string(),
            key.service.to_string(),
            key.environment.to_string(),
            key.status(now).as_str().to_owned(),
            key.scopes.to_string(),
            optional(key.rate, "default"),
            optional(key.expires_at, "never"),
            optional(usage.total.last_used_at, "never"),
        ]
    };
    let titles = [
        "ID",
        "NAME",
        "OWNER",
        "SERVICE",
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
