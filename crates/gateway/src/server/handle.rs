use std::sync::Arc;

use arc_swap::ArcSwap;
use hyper::server::conn::http1::Builder;

use super::ServerConfig;
use super::connection::builder;
use super::room::Room;
use crate::setting::InvalidSetting;

/// What a server allows its clients, which can be replaced while it runs.
///
/// Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    current: Arc<ArcSwap<Allowed>>,
    pub(super) room: Arc<Room>,
}

/// What a connection is allowed, from its beginning to its end.
#[derive(Debug)]
pub(super) struct Allowed {
    pub(super) config: ServerConfig,
    pub(super) http1: Builder,
}

impl ServerHandle {
    pub(crate) fn new(config: ServerConfig) -> Self {
        Self {
            room: Arc::new(Room::new(config.max_connections)),
            current: Arc::new(ArcSwap::from_pointee(Allowed::new(config))),
        }
    }

    /// From here on new connections are allowed this. Those that are open keep what they have, also
    /// where there are more of them than there may be from now on.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] for a configuration that fails [`ServerConfig::check`]; the one of before
    /// counts on.
    pub fn replace(&self, config: ServerConfig) -> Result<(), InvalidSetting> {
        config.check()?;
        self.room.resize(config.max_connections);
        self.current.store(Arc::new(Allowed::new(config)));
        Ok(())
    }

    /// What a connection is allowed that begins now.
    #[must_use]
    pub fn config(&self) -> ServerConfig {
        self.current.load().config.clone()
    }

    pub(super) fn current(&self) -> Arc<Allowed> {
        self.current.load_full()
    }
}

impl Allowed {
    fn new(config: ServerConfig) -> Self {
        Self {
            http1: builder(&config),
            config,
        }
    }
}
