use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http::request::Parts;
use portcullis_admission::{Admission, Allowance, Attempt, Decision, Gatekeeper, PendingDecision};
use portcullis_core::Context;
use portcullis_core::clock::Moment;
use portcullis_core::key::Environments;
use portcullis_core::scope::Requirement;
use portcullis_core::service::ServiceName;

use crate::body::Body;
use crate::client::ClientAddr;
use crate::credential::CredentialSource;
use crate::metrics::LayerMetrics;
use crate::reject::{Dialect, Refusal, Refuser};

/// What a layer guards and how, decided in plain functions.
#[derive(Debug)]
pub(super) struct Guard {
    gate: Gatekeeper,
    service: ServiceName,
    environments: Environments,
    requirement: Requirement,
    credentials: Arc<dyn CredentialSource>,
    refuser: Refuser,
    metrics: LayerMetrics,
}

/// What a look at a request came to.
pub(super) enum Examined {
    Decided(Result<Admission, Refusal>),
    /// The key must be looked up.
    Pending(Lookup),
}

/// A look-up that is still to be awaited.
pub(super) struct Lookup {
    decision: PendingDecision,
    client: Option<IpAddr>,
    since: Moment,
}

impl Guard {
    pub(super) fn new(
        gate: Gatekeeper,
        service: ServiceName,
        environments: Environments,
        requirement: Requirement,
        credentials: Arc<dyn CredentialSource>,
    ) -> Self {
        let refuser = Refuser::new(&service, &requirement);
        let metrics = LayerMetrics::new(&service);
        Self {
            gate,
            service,
            environments,
            requirement,
            credentials,
            refuser,
            metrics,
        }
    }

    /// Finds the credential and decides, as far as that goes without waiting.
    pub(super) fn examine(&self, parts: &Parts) -> Examined {
        let since = self.gate.manager().clock().now();
        let presented = match self.credentials.extract(parts) {
            Ok(Some(presented)) => presented,
            Ok(None) => return self.decided(Err(Refusal::MissingCredential), since),
            Err(_malformed) => return self.decided(Err(Refusal::InvalidRequest), since),
        };
        let client = ClientAddr::of(&parts.extensions);
        match self.gate.try_decide(presented, &self.context(client)) {
            Attempt::Decided(decision) => self.decided(Refusal::unless_admitted(decision), since),
            Attempt::Pending(decision) => Examined::Pending(Lookup {
                decision,
                client,
                since,
            }),
        }
    }

    /// Looks the key up and decides.
    pub(super) async fn look_up(&self, lookup: Lookup) -> Result<Admission, Refusal> {
        let decision: Decision = lookup.decision.resolve(&self.context(lookup.client)).await;
        let outcome = Refusal::unless_admitted(decision);
        self.record(&outcome, lookup.since);
        outcome
    }

    /// Makes the request fit for the service behind: the credential goes, the
    /// proof comes. Says what is to be told of the rate.
    pub(super) fn admit(&self, parts: &mut Parts, admission: Admission) -> Option<Allowance> {
        self.credentials.strip(parts);
        let allowance = admission.allowance();
        let grant = admission.into_grant();
        // Where the span has no such field, this is nothing.
        tracing::Span::current()
            .record("portcullis.key_id", tracing::field::display(grant.key_id()));
        parts.extensions.insert(grant);
        allowance
    }

    /// The response that tells of a refusal.
    pub(super) fn refuse<B>(&self, refusal: &Refusal, dialect: Dialect) -> Response<Body<B>> {
        self.refuser.respond(refusal, dialect)
    }

    /// Tells what remains of the rate beside the inner service's answer.
    pub(super) fn announce<B>(&self, response: &mut Response<B>, allowance: Allowance) {
        self.refuser
            .fields()
            .announce(response.headers_mut(), allowance);
    }

    fn context(&self, client: Option<IpAddr>) -> Context<'_> {
        Context::new(&self.service)
            .environments(self.environments)
            .require(&self.requirement)
            .client(client)
    }

    fn decided(&self, outcome: Result<Admission, Refusal>, since: Moment) -> Examined {
        self.record(&outcome, since);
        Examined::Decided(outcome)
    }

    fn record(&self, outcome: &Result<Admission, Refusal>, since: Moment) {
        let now = self.gate.manager().clock().now();
        let duration = Duration::from_nanos(now.monotonic().saturating_sub(since.monotonic()));
        self.metrics.record(outcome.as_ref().err(), duration);
    }
}
