use axum::extract::State as Extract;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::Readiness;
use crate::access::AccessLog;
use crate::server::{HeadFault, ServerStats};
use crate::telemetry::{Metrics, names};

/// What the operations listener tells of.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) readiness: Readiness,
    pub(crate) metrics: Metrics,
    pub(crate) public: ServerStats,
    pub(crate) access: AccessLog,
}

/// The paths of the operations listener.
pub(crate) fn router(state: State) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(nowhere)
        .with_state(state)
}

/// What came instead of a request has no path that is served.
async fn nowhere(fault: Option<Extension<HeadFault>>) -> StatusCode {
    fault.map_or(StatusCode::NOT_FOUND, |Extension(fault)| fault.status())
}

async fn ready(Extract(state): Extract<State>) -> impl IntoResponse {
    let report = state.readiness.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report))
}

async fn metrics(Extract(state): Extract<State>) -> impl IntoResponse {
    let counts = state.public.read();
    for (name, count) in [
        (names::CONNECTIONS_ACCEPTED, counts.accepted),
        (names::ACCEPT_ERRORS, counts.accept_errors),
        (names::HEAD_TIMEOUTS, counts.head_timeouts),
        (names::IDLE_TIMEOUTS, counts.idle_timeouts),
        (names::WRITE_TIMEOUTS, counts.write_timeouts),
        (names::REQUESTS_CUT, counts.requests_cut),
        (names::HTTP2_CONNECTIONS, counts.http2_connections),
    ] {
        metrics::counter!(name).absolute(count);
    }
    for (why, count) in [
        ("address", counts.over_address),
        ("proxy_header", counts.without_proxy_header),
    ] {
        metrics::counter!(names::CONNECTIONS_REFUSED, "why" => why).absolute(count);
    }
    metrics::gauge!(names::CONNECTIONS_OPEN).set(counts.open as f64);
    state.access.count();
    for (why, count) in counts.http2_calmed.by_name() {
        metrics::counter!(names::HTTP2_CALMED, "why" => why).absolute(count);
    }
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        state.metrics.render(),
    )
}
