use std::sync::Arc;

use portcullis_admission::Gatekeeper;
use portcullis_core::key::{Environment, Environments};
use portcullis_core::scope::Requirement;
use portcullis_core::service::ServiceName;
use tower::Layer;

use super::ApiKey;
use super::guard::Guard;
use crate::credential::{CredentialSource, Credentials};

/// Lets requests pass that carry a good key, and refuses all others.
///
/// The service behind finds the [`Grant`](portcullis_core::Grant) in the
/// request's extensions; the credential is gone. Responses tell what remains
/// of the key's rate. See the [module](super) for an example.
#[derive(Debug, Clone)]
pub struct ApiKeyLayer {
    guard: Arc<Guard>,
}

impl ApiKeyLayer {
    /// Guards `service`: a bearer token of a live key, no permission.
    #[must_use]
    pub fn new(gate: Gatekeeper, service: ServiceName) -> Self {
        Self::builder(gate, service).build()
    }

    /// Guards `service`, with a say in how.
    pub fn builder(gate: Gatekeeper, service: ServiceName) -> ApiKeyLayerBuilder {
        ApiKeyLayerBuilder {
            gate,
            service,
            environments: Environments::only(Environment::Live),
            requirement: Requirement::none(),
            credentials: Arc::new(Credentials::bearer()),
        }
    }
}

impl<S> Layer<S> for ApiKeyLayer {
    type Service = ApiKey<S>;

    fn layer(&self, inner: S) -> ApiKey<S> {
        ApiKey::new(inner, Arc::clone(&self.guard))
    }
}

/// Makes an [`ApiKeyLayer`].
#[derive(Debug, Clone)]
#[must_use = "a builder guards nothing until it is built"]
pub struct ApiKeyLayerBuilder {
    gate: Gatekeeper,
    service: ServiceName,
    environments: Environments,
    requirement: Requirement,
    credentials: Arc<dyn CredentialSource>,
}

impl ApiKeyLayerBuilder {
    /// Accepts keys of these environments alone; live keys where not set. A
    /// key of another is refused as if it were unknown.
    pub fn environments(self, environments: impl Into<Environments>) -> Self {
        Self {
            environments: environments.into(),
            ..self
        }
    }

    /// Requires these permissions of every request; none where not set. A
    /// request that lacks one takes nothing from its key's rate.
    pub fn require(self, requirement: Requirement) -> Self {
        Self {
            requirement,
            ..self
        }
    }

    /// Where credentials are; [`Credentials::bearer`] where not set.
    pub fn credentials(self, credentials: impl CredentialSource) -> Self {
        Self {
            credentials: Arc::new(credentials),
            ..self
        }
    }

    /// The layer. Its counters go to the recorder of the `metrics` crate that
    /// is installed now.
    #[must_use]
    pub fn build(self) -> ApiKeyLayer {
        let guard = Guard::new(
            self.gate,
            self.service,
            self.environments,
            self.requirement,
            self.credentials,
        );
        ApiKeyLayer {
            guard: Arc::new(guard),
        }
    }
}
