use std::error::Error as _;

use clap::Args;
use portcullis::limits::Rate;
use portcullis::service::Service;
use portcullis::token::Prefix;
use portcullis::{Error, Invalid};

use crate::cli::Exit;
use crate::cli::checked::checked;
use crate::cli::error::CliError;
use crate::config::HumanDuration;

/// What can be said of a service, when it is made and later.
#[derive(Debug, Args)]
#[group(id = "service_fields", multiple = true)]
pub(super) struct FieldArgs {
    /// The most live keys
    #[arg(
        long,
        value_name = "KEYS",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(Service::MAX_QUOTA))
    )]
    pub(super) quota: Option<u32>,
    /// The rate of keys that have none of their own, for example '100/s burst 200'
    #[arg(long, value_parser = checked::<Rate>(), allow_hyphen_values = true)]
    pub(super) rate: Option<Rate>,
    /// The first part of the tokens of keys that are created from then on
    #[arg(long, value_parser = checked::<Prefix>())]
    pub(super) prefix: Option<Prefix>,
    /// How long keys live that are created without an expiry, for example 90d
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = checked::<HumanDuration>(),
        allow_hyphen_values = true
    )]
    pub(super) lifetime: Option<HumanDuration>,
    /// The longest life that a key may be given, for example 366d
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = checked::<HumanDuration>(),
        allow_hyphen_values = true
    )]
    pub(super) max_lifetime: Option<HumanDuration>,
}

/// A refusal of what these arguments say, by the argument's name instead of the field's.
pub(super) fn refused(error: Error) -> CliError {
    let invalid = error.source().and_then(|source| source.downcast_ref());
    let argument = invalid.and_then(|invalid: &Invalid| match invalid.field() {
        "quota" => Some("--quota"),
        "default_rate" => Some("--rate"),
        "prefix" => Some("--prefix"),
        "default_lifetime" => Some("--lifetime"),
        "max_lifetime" => Some("--max-lifetime"),
        _ => None,
    });
    match (argument, invalid) {
        (Some(argument), Some(invalid)) => {
            let message = format!("{argument}: expected {}", invalid.expected());
            CliError::new(Exit::Usage, message)
        }
        _ => error.into(),
    }
}
