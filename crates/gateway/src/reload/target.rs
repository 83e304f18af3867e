use std::sync::Arc;

use portcullis::Gatekeeper;

use super::Upstreams;
use crate::config::Config;
use crate::live::LiveStreams;
use crate::route::{Router, Routing};
use crate::setting::InvalidSetting;
use crate::stack::{RouteService, routing};

/// What a reload puts in the place of what was, and what it is made of.
#[derive(Debug)]
pub(crate) struct Target {
    gate: Gatekeeper,
    live: LiveStreams,
    upstreams: Upstreams,
    router: Router<RouteService>,
}

/// Everything that a configuration needs to take effect, built.
pub(super) struct Prepared {
    upstreams: Upstreams,
    routing: Routing<RouteService>,
    max_path_length: usize,
}

impl Target {
    /// The first configuration. Counters go to the recorder that is installed now.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] for an upstream's setting out of range.
    pub(crate) fn new(
        config: &Config,
        gate: Gatekeeper,
        live: LiveStreams,
    ) -> Result<Self, InvalidSetting> {
        let upstreams = Upstreams::default().next(config.upstreams())?;
        let routing = routing(config, &gate, &live, &upstreams)?;
        Ok(Self {
            router: Router::new(Arc::new(routing), config.max_path_length),
            gate,
            live,
            upstreams,
        })
    }

    /// What the stack ends in.
    pub(crate) fn router(&self) -> Router<RouteService> {
        self.router.clone()
    }

    /// Builds all that another configuration needs, and changes nothing.
    pub(super) fn prepare(&self, config: &Config) -> Result<Prepared, InvalidSetting> {
        let upstreams = self.upstreams.next(config.upstreams())?;
        Ok(Prepared {
            routing: routing(config, &self.gate, &self.live, &upstreams)?,
            upstreams,
            max_path_length: config.max_path_length,
        })
    }

    /// From now on it counts.
    pub(super) fn put(&mut self, prepared: Prepared) {
        let Prepared {
            upstreams,
            routing,
            max_path_length,
        } = prepared;
        self.router.replace(Arc::new(routing), max_path_length);
        self.upstreams = upstreams;
    }
}
