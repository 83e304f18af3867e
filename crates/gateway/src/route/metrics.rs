use http::StatusCode;
use metrics::{Counter, Histogram, counter};
use portcullis::service::ServiceName;

use crate::body::BodyErrorKind;
use crate::server::HeadFault;
use crate::telemetry::names;
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
    failed: [(UpstreamErrorKind, Counter); UpstreamErrorKind::ALL.len()],
    bodies: [(BodyErrorKind, Counter); 7],
}

/// `portcullis_refused_total{status}`: what was refused before it came to a service; and
/// `portcullis_head_faults_total{fault}`: of these, what was no request at all.
#[derive(Debug)]
pub(super) struct RefusalMetrics {
    refused: [(StatusCode, Counter); 9],
    faults: [(HeadFault, Counter); 28],
}

impl UpstreamMetrics {
    /// Of a service; its label is empty, which is as good as none, for routes that belong to none.
    pub(super) fn new(service: Option<&ServiceName>) -> Self {
        let service = service.map_or("", ServiceName::as_str);
        let requests = |outcome: &'static str| {
            let service = service.to_owned();
            counter!(
                names::UPSTREAM_REQUESTS, "service" => service, "outcome" => outcome
            )
        };
        let bodies = |kind: &'static str| {
            let service = service.to_owned();
            counter!(
                names::UPSTREAM_BODY_ERRORS, "service" => service, "kind" => kind
            )
        };
        Self {
            answered: requests("answered"),
            seconds: metrics::histogram!(
                names::UPSTREAM_DURATION, "service" => service.to_owned()
            ),
            failed: UpstreamErrorKind::ALL.map(|kind| (kind, requests(kind.as_str()))),
            bodies: BodyErrorKind::ALL.map(|kind| (kind, bodies(kind.as_str()))),
        }
    }

    /// Counts a request that was not answered.
    pub(super) fn failed(&self, kind: UpstreamErrorKind) {
        increment(&self.failed, &kind);
    }

    /// Counts an answer whose body did not come to its end.
    pub(super) fn body_failed(&self, kind: BodyErrorKind) {
        increment(&self.bodies, &kind);
    }
}

impl RefusalMetrics {
    pub(super) fn new() -> Self {
        let statuses = [
            StatusCode::BAD_REQUEST,
            StatusCode::NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::URI_TOO_LONG,
            StatusCode::EXPECTATION_FAILED,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            StatusCode::NOT_IMPLEMENTED,
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        ];
        let refused = |status: StatusCode| {
            let label = status.as_str().to_owned();
            (status, counter!(names::REFUSED, "status" => label))
        };
        let faults = HeadFault::ALL.map(|fault| {
            let counter = counter!(names::HEAD_FAULTS, "fault" => fault.as_str());
            (fault, counter)
        });
        Self {
            refused: statuses.map(refused),
            faults,
        }
    }

    /// Counts a request that goes to no service.
    pub(super) fn refused(&self, status: StatusCode) {
        increment(&self.refused, &status);
    }

    /// Counts what was no request.
    pub(super) fn faulty(&self, fault: HeadFault) {
        increment(&self.faults, &fault);
    }
}

fn increment<K: PartialEq>(counters: &[(K, Counter)], of: &K) {
    if let Some((_, counter)) = counters.iter().find(|(kind, _)| kind == of) {
        counter.increment(1);
    }
}
