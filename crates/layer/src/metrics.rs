use std::time::Duration;

use metrics::{Counter, Histogram};
use portcullis_core::service::ServiceName;

use crate::reject::Refusal;

/// What one layer counts: `portcullis_requests_total{service, outcome}`, and
/// `portcullis_decision_duration_seconds{service}` of the requests that passed
/// or waited for a look-up. A refusal at once is not timed: it would cost one
/// more reading of the clock.
///
/// The handles are made once, when the layer is built, for the recorder that
/// is installed then: nothing is looked up on a request's way. Both labels
/// come from configuration, never from a request.
#[derive(Debug)]
pub(crate) struct LayerMetrics {
    admitted: Counter,
    anonymous: Counter,
    missing: Counter,
    malformed: Counter,
    invalid: Counter,
    insufficient: Counter,
    throttled: Counter,
    unavailable: Counter,
    misconfigured: Counter,
    seconds: Histogram,
}

impl LayerMetrics {
    pub(crate) fn new(service: &ServiceName) -> Self {
        let requests = |outcome: &'static str| {
            let service = service.to_string();
            metrics::counter!("portcullis_requests_total", "service" => service, "outcome" => outcome)
        };
        let refused = |refusal: Refusal| requests(refusal.as_str());
        Self {
            admitted: requests("admitted"),
            anonymous: Counter::noop(),
            missing: refused(Refusal::MissingCredential),
            malformed: refused(Refusal::InvalidRequest),
            invalid: refused(Refusal::InvalidToken),
            insufficient: refused(Refusal::InsufficientScope),
            throttled: requests("rate_limited"),
            unavailable: refused(Refusal::Unavailable {
                retry_after: Duration::ZERO,
            }),
            misconfigured: refused(Refusal::Misconfigured),
            seconds: metrics::histogram!("portcullis_decision_duration_seconds", "service" => service.to_string()),
        }
    }

    /// Counts requests without a credential that pass as well: for layers that
    /// let them.
    pub(crate) fn with_anonymous(self, service: &ServiceName) -> Self {
        let service = service.to_string();
        Self {
            anonymous: metrics::counter!("portcullis_requests_total", "service" => service, "outcome" => "anonymous"),
            ..self
        }
    }

    /// Counts a decision.
    pub(crate) fn count(&self, refusal: Option<&Refusal>) {
        match refusal {
            None => &self.admitted,
            Some(Refusal::MissingCredential) => &self.missing,
            Some(Refusal::InvalidRequest) => &self.malformed,
            Some(Refusal::InvalidToken) => &self.invalid,
            Some(Refusal::InsufficientScope) => &self.insufficient,
            Some(Refusal::RateLimited(_)) => &self.throttled,
            Some(Refusal::Unavailable { .. }) => &self.unavailable,
            Some(Refusal::Misconfigured) => &self.misconfigured,
        }
        .increment(1);
    }

    /// Counts a request that passes without a credential.
    pub(crate) fn count_anonymous(&self) {
        self.anonymous.increment(1);
    }

    /// Records how long a decision took, a look-up included.
    pub(crate) fn record(&self, duration: Duration) {
        self.seconds.record(duration.as_secs_f64());
    }
}
