use std::sync::Arc;

use portcullis::Gatekeeper;

use super::{NotApplied, Upstreams};
use crate::config::Config;
use crate::live::LiveStreams;
use crate::route::{Router, Routing};
use crate::stack::{RouteService, routing};
use crate::tls::{ServerTls, TlsConfig, TlsHandle};
use crate::upstream::InvalidUpstream;

/// What a reload puts in the place of what was, and what it is made of.
#[derive(Debug)]
pub(crate) struct Target {
    gate: Gatekeeper,
    live: LiveStreams,
    upstreams: Upstreams,
    router: Router<RouteService>,
    /// What new connections in TLS are shown, if there is a listener for them.
    tls: Option<TlsHandle>,
    /// Whether the server speaks HTTP/2, as it did at the start: more must not be offered.
    http2: bool,
}

/// Everything that a configuration needs to take effect, built.
pub(super) struct Prepared {
    upstreams: Upstreams,
    routing: Routing<RouteService>,
    max_path_length: usize,
    tls: Option<ServerTls>,
}

impl Target {
    /// The first configuration. Counters go to the recorder that is installed now.
    ///
    /// # Errors
    ///
    /// [`InvalidUpstream`] for an upstream's setting out of range, or its certificates.
    pub(crate) fn new(
        config: &Config,
        gate: Gatekeeper,
        live: LiveStreams,
        tls: Option<TlsHandle>,
    ) -> Result<Self, InvalidUpstream> {
        let upstreams = Upstreams::default().next(config.upstreams())?;
        let routing = routing(config, &gate, &live, &upstreams)?;
        Ok(Self {
            router: Router::new(Arc::new(routing), config.max_path_length),
            gate,
            live,
            upstreams,
            tls,
            http2: config.server.http2.is_some(),
        })
    }

    /// What the stack ends in.
    pub(crate) fn router(&self) -> Router<RouteService> {
        self.router.clone()
    }

    /// Builds all that another configuration needs, and changes nothing.
    pub(super) fn prepare(&self, config: &Config) -> Result<Prepared, NotApplied> {
        let upstreams = self.upstreams.next(config.upstreams())?;
        let tls = config.tls.as_ref().filter(|_| self.tls.is_some());
        let tls = tls.map(|tls| TlsConfig {
            http2: self.http2,
            ..tls.clone()
        });
        let tls = tls.as_ref().map(ServerTls::build).transpose()?;
        Ok(Prepared {
            routing: routing(config, &self.gate, &self.live, &upstreams)?,
            upstreams,
            max_path_length: config.max_path_length,
            tls,
        })
    }

    /// From now on it counts.
    pub(super) fn put(&mut self, prepared: Prepared) {
        let Prepared {
            upstreams,
            routing,
            max_path_length,
            tls,
        } = prepared;
        self.router.replace(Arc::new(routing), max_path_length);
        self.upstreams = upstreams;
        if let Some((handle, tls)) = self.tls.as_ref().zip(tls) {
            handle.replace(tls);
        }
    }
}
