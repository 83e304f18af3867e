//! The one place that turns a decision into a response.
//!
//! | [`Refusal`]         | status | `error`              | beside it |
//! |---------------------|--------|----------------------|-----------|
//! | `InvalidRequest`    | 400    | `invalid_request`    | challenge |
//! | `MissingCredential` | 401    | `missing_credential` | challenge without `error=` |
//! | `InvalidToken`      | 401    | `invalid_token`      | challenge |
//! | `InsufficientScope` | 403    | `insufficient_scope` | challenge with `scope=`, unless that is longer than 2 KiB |
//! | `RateLimited`       | 429    | `rate_limited`       | `Retry-After`, `RateLimit`, `RateLimit-Policy` |
//! | `Unavailable`       | 503    | `unavailable`        | `Retry-After` |
//! | `Misconfigured`     | 500    | `misconfigured`      | |
//!
//! Challenges are those of RFC 6750 section 3, bodies are problem details (RFC
//! 9457) with the same bytes each time: a client learns that its token is no
//! good, never why.
//!
//! To gRPC the same is said in gRPC's own words ([`Dialect`]): 3
//! `INVALID_ARGUMENT`, 16 `UNAUTHENTICATED`, 7 `PERMISSION_DENIED`, 8
//! `RESOURCE_EXHAUSTED`, 14 `UNAVAILABLE` and 13 `INTERNAL`, the fields of the
//! table as metadata, and the time to wait as `google.rpc.RetryInfo` too.
//!
//! # Words of one's own
//!
//! [`on_refusal`](crate::ApiKeyLayerBuilder::on_refusal) takes a hook that
//! changes the body and adds fields. It is told a [`Notice`]: what the client
//! is told, and no more.
//!
//! ```
//! use bytes::Bytes;
//! use http::HeaderValue;
//! use http::header::CONTENT_TYPE;
//! # use portcullis_admission::Gatekeeper;
//! # use portcullis_core::service::ServiceName;
//! # use portcullis_layer::ApiKeyLayer;
//! # const ORDERS: ServiceName = ServiceName::from_static("orders");
//!
//! # fn guarded(gate: Gatekeeper) {
//! let layer = ApiKeyLayer::builder(gate, ORDERS)
//!     .on_refusal(|notice, response| {
//!         let text = format!("{}: see https://example.com/keys\n", notice.kind());
//!         *response.body_mut() = Bytes::from(text);
//!         let plain = HeaderValue::from_static("text/plain");
//!         response.headers_mut().insert(CONTENT_TYPE, plain);
//!     })
//!     .build();
//! # drop(layer);
//! # }
//! ```
//!
//! What a refusal must say is said afterwards: the status is the one of the
//! table whatever the hook sets, and so are `WWW-Authenticate`, `Retry-After`,
//! `RateLimit`, `RateLimit-Policy`, `Cache-Control: no-store` and the length. A
//! hook that panics is logged, and the answer is the one without it. It runs on
//! the request's way, so it must wait for nothing. gRPC has no body to change:
//! its refusals pass the hook by.

mod details;
mod dialect;
mod hook;
mod notice;
mod refusal;
mod refuser;

pub use dialect::Dialect;
pub(crate) use hook::Hook;
pub use notice::{Notice, RefusalKind};
pub use refusal::Refusal;
pub use refuser::Refuser;

#[cfg(test)]
mod tests;
