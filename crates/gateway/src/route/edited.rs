use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::headers::edits::Edits;

/// Edits the fields of every answer that a route's action gives, our own faults included.
#[derive(Debug, Clone)]
pub(crate) struct EditedLayer {
    edits: Option<Arc<Edits>>,
}

/// What [`EditedLayer`] puts around a service.
#[derive(Debug, Clone)]
pub(crate) struct Edited<S> {
    inner: S,
    edits: Option<Arc<Edits>>,
}

pin_project! {
    pub(crate) struct EditedFuture<F> {
        #[pin]
        inner: F,
        edits: Option<Arc<Edits>>,
    }
}

impl EditedLayer {
    pub(crate) fn new(edits: &Edits) -> Self {
        let none = *edits == Edits::default();
        Self {
            edits: (!none).then(|| Arc::new(edits.clone())),
        }
    }
}

impl<S> Layer<S> for EditedLayer {
    type Service = Edited<S>;

    fn layer(&self, inner: S) -> Edited<S> {
        Edited {
            inner,
            edits: self.edits.clone(),
        }
    }
}

impl<S, B, ResBody> Service<Request<B>> for Edited<S>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = EditedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> EditedFuture<S::Future> {
        EditedFuture {
            inner: self.inner.call(request),
            edits: self.edits.clone(),
        }
    }
}

impl<F, ResBody, E> Future for EditedFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        if let Some(edits) = this.edits {
            edits.apply(response.headers_mut());
        }
        Poll::Ready(Ok(response))
    }
}

impl<F> std::fmt::Debug for EditedFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EditedFuture")
            .field("edits", &self.edits)
            .finish_non_exhaustive()
    }
}
