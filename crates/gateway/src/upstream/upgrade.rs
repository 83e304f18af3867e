//! Requests for another protocol.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::answer::{self, AnswerFault};
use super::health::Severity;
use super::member::{Assigned, Member, Terms};
use super::room::Seat;
use super::roster::Roster;
use super::{ExchangeTimes, UpstreamError, UpstreamErrorKind};
use crate::access::Notes;
use crate::body::{BodySource, IdleTimeout, ProxyBody};
use crate::headers::upgrade::Upgrade;
use crate::tls::Stream;
use crate::tunnel::Switched;

/// An answer on a connection of its own, that nobody uses again.
#[derive(Debug)]
struct Single {
    answer: Incoming,
    _held: Held,
}

/// What is let go with the connection.
#[derive(Debug)]
struct Held {
    _driver: AbortOnDropHandle<()>,
    _assigned: Assigned,
    _seat: Seat,
}

/// Sends a request for another protocol over HTTP/1.1, on a connection of its own: what an upstream
/// has been asked before decides nothing. An answer of 101 has the connection in its extensions.
pub(super) async fn send(
    request: Request<ProxyBody>,
    upgrade: &Upgrade,
    roster: &Arc<Roster>,
    terms: &Arc<Terms>,
    seat: Seat,
) -> Result<Response<ProxyBody>, UpstreamError> {
    let times = ExchangeTimes::of(&request);
    let (assigned, stream) = connect(roster, terms, request.extensions().get()).await?;
    let request = outgoing(request, &assigned.member);
    let method = request.method().clone();
    let handshake = terms.http().handshake(TokioIo::new(stream)).await;
    let (mut requests, driver) = handshake.map_err(|error| terms.error(error))?;
    let driver = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = driver.with_upgrades().await {
            tracing::debug!(%error, "a connection to an upstream ended early");
        }
    }));
    let waiting = timeout(
        times.response(&terms.config),
        requests.send_request(request),
    );
    let mut answer = match waiting.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            roster.strike(&assigned, Severity::Whole);
            return Err(terms.error(error));
        }
        Err(_) => {
            roster.strike(&assigned, Severity::Half);
            return Err(terms.error_of(UpstreamErrorKind::ResponseTimeout));
        }
    };
    let switches = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    let checked = match switches {
        true if upgrade.is_met(answer.headers()) => Ok(()),
        true => Err(AnswerFault::OtherUpgrade),
        false => answer::check(&method, &answer),
    };
    if let Err(fault) = checked {
        roster.strike(&assigned, Severity::Whole);
        return Err(terms.error(fault));
    }
    roster.forgive(&assigned);
    let held = Held {
        _driver: driver,
        _assigned: assigned,
        _seat: seat,
    };
    if switches {
        let switched = hyper::upgrade::on(&mut answer).await;
        let switched = switched.map_err(|error| terms.error(error))?;
        let mut answer = answer.map(|_| ProxyBody::empty());
        let extensions = answer.extensions_mut();
        extensions.insert(Switched::new(switched, held));
        return Ok(answer);
    }
    let timeout = times.body(&terms.config);
    Ok(answer.map(|answer| {
        let answer = Single {
            answer,
            _held: held,
        };
        ProxyBody::of(IdleTimeout::new(answer, timeout, BodySource::Upstream))
    }))
}

/// A connection to whoever can be reached. Nothing is sent on those that do not come about.
async fn connect(
    roster: &Arc<Roster>,
    terms: &Arc<Terms>,
    notes: Option<&Notes>,
) -> Result<(Assigned, Stream), UpstreamError> {
    let mut assigned = roster.first().await?;
    let mut tried = Vec::new();
    loop {
        if let Some(notes) = notes {
            notes.tried(assigned.member.address);
        }
        let error = match assigned.member.connect_alone().await {
            Ok(stream) => return Ok((assigned, stream)),
            Err(error) => error,
        };
        roster.strike(&assigned, Severity::Whole);
        tried.push(Arc::clone(&assigned.member));
        if tried.len() >= terms.config.retry.attempts {
            return Err(error);
        }
        assigned = roster.choose_well(&tried).ok_or(error)?;
    }
}

fn outgoing(request: Request<ProxyBody>, member: &Member) -> Request<Empty<Bytes>> {
    let mut request = request.map(|_| Empty::new());
    let target = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    if !headers.contains_key(HOST) {
        headers.insert(HOST, member.endpoint.host.clone());
    }
    request
}

impl Body for Single {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.answer).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}
