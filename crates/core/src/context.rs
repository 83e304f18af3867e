//! What is being guarded.

use std::net::IpAddr;

use crate::key::{Environment, Environments};
use crate::scope::Requirement;
use crate::service::ServiceName;

/// What a token is presented to: a service, the environments that it accepts,
/// and what it requires.
///
/// It borrows what it names. A `const` is made anew wherever it is named and is
/// gone at the end of the statement, so a context that lives longer needs a
/// `static`, or a local:
///
/// ```
/// use portcullis_core::Context;
/// use portcullis_core::scope::{Permission, Requirement};
/// use portcullis_core::service::ServiceName;
///
/// static ORDERS: ServiceName = ServiceName::from_static("orders");
///
/// let read = Requirement::all_of([Permission::from_static("orders:read")]);
/// let context = Context::new(&ORDERS).require(&read);
/// assert_eq!(context.service().as_str(), "orders");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    service: &'a ServiceName,
    environments: Environments,
    requirement: Option<&'a Requirement>,
    client: Option<IpAddr>,
}

impl<'a> Context<'a> {
    /// Guards `service`, for live keys alone, with no requirement beyond a
    /// valid key.
    #[must_use]
    pub const fn new(service: &'a ServiceName) -> Self {
        Self {
            service,
            environments: Environments::only(Environment::Live),
            requirement: None,
            client: None,
        }
    }

    /// Accepts keys of these environments alone. Keys for trials are accepted
    /// only where somebody said so.
    #[must_use]
    pub fn environments(self, environments: impl Into<Environments>) -> Self {
        Self {
            environments: environments.into(),
            ..self
        }
    }

    /// Requires these permissions as well.
    #[must_use]
    pub const fn require(self, requirement: &'a Requirement) -> Self {
        Self {
            requirement: Some(requirement),
            ..self
        }
    }

    /// The address from which the request came: for the networks that a key may
    /// be used from, for the share of the store's reads that one address may
    /// take, and for logs. Where it is not known, a key with networks is
    /// refused, and all such requests share one part of the reads.
    #[must_use]
    pub const fn client(self, client: Option<IpAddr>) -> Self {
        Self { client, ..self }
    }

    /// The service that is guarded.
    #[must_use]
    pub const fn service(&self) -> &'a ServiceName {
        self.service
    }

    pub(crate) const fn accepted_environments(&self) -> Environments {
        self.environments
    }

    pub(crate) const fn requirement(&self) -> Option<&'a Requirement> {
        self.requirement
    }

    pub(crate) const fn client_address(&self) -> Option<IpAddr> {
        self.client
    }
}
