use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::AccessBody;
use super::record::Record;

pin_project! {
    /// The inner service's answer, and the record of its request.
    #[derive(Debug)]
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        answer: F,
        record: Option<Record>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(answer: F, record: Record) -> Self {
        Self {
            answer,
            record: Some(record),
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<AccessBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.answer.poll(cx))?;
        let mut record = this.record.take();
        if let Some(record) = &mut record {
            record.head(&response);
        }
        Poll::Ready(Ok(response.map(|body| AccessBody::new(body, record))))
    }
}
