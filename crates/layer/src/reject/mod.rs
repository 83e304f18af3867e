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
//! good, never why. To gRPC the same is said in gRPC's own words ([`Dialect`]).

mod dialect;
mod refusal;
mod refuser;

pub use dialect::Dialect;
pub use refusal::Refusal;
pub use refuser::Refuser;

#[cfg(test)]
mod tests;
