use clap::Args;
use portcullis::clock::Timestamp;
use portcullis::key::{Addresses, Environment, KeyName, Metadata, Note, Owner};
use portcullis::limits::Rate;
use portcullis::manager::{Expiry, Issued, NewKey};
use portcullis::scope::{Scope, Scopes};
use portcullis::service::ServiceName;
use portcullis::{Invalid, KeyManager};

use super::describe::describe;
use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::checked::checked;
use crate::cli::dto::IssuedDto;
use crate::cli::error::CliError;
use crate::cli::input::TextSource;
use crate::cli::output::Output;
use crate::config::HumanDuration;

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// The service that the key is for
    #[arg(long, value_parser = checked::<ServiceName>())]
    service: ServiceName,
    /// Who gets it: 1 to 128 characters
    #[arg(long, value_parser = checked::<Owner>())]
    owner: Owner,
    /// What people call it: 1 to 128 characters
    #[arg(long, value_parser = checked::<KeyName>())]
    name: KeyName,
    /// live or test; the configuration's default without it
    #[arg(long, value_parser = checked::<Environment>())]
    environment: Option<Environment>,
    /// What it may do, for example orders:read or 'orders:*'; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_parser = checked::<Scope>())]
    scopes: Vec<Scope>,
    /// How often it may be used, for example '10/m burst 20'; the service's default without it
    #[arg(long, value_parser = checked::<Rate>(), allow_hyphen_values = true)]
    rate: Option<Rate>,
    /// A network from which alone it may be used, for example 192.0.2.0/24; may be repeated
    #[arg(long = "address", value_name = "NETWORK", value_parser = checked::<Addresses>())]
    addresses: Vec<Addresses>,
    /// What to keep with it: a JSON object, or @FILE, or - for standard input
    #[arg(
        long,
        value_name = "JSON",
        value_parser = checked::<TextSource>(),
        allow_hyphen_values = true
    )]
    metadata: Option<TextSource>,
    /// What to remember of it: 1 to 512 characters
    #[arg(long, value_name = "TEXT", value_parser = checked::<Note>())]
    note: Option<Note>,
    #[command(flatten)]
    expiry: ExpiryArgs,
}

impl CreateArgs {
    /// Reads the metadata that lies outside the arguments.
    pub(super) fn read(&self, output: &mut Output<'_>) -> Result<Vec<u8>, CliError> {
        read_metadata(self.metadata.as_ref(), output)
    }
}

/// When the key's life ends: one of these at most.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct ExpiryArgs {
    /// End its life after a time, for example 90d
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = checked::<HumanDuration>(),
        allow_hyphen_values = true
    )]
    expires_in: Option<HumanDuration>,
    /// End its life at a time, for example 2030-01-31T12:00:00Z
    #[arg(
        long,
        value_name = "TIME",
        value_parser = checked::<Timestamp>(),
        allow_hyphen_values = true
    )]
    expires_at: Option<Timestamp>,
    /// Let nothing but a revocation end its life
    #[arg(long)]
    never_expires: bool,
}

impl ExpiryArgs {
    fn expiry(&self, now: Timestamp) -> Result<Expiry, CliError> {
        match self {
            Self {
                expires_in: Some(life),
                ..
            } if life.get().is_zero() => Err(CliError::new(
                Exit::Usage,
                "--expires-in: expected more than 0s",
            )),
            Self {
                expires_in: Some(life),
                ..
            } => Ok(Expiry::In(life.get())),
            Self {
                expires_at: Some(at),
                ..
            } if *at <= now => {
                let message =
                    format!("--expires-at: expected a time that lies ahead of now, {now}");
                Err(CliError::new(Exit::Usage, message))
            }
            Self {
                expires_at: Some(at),
                ..
            } => Ok(Expiry::At(*at)),
            Self {
                never_expires: true,
                ..
            } => Ok(Expiry::Never),
            _ => Ok(Expiry::Default),
        }
    }
}

pub(super) async fn create(
    manager: &KeyManager,
    args: CreateArgs,
    read: &[u8],
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let expiry = args.expiry.expiry(manager.clock().now().wall())?;
    let scopes = Scopes::new(args.scopes)?;
    let mut new = NewKey::new(args.service, args.owner, args.name)
        .scopes(scopes)
        .addresses(joined(&args.addresses)?)
        .expiry(expiry);
    if let Some(source) = &args.metadata {
        new = new.metadata(metadata(source, read)?);
    }
    if let Some(note) = args.note {
        new = new.note(note);
    }
    if let Some(environment) = args.environment {
        new = new.environment(environment);
    }
    if let Some(rate) = args.rate {
        new = new.rate(rate);
    }
    let issued = manager.create_key(new, &actor()?).await?;
    print_token(manager, &issued, output, |now| {
        describe(&issued.key, None, now)
    })
}

/// Prints a new token. Where that fails the token is lost, so it is said what to do.
pub(super) fn print_token(
    manager: &KeyManager,
    issued: &Issued,
    output: &mut Output<'_>,
    text: impl FnOnce(Timestamp) -> String,
) -> Result<(), CliError> {
    let now = manager.clock().now().wall();
    let dto = IssuedDto::new(issued, now);
    output
        .token(&issued.token, &dto, || text(now))
        .map_err(|error| {
            let message = format!(
                "the new token of key {} could not be printed and is lost: rotate the key with \
             --grace 0s, or revoke it",
                issued.key.id
            );
            CliError::because(Exit::Partial, message, &error)
        })
}

/// Networks that were named one by one, as one list.
pub(super) fn joined(addresses: &[Addresses]) -> Result<Addresses, CliError> {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let parsed: Result<Addresses, Invalid> = texts.join(",").parse();
    parsed.map_err(|invalid| {
        let message = format!("--address: expected {}", invalid.expected());
        CliError::new(Exit::Usage, message)
    })
}

/// More than any metadata with white space and escapes.
const METADATA_BYTES: u64 = 64 * 1_024;

pub(super) fn read_metadata(
    source: Option<&TextSource>,
    output: &mut Output<'_>,
) -> Result<Vec<u8>, CliError> {
    match source {
        Some(source) => source.read("--metadata", METADATA_BYTES, output),
        None => Ok(Vec::new()),
    }
}

pub(super) fn metadata(source: &TextSource, read: &[u8]) -> Result<Metadata, CliError> {
    let text = source.text("--metadata", read)?;
    text.parse().map_err(|invalid: Invalid| {
        let message = format!("--metadata: expected {}", invalid.expected());
        CliError::new(Exit::Usage, message)
    })
}

#[cfg(test)]
mod tests {
    use portcullis::clock::Timestamp;
    use portcullis::manager::Expiry;

    use super::ExpiryArgs;
    use crate::cli::Exit;

    #[test]
    fn an_expiry_lies_ahead() {
        let now: Timestamp = "2030-01-01T00:00:00Z".parse().expect("valid");
        let none = ExpiryArgs {
            expires_in: None,
            expires_at: None,
            never_expires: false,
        };
        assert_eq!(none.expiry(now).expect("valid"), Expiry::Default);
        let ahead = ExpiryArgs {
            expires_at: Some("2030-01-01T00:00:01Z".parse().expect("valid")),
            ..none
        };
        assert!(matches!(ahead.expiry(now), Ok(Expiry::At(_))));
        let past = ExpiryArgs {
            expires_at: Some(now),
            ..ahead
        };
        let error = past.expiry(now).expect_err("past");
        assert_eq!(error.exit(), Exit::Usage);
        assert!(
            error
                .to_string()
                .starts_with("error: --expires-at: expected a time that lies ahead")
        );
        let never = ExpiryArgs {
            expires_at: None,
            never_expires: true,
            ..past
        };
        assert_eq!(never.expiry(now).expect("valid"), Expiry::Never);
        let zero = ExpiryArgs {
            expires_in: Some("0s".parse().expect("valid")),
            ..never
        };
        assert!(zero.expiry(now).is_err());
    }
}
