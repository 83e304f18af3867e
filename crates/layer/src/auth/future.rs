use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use portcullis_admission::{Admission, Allowance};
use tower::Service;

use super::guard::{Guard, Lookup};
use crate::body::Body;
use crate::reject::{Dialect, Refusal};

pin_project! {
    /// The answer of [`ApiKey`](super::ApiKey): a refusal, or the inner
    /// service's answer. Only a key that must be looked up takes a box.
    #[must_use = "futures do nothing unless they are polled"]
    pub struct ResponseFuture<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        guard: Arc<Guard>,
        #[pin]
        state: State<S, ReqBody>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, ReqBody>
    where
        S: Service<Request<ReqBody>>,
    {
        Refused { refusal: Refusal, dialect: Dialect },
        LookingUp { outcome: BoxedOutcome, waiting: Option<(S, Request<ReqBody>)> },
        Forwarding { #[pin] answer: S::Future, allowance: Option<Allowance> },
    }
}

type BoxedOutcome = Pin<Box<dyn Future<Output = Result<Admission, Refusal>> + Send>>;

impl<S, ReqBody> ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    pub(super) fn refused(refusal: Refusal, dialect: Dialect, guard: Arc<Guard>) -> Self {
        Self {
            guard,
            state: State::Refused { refusal, dialect },
        }
    }

    pub(super) fn looking_up(
        lookup: Lookup,
        inner: S,
        request: Request<ReqBody>,
        guard: Arc<Guard>,
    ) -> Self {
        let asked = Arc::clone(&guard);
        let outcome = Box::pin(async move { asked.look_up(lookup).await });
        Self {
            guard,
            state: State::LookingUp {
                outcome,
                waiting: Some((inner, request)),
            },
        }
    }

    pub(super) fn forwarding(
        answer: S::Future,
        allowance: Option<Allowance>,
        guard: Arc<Guard>,
    ) -> Self {
        Self {
            guard,
            state: State::Forwarding { answer, allowance },
        }
    }
}

impl<S, ReqBody, ResBody> Future for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Output = Result<Response<Body<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Refused { refusal, dialect } => {
                    return Poll::Ready(Ok(this.guard.refuse(refusal, *dialect)));
                }
                StateProjection::LookingUp { outcome, waiting } => {
                    let outcome = ready!(outcome.as_mut().poll(cx));
                    proceed(this.guard, outcome, waiting.take())
                }
                StateProjection::Forwarding { answer, allowance } => {
                    let mut response = ready!(answer.poll(cx))?;
                    if let Some(allowance) = allowance {
                        this.guard.announce(&mut response, *allowance);
                    }
                    return Poll::Ready(Ok(response.map(Body::inner)));
                }
            };
            this.state.set(next);
        }
    }
}

/// What follows a look-up.
fn proceed<S, ReqBody>(
    guard: &Guard,
    outcome: Result<Admission, Refusal>,
    waiting: Option<(S, Request<ReqBody>)>,
) -> State<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    // What waits is taken once, when the look-up ends, and the state changes
    // with it: without it there is nothing to forward.
    let Some((mut inner, request)) = waiting else {
        return State::Refused {
            refusal: Refusal::Misconfigured,
            dialect: Dialect::Http,
        };
    };
    let (mut parts, body) = request.into_parts();
    match outcome {
        Ok(admission) => {
            let allowance = guard.admit(&mut parts, admission);
            State::Forwarding {
                answer: inner.call(Request::from_parts(parts, body)),
                allowance,
            }
        }
        Err(refusal) => State::Refused {
            refusal,
            dialect: Dialect::of(&parts.headers),
        },
    }
}

impl<S, ReqBody> fmt::Debug for ResponseFuture<S, ReqBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Refused { .. } => "refused",
            State::LookingUp { .. } => "looking up",
            State::Forwarding { .. } => "forwarding",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
