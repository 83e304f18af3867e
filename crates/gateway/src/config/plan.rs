//! What the routes and upstreams of a configuration come to, in whichever form they were written.

use std::sync::Arc;
use std::time::Duration;

use portcullis::key::Environments;
use portcullis::scope::{Permission, Requirement};
use portcullis::service::ServiceName;

use super::Config;
use crate::body::BodyRate;
use crate::headers::edits::Edits;
use crate::headers::host::HostPolicy;
use crate::headers::upgrade::Protocol;
use crate::route::{
    CorsPlan, FixedResponse, GuardTerms, LivePolicy, Matching, MethodSet, PathPattern, PathRewrite,
    Redirect,
};
use crate::tunnel::TunnelIdle;
use crate::upstream::{ExchangeTimes, UpstreamConfig};

/// One route.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoutePlan {
    pub(crate) name: Arc<str>,
    pub(crate) matching: Matching,
    pub(crate) door: DoorPlan,
    pub(crate) action: ActionPlan,
    pub(crate) handling: HandlingPlan,
    pub(crate) live: LivePolicy,
}

/// Who may come in by a route.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DoorPlan {
    Required(KeyTerms),
    /// Whoever has such a key, or none at all.
    Optional(KeyTerms),
    Open,
}

/// What a route asks of keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyTerms {
    pub(crate) service: ServiceName,
    pub(crate) environments: Environments,
    pub(crate) requirement: Requirement,
    /// What these methods ask for instead: all of `requirement`, and more.
    pub(crate) by_method: Vec<(MethodSet, Requirement)>,
}

/// What becomes of a route's requests.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ActionPlan {
    Forward {
        /// The upstream's name.
        upstream: Arc<str>,
        rewrite: PathRewrite,
    },
    Respond(FixedResponse),
    Redirect(Redirect),
}

/// What a route does with its requests and their answers on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct HandlingPlan {
    /// Edits of the fields of requests, and of answers.
    pub(crate) request: Edits,
    pub(crate) response: Edits,
    pub(crate) body_bytes: Option<u64>,
    pub(crate) body_rate: BodyRate,
    pub(crate) times: ExchangeTimes,
    /// The longest that a request and its answer may take.
    pub(crate) whole: Option<Duration>,
    pub(crate) cors: Option<CorsPlan>,
    /// The protocols that requests may change to, and how long nothing may pass then.
    pub(crate) upgrades: Arc<[Protocol]>,
    pub(crate) tunnel_idle: TunnelIdle,
}

/// One upstream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UpstreamPlan {
    pub(crate) name: Arc<str>,
    /// Which host it is asked for.
    pub(crate) host: HostPolicy,
    pub(crate) config: UpstreamConfig,
}

impl Config {
    /// Every route: those of services that have one themselves, then those of tables of their own.
    pub(crate) fn routes(&self) -> Vec<RoutePlan> {
        let of_services = self.services.iter().filter_map(|service| {
            let route = service.route.as_ref()?;
            let name: Arc<str> = service.name.as_str().into();
            Some(RoutePlan {
                matching: Matching::all_below(PathPattern::from(&route.prefix)),
                door: DoorPlan::Required(KeyTerms {
                    service: service.name.clone(),
                    environments: service.environments(),
                    requirement: service.requirement.clone(),
                    by_method: Vec::new(),
                }),
                action: ActionPlan::Forward {
                    upstream: Arc::clone(&name),
                    rewrite: PathRewrite::AsItIs,
                },
                handling: self.handling.clone(),
                live: LivePolicy::default(),
                name,
            })
        });
        of_services
            .chain(self.route_tables.iter().cloned())
            .collect()
    }

    /// Every upstream: those of services that have one themselves, by the service's name, then
    /// those of tables of their own.
    pub(crate) fn upstreams(&self) -> Vec<UpstreamPlan> {
        let of_services = self.services.iter().filter_map(|service| {
            Some(UpstreamPlan {
                name: service.name.as_str().into(),
                host: HostPolicy::Upstream,
                config: service.route.as_ref()?.upstream.clone(),
            })
        });
        of_services
            .chain(self.upstream_tables.iter().cloned())
            .collect()
    }
}

impl DoorPlan {
    /// What keys must be allowed: for the methods that ask for more, and for all others. Nothing
    /// where nobody is asked.
    pub(crate) fn terms(&self) -> Option<&KeyTerms> {
        match self {
            Self::Required(terms) | Self::Optional(terms) => Some(terms),
            Self::Open => None,
        }
    }
}

impl KeyTerms {
    /// What a guard asks for.
    pub(crate) fn guard(&self, requirement: &Requirement) -> GuardTerms {
        GuardTerms {
            service: self.service.clone(),
            environments: self.environments,
            requirement: requirement.clone(),
        }
    }
}

/// A requirement with further permissions, and with one of these at least, if there are any.
pub(super) fn with_more(
    requirement: &Requirement,
    all: impl IntoIterator<Item = Permission>,
    any: Option<Vec<Permission>>,
) -> Requirement {
    let more = requirement.clone().and(Requirement::all_of(all));
    match any {
        Some(any) => more.and(Requirement::any_of(any)),
        None => more,
    }
}
