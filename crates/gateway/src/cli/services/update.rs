use std::time::Duration;

use clap::Args;
use portcullis::KeyManager;
use portcullis::key::RevocationReason;
use portcullis::limits::Rate;
use portcullis::manager::ServicePatch;
use portcullis::service::{Service, ServiceName};
use portcullis::token::Prefix;

use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::error::CliError;
use crate::cli::input::TextSource;
use crate::cli::keys::{PATCH_BYTES, faulty, given};
use crate::cli::output::Output;
use crate::config::HumanDuration;

#[derive(Debug, Args)]
pub(in crate::cli) struct UpdateArgs {
    /// The service's name
    #[arg(value_parser = checked::<ServiceName>())]
    name: ServiceName,
    /// Only if the service is still of this version
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u64>,
    /// A JSON merge patch (RFC 7396), or @FILE, or - for standard input
    ///
    /// Over quota, default_rate, default_lifetime_seconds, max_lifetime_seconds and prefix: absent
    /// stays, null goes, a value takes its place.
    #[arg(
        long,
        value_name = "JSON",
        value_parser = checked::<TextSource>(),
        allow_hyphen_values = true
    )]
    patch: Option<TextSource>,
    #[command(flatten)]
    fields: FieldArgs,
}

/// What is changed.
#[derive(Debug, Args)]
#[group(id = "service_fields", multiple = true, conflicts_with = "patch")]
struct FieldArgs {
    /// The most live keys; keys that are there stay
    #[arg(
        long,
        value_name = "KEYS",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(Service::MAX_QUOTA))
    )]
    quota: Option<u32>,
    /// The configuration's default quota
    #[arg(long, conflicts_with = "quota")]
    no_quota: bool,
    /// The rate of keys that have none of their own, for example '100/s burst 200'
    #[arg(long, value_parser = checked::<Rate>(), allow_hyphen_values = true)]
    rate: Option<Rate>,
    /// No limit for keys that have no rate of their own
    #[arg(long, conflicts_with = "rate")]
    no_rate: bool,
    /// The first part of the tokens of keys created from now on
    #[arg(long, value_parser = checked::<Prefix>())]
    prefix: Option<Prefix>,
    /// The configuration's default prefix
    #[arg(long, conflicts_with = "prefix")]
    no_prefix: bool,
    /// How long keys live that are created without an expiry, for example 90d
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = checked::<HumanDuration>(),
        allow_hyphen_values = true
    )]
    lifetime: Option<HumanDuration>,
    /// The configuration's default lifetime
    #[arg(long, conflicts_with = "lifetime")]
    no_lifetime: bool,
    /// The longest life that a key may be given, for example 366d
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = checked::<HumanDuration>(),
        allow_hyphen_values = true
    )]
    max_lifetime: Option<HumanDuration>,
    /// The configuration's greatest lifetime
    #[arg(long, conflicts_with = "max_lifetime")]
    no_max_lifetime: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RetireArgs {
    /// The service's name
    #[arg(value_parser = checked::<ServiceName>())]
    name: ServiceName,
    /// Why, for the trail and for whoever looks at the service: 1 to 256 characters
    #[arg(long, value_parser = checked::<RevocationReason>())]
    reason: RevocationReason,
}

impl UpdateArgs {
    /// Reads the patch, where it lies outside the arguments.
    pub(super) fn read(&self, output: &mut Output<'_>) -> Result<Vec<u8>, CliError> {
        match &self.patch {
            Some(source) => source.read("--patch", PATCH_BYTES, output),
            None => Ok(Vec::new()),
        }
    }
}

pub(super) async fn update(
    manager: &KeyManager,
    args: UpdateArgs,
    read: &[u8],
) -> Result<Service, CliError> {
    let mut patch = match &args.patch {
        Some(source) => source.text("--patch", read)?.parse().map_err(faulty)?,
        None => args.fields.patch(),
    };
    if patch == ServicePatch::new() {
        let message = "nothing to change: name a field, or give a --patch";
        return Err(CliError::new(Exit::Usage, message));
    }
    if let Some(version) = args.if_version {
        patch = patch.expected_version(version);
    }
    Ok(manager.update_service(&args.name, patch, &actor()?).await?)
}

pub(super) async fn retire(manager: &KeyManager, args: RetireArgs) -> Result<Service, CliError> {
    Ok(manager
        .retire_service(&args.name, args.reason, &actor()?)
        .await?)
}

impl FieldArgs {
    fn patch(&self) -> ServicePatch {
        let duration = |duration: Option<HumanDuration>| -> Option<Duration> {
            duration.map(HumanDuration::get)
        };
        ServicePatch::new()
            .quota(given(self.no_quota, self.quota))
            .default_rate(given(self.no_rate, self.rate))
            .default_lifetime(given(self.no_lifetime, duration(self.lifetime)))
            .max_lifetime(given(self.no_max_lifetime, duration(self.max_lifetime)))
            .prefix(given(self.no_prefix, self.prefix))
    }
}
