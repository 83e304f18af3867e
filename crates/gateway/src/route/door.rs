use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::future::{Either, Ready, ready};
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use http::request::Parts;
use http::{Extensions, Request, Response, StatusCode};
use portcullis::{ApiKey, ApiKeyLayer, Grant, token};
use tower::util::MapResponse;
use tower::{Layer, Service};

use crate::body::ProxyBody;
use crate::headers::spelling;
use crate::problem;

/// Who may come in by a route.
#[derive(Debug, Clone)]
pub(crate) enum DoorLayer {
    /// Whoever has a key that this guard grants.
    Required(ApiKeyLayer),
    /// Whoever has such a key, or none at all; for a guard that is optional.
    Optional(ApiKeyLayer),
    /// Everybody, unasked.
    Open(OpenDoor),
}

/// What an open door takes from those who come in: a key that nobody asked for is not for the
/// upstream to see.
#[derive(Debug, Clone)]
pub(crate) struct OpenDoor {
    /// The field that holds a key beside `Authorization`, with every mark as `-`.
    credential_header: Option<Box<str>>,
}

/// What [`DoorLayer`] puts around a service: requests that come through have [`Passed`].
#[derive(Debug, Clone)]
pub(crate) enum Door<S> {
    Guarded(ApiKey<Threshold<S>>),
    Open(Opened<S>),
}

/// The proof that a request came through a door, as an extension. Only doors make it, so what
/// asks for it cannot be reached past them.
#[derive(Debug, Clone)]
pub(crate) struct Passed(Option<Grant>);

/// The last step of a door, behind the guard: what it let pass gets its proof.
#[derive(Debug, Clone)]
pub(crate) struct Threshold<S> {
    inner: S,
    demand: Demand,
}

#[derive(Debug, Clone)]
enum Demand {
    Grant,
    GrantOrNone,
    Nothing(OpenDoor),
}

type Answer = Response<portcullis::Body<ProxyBody>>;

/// An open door answers in the same type as a guarded one.
type Opened<S> = MapResponse<Threshold<S>, fn(Response<ProxyBody>) -> Answer>;

impl Passed {
    /// The grant of the request's key; nothing where it came without one.
    pub(crate) fn grant(&self) -> Option<&Grant> {
        self.0.as_ref()
    }

    /// The proof of a request that a test brings past all doors.
    #[cfg(test)]
    pub(super) fn for_test(grant: Option<Grant>) -> Self {
        Self(grant)
    }
}

impl Demand {
    /// Gives a request its proof; not where a grant is missing that the guard should have left.
    fn pass(&self, parts: &mut Parts) -> bool {
        let passed = match self {
            Self::Grant => match granted(&parts.extensions) {
                None => return false,
                grant => Passed(grant),
            },
            Self::GrantOrNone => Passed(granted(&parts.extensions)),
            Self::Nothing(door) => {
                door.strip(&mut parts.headers);
                parts.extensions.remove::<Grant>();
                Passed(None)
            }
        };
        parts.extensions.insert(passed);
        true
    }
}

fn granted(extensions: &Extensions) -> Option<Grant> {
    extensions.get::<Grant>().cloned()
}

impl OpenDoor {
    /// Beside `Authorization`, keys are looked for in this field elsewhere.
    pub(crate) fn new(credential_header: Option<&HeaderName>) -> Self {
        let folded = |name: &HeaderName| {
            let bytes = name.as_str().chars();
            bytes
                .map(|mark| {
                    if mark.is_ascii_alphanumeric() {
                        mark
                    } else {
                        '-'
                    }
                })
                .collect()
        };
        Self {
            credential_header: credential_header.map(folded),
        }
    }

    /// Removes the credentials that are ours: the field that is for nothing else, and an
    /// `Authorization` with a token of ours in it. What else is there is for the upstream to check.
    fn strip(&self, headers: &mut HeaderMap) {
        if let Some(own) = &self.credential_header {
            spelling::remove_where(headers, |name| spelling::is(name, own));
        }
        let ours = headers.get_all(AUTHORIZATION).iter().any(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            token::redact(&text) != text
        });
        if ours {
            headers.remove(AUTHORIZATION);
        }
    }
}

impl<S> Layer<S> for DoorLayer {
    type Service = Door<S>;

    fn layer(&self, inner: S) -> Door<S> {
        match self {
            Self::Required(guard) => Door::Guarded(guard.layer(Threshold {
                inner,
                demand: Demand::Grant,
            })),
            Self::Optional(guard) => Door::Guarded(guard.layer(Threshold {
                inner,
                demand: Demand::GrantOrNone,
            })),
            Self::Open(door) => {
                let demand = Demand::Nothing(door.clone());
                Door::Open(MapResponse::new(Threshold { inner, demand }, wrap))
            }
        }
    }
}

fn wrap(response: Response<ProxyBody>) -> Answer {
    response.map(portcullis::Body::inner)
}

impl<S, B> Service<Request<B>> for Threshold<S>
where
    S: Service<Request<B>, Response = Response<ProxyBody>, Error = Infallible>,
{
    type Response = S::Response;
    type Error = Infallible;
    type Future = Either<Ready<Result<S::Response, Infallible>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        if self.demand.pass(&mut parts) {
            return Either::Right(self.inner.call(Request::from_parts(parts, body)));
        }
        tracing::error!("a request came through a guard without a grant");
        let response = problem::respond(StatusCode::INTERNAL_SERVER_ERROR, "misconfigured");
        Either::Left(ready(Ok(response)))
    }
}

impl<S, B> Service<Request<B>> for Door<S>
where
    S: Service<Request<B>, Response = Response<ProxyBody>, Error = Infallible> + Clone,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = Either<
        <ApiKey<Threshold<S>> as Service<Request<B>>>::Future,
        <Opened<S> as Service<Request<B>>>::Future,
    >;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        match self {
            Self::Guarded(guarded) => guarded.poll_ready(cx),
            Self::Open(open) => open.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self {
            Self::Guarded(guarded) => Either::Left(guarded.call(request)),
            Self::Open(open) => Either::Right(open.call(request)),
        }
    }
}
