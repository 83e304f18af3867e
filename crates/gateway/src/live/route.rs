use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use metrics::{Gauge, Histogram, gauge, histogram};
use portcullis::Context;
use portcullis::manager::Standing;
use portcullis::reject::{Dialect, Refusal, Refuser};

use crate::body::ProxyBody;
use crate::route::{Fate, GuardTerms, LivePolicy, RouteMeta};
use crate::server::EndReason;
use crate::telemetry::names;

/// How long clients are told to wait whose request was ended for no fault of their key.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the requests of one route must go on to satisfy, and how they are told where they do not.
#[derive(Debug)]
pub(super) struct LiveRoute {
    name: Arc<str>,
    terms: GuardTerms,
    policy: LivePolicy,
    refuser: Refuser,
    /// `portcullis_live_requests{service}`: those that are being served.
    pub(super) requests: Gauge,
    /// `portcullis_stream_end_duration_seconds{service}`: those that were ended.
    pub(super) endings: Histogram,
}

impl LiveRoute {
    /// Nothing where the route is open: its requests have no key.
    pub(super) fn of(route: &RouteMeta) -> Option<Self> {
        let terms = route.guard.clone()?;
        Some(Self {
            name: Arc::clone(&route.name),
            refuser: Refuser::new(&terms.service, &terms.requirement),
            requests: gauge!(names::LIVE_REQUESTS, "service" => terms.service.to_string()),
            endings: histogram!(
                names::STREAM_END_DURATION, "service" => terms.service.to_string()
            ),
            policy: route.live,
            terms,
        })
    }

    /// What the guard asked of the request's key.
    pub(super) fn context(&self, client: Option<IpAddr>) -> Context<'_> {
        Context::new(&self.terms.service)
            .environments(self.terms.environments)
            .require(&self.terms.requirement)
            .client(client)
    }

    /// Why a request ends whose grant stands like this; nothing where it goes on.
    pub(super) fn end(&self, standing: Standing) -> Option<EndReason> {
        let (fate, reason) = match standing {
            Standing::Ended(reason) => (self.policy.with_key, EndReason::Denied(reason)),
            Standing::Unknown => (self.policy.cut_off, EndReason::CutOff),
            Standing::Good { .. } | Standing::Unread => return None,
        };
        (fate == Fate::Ends).then_some(reason)
    }

    /// Whether it is worth a read to know how a grant stands.
    pub(super) fn ends_with_key(&self) -> bool {
        self.policy.with_key == Fate::Ends
    }

    /// The guard's own answer to a key that is refused.
    pub(super) fn refuse(&self, reason: EndReason, dialect: Dialect) -> Response<ProxyBody> {
        let refused = self.refuser.respond::<ProxyBody>(&refusal(reason), dialect);
        refused.map(ProxyBody::of)
    }

    /// By which the log knows it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The label `service`.
    pub(super) fn service(&self) -> &str {
        self.terms.service.as_str()
    }
}

/// What a client is told of the end.
pub(super) fn refusal(reason: EndReason) -> Refusal {
    match reason {
        EndReason::Denied(reason) => Refusal::from(reason),
        EndReason::CutOff | EndReason::Draining => Refusal::Unavailable {
            retry_after: RETRY_AFTER,
        },
    }
}
