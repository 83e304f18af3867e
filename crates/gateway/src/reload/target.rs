use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis::Gatekeeper;
use tokio::task::spawn_blocking;

use super::{NotApplied, Upstreams};
use crate::access::{AccessLog, NextOutput};
use crate::config::Config;
use crate::headers::origin::OriginPolicy;
use crate::headers::trace_context::TracePolicy;
use crate::life::raise_file_limit;
use crate::live::LiveStreams;
use crate::route::{Router, Routing};
use crate::server::{ServerConfig, ServerHandle};
use crate::spans::Ratio;
use crate::stack::{RouteService, routing};
use crate::stamp::StampHandle;
use crate::tls::ServerTls;
use crate::upstream::InvalidUpstream;

/// What a reload puts in the place of what was, and what it is made of.
#[derive(Debug)]
pub(crate) struct Target {
    gate: Gatekeeper,
    live: LiveStreams,
    upstreams: Arc<ArcSwap<Upstreams>>,
    router: Router<RouteService>,
    stamp: StampHandle,
    /// How many traces are recorded for the collector, where spans go to one: whether they do is
    /// said once, and a configuration that no longer says how many leaves it as it was.
    export: Option<Ratio>,
    server: ServerHandle,
    access: AccessLog,
}

/// Everything that a configuration needs to take effect, built.
pub(super) struct Prepared {
    upstreams: Arc<Upstreams>,
    routing: Routing<RouteService>,
    max_path_length: usize,
    origin: OriginPolicy,
    trace: TracePolicy,
    server: ServerConfig,
    tls: Option<ServerTls>,
    access: NextOutput,
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
        server: ServerHandle,
        access: AccessLog,
    ) -> Result<Self, InvalidUpstream> {
        let upstreams = Upstreams::default().next(config.upstreams())?;
        let routing = routing(config, &gate, &live, &upstreams)?;
        Ok(Self {
            router: Router::new(Arc::new(routing), config.max_path_length),
            stamp: StampHandle::new(&config.origin, config.trace),
            export: config.trace.export,
            gate,
            live,
            upstreams: Arc::new(ArcSwap::from_pointee(upstreams)),
            server,
            access,
        })
    }

    /// What the stack ends in.
    pub(crate) fn router(&self) -> Router<RouteService> {
        self.router.clone()
    }

    /// The upstreams of now.
    pub(crate) fn upstreams(&self) -> Arc<ArcSwap<Upstreams>> {
        Arc::clone(&self.upstreams)
    }

    /// What the stack begins with.
    pub(crate) fn stamp(&self) -> StampHandle {
        self.stamp.clone()
    }

    /// Builds all that another configuration needs, and changes nothing.
    pub(super) async fn prepare(&self, config: &Config) -> Result<Prepared, NotApplied> {
        config.server.check()?;
        let before = self.upstreams.load_full();
        let (plans, tls) = (config.upstreams(), config.tls.clone());
        let tls = tls.filter(|_| self.server.has_tls());
        let (access, lines) = (self.access.clone(), config.access_log.clone());
        // Certificates are read from files, which may be as far away as a disk can be.
        let read = spawn_blocking(move || {
            let upstreams = before.next(plans)?;
            let tls = tls.as_ref().map(ServerTls::build).transpose()?;
            let access = access.next(lines.as_ref()).map_err(NotApplied::AccessLog)?;
            Ok::<_, NotApplied>((upstreams, tls, access))
        });
        let (upstreams, tls, access) = read
            .await
            .unwrap_or_else(|error| Err(NotApplied::Panicked(error)))?;
        Ok(Prepared {
            routing: routing(config, &self.gate, &self.live, &upstreams)?,
            upstreams: Arc::new(upstreams),
            max_path_length: config.max_path_length,
            origin: config.origin.clone(),
            trace: TracePolicy {
                export: self.export.map(|last| config.trace.export.unwrap_or(last)),
                ..config.trace
            },
            server: config.server.clone(),
            tls,
            access,
        })
    }

    /// From now on it counts.
    ///
    /// # Errors
    ///
    /// [`NotApplied`] for a setting of the server out of range; nothing has changed then.
    pub(super) fn put(&mut self, prepared: Prepared) -> Result<(), NotApplied> {
        let Prepared {
            upstreams,
            routing,
            max_path_length,
            origin,
            trace,
            server,
            tls,
            access,
        } = prepared;
        if server.max_connections != self.server.config().max_connections {
            raise_file_limit(server.max_connections);
        }
        match tls {
            Some(tls) => self.server.replace_with_tls(server, tls)?,
            None => self.server.replace(server)?,
        }
        self.router.replace(Arc::new(routing), max_path_length);
        self.stamp.replace(&origin, trace);
        self.export = trace.export;
        self.upstreams.store(upstreams);
        self.access.replace(access);
        Ok(())
    }

    /// Opens the access log anew, for whoever has renamed its file to keep it.
    pub(super) async fn reopen_access_log(&self) {
        let access = self.access.clone();
        let reopened = spawn_blocking(move || access.reopen()).await;
        match reopened.unwrap_or_else(|error| Err(error.into())) {
            Ok(true) => tracing::info!("the access log is opened anew"),
            Ok(false) => {}
            Err(error) => tracing::error!(
                %error,
                "the access log cannot be opened anew: lines go to the file of before"
            ),
        }
    }
}
