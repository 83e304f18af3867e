use std::task::{Context, Poll};

use http::{Request, Response};
use tower::Service;

use super::body::AccessBody;
use super::future::ResponseFuture;
use super::record::Record;
use super::upload::Upload;
use super::{AccessLog, Notes};

/// What [`AccessLayer`](super::AccessLayer) puts around a service.
#[derive(Debug, Clone)]
pub(crate) struct Access<S> {
    inner: S,
    log: AccessLog,
}

impl<S> Access<S> {
    pub(super) const fn new(inner: S, log: AccessLog) -> Self {
        Self { inner, log }
    }
}

impl<S, B, ResBody> Service<Request<B>> for Access<S>
where
    S: Service<Request<Upload<B>>, Response = Response<ResBody>>,
    ResBody: http_body::Body,
{
    type Response = Response<AccessBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let notes = Notes::default();
        let record = Record::begin(self.log.clone(), notes.clone(), &request);
        let extensions = request.extensions_mut();
        extensions.insert(notes.observer());
        extensions.insert(notes.clone());
        let request = request.map(|body| Upload::new(body, notes));
        ResponseFuture::new(self.inner.call(request), record)
    }
}
