use std::net::IpAddr;
use std::str::FromStr;

use clap::Args;
use portcullis::key::{Environment, Environments};
use portcullis::scope::{Permission, Requirement};
use portcullis::service::ServiceName;
use portcullis::token::Presented;
use portcullis::{Context, Invalid, KeyManager, Verdict};

use super::token_source::TokenSource;
use crate::cli::Exit;
use crate::cli::checked::checked;
use crate::cli::dto::VerdictDto;
use crate::cli::error::CliError;
use crate::cli::output::{Output, fields};

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// The service that it is presented to
    #[arg(long, value_parser = checked::<ServiceName>())]
    service: ServiceName,
    /// The one environment that is accepted; both without it
    #[arg(long, value_parser = checked::<Environment>())]
    environment: Option<Environment>,
    /// A permission that is required; may be repeated
    #[arg(long = "permission", value_name = "PERMISSION", value_parser = checked::<Permission>())]
    permissions: Vec<Permission>,
    /// The address from which it is presented; not known without it
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    #[command(flatten)]
    source: TokenSource,
    /// Caught, so that a token on the command line is not answered with an error that repeats it.
    #[arg(hide = true, value_parser = checked::<Misplaced>())]
    token: Option<Misplaced>,
}

/// A token where none may be: there is no value of this type.
#[derive(Debug, Clone)]
enum Misplaced {}

impl FromStr for Misplaced {
    type Err = Invalid;

    fn from_str(_: &str) -> Result<Self, Invalid> {
        Err(Invalid::new(
            "token",
            "no token on the command line, where others see it: it is read from standard input, \
             or from --token-file",
        ))
    }
}

impl VerifyArgs {
    pub(super) fn read_token(&self, output: &mut Output<'_>) -> Result<Vec<u8>, CliError> {
        self.source.read(output)
    }
}

pub(super) async fn verify(
    manager: &KeyManager,
    args: &VerifyArgs,
    token: &[u8],
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let requirement = Requirement::all_of(args.permissions.iter().cloned());
    let environments = args
        .environment
        .map_or(Environments::ALL, Environments::only);
    let context = Context::new(&args.service)
        .environments(environments)
        .client(args.address)
        .require(&requirement);
    let verdict = manager.validate(Presented::new(token), &context).await;
    output.result(&VerdictDto::from(&verdict), || describe(&verdict))?;
    Ok(match verdict {
        Verdict::Granted(_) => Exit::Done,
        Verdict::Denied(_) => Exit::Refused,
        Verdict::Unavailable(_) => Exit::Unavailable,
    })
}

fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Granted(grant) => fields([
            ("verdict", "granted".to_owned()),
            ("key", grant.key_id().to_string()),
            ("owner", grant.owner().to_string()),
            ("name", grant.name().to_string()),
            ("service", grant.service().to_string()),
            ("environment", grant.environment().to_string()),
            ("scopes", grant.scopes().to_string()),
        ]),
        Verdict::Denied(denial) => {
            let mut rows = vec![
                ("verdict", "denied".to_owned()),
                ("reason", denial.reason().as_str().to_owned()),
            ];
            rows.extend(denial.key().map(|key| ("key", key.to_string())));
            fields(rows)
        }
        Verdict::Unavailable(unavailability) => fields([
            ("verdict", "unavailable".to_owned()),
            ("cause", unavailability.cause().as_str().to_owned()),
        ]),
    }
}
