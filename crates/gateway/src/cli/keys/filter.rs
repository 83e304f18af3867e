use clap::Args;
use portcullis::clock::Timestamp;
use portcullis::key::{Environment, KeyFilter, KeyStatus, LastUsed, NamePart, Owner, Span};
use portcullis::scope::Scope;
use portcullis::service::ServiceName;

use crate::cli::checked::checked;
use crate::cli::when::When;

/// Which keys are meant: those that meet every part that is given.
#[derive(Debug, Args)]
pub(in crate::cli) struct FilterArgs {
    #[command(flatten)]
    of: OfArgs,
    /// Of this owner
    #[arg(long, value_parser = checked::<Owner>())]
    owner: Option<Owner>,
    /// live or test
    #[arg(long, value_parser = checked::<Environment>())]
    environment: Option<Environment>,
    /// active, disabled, expired or revoked
    #[arg(long, value_parser = checked::<KeyStatus>())]
    status: Option<KeyStatus>,
    /// Granted exactly this scope
    #[arg(long, value_parser = checked::<Scope>())]
    scope: Option<Scope>,
    /// With this in the name: 3 to 64 characters, in lower or upper case
    #[arg(long, value_name = "TEXT", value_parser = checked::<NamePart>())]
    name: Option<NamePart>,
    /// Created at this time or later; a duration looks back, for example 7d
    #[arg(long, value_name = "WHEN", value_parser = checked::<When>(), allow_hyphen_values = true)]
    created_after: Option<When>,
    /// Created before this time
    #[arg(long, value_name = "WHEN", value_parser = checked::<When>(), allow_hyphen_values = true)]
    created_before: Option<When>,
    /// Last used at this time or later; a duration looks back
    #[arg(long, value_name = "WHEN", value_parser = checked::<When>(), allow_hyphen_values = true)]
    used_after: Option<When>,
    /// Last used before this time; keys that were never used are not among them
    #[arg(long, value_name = "WHEN", value_parser = checked::<When>(), allow_hyphen_values = true)]
    used_before: Option<When>,
    /// Never used yet
    #[arg(long, conflicts_with_all = ["used_after", "used_before"])]
    never_used: bool,
    /// With an expiry before this time; a duration looks ahead, for example 30d. Expired keys are
    /// among them: with --status active, those in use that end soon
    #[arg(long, value_name = "WHEN", value_parser = checked::<When>(), allow_hyphen_values = true)]
    expires_before: Option<When>,
}

/// Of which services.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct OfArgs {
    /// The service whose keys are meant
    #[arg(long, value_parser = checked::<ServiceName>())]
    service: Option<ServiceName>,
    /// Keys of every service
    #[arg(long)]
    all_services: bool,
}

impl FilterArgs {
    /// Whether it is said of which services: one, or all of them.
    pub(super) fn names_services(&self) -> bool {
        self.of.service.is_some() || self.of.all_services
    }

    /// Whether nothing was said at all.
    pub(super) fn is_empty(&self) -> bool {
        let any = KeyFilter::default();
        !self.of.all_services && self.filter(Timestamp::from_millis(0)) == any
    }

    /// The filter, where durations are counted from `now`.
    pub(super) fn filter(&self, now: Timestamp) -> KeyFilter {
        let used = span(self.used_after, self.used_before, now).map(LastUsed::Within);
        KeyFilter {
            service: self.of.service.clone(),
            owner: self.owner.clone(),
            environment: self.environment,
            status: self.status,
            scope: self.scope.clone(),
            created: span(self.created_after, self.created_before, now),
            last_used: self.never_used.then_some(LastUsed::Never).or(used),
            expires_before: self.expires_before.map(|when| when.after(now)),
            name: self.name.clone(),
        }
    }

    /// Whether the filter depends on when it is asked for.
    pub(super) fn is_relative(&self) -> bool {
        let Self {
            created_after,
            created_before,
            used_after,
            used_before,
            expires_before,
            ..
        } = self;
        [
            created_after,
            created_before,
            used_after,
            used_before,
            expires_before,
        ]
        .into_iter()
        .flatten()
        .any(|when| when.is_relative())
    }
}

fn span(after: Option<When>, before: Option<When>, now: Timestamp) -> Option<Span> {
    let span = Span {
        from: after.map(|when| when.before(now)),
        until: before.map(|when| when.before(now)),
    };
    (span != Span::default()).then_some(span)
}
