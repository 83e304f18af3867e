use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::body::Body;

pin_project! {
    /// The answer of [`RequireScopesService`](super::RequireScopesService): a
    /// refusal, or the inner service's answer.
    #[must_use = "futures do nothing unless they are polled"]
    pub struct ResponseFuture<F, ResBody> {
        #[pin]
        state: State<F, ResBody>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, ResBody> {
        Refused { response: Option<Box<Response<Body<ResBody>>>> },
        Forwarding { #[pin] answer: F },
    }
}

impl<F, ResBody> ResponseFuture<F, ResBody> {
    pub(super) fn refused(response: Response<Body<ResBody>>) -> Self {
        Self {
            state: State::Refused {
                response: Some(Box::new(response)),
            },
        }
    }

    pub(super) fn forwarding(answer: F) -> Self {
        Self {
            state: State::Forwarding { answer },
        }
    }
}

impl<F, ResBody, E> Future for ResponseFuture<F, ResBody>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = Result<Response<Body<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(*response)),
                // Polled after its end, against the contract of futures.
                None => Poll::Pending,
            },
            StateProjection::Forwarding { answer } => {
                Poll::Ready(ready!(answer.poll(cx)).map(|response| response.map(Body::inner)))
            }
        }
    }
}

impl<F, ResBody> fmt::Debug for ResponseFuture<F, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
