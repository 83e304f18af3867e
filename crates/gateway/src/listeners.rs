//! The addresses that the gateway listens on, bound before anything else is done.

use std::error::Error;
use std::net::SocketAddr;
use std::{fmt, io};

use tokio::net::TcpListener;

use crate::config::Config;
use crate::life::Inherited;

/// The gateway's listeners, bound: from here on clients can connect, and wait.
#[derive(Debug)]
pub struct Listeners {
    /// Where clients connect.
    pub public: TcpListener,
    /// Where clients connect in TLS.
    pub tls: Option<TcpListener>,
    /// Where operators connect, for health and metrics.
    pub operations: TcpListener,
}

impl Listeners {
    /// Binds the addresses that the configuration names.
    ///
    /// # Errors
    ///
    /// [`ListenError`] names the field and the address that cannot be had.
    pub async fn bind(config: &Config) -> Result<Self, ListenError> {
        Self::bind_others(config, Inherited::default()).await
    }

    /// The same, but for those that the program has already. The configuration's address does not
    /// count for them.
    pub(crate) async fn bind_others(
        config: &Config,
        inherited: Inherited,
    ) -> Result<Self, ListenError> {
        let operations = config.operations_listen;
        Ok(Self {
            public: have("listen", config.listen, inherited.public).await?,
            tls: match &config.tls {
                Some(tls) => Some(have("tls.listen", tls.listen, inherited.tls).await?),
                None => None,
            },
            operations: have("operations.listen", operations, inherited.operations).await?,
        })
    }
}

async fn have(
    field: &'static str,
    address: SocketAddr,
    inherited: Option<std::net::TcpListener>,
) -> Result<TcpListener, ListenError> {
    let Some(inherited) = inherited else {
        return bind(field, address).await;
    };
    let listener = TcpListener::from_std(inherited);
    let listener = listener.map_err(|source| ListenError {
        field,
        address,
        source,
    })?;
    match listener.local_addr() {
        Ok(inherited) if inherited != address => tracing::warn!(
            field,
            %inherited,
            configured = %address,
            "the socket that was inherited counts, and not the configured address"
        ),
        _ => {}
    }
    Ok(listener)
}

async fn bind(field: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| ListenError {
        field,
        address,
        source,
    })
}

/// An address of the configuration that cannot be listened on.
#[derive(Debug)]
pub struct ListenError {
    field: &'static str,
    address: SocketAddr,
    source: io::Error,
}

impl ListenError {
    /// The configuration's field, `listen`, `tls.listen` or `operations.listen`.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            address,
            source,
        } = self;
        match source.kind() {
            io::ErrorKind::AddrInUse => {
                write!(f, "{field}: another program listens on {address} already")
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(
                    f,
                    "{field}: this machine does not have the address {address}"
                )
            }
            io::ErrorKind::PermissionDenied => {
                write!(f, "{field}: no permission to listen on {address}")
            }
            _ => write!(f, "{field}: cannot listen on {address}"),
        }
    }
}

impl Error for ListenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Listeners;
    use crate::config::Config;

    #[tokio::test]
    async fn a_taken_address_is_named_with_its_field() {
        let any = "listen = \"127.0.0.1:0\"\noperations.listen = \"127.0.0.1:0\"";
        let mut config = Config::parse(any, Path::new("portcullis.toml")).expect("valid");
        let bound = Listeners::bind(&config).await.expect("free ports");
        config.operations_listen = bound.public.local_addr().expect("an address");
        let error = Listeners::bind(&config).await.expect_err("taken");
        assert_eq!(error.field(), "operations.listen");
        let text = format!("another program listens on {} already", error.address());
        assert!(error.to_string().contains(&text), "{error}");
    }
}
