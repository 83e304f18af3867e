use axum::extract::State as Extract;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::Readiness;
use crate::server::{HeadFault, ServerStats};
use crate::telemetry::Metrics;

/// What the operations listener tells of.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) readiness: Readiness,
    pub(crate) metrics: Metrics,
    pub(crate) public: ServerStats,
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
        ("portcullis_connections_accepted_total", counts.accepted),
        ("portcullis_accept_errors_total", counts.accept_errors),
        (
            "portcullis_connection_head_timeouts_total",
            counts.head_timeouts,
        ),
        (
            "portcullis_connection_idle_timeouts_total",
            counts.idle_timeouts,
        ),
        (
            "portcullis_connection_write_timeouts_total",
            counts.write_timeouts,
        ),
        ("portcullis_requests_cut_total", counts.requests_cut),
        (
            "portcullis_http2_connections_total",
            counts.http2_connections,
        ),
    ] {
        metrics::counter!(name).absolute(count);
    }
    for (why, count) in [
        ("address", counts.over_address),
        ("proxy_header", counts.without_proxy_header),
    ] {
        metrics::counter!("portcullis_connections_refused_total", "why" => why).absolute(count);
    }
    for (why, count) in counts.http2_calmed.by_name() {
        metrics::counter!("portcullis_http2_calmed_total", "why" => why).absolute(count);
    }
    metrics::gauge!("portcullis_connections_open").set(counts.open as f64);
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        state.metrics.render(),
    )
}
