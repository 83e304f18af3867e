use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use hyper::client::conn::http1::Builder;

use super::config::UpstreamConfig;
use super::connection::Connection;
use super::connector;
use super::endpoint::Endpoint;
use super::health::Health;
use super::metrics::Meters;
use super::pool::Pool;
use super::{UpstreamError, UpstreamErrorKind};
use crate::tls::{Stream, UpstreamSecurity};

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

    /// How HTTP/1.1 is spoken.
    pub(super) const fn http(&self) -> &Builder {
        &self.http
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
            terms: Arc::clone(terms),
            in_flight: AtomicUsize::new(0),
            turn: AtomicI64::new(0),
        }
    }

    /// A connection that was kept, if there is one.
    pub(super) async fn kept(&self) -> Option<Connection> {
        let kept = self.pool.take().await?;
        self.terms.meters.reused.increment(1);
        Some(kept)
    }

    /// Opens a connection for a request.
    pub(super) async fn open(&self) -> Result<Connection, UpstreamError> {
        let opened = self.dial().await;
        match opened.is_ok() {
            true => self.terms.meters.dialled.increment(1),
            false => self.terms.meters.dial_failures.increment(1),
        }
        self.pool.sweep();
        opened
    }

    /// Opens a connection that is not counted.
    pub(super) async fn dial(&self) -> Result<Connection, UpstreamError> {
        let stream = self.stream().await?;
        let opened = Connection::open(stream, &self.terms.http).await;
        opened.map_err(|error| self.terms.error(error))
    }

    /// A connection that is not to be shared with others.
    pub(super) async fn connect(&self) -> Result<Stream, UpstreamError> {
        let connected = self.stream().await;
        match connected.is_ok() {
            true => self.terms.meters.dialled.increment(1),
            false => self.terms.meters.dial_failures.increment(1),
        }
        connected
    }

    async fn stream(&self) -> Result<Stream, UpstreamError> {
        let within = self.terms.config.connect_timeout;
        let security = self.terms.security.as_ref();
        let security = security.zip(self.endpoint.identity.as_ref());
        let connected = connector::connect(self.address, security, within).await;
        connected.map_err(|failure| {
            self.endpoint.doubt();
            self.terms.error(failure)
        })
    }
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
