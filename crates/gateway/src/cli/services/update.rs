use std::time::Duration;

use clap::Args;
use portcullis::KeyManager;
use portcullis::manager::ServicePatch;
use portcullis::service::{Service, ServiceName};

use super::fields::{FieldArgs, refused};
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::patch::{PatchArgs, given};
use crate::config::HumanDuration;

#[derive(Debug, Args)]
#[command(mut_arg("patch", |patch| patch.conflicts_with_all(["service_fields", "no_fields"])))]
pub(in crate::cli) struct UpdateArgs {
    /// The service's name
    #[arg(value_parser = checked::<ServiceName>())]
    name: ServiceName,
    #[command(flatten)]
    how: PatchArgs,
    #[command(flatten)]
    fields: FieldArgs,
    #[command(flatten)]
    none: NoFieldArgs,
}

/// What goes.
#[derive(Debug, Args)]
#[group(id = "no_fields", multiple = true)]
struct NoFieldArgs {
    /// The configuration's default quota
    #[arg(long, conflicts_with = "quota")]
    no_quota: bool,
    /// No limit for keys that have no rate of their own
    #[arg(long, conflicts_with = "rate")]
    no_rate: bool,
    /// The configuration's default prefix
    #[arg(long, conflicts_with = "prefix")]
    no_prefix: bool,
    /// The configuration's default lifetime
    #[arg(long, conflicts_with = "lifetime")]
    no_lifetime: bool,
    /// The configuration's greatest lifetime
    #[arg(long, conflicts_with = "max_lifetime")]
    no_max_lifetime: bool,
}

impl UpdateArgs {
    /// Reads the patch, where it lies outside the arguments.
    pub(super) fn read(&self, output: &mut Output<'_>) -> Result<Vec<u8>, CliError> {
        Ok(self.how.read(output)?.unwrap_or_default())
    }

    fn fields(&self) -> ServicePatch {
        let (fields, none) = (&self.fields, &self.none);
        let duration = |duration: Option<HumanDuration>| -> Option<Duration> {
            duration.map(HumanDuration::get)
        };
        ServicePatch::new()
            .quota(given(none.no_quota, fields.quota))
            .default_rate(given(none.no_rate, fields.rate))
            .default_lifetime(given(none.no_lifetime, duration(fields.lifetime)))
            .max_lifetime(given(none.no_max_lifetime, duration(fields.max_lifetime)))
            .prefix(given(none.no_prefix, fields.prefix))
    }
}

pub(super) async fn update(
    manager: &KeyManager,
    args: UpdateArgs,
    read: &[u8],
) -> Result<Service, CliError> {
    let mut patch = args.how.patch(read, || Ok(args.fields()))?;
    if let Some(version) = args.how.if_version {
        patch = patch.expected_version(version);
    }
    let updated = manager.update_service(&args.name, patch, &actor()?).await;
    updated.map_err(|error| {
        // A patch names fields.
        if args.how.is_patch() {
            error.into()
        } else {
            refused(error)
        }
    })
}
