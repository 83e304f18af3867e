use std::sync::Arc;

use arc_swap::ArcSwap;
use hyper::server::conn::http1::Builder;

use super::ServerConfig;
use super::connection::builder;
use super::room::Room;
use crate::setting::InvalidSetting;
use crate::tls::ServerTls;

/// What a server allows its clients, which can be replaced while it runs.
///
/// Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    current: Arc<ArcSwap<Allowed>>,
    pub(super) room: Arc<Room>,
}

/// What a connection is allowed, from its beginning to its end: what it is offered in a handshake
/// as well, so that it is never offered what it then may not speak.
#[derive(Debug)]
pub(super) struct Allowed {
    pub(super) config: ServerConfig,
    pub(super) http1: Builder,
    pub(super) tls: Option<ServerTls>,
}

impl ServerHandle {
    pub(crate) fn new(config: ServerConfig) -> Self {
        Self {
            room: Arc::new(Room::new(config.max_connections)),
            current: Arc::new(ArcSwap::from_pointee(Allowed::new(config, None))),
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
        self.put(config, None)
    }

    /// The same, and from here on they shake hands with this. It counts together with the rest:
    /// no connection has one from before and the other from now. Sessions of before are not taken
    /// up again.
    ///
    /// # Errors
    ///
    /// As [`replace`](Self::replace).
    pub fn replace_with_tls(
        &self,
        config: ServerConfig,
        tls: ServerTls,
    ) -> Result<(), InvalidSetting> {
        self.put(config, Some(tls))
    }

    /// What its configuration allows, and this.
    pub(super) fn with_tls(self, tls: ServerTls) -> Self {
        let allowed = Allowed::new(self.config(), Some(tls));
        self.current.store(Arc::new(allowed));
        self
    }

    /// What a connection is allowed that begins now.
    #[must_use]
    pub fn config(&self) -> ServerConfig {
        self.current.load().config.clone()
    }

    /// Whether there is a listener whose connections begin with a handshake.
    pub(crate) fn has_tls(&self) -> bool {
        self.current.load().tls.is_some()
    }

    fn put(&self, config: ServerConfig, tls: Option<ServerTls>) -> Result<(), InvalidSetting> {
        config.check()?;
        self.room.resize(config.max_connections);
        self.current.rcu(|before| {
            let kept = before.tls.as_ref().filter(|_| tls.is_none());
            let tls = match kept {
                // Else whoever agrees on it finds that nobody speaks it.
                Some(kept) if config.http2.is_none() => Some(kept.without_http2()),
                Some(kept) => Some(kept.clone()),
                None => tls.clone(),
            };
            Allowed::new(config.clone(), tls)
        });
        Ok(())
    }

    pub(super) fn current(&self) -> Arc<Allowed> {
        self.current.load_full()
    }
}

impl Allowed {
    fn new(config: ServerConfig, tls: Option<ServerTls>) -> Self {
        Self {
            http1: builder(&config),
            config,
            tls,
        }
    }
}
