use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    TRAILER, TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Response, StatusCode};
use portcullis_core::scope::Requirement;
use portcullis_core::service::ServiceName;

use super::dialect::tell_grpc;
use super::hook::Hook;
use super::{Dialect, Notice, Refusal};
use crate::body::Body;
use crate::fields::{RATE_LIMIT, RATE_LIMIT_POLICY, RateLimitFields};

/// The longest `scope` attribute of a challenge, in bytes: clients and proxies
/// in front refuse answers whose fields are much longer than this.
const LONGEST_SCOPE: usize = 2 * 1024;

/// The fields of a refusal that are ours to say, or the server's: what a hook
/// writes into them is gone.
const OURS: [HeaderName; 9] = [
    WWW_AUTHENTICATE,
    RETRY_AFTER,
    RATE_LIMIT,
    RATE_LIMIT_POLICY,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    CONNECTION,
    TRAILER,
    UPGRADE,
];

/// Makes the responses of refusals, for one service and what is required of
/// its keys. The challenges are written once.
#[derive(Debug)]
pub struct Refuser {
    missing_credential: HeaderValue,
    invalid_request: HeaderValue,
    invalid_token: HeaderValue,
    insufficient_scope: HeaderValue,
    fields: RateLimitFields,
    hook: Option<Hook>,
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
            hook: None,
        }
    }

    /// Lets the hook change what is said, where there is one.
    #[must_use]
    pub(crate) fn with_hook(self, hook: Option<Hook>) -> Self {
        Self { hook, ..self }
    }

    pub(crate) const fn hook(&self) -> Option<&Hook> {
        self.hook.as_ref()
    }

    /// The response that tells the client of a refusal.
    #[must_use]
    pub fn respond<B>(&self, refusal: &Refusal, dialect: Dialect) -> Response<Body<B>> {
        let mut response = respond(refusal, dialect, self.hook.as_ref());
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
        respond(&Refusal::Misconfigured, dialect, None)
    }
}

/// All that does not depend on whose refusal it is. What must be said is said
/// last, so that no hook can take it away.
fn respond<B>(refusal: &Refusal, dialect: Dialect, hook: Option<&Hook>) -> Response<Body<B>> {
    let is_http = dialect == Dialect::Http;
    let (mut headers, text) = if is_http {
        in_http(refusal, hook)
    } else {
        (HeaderMap::new(), Bytes::new())
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let wait = refusal.retry_after_seconds();
    if let Some(seconds) = wait {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    let mut status = StatusCode::OK;
    if is_http {
        headers.insert(CONTENT_LENGTH, text.len().into());
        status = refusal.status();
    } else {
        headers.insert(CONTENT_TYPE, dialect.content_type());
        tell_grpc(&mut headers, refusal.kind(), wait);
    }
    let mut response = Response::new(Body::refusal(text));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The problem details, or what a hook says in their place.
fn in_http(refusal: &Refusal, hook: Option<&Hook>) -> (HeaderMap, Bytes) {
    let mut plain = Response::new(Bytes::from_static(refusal.problem().as_bytes()));
    *plain.status_mut() = refusal.status();
    let content_type = Dialect::Http.content_type();
    plain.headers_mut().insert(CONTENT_TYPE, content_type);
    let Some(hook) = hook else {
        let (parts, text) = plain.into_parts();
        return (parts.headers, text);
    };
    let (mut parts, text) = hook.apply(&Notice::of(refusal), plain).into_parts();
    for name in OURS {
        parts.headers.remove(name);
    }
    (parts.headers, text)
}

/// The permissions are told where they fit, each once and alternatives among
/// them: the attribute has no word for these. RFC 6750 section 3.1 lets it be
/// left out.
fn insufficient_scope(bearer: &str, requirement: &Requirement) -> HeaderValue {
    let mut names: Vec<&str> = Vec::new();
    for permission in requirement.iter() {
        if !names.contains(&permission.as_str()) {
            names.push(permission.as_str());
        }
    }
    let scope = names.join(" ");
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
