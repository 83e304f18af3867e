use portcullis::key::{Environment, Environments};
use portcullis::limits::Rate;
use portcullis::scope::Requirement;
use portcullis::service::ServiceName;

use crate::path;
use crate::upstream::UpstreamConfig;

/// One service that the gateway stands in front of: `[[services]]`.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// The service that keys must have been issued for; unique in the file.
    pub name: ServiceName,
    /// The one environment whose keys are accepted; every environment where absent.
    pub environment: Option<Environment>,
    /// The permissions that every request needs.
    pub requirement: Requirement,
    /// The default rate of its keys, given to the store where the service is new there; the
    /// store's record counts from then on.
    pub rate: Option<Rate>,
    /// Its one route, where it has no `[[routes]]` of its own.
    pub route: Option<ServiceRoute>,
}

/// The route of a service that says itself where its requests come from and where they go.
#[derive(Debug, Clone)]
pub struct ServiceRoute {
    /// The part of the path space that is the service's; unique in the file, the longest that fits
    /// a path counts.
    pub prefix: path::Prefix,
    /// Where its requests go, and how long to wait for it.
    pub upstream: UpstreamConfig,
}

impl ServiceConfig {
    /// The environments whose keys are accepted.
    #[must_use]
    pub fn environments(&self) -> Environments {
        self.environment
            .map_or(Environments::ALL, Environments::only)
    }
}
