use std::pin::pin;
use std::sync::Arc;

use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri, Version};
use tokio::time::sleep_until;

use super::connection::{Connection, RequestBody};
use super::connector::ConnectFailure;
use super::http2;
use super::line::{Carrier, Content, Line};
use super::member::{Member, Terms};
use super::progress::{Progress, Watched};
use super::retry::{Attempted, Stage};
use super::{ExchangeTimes, UpstreamError, UpstreamErrorKind};
use crate::body::{BodySource, IdleTimeout, ProxyBody};

/// A request on its way, and how far it has come.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) request: Request<RequestBody>,
    pub(super) progress: Arc<Progress>,
}

/// The head of an answer, and what the rest of it comes on.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) answer: Response<Content>,
    pub(super) carrier: Carrier,
}

/// Where a request finds its connection.
#[derive(Debug)]
pub(super) enum Way {
    Kept(Line),
    /// On a new one, or one that others have opened meanwhile.
    Open,
    /// On one that nobody else uses before or after: what an upstream has been asked before must
    /// decide nothing about a change of protocols.
    Alone,
}

/// A request without an answer.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: UpstreamError,
    pub(super) attempted: Attempted,
    /// The request, where nothing of it was sent.
    pub(super) unsent: Option<Request<RequestBody>>,
}

impl Outgoing {
    /// The request as it is sent: to a path and query.
    pub(super) fn new(request: Request<ProxyBody>, terms: &Terms) -> Self {
        let progress = Arc::new(Progress::new());
        let timeout = ExchangeTimes::of(&request).body(&terms.config);
        let mut request = request.map(|body| {
            let timed = IdleTimeout::new(body, timeout, BodySource::Client);
            Watched::new(timed, Arc::clone(&progress))
        });
        let target = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
        *request.version_mut() = Version::HTTP_11;
        Self { request, progress }
    }
}

/// Sends a request to a member, and waits for the head of the answer. The host is the one that the
/// request names, unless the member's own is given.
pub(super) async fn exchange(
    member: &Member,
    own_host: Option<&HeaderValue>,
    way: Way,
    mut request: Request<RequestBody>,
    progress: &Progress,
) -> Result<Begun, Box<Failed>> {
    if let Some(host) = own_host {
        request.headers_mut().insert(HOST, host.clone());
    }
    let opened = match way {
        Way::Kept(line) => Ok((line, Stage::OnKept)),
        Way::Open => member.open().await,
        Way::Alone => {
            let opened = member.open_alone().await;
            opened.map(|connection| (Line::Http1(connection), Stage::OnFresh))
        }
    };
    let (line, stage) = match opened {
        Ok(opened) => opened,
        Err(error) => return Err(Failed::before(error, request)),
    };
    match line {
        Line::Http1(connection) => {
            attempt(&member.terms, connection, stage, request, progress).await
        }
        Line::Http2(share) => {
            let begun = http2::attempt(member, share, stage, request, progress).await;
            begun.map(|(answer, stream)| Begun {
                answer: answer.map(Content::Http2),
                carrier: Carrier::Http2(stream),
            })
        }
    }
}

async fn attempt(
    terms: &Terms,
    mut connection: Connection,
    stage: Stage,
    request: Request<RequestBody>,
    progress: &Progress,
) -> Result<Begun, Box<Failed>> {
    progress.note();
    let timeout = ExchangeTimes::of(&request).response(&terms.config);
    let mut answer = pin!(connection.send(request));
    let (error, unsent) = loop {
        let silent_at = progress.silent_at(timeout);
        tokio::select! {
            biased;
            outcome = &mut answer => match outcome {
                Ok(answer) => return Ok(Begun {
                    answer: answer.map(Content::Http1),
                    carrier: Carrier::Http1(connection),
                }),
                Err(mut failure) => {
                    let unsent = failure.take_message();
                    let error = match connection.distrust() {
                        Some(fault) => terms.error(ConnectFailure::of_handshake(fault)),
                        None => terms.error(failure.into_error()),
                    };
                    break (error, unsent);
                }
            },
            () = sleep_until(silent_at) => {}
        }
        if progress.silent_at(timeout) <= silent_at {
            break (terms.error_of(UpstreamErrorKind::ResponseTimeout), None);
        }
    };
    let attempted = Attempted {
        stage,
        is_unsent: unsent.is_some(),
        has_begun: connection.has_heard(),
        is_refused: false,
        is_told: false,
    };
    Err(Box::new(Failed {
        error,
        attempted,
        unsent,
    }))
}

impl Failed {
    /// No connection came about.
    fn before(error: UpstreamError, request: Request<RequestBody>) -> Box<Self> {
        Box::new(Self {
            error,
            attempted: Attempted {
                stage: Stage::Connecting,
                is_unsent: true,
                has_begun: false,
                is_refused: false,
                is_told: false,
            },
            unsent: Some(request),
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;
    use http_body_util::Full;

    use super::*;
    use crate::upstream::UpstreamConfig;
    use crate::upstream::config::EndpointConfig;
    use crate::upstream::endpoint::Endpoint;
    use crate::upstream::lookup::{Resolve, System};
    use crate::wire::{Wire, eventually, listener};

    /// Also one that may not be sent twice.
    #[tokio::test]
    async fn request_of_which_nothing_was_sent_comes_back_whole() {
        let (listener, address) = listener().await;
        let config = UpstreamConfig::new(address.to_string().parse().unwrap());
        let place = EndpointConfig::new(config.endpoints[0].authority.clone());
        let terms = Arc::new(Terms::new("orders", config, None));
        let resolver: Arc<dyn Resolve> = Arc::new(System);
        let endpoint = Arc::new(Endpoint::new(&place, false, &resolver, &terms.meters).unwrap());
        let member = Member::new(address, &endpoint, &terms);
        let kept = member.dial().await.unwrap();
        drop(Wire::accept(&listener).await);
        eventually(async || kept.is_closed()).await;
        let body = ProxyBody::new(Full::new(Bytes::from_static(b"x")), BodySource::Client);
        let request = Request::builder().method(Method::POST).body(body).unwrap();
        let Outgoing { request, progress } = Outgoing::new(request, &terms);
        let kept = Way::Kept(Line::Http1(kept));
        let failed = exchange(&member, None, kept, request, &progress)
            .await
            .unwrap_err();
        assert!(failed.attempted.is_unsent && !progress.is_over());
        let request = failed.unsent.unwrap();
        let answering = async {
            let mut wire = Wire::accept(&listener).await;
            wire.until("\r\n\r\nx").await;
            wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        };
        let (begun, ()) = tokio::join!(
            exchange(&member, None, Way::Open, request, &progress),
            answering
        );
        assert_eq!(begun.unwrap().answer.status(), 204);
        assert!(progress.is_over());
    }
}
