use http::StatusCode;
use metrics::{Counter, Histogram, counter};
use portcullis::service::ServiceName;

use crate::body::BodyErrorKind;
use crate::upstream::UpstreamErrorKind;

/// What one upstream is counted by: `portcullis_upstream_requests_total{service, outcome}`,
/// `portcullis_upstream_duration_seconds{service}` from the request to the head of its answer or
/// the failure, and `portcullis_upstream_body_errors_total{service, kind}` for answers that broke
/// off or stood still.
///
/// The handles are made once, for the recorder that is installed then.
#[derive(Debug)]
pub(super) struct UpstreamMetrics {
    pub(super) answered: Counter,
    pub(super) seconds: Histogram,
    failed: [(UpstreamErrorKind, Counter); 7],
    stalled: Counter,
    broken: Counter,
}

/// `portcullis_refused_total{status}`: what was refused before it came to a service.
#[derive(Debug)]
pub(super) struct RefusalMetrics {
    refused: [(StatusCode, Counter); 4],
}

impl UpstreamMetrics {
    pub(super) fn new(service: &ServiceName) -> Self {
        let requests = |outcome: &'static str| {
            let service = service.to_string();
            counter!(
                "portcullis_upstream_requests_total", "service" => service, "outcome" => outcome
            )
        };
        let bodies = |kind: &'static str| {
            let service = service.to_string();
            counter!(
                "portcullis_upstream_body_errors_total", "service" => service, "kind" => kind
            )
        };
        Self {
            answered: requests("answered"),
            seconds: metrics::histogram!(
                "portcullis_upstream_duration_seconds", "service" => service.to_string()
            ),
            failed: UpstreamErrorKind::ALL.map(|kind| (kind, requests(kind.as_str()))),
            stalled: bodies("stalled"),
            broken: bodies("broken"),
        }
    }

    /// Counts a request that was not answered.
    pub(super) fn failed(&self, kind: UpstreamErrorKind) {
        increment(&self.failed, &kind);
    }

    /// Counts an answer whose body did not come to its end.
    pub(super) fn body_failed(&self, kind: BodyErrorKind) {
        match kind {
            BodyErrorKind::Stalled => &self.stalled,
            BodyErrorKind::Broken => &self.broken,
        }
        .increment(1);
    }
}

impl RefusalMetrics {
    pub(super) fn new() -> Self {
        let statuses = [
            StatusCode::BAD_REQUEST,
            StatusCode::NOT_FOUND,
            StatusCode::URI_TOO_LONG,
            StatusCode::NOT_IMPLEMENTED,
        ];
        let refused = |status: StatusCode| {
            let label = status.as_str().to_owned();
            (
                status,
                counter!("portcullis_refused_total", "status" => label),
            )
        };
        Self {
            refused: statuses.map(refused),
        }
    }

    /// Counts a request that goes to no service.
    pub(super) fn refused(&self, status: StatusCode) {
        increment(&self.refused, &status);
    }
}

fn increment<K: PartialEq>(counters: &[(K, Counter)], of: &K) {
    if let Some((_, counter)) = counters.iter().find(|(kind, _)| kind == of) {
        counter.increment(1);
    }
}
