use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response};
use http_body::Body;

use super::answer::{Asked, to_client};
use super::request::to_upstream;
use super::{Passage, Terms};
use crate::body::ProxyBody;
use crate::headers::trailers;
use crate::headers::upgrade::Upgrade;
use crate::tunnel::Switched;
use crate::upstream::{Upstream, UpstreamError, UpstreamErrorKind};

/// Sends requests to one upstream: the canonical path in place of the target, header fields as
/// [`headers`](crate::headers) has them, bodies as they come.
///
/// `Upgrade` is not handed on, so no connection changes its protocol. `Expect: 100-continue` is
/// answered here: the client gets its 100 when the connection to the upstream asks for the body,
/// and the upstream is not asked again.
#[derive(Clone)]
pub struct Forward {
    upstream: Arc<dyn Upstream>,
    terms: Arc<Terms>,
}

impl Forward {
    /// To an upstream, on the default terms.
    #[must_use]
    pub fn new(upstream: Arc<dyn Upstream>) -> Self {
        Self::on(upstream, Terms::default())
    }

    /// To an upstream, on these terms.
    #[must_use]
    pub fn on(upstream: Arc<dyn Upstream>, terms: Terms) -> Self {
        Self {
            upstream,
            terms: Arc::new(terms),
        }
    }

    /// The upstream's name.
    pub(crate) fn upstream(&self) -> &str {
        self.upstream.name()
    }

    /// Sends a request and gives back the response, its head ready for the client.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`] if no response began. A response whose body breaks off later shows that
    /// in its body.
    pub async fn send<B>(
        &self,
        request: Request<B>,
        passage: Passage,
    ) -> Result<Response<ProxyBody>, UpstreamError>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        // What is known to be too long is not begun.
        let limit = self.terms.body_bytes.unwrap_or(u64::MAX);
        if request.body().size_hint().lower() > limit {
            let name = self.upstream.name().into();
            return Err(UpstreamError::new(
                UpstreamErrorKind::RequestBodyTooLong,
                name,
            ));
        }
        let asked = Asked {
            head: *request.method() == Method::HEAD,
            trailers: trailers::are_accepted(request.headers()),
        };
        let request = to_upstream(request, passage, &self.terms);
        let upgrade = request.extensions().get::<Upgrade>().cloned();
        let mut response = self.upstream.send(request).await?;
        let switched = response.extensions_mut().remove::<Switched>();
        let mut response = to_client(response, asked, &self.terms);
        if let (Some(upgrade), Some(switched)) = (upgrade, switched) {
            // The head of a 101 has no content to describe (RFC 9110 section 8.6).
            response.headers_mut().remove(CONTENT_LENGTH);
            upgrade.set(response.headers_mut());
            response.extensions_mut().insert(switched);
        }
        Ok(response)
    }
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forward")
            .field("upstream", &self.upstream.name())
            .finish_non_exhaustive()
    }
}
