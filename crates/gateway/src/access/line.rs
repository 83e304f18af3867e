use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::Version;
use portcullis::auth;
use portcullis::clock::Timestamp;
use portcullis::key::KeyId;
use portcullis::limits::Rate;
use serde::{Serialize, Serializer};

use crate::headers::request_id::RequestId;
use crate::headers::trace_context::TraceId;

/// A line of the access log. What is not known, or does not apply, is left out.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    /// When the head of the request was there.
    #[serde(serialize_with = "shown")]
    pub(super) time: Timestamp,
    #[serde(
        serialize_with = "shown_if_some",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) request_id: Option<RequestId>,
    #[serde(
        serialize_with = "shown_if_some",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) trace_id: Option<TraceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<IpAddr>,
    /// The other end of the connection, where that is not the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peer: Option<IpAddr>,
    pub(super) protocol: &'static str,
    /// The version of TLS; nothing in the clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service: Option<&'a str>,
    #[serde(flatten)]
    pub(super) decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upstream: Option<&'a str>,
    /// The address of it that answered, or was tried last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) endpoint: Option<SocketAddr>,
    /// How many attempts were made, where there were several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<u32>,
    /// What failed: an upstream's error, or a body's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<&'static str>,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decision_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upstream_ms: Option<f64>,
    pub(super) outcome: &'static str,
}

/// What was decided of the request.
#[derive(Debug, Default, Serialize)]
pub(super) struct Decision {
    #[serde(
        serialize_with = "shown_if_some",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) key_id: Option<KeyId>,
    /// What a token that was refused only says of itself.
    #[serde(
        serialize_with = "shown_if_some",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) claimed_key_id: Option<KeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verdict: Option<&'static str>,
    /// Why the verdict is no grant, or why the request was ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) admission: Option<&'static str>,
    #[serde(
        serialize_with = "shown_if_some",
        skip_serializing_if = "Option::is_none"
    )]
    rate: Option<Rate>,
    /// How many more requests would pass now.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u32>,
    /// What the client was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<&'static str>,
}

impl Decision {
    /// Of what came to no route, and what it was told.
    pub(super) fn nowhere(refused: Option<&'static str>) -> Self {
        Self {
            refused,
            ..Self::default()
        }
    }

    /// Of a route that asks for no key.
    pub(super) fn open() -> Self {
        Self {
            verdict: Some("open"),
            ..Self::default()
        }
    }

    pub(super) fn of(outcome: &auth::Outcome) -> Self {
        let allowance = outcome.allowance();
        let (verdict, reason, admission) = match outcome {
            auth::Outcome::Admitted { .. } => (Some("granted"), None, Some("admitted")),
            auth::Outcome::Throttled { .. } => (Some("granted"), None, Some("throttled")),
            auth::Outcome::Anonymous => (Some("anonymous"), None, None),
            auth::Outcome::Denied(denial) => (Some("denied"), Some(denial.reason().as_str()), None),
            auth::Outcome::Unavailable(unavailability) => {
                let cause = unavailability.cause().as_str();
                (Some("unavailable"), Some(cause), None)
            }
            _ => (None, None, None),
        };
        Self {
            key_id: outcome.key(),
            claimed_key_id: outcome.claimed_key(),
            verdict,
            reason,
            admission,
            rate: allowance.map(|allowance| allowance.rate()),
            remaining: allowance.map(|allowance| allowance.remaining()),
            refused: outcome.refusal().map(auth_word),
        }
    }
}

impl Line<'_> {
    /// The line as it is written, with its end.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(640);
        // Nothing in it can fail: the keys are names, the numbers finite.
        if serde_json::to_writer(&mut bytes, &self).is_err() {
            bytes.clear();
        }
        bytes.push(b'\n');
        bytes
    }
}

/// Nanoseconds as milliseconds, to the microsecond.
pub(super) fn millis(nanos: u64) -> f64 {
    (nanos / 1_000) as f64 / 1_000.0
}

pub(super) const fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

fn auth_word(kind: portcullis::reject::RefusalKind) -> &'static str {
    kind.as_str()
}

fn shown<T: std::fmt::Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn shown_if_some<T, S>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error>
where
    T: std::fmt::Display,
    S: Serializer,
{
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}
