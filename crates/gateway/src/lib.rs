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
//! | `portcullis_upstream_requests_total{service, outcome}` | `answered`, or why not: an [`UpstreamErrorKind`](upstream::UpstreamErrorKind) |
//! | `portcullis_upstream_duration_seconds{service}` | a histogram: from the request to the head of its answer, or the failure |
//! | `portcullis_upstream_body_errors_total{service, kind}` | answers whose body `stalled`, or was `broken` off |
//! | `portcullis_refused_total{status}` | requests that came to no service: 400, 404, 414, 501 |
//! | `portcullis_panics_total` | requests that ended in a panic |
//! | `portcullis_connections_accepted_total`, `portcullis_connections_open` | connections of clients |
//! | `portcullis_open_files_limit` | how many files the program may have open: each connection is one |
//! | `portcullis_tls_handshakes_total{version, protocol}` | handshakes that came to their end, by what was agreed on |
//! | `portcullis_tls_handshake_failures_total{kind}` | those that did not: `timeout`, `closed`, `not_tls`, `incompatible`, `unknown_name`, `no_certificate`, `unknown_issuer`, `lapsed`, `wrong_name`, `bad_certificate`, `refused`, `alert`, `protocol` |
//! | `portcullis_accept_errors_total` | connections that could not be accepted |
//! | `portcullis_connections_refused_total{why}` | closed at once: their `address` has too many, or a proxy sent no `proxy_header` |
//! | `portcullis_connection_head_timeouts_total` | connections that ended before a head was whole |
//! | `portcullis_connection_idle_timeouts_total` | connections that ended without a further request |
//! | `portcullis_connection_write_timeouts_total` | connections whose client took nothing of its answer |

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
mod route;
pub mod server;
pub mod setting;
mod stack;
mod stamp;
pub mod telemetry;
pub mod tls;
pub mod upstream;
#[cfg(test)]
mod wire;
