//! What the routes and upstreams of a configuration come to, in whichever form they were written.

use std::sync::Arc;

use portcullis::key::Environments;
use portcullis::scope::{Permission, Requirement};
use portcullis::service::ServiceName;

use super::Config;
use crate::route::{
    FixedResponse, GuardTerms, LivePolicy, Matching, MethodSet, PathPattern, Redirect,
};
use crate::upstream::UpstreamConfig;

/// One route.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoutePlan {
    pub(crate) name: Arc<str>,
    pub(crate) matching: Matching,
    pub(crate) door: DoorPlan,
    pub(crate) action: ActionPlan,
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
        /// How many segments of the path do not go upstream.
        stripped: usize,
    },
    Respond(FixedResponse),
    Redirect(Redirect),
}

/// One upstream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UpstreamPlan {
    pub(crate) name: Arc<str>,
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
                    stripped: 0,
                },
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

/// A requirement with further permissions.
pub(super) fn with_more(
    requirement: &Requirement,
    more: impl IntoIterator<Item = Permission>,
) -> Requirement {
    Requirement::all_of(requirement.iter().cloned().chain(more))
}
