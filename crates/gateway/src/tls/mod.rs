//! TLS, by rustls with ring: the certificates that clients see, those that they show, and those of
//! the upstreams.
//!
//! Everything that can be wrong with a certificate or a key is found before a connection is taken:
//! [`ServerTls::build`] reads the files and needs neither network nor listener. Its result is used
//! as a whole or not at all, so that a certificate never meets another one's key;
//! [`ServerHandle::replace_with_tls`](crate::server::ServerHandle::replace_with_tls) puts it in the
//! place of the one before while the gateway serves.
//!
//! ```no_run
//! use portcullis_gateway::server::{Server, ServerConfig};
//! use portcullis_gateway::tls::{CertificateConfig, ServerTls, TlsConfig};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # let (clear, secure) = (tokio::net::TcpListener::bind("").await?, tokio::net::TcpListener::bind("").await?);
//! let certificate = CertificateConfig::new("server.pem", "server.key");
//! let config = TlsConfig::new(([0, 0, 0, 0], 8443).into(), vec![certificate]);
//! let server = Server::new(clear, ServerConfig::default())?;
//! let server = server.with_tls(secure, ServerTls::build(&config)?);
//! let handle = server.handle();
//! // Later, with other files: connections that are open keep what they have.
//! handle.replace_with_tls(ServerConfig::default(), ServerTls::build(&config)?)?;
//! # Ok(()) }
//! ```

mod certificate;
mod clients;
mod config;
mod error;
mod fault;
mod pem;
mod provider;
mod resolver;
mod roots;
mod server;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod upstream;

pub(crate) use certificate::is_name;
pub use config::{CertificateConfig, ClientCertificates, TlsConfig, TlsVersion};
pub use error::{TlsError, TlsErrorKind};
pub(crate) use fault::TlsFault;
pub use server::ServerTls;
pub(crate) use stream::{Counted, Stream};
pub use upstream::UpstreamTls;
pub(crate) use upstream::{H2, Offer, ServerIdentity, UpstreamSecurity};
