use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::{HeaderMap, Response, StatusCode};
use portcullis_core::scope::Requirement;
use portcullis_core::service::ServiceName;

use super::dialect::grpc_status;
use super::{Dialect, Refusal};
use crate::body::Body;
use crate::fields::{RateLimitFields, whole_seconds};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The longest `scope` attribute of a challenge, in bytes: clients and proxies
/// in front refuse answers whose fields are much longer than this.
const LONGEST_SCOPE: usize = 2 * 1024;

/// Makes the responses of refusals, for one service and what is required of
/// its keys. The challenges are written once.
#[derive(Debug)]
pub struct Refuser {
    missing_credential: HeaderValue,
    invalid_request: HeaderValue,
    invalid_token: HeaderValue,
    insufficient_scope: HeaderValue,
    fields: RateLimitFields,
}

impl Refuser {
    /// Refuses on behalf of `service`, which is the challenges' realm.
    #[must_use]
    pub fn new(service: &ServiceName, requirement: &Requirement) -> Self {
        let bearer = format!("Bearer realm=\"{service}\"");
        let with_error = |error: &str| challenge(format!("{bearer}, error=\"{error}\""));
        Self {
            invalid_request: with_error("invalid_request"),
            invalid_token: with_error("invalid_token"),
            insufficient_scope: insufficient_scope(&bearer, requirement),
            missing_credential: challenge(bearer),
            fields: RateLimitFields::default(),
        }
    }

    /// The response that tells the client of a refusal.
    #[must_use]
    pub fn respond<B>(&self, refusal: &Refusal, dialect: Dialect) -> Response<Body<B>> {
        let mut response = respond(refusal, dialect);
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge(refusal) {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        if let Refusal::RateLimited(allowance) = refusal {
            self.fields.announce(headers, *allowance);
        }
        response
    }

    /// The fields that tell what remains of a rate, for responses of requests
    /// that were forwarded.
    #[must_use]
    pub fn fields(&self) -> &RateLimitFields {
        &self.fields
    }

    fn challenge(&self, refusal: &Refusal) -> Option<&HeaderValue> {
        match refusal {
            Refusal::MissingCredential => Some(&self.missing_credential),
            Refusal::InvalidRequest => Some(&self.invalid_request),
            Refusal::InvalidToken => Some(&self.invalid_token),
            Refusal::InsufficientScope => Some(&self.insufficient_scope),
            Refusal::RateLimited(_) | Refusal::Unavailable { .. } | Refusal::Misconfigured => None,
        }
    }
}

impl Refuser {
    /// The response of [`Refusal::Misconfigured`], where no service is known
    /// on whose behalf to refuse.
    #[must_use]
    pub fn misconfigured<B>(dialect: Dialect) -> Response<Body<B>> {
        respond(&Refusal::Misconfigured, dialect)
    }
}

/// All that does not depend on whose refusal it is.
fn respond<B>(refusal: &Refusal, dialect: Dialect) -> Response<Body<B>> {
    let text = if dialect == Dialect::Http {
        refusal.problem()
    } else {
        ""
    };
    let mut response = Response::new(Body::refusal(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, dialect.content_type());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(wait) = refusal.retry_after() {
        // Zero would invite the very next request.
        headers.insert(RETRY_AFTER, whole_seconds(wait).max(1).into());
    }
    if dialect == Dialect::Http {
        headers.insert(CONTENT_LENGTH, text.len().into());
        *response.status_mut() = refusal.status();
    } else {
        tell_grpc(headers, refusal);
        *response.status_mut() = StatusCode::OK;
    }
    response
}

fn tell_grpc(headers: &mut HeaderMap, refusal: &Refusal) {
    let (status, message) = grpc_status(refusal);
    headers.insert(GRPC_STATUS, HeaderValue::from_static(status));
    headers.insert(GRPC_MESSAGE, HeaderValue::from_static(message));
}

/// The permissions are told where they fit; RFC 6750 section 3.1 lets the
/// attribute be left out.
fn insufficient_scope(bearer: &str, requirement: &Requirement) -> HeaderValue {
    let scope = requirement.to_string();
    let told = match scope.len() {
        0..=LONGEST_SCOPE => format!(", scope=\"{scope}\""),
        _ => String::new(),
    };
    challenge(format!("{bearer}, error=\"insufficient_scope\"{told}"))
}

/// Names of services and permissions hold nothing that a quoted string or a
/// field must escape; the fallback is there for the compiler alone.
fn challenge(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(const { HeaderValue::from_static("Bearer") })
}
