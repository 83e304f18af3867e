use std::sync::Arc;

use portcullis::key::Environments;
use portcullis::scope::Requirement;
use portcullis::service::ServiceName;

/// What is known of a route beside where it leads.
#[derive(Debug)]
pub(crate) struct RouteMeta {
    /// By which logs and metrics know it.
    pub(crate) name: Arc<str>,
    /// What its keys must be allowed; nothing where it is open.
    pub(crate) guard: Option<GuardTerms>,
    pub(crate) live: LivePolicy,
}

/// What a key must satisfy, and go on to satisfy while a request of it is served.
#[derive(Debug, Clone)]
pub(crate) struct GuardTerms {
    pub(crate) service: ServiceName,
    pub(crate) environments: Environments,
    pub(crate) requirement: Requirement,
}

/// What becomes of a request that is being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LivePolicy {
    /// Where its key ends.
    pub(crate) with_key: Fate,
    /// Where nobody can say for longer than the configured staleness whether its key stands.
    pub(crate) cut_off: Fate,
}

/// Whether a request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is ended.
    Ends,
    /// It goes on to its own end.
    Stays,
}

impl Default for LivePolicy {
    /// A request ends with its key, and stays where nobody can say: an outage of the store takes
    /// no stream away.
    fn default() -> Self {
        Self {
            with_key: Fate::Ends,
            cut_off: Fate::Stays,
        }
    }
}
