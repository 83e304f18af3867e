//! Spans of requests, sent to a collector: OpenTelemetry's protocol, OTLP.
//!
//! Whoever is asked to trace a request has its record already (`access`): when that is finished, it
//! is told once more as one span, and as a second one for the exchange with the upstream. There is
//! no tracer and no second measurement, and without `[trace.otlp]` a request pays for one look at
//! an `Option`.
//!
//! Spans wait in a queue of bounded length ([`OtlpConfig::queue`]), which nobody waits for, and go
//! to the collector in batches, by a task of its own, over the gateway's own
//! [`HttpUpstream`](crate::upstream::HttpUpstream): the collector is an upstream like others, with
//! the same TLS. One that is away, slow, or talks nonsense is tried again and again; what there is
//! no room for meanwhile is lost, and counted.
//!
//! No span holds a token or a query. Of the request's fields it holds `Host`, `User-Agent`, the
//! client's address as trusted proxies tell it and, of a trace that somebody tells who may,
//! `tracestate`, which is left out where something in it looks like a token.
//!
//! All but the configuration is there with the feature `otlp` alone.

mod config;
mod endpoint;
mod ratio;

#[cfg(not(feature = "otlp"))]
mod absent;
#[cfg(feature = "otlp")]
mod collector;
#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod failure;
#[cfg(feature = "otlp")]
mod grpc;
#[cfg(feature = "otlp")]
mod message;
#[cfg(feature = "otlp")]
mod meters;
#[cfg(feature = "otlp")]
mod queue;
#[cfg(feature = "otlp")]
mod span;

#[cfg(not(feature = "otlp"))]
pub(crate) use absent::{SpanQueue, open};
pub use config::{OtlpConfig, OtlpProtocol};
pub use endpoint::OtlpEndpoint;
#[cfg(feature = "otlp")]
pub(crate) use exporter::open;
#[cfg(feature = "otlp")]
pub(crate) use queue::SpanQueue;
pub use ratio::Ratio;
#[cfg(feature = "otlp")]
pub(crate) use span::{Kind, Span, Spans, Value};
