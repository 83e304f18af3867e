//! The reverse proxy in front of the services that keys are issued for: as a library, and as the
//! program `portcullis`.
//!
//! A request's way through the parts that know nothing of keys: [`server`] takes the connection,
//! [`path`] makes the one path that is routed, authorized and forwarded, [`forward`] sets the
//! [`headers`] and streams the [`body`], [`upstream`] answers.
//!
//! [`gateway::serve`] is the whole, as `portcullis serve` runs it:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use portcullis_gateway::config::Config;
//! use portcullis_gateway::gateway;
//! use portcullis_gateway::listeners::Listeners;
//! use portcullis_gateway::telemetry::Metrics;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::load(Path::new("portcullis.toml"))?;
//! let metrics = Metrics::install()?; // before what is counted is made
//! let listeners = Listeners::bind(&config).await?;
//! let manager = config.open_manager().await?;
//! config.create_missing_services(&manager).await?;
//! let stop = async { drop(tokio::signal::ctrl_c().await) };
//! gateway::serve(config, manager, listeners, metrics, stop).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Metrics
//!
//! `/metrics` of the operations listener has these, and those of the manager
//! (`portcullis::manager::ManagerStats`), of the store, of the limits and of the layer, which
//! their crates list.
//!
//! | name | what |
//! |---|---|
//! | `portcullis_request_duration_seconds{service, route, class}` | a histogram: from the head of a request to the last byte of its answer; `class` is `1xx` to `5xx`, or `none` where the client left before an answer |
//! | `portcullis_gateway_duration_seconds{service, route}` | a histogram: of that, until the head of the answer, what was not the upstream's |
//! | `portcullis_request_body_bytes{service, route}`, `portcullis_response_body_bytes{service, route}` | histograms: what was read of requests' bodies, and handed on of answers' |
//! | `portcullis_upstream_requests_total{service, outcome}` | `answered`, or why not: an [`UpstreamErrorKind`](upstream::UpstreamErrorKind) |
//! | `portcullis_upstream_duration_seconds{service}` | a histogram: from the request to the head of its answer, or the failure |
//! | `portcullis_upstream_body_errors_total{service, kind}` | answers whose body `stalled`, or was `broken` off |
//! | `portcullis_upstream_requests_in_flight{upstream}`, `portcullis_upstream_requests_waiting{upstream}` | requests that have a turn, until the last of their answers, and that wait for one |
//! | `portcullis_upstream_connections_idle{upstream}` | connections that wait for a request |
//! | `portcullis_upstream_connections_dialled_total{upstream}`, `portcullis_upstream_connections_reused_total{upstream}` | connections that were opened, and kept ones that were used once more |
//! | `portcullis_upstream_connection_failures_total{upstream}` | connections that did not come about |
//! | `portcullis_upstream_addresses{upstream, condition}` | addresses that are `up`, `down` (not well when asked) or `ejected` (requests failed) |
//! | `portcullis_upstream_ejections_total{upstream}` | how often one was left out because requests failed |
//! | `portcullis_upstream_last_resorts_total{upstream}` | requests for which no address was left, so that all were asked |
//! | `portcullis_upstream_retries_total{upstream, reason}` | further attempts: nothing was sent (`unsent`), the upstream `refused` to begin, or `closed` before an answer, or the answer's `status` |
//! | `portcullis_upstream_retry_budget_spent_total{upstream}` | attempts that were not made because the budget was spent |
//! | `portcullis_upstream_health_checks_total{upstream, outcome}`, `portcullis_upstream_lookups_total{upstream, outcome}` | questions and look-ups, `good` or `bad` |
//! | `portcullis_refused_total{status}` | requests that came to no service: 400, 404, 414, 501 |
//! | `portcullis_head_faults_total{fault}` | of these, what was no request at all: a [`HeadFault`](server::HeadFault) |
//! | `portcullis_config_reloads_total{outcome}` | readings of a changed configuration: `applied`, `invalid`, or `failed` where the store did not take its new services |
//! | `portcullis_config_valid` | 1 where the last one that was read has no fault; what runs is the last one that had none |
//! | `portcullis_config_applied_timestamp_seconds` | when the one that runs was applied |
//! | `portcullis_config_restart_needed` | fields of it that count after a restart alone |
//! | `portcullis_panics_total` | requests that ended in a panic |
//! | `portcullis_connections_accepted_total`, `portcullis_connections_open` | connections of clients |
//! | `portcullis_http2_connections_total` | those of them that speak HTTP/2 |
//! | `portcullis_http2_calmed_total{why}` | connections of HTTP/2 that were told to calm down |
//! | `portcullis_open_files_limit` | how many files the program may have open: each connection is one |
//! | `portcullis_tls_handshakes_total{version, protocol}` | handshakes that came to their end, by what was agreed on |
//! | `portcullis_tls_handshake_failures_total{kind}` | those that did not: `timeout`, `closed`, `not_tls`, `incompatible`, `no_protocol`, `unknown_name`, `no_certificate`, `unknown_issuer`, `lapsed`, `wrong_name`, `bad_certificate`, `refused`, `alert`, `protocol` |
//! | `portcullis_accept_errors_total` | connections that could not be accepted |
//! | `portcullis_connections_refused_total{why}` | closed at once: their `address` has too many, or a proxy sent no `proxy_header` |
//! | `portcullis_connection_head_timeouts_total` | connections that ended before a head was whole |
//! | `portcullis_connection_idle_timeouts_total` | connections that ended without a further request |
//! | `portcullis_connection_write_timeouts_total` | connections whose client took nothing of its answer |
//! | `portcullis_live_requests{service}`, `portcullis_live_unread` | requests that are being served by a key; of how many it could not be said at the last look whether it stands |
//! | `portcullis_streams_ended_total{service, reason, how}` | requests that were ended while they were served: why, and by which means |
//! | `portcullis_stream_end_duration_seconds{service}` | a histogram: how long that took, from when the gateway heard of the change until nothing was left of the request |
//! | `portcullis_tunnels_open`, `portcullis_tunnels_ended_total{reason}` | connections that carry another protocol, and why they do no more: `closed`, `client_gone`, `upstream_broke`, `idle`, `ended` by the gateway, or `cut` where the client took nothing of that |
//! | `portcullis_requests_cut_total` | of these, those whose connection had to be cut |
//! | `portcullis_access_log_dropped_total{reason}` | lines of the access log that were lost: `queue_full`, `write_failed` |
//! | `portcullis_trace_spans_exported_total`, `portcullis_trace_spans_dropped_total{reason}` | spans that the collector took, and that were lost: `queue_full`, `export_failed`, `rejected` by the collector, `shutdown` |
//! | `portcullis_trace_exports_total{outcome}` | attempts at sending a batch of them: `success`, `partial_success`, `failure` |
//!
//! [`telemetry::names`] lists all that there are, with their labels.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | what |
//! |---|---|
//! | `otlp` | traces go to a collector of OpenTelemetry: [`spans`], `[trace.otlp]` of the configuration |

pub mod access;
pub mod body;
pub mod cli;
pub mod config;
mod deadline;
pub mod forward;
pub mod gateway;
pub mod headers;
mod life;
pub mod listeners;
mod live;
mod operations;
pub mod path;
mod problem;
pub mod reload;
mod route;
pub mod server;
pub mod setting;
pub mod spans;
mod stack;
mod stamp;
pub mod telemetry;
pub mod tls;
mod tunnel;
pub mod upstream;
#[cfg(test)]
mod wire;
