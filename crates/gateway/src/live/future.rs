use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Response, StatusCode};
use pin_project_lite::pin_project;

use super::body::LiveBody;
use super::served::Served;
use crate::body::ProxyBody;

pin_project! {
    /// The inner service's answer, or a refusal where the request ends before it.
    pub(crate) struct LiveFuture<F> {
        #[pin]
        answer: Option<F>,
        served: Option<Served>,
    }
}

impl<F> LiveFuture<F> {
    /// The answer to a request that nothing ends.
    pub(super) const fn passing(answer: F) -> Self {
        Self {
            answer: Some(answer),
            served: None,
        }
    }

    pub(super) const fn serving(answer: F, served: Served) -> Self {
        Self {
            answer: Some(answer),
            served: Some(served),
        }
    }

    /// The answer to a request that is to end already.
    pub(super) const fn refused(served: Served) -> Self {
        Self {
            answer: None,
            served: Some(served),
        }
    }
}

impl<F, E> Future for LiveFuture<F>
where
    F: Future<Output = Result<Response<ProxyBody>, E>>,
{
    type Output = Result<Response<ProxyBody>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(served) = this.served
            && let Poll::Ready(reason) = served.poll_ending(cx)
        {
            let refused = served.refuse(reason);
            // The upstream hears of it now, and not when the client has taken the answer.
            this.answer.set(None);
            *this.served = None;
            return Poll::Ready(Ok(refused));
        }
        let Some(answer) = this.answer.as_mut().as_pin_mut() else {
            // Polled after its end, against the contract of futures.
            return Poll::Pending;
        };
        let response = ready!(answer.poll(cx))?;
        this.answer.set(None);
        Poll::Ready(Ok(match this.served.take() {
            Some(served) => {
                let is_tunnel = response.status() == StatusCode::SWITCHING_PROTOCOLS;
                response.map(|body| ProxyBody::of(LiveBody::new(body, served, is_tunnel)))
            }
            None => response,
        }))
    }
}

impl<F> fmt::Debug for LiveFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveFuture")
            .field("served", &self.served)
            .finish_non_exhaustive()
    }
}
