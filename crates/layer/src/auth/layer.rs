use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use portcullis_admission::Gatekeeper;
use portcullis_core::key::{Environment, Environments};
use portcullis_core::scope::Requirement;
use portcullis_core::service::ServiceName;
use tower::Layer;

use super::ApiKey;
use super::guard::{Demand, Guard, Settings};
use crate::credential::{CredentialSource, Credentials};
use crate::reject::{Hook, Notice};

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
        let settings = Settings {
            service,
            environments: Environments::only(Environment::Live),
            requirement: Requirement::none(),
            credentials: Arc::new(Credentials::bearer()),
            demand: Demand::Required,
            hook: None,
        };
        ApiKeyLayerBuilder { gate, settings }
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
    settings: Settings,
}

impl ApiKeyLayerBuilder {
    /// Accepts keys of these environments alone; live keys where not set. A
    /// key of another is refused as if it were unknown.
    pub fn environments(mut self, environments: impl Into<Environments>) -> Self {
        self.settings.environments = environments.into();
        self
    }

    /// Requires these permissions of every key; none where not set. A request
    /// that lacks one takes nothing from its key's rate.
    pub fn require(mut self, requirement: Requirement) -> Self {
        self.settings.requirement = requirement;
        self
    }

    /// Where credentials are; [`Credentials::bearer`] where not set.
    pub fn credentials(mut self, credentials: impl CredentialSource) -> Self {
        self.settings.credentials = Arc::new(credentials);
        self
    }

    /// Lets a request that carries no credential go on, without a grant; it
    /// meets no rate and no requirement. Whatever is a credential must be good,
    /// as ever. See the [module](super).
    pub fn optional(mut self) -> Self {
        self.settings.demand = Demand::Optional;
        self
    }

    /// Changes what is said beside a refusal, or in place of its body. Counts
    /// for the refusals of [`RequireScopes`](crate::RequireScopes) behind the
    /// layer as well. See [`reject`](crate::reject) for an example, and for
    /// what the hook cannot change.
    pub fn on_refusal(
        mut self,
        hook: impl Fn(&Notice, &mut Response<Bytes>) + Send + Sync + 'static,
    ) -> Self {
        self.settings.hook = Some(Hook::new(hook));
        self
    }

    /// The layer. Its counters go to the recorder of the `metrics` crate that
    /// is installed now.
    #[must_use]
    pub fn build(self) -> ApiKeyLayer {
        ApiKeyLayer {
            guard: Arc::new(Guard::new(self.gate, self.settings)),
        }
    }
}
