use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http::request::Parts;
use portcullis_admission::{Admission, Allowance, Attempt, Decision, Gatekeeper, PendingDecision};
use portcullis_core::clock::Moment;
use portcullis_core::key::Environments;
use portcullis_core::scope::Requirement;
use portcullis_core::service::ServiceName;
use portcullis_core::{Context, Grant};

use super::{Door, Observer, Outcome};
use crate::body::Body;
use crate::client::ClientAddr;
use crate::credential::CredentialSource;
use crate::metrics::LayerMetrics;
use crate::reject::{Dialect, Hook, Refusal, Refuser};

/// How a layer guards, as its builder collects it.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) service: ServiceName,
    pub(super) environments: Environments,
    pub(super) requirement: Requirement,
    pub(super) credentials: Arc<dyn CredentialSource>,
    pub(super) demand: Demand,
    pub(super) hook: Option<Hook>,
}

/// Whether a request must carry a credential at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    Required,
    Optional,
}

/// What a layer guards and how, decided in plain functions.
#[derive(Debug)]
pub(super) struct Guard {
    gate: Gatekeeper,
    settings: Settings,
    refuser: Arc<Refuser>,
    metrics: LayerMetrics,
}

/// What a look at a request came to.
pub(super) enum Examined {
    Decided(Result<Admission, Refusal>),
    /// The request carries no credential, and need not.
    Anonymous,
    /// The key must be looked up.
    Pending(Lookup),
}

/// A look-up that is still to be awaited.
pub(super) struct Lookup {
    decision: PendingDecision,
    client: Option<IpAddr>,
    since: Moment,
    observer: Option<Observer>,
}

impl Guard {
    pub(super) fn new(gate: Gatekeeper, settings: Settings) -> Self {
        let refuser = Refuser::new(&settings.service, &settings.requirement);
        let metrics = LayerMetrics::new(&settings.service);
        Self {
            gate,
            refuser: Arc::new(refuser.with_hook(settings.hook.clone())),
            metrics: match settings.demand {
                Demand::Required => metrics,
                Demand::Optional => metrics.with_anonymous(&settings.service),
            },
            settings,
        }
    }

    /// Finds the credential and decides, as far as that goes without waiting.
    pub(super) fn examine(&self, parts: &Parts) -> Examined {
        let observer = Observer::of(&parts.extensions);
        let credential = match self.settings.credentials.extract(parts) {
            Ok(Some(credential)) => credential,
            Ok(None) => return self.without_credential(observer),
            Err(_malformed) => {
                tell(observer, || Outcome::InvalidRequest);
                return self.decided(Err(Refusal::InvalidRequest));
            }
        };
        let client = ClientAddr::of(&parts.extensions);
        match self
            .gate
            .try_decide(credential.presented(), &self.context(client))
        {
            Attempt::Decided(decision) => {
                tell(observer, || Outcome::from(&decision));
                self.decided(Refusal::unless_admitted(decision))
            }
            Attempt::Pending(decision) => Examined::Pending(Lookup {
                decision,
                client,
                since: self.gate.manager().clock().now(),
                observer: observer.cloned(),
            }),
        }
    }

    /// Looks the key up and decides.
    pub(super) async fn look_up(&self, lookup: Lookup) -> Result<Admission, Refusal> {
        let decision: Decision = lookup.decision.resolve(&self.context(lookup.client)).await;
        tell(lookup.observer.as_ref(), || Outcome::from(&decision));
        let outcome = Refusal::unless_admitted(decision);
        self.metrics.count(outcome.as_ref().err());
        self.metrics.record(self.elapsed(lookup.since));
        outcome
    }

    /// Makes the request fit for the service behind: the credential goes, the
    /// proof comes. Says what is to be told of the rate.
    pub(super) fn admit(&self, parts: &mut Parts, admission: Admission) -> Option<Allowance> {
        self.settings.credentials.strip(parts);
        let allowance = admission.allowance();
        let grant = admission.into_grant();
        // Where the span has no such field, this is nothing.
        tracing::Span::current()
            .record("portcullis.key_id", tracing::field::display(grant.key_id()));
        parts.extensions.insert(grant);
        // Those behind that refuse as well do it in the same words, and not in
        // those of a layer around this one.
        if self.settings.hook.is_some() {
            parts.extensions.insert(self.door());
        } else {
            parts.extensions.remove::<Door>();
        }
        allowance
    }

    /// Makes a request without a credential fit for the service behind: it has
    /// no grant, neither of this layer nor of one around it, and shows that
    /// this layer let it pass.
    pub(super) fn admit_anonymous(&self, parts: &mut Parts) {
        self.settings.credentials.strip(parts);
        parts.extensions.remove::<Grant>();
        parts.extensions.insert(self.door());
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
        Context::new(&self.settings.service)
            .environments(self.settings.environments)
            .require(&self.settings.requirement)
            .client(client)
    }

    fn door(&self) -> Door {
        Door::new(Arc::clone(&self.refuser))
    }

    /// Passes where no credential is demanded, and is refused everywhere else.
    fn without_credential(&self, observer: Option<&Observer>) -> Examined {
        match self.settings.demand {
            Demand::Required => {
                tell(observer, || Outcome::MissingCredential);
                self.decided(Err(Refusal::MissingCredential))
            }
            Demand::Optional => {
                tell(observer, || Outcome::Anonymous);
                self.metrics.count_anonymous();
                Examined::Anonymous
            }
        }
    }

    fn decided(&self, outcome: Result<Admission, Refusal>) -> Examined {
        self.metrics.count(outcome.as_ref().err());
        // The grant carries the request's first reading of the clock.
        if let Ok(admission) = &outcome {
            let began = admission.grant().moment();
            self.metrics.record(self.elapsed(began));
        }
        Examined::Decided(outcome)
    }

    fn elapsed(&self, since: Moment) -> Duration {
        let now = self.gate.manager().clock().now();
        Duration::from_nanos(now.monotonic().saturating_sub(since.monotonic()))
    }
}

/// Tells whoever wants to hear of it.
fn tell(observer: Option<&Observer>, outcome: impl FnOnce() -> Outcome) {
    if let Some(observer) = observer {
        observer.tell(outcome());
    }
}
