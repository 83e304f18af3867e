use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use hyper::client::conn::http1::Builder;
use tokio::time::{Instant, timeout, timeout_at};

use super::config::UpstreamConfig;
use super::connection::Connection;
use super::connector::{self, ConnectFailure};
use super::endpoint::Endpoint;
use super::health::Health;
use super::http2::{Session, Sessions, Share, Turn};
use super::line::Line;
use super::metrics::Meters;
use super::pool::Pool;
use super::retry::Stage;
use super::{Protocol, UpstreamError, UpstreamErrorKind};
use crate::tls::{H2, Offer, Stream, UpstreamSecurity};

/// What bodies get at least to be read into, and what waits at most to be written.
const LEAST_BUFFER: usize = 64 * 1024;

/// What all addresses of an upstream have in common.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) name: Arc<str>,
    pub(super) config: UpstreamConfig,
    pub(super) meters: Arc<Meters>,
    /// What connections are secured with, if they are.
    security: Option<UpstreamSecurity>,
    http: Builder,
}

/// One address of an upstream: its connections, its requests, and what is thought of it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) address: SocketAddr,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) health: Health,
    pub(super) pool: Arc<Pool>,
    sessions: Arc<Sessions>,
    pub(super) terms: Arc<Terms>,
    pub(super) in_flight: AtomicUsize,
    pub(super) turn: AtomicI64,
}

/// A member that has been given a request, until the last of its answer is taken.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) member: Arc<Member>,
    pub(super) on_trial: bool,
}

impl Terms {
    pub(super) fn new(
        name: &str,
        config: UpstreamConfig,
        security: Option<UpstreamSecurity>,
    ) -> Self {
        let mut http = Builder::new();
        http.max_header_size(config.max_header_size)
            .max_buf_size(config.max_header_size.max(LEAST_BUFFER));
        Self {
            name: name.into(),
            meters: Arc::new(Meters::new(name)),
            config,
            security,
            http,
        }
    }

    pub(super) fn error(&self, cause: impl Error + Send + Sync + 'static) -> UpstreamError {
        UpstreamError::with_cause(Arc::clone(&self.name), cause)
    }

    pub(super) fn error_of(&self, kind: UpstreamErrorKind) -> UpstreamError {
        UpstreamError::new(kind, Arc::clone(&self.name))
    }
}

impl Member {
    pub(super) fn new(address: SocketAddr, endpoint: &Arc<Endpoint>, terms: &Arc<Terms>) -> Self {
        let (config, meters) = (&terms.config, &terms.meters);
        Self {
            address,
            endpoint: Arc::clone(endpoint),
            health: Health::new(meters),
            pool: Arc::new(Pool::new(
                config.idle_timeout,
                config.max_idle,
                meters.idle.clone(),
            )),
            sessions: Arc::new(Sessions::new(config.idle_timeout, config.max_idle > 0)),
            terms: Arc::clone(terms),
            in_flight: AtomicUsize::new(0),
            turn: AtomicI64::new(0),
        }
    }

    /// What there is already to send a request on.
    pub(super) async fn kept(&self) -> Option<Line> {
        let kept = match self.sessions.take() {
            Some(share) => Line::Http2(share),
            None => Line::Http1(self.pool.take().await?),
        };
        self.terms.meters.reused.increment(1);
        Some(kept)
    }

    /// Opens a connection for a request, or waits for one that is being opened and can be shared.
    pub(super) async fn open(&self) -> Result<(Line, Stage), UpstreamError> {
        // Those who wait hear of it when this is over.
        let _turn = match self.place().await? {
            Place::Shared(share) => {
                self.terms.meters.reused.increment(1);
                return Ok((Line::Http2(share), Stage::OnKept));
            }
            Place::New(turn) => turn,
        };
        let line = match self.counted(self.dial_any().await)? {
            Dialled::Http1(connection) => {
                self.sessions.none();
                self.pool.sweep();
                Some(Line::Http1(connection))
            }
            Dialled::Http2(session) => self.sessions.add(session).map(Line::Http2),
        };
        let taken = || self.terms.error(ConnectFailure::of_protocol());
        Ok((line.ok_or_else(taken)?, Stage::OnFresh))
    }

    /// A place on a connection that others opened, or else the right to open one.
    async fn place(&self) -> Result<Place<'_>, UpstreamError> {
        let waiting = timeout(self.terms.config.connect_timeout, async {
            let mut waiting = self.sessions.wait();
            loop {
                let mut changed = pin!(waiting.changed());
                changed.as_mut().enable();
                if let Some(share) = self.sessions.take() {
                    return Place::Shared(share);
                }
                // Also where somebody found that there is nothing to share.
                if !self.may_share() {
                    return Place::New(None);
                }
                waiting = match waiting.turn() {
                    Ok(turn) => return Place::New(Some(turn)),
                    Err(waiting) => waiting,
                };
                changed.await;
            }
        });
        // It has tried nothing that would speak against the address.
        let full = |_| self.terms.error_of(UpstreamErrorKind::Full);
        waiting.await.map_err(full)
    }

    /// Opens a connection for a single question. It is not counted, and nobody shares it.
    pub(super) async fn dial_alone(&self) -> Result<Line, UpstreamError> {
        let line = match self.dial_any().await? {
            Dialled::Http1(connection) => Some(Line::Http1(connection)),
            Dialled::Http2(session) => Sessions::alone(session).map(Line::Http2),
        };
        line.ok_or_else(|| self.terms.error(ConnectFailure::of_protocol()))
    }

    /// Opens a connection of HTTP/1.1 that is not counted.
    pub(super) async fn dial(&self) -> Result<Connection, UpstreamError> {
        let stream = self.connect(Offer::Http1).await?;
        self.speak_http1(stream).await
    }

    /// Opens a connection of HTTP/1.1 for a request that changes its protocol.
    pub(super) async fn open_alone(&self) -> Result<Connection, UpstreamError> {
        if self.terms.config.protocol == Protocol::Http2 {
            return Err(self.terms.error(ConnectFailure::never_http1()));
        }
        let opening = async {
            let stream = self.connect_alone().await?;
            let opened = Connection::open_alone(stream, &self.terms.http).await;
            opened.map_err(|error| self.terms.error(error))
        };
        self.counted(opening.await)
    }

    fn counted<T>(&self, opened: Result<T, UpstreamError>) -> Result<T, UpstreamError> {
        match opened.is_ok() {
            true => self.terms.meters.dialled.increment(1),
            false => self.terms.meters.dial_failures.increment(1),
        }
        opened
    }

    /// Whether a connection that is being opened may be one that is shared.
    fn may_share(&self) -> bool {
        match self.terms.config.protocol {
            Protocol::Http1 => false,
            Protocol::Http2 => true,
            Protocol::Auto => self.terms.security.is_some() && !self.sessions.speaks_http1(),
        }
    }

    async fn dial_any(&self) -> Result<Dialled, UpstreamError> {
        let (offer, protocol) = match self.terms.config.protocol {
            Protocol::Auto => (Offer::Either, None),
            Protocol::Http1 => return self.dial().await.map(Dialled::Http1),
            Protocol::Http2 => (Offer::Http2, Some(H2)),
        };
        let until = Instant::now() + self.terms.config.connect_timeout;
        let stream = self.connect(offer).await?;
        // In the clear nothing is agreed on.
        let agreed = match self.terms.security {
            Some(_) => stream.agreed(),
            None => protocol,
        };
        match (agreed == Some(H2), protocol) {
            (true, _) => self.speak_http2(stream, until).await.map(Dialled::Http2),
            (false, None) => self.speak_http1(stream).await.map(Dialled::Http1),
            (false, Some(_)) => Err(self.terms.error(ConnectFailure::of_protocol())),
        }
    }

    async fn connect(&self, offer: Offer) -> Result<Stream, UpstreamError> {
        let connected = self.try_connect(offer).await;
        connected.map_err(|failure| self.terms.error(failure))
    }

    /// The same for a change of protocols, which only HTTP/1.1 has.
    async fn connect_alone(&self) -> Result<Stream, UpstreamError> {
        let connected = self.try_connect(Offer::Http1).await;
        connected.map_err(|failure| self.terms.error(failure.without_http1()))
    }

    async fn try_connect(&self, offer: Offer) -> Result<Stream, ConnectFailure> {
        let within = self.terms.config.connect_timeout;
        let security = self.terms.security.as_ref();
        let security = security.zip(self.endpoint.identity.as_ref());
        let connected = connector::connect(self.address, security, offer, within).await;
        connected.inspect_err(|_| self.endpoint.doubt())
    }

    async fn speak_http1(&self, stream: Stream) -> Result<Connection, UpstreamError> {
        let opened = Connection::open(stream, &self.terms.http).await;
        opened.map_err(|error| self.terms.error(error))
    }

    async fn speak_http2(&self, stream: Stream, until: Instant) -> Result<Session, UpstreamError> {
        let idle = self.terms.meters.idle.clone();
        let session = Session::open(stream, &self.terms.config, idle);
        let opened = timeout_at(until, session).await;
        let failure = match opened {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err((_, Some(fault)))) => ConnectFailure::of_handshake(fault),
            Ok(Err((error, None))) => match error.into_io() {
                Some(cause) => ConnectFailure::broken(cause),
                None => ConnectFailure::of_protocol(),
            },
            Err(_) => ConnectFailure::late(),
        };
        Err(self.terms.error(failure))
    }
}

/// What a request is to have.
enum Place<'a> {
    Shared(Share),
    New(Option<Turn<'a>>),
}

/// A connection that was opened.
enum Dialled {
    Http1(Connection),
    Http2(Session),
}

impl Assigned {
    pub(super) fn new(member: &Arc<Member>, on_trial: bool) -> Self {
        member.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            member: Arc::clone(member),
            on_trial,
        }
    }
}

impl Drop for Assigned {
    fn drop(&mut self) {
        self.member.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.on_trial {
            self.member.health.end_trial();
        }
    }
}
