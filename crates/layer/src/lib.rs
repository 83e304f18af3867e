//! A tower layer that checks API keys in front of any HTTP service: axum,
//! hyper, tonic.
//!
//! - [`ApiKeyLayer`] finds the credential, asks the
//!   [`Gatekeeper`](portcullis_admission::Gatekeeper), and forwards the request
//!   without the credential and with a [`Grant`](portcullis_core::Grant), or
//!   refuses it.
//! - [`RequireScopes`] asks for more permissions of a part of the service.
//! - [`credential`] says where the credential is, [`reject`] what a refused
//!   client is told, [`client`] from where a request came, also behind proxies.
//! - With the feature `axum`, `Caller` is an extractor, and the peer's address
//!   comes from `ConnectInfo`.
//!
//! A request whose key is cached passes without a box for its future, and
//! without a lock of ours but for the key's first use after it was read or its
//! TTL has passed.
//!
//! # Metrics
//!
//! - `portcullis_requests_total{service, outcome}`: `admitted`, a refusal
//!   (`missing_credential`, `invalid_request`, `invalid_token`,
//!   `insufficient_scope`, `rate_limited`, `unavailable`, `misconfigured`), or
//!   `anonymous` behind an optional layer. Refusals of [`RequireScopes`] are not
//!   among them.
//! - `portcullis_decision_duration_seconds{service}`: a histogram, of the
//!   requests that passed or waited for a look-up.
//!
//! They go to the recorder that is installed when the layer is built.

pub mod auth;
#[cfg(feature = "axum")]
mod axum;
mod body;
pub mod client;
pub mod credential;
mod fields;
mod metrics;
pub mod reject;
pub mod scope;
#[cfg(test)]
mod testing;

#[cfg(feature = "axum")]
pub use self::axum::{Caller, CallerRejection};
pub use auth::{ApiKey, ApiKeyLayer, ApiKeyLayerBuilder};
pub use body::Body;
pub use client::{ClientAddr, ClientOrigin, TrustedProxies, TrustedProxiesService};
pub use fields::RateLimitFields;
pub use scope::{RequireScopes, RequireScopesService};
