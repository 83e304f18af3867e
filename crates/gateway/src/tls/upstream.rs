use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::uri::Authority;
use rustls::ClientConfig;
use rustls::sign::SingleCertAndKey;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::certificate::read_pair;
use super::provider::provider;
use super::roots::{read_roots, system_roots};
use super::stream::Counted;
use super::{CertificateConfig, Stream, TlsError, TlsErrorKind, TlsFault};

/// How an upstream shows who it is, and what it is shown. There is no way not to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpstreamTls {
    /// The file of the roots to which its certificate leads; those of the system if there is none.
    pub roots: Option<PathBuf>,
    /// The certificate that it is shown where it asks for one; its names do not matter.
    pub certificate: Option<CertificateConfig>,
    /// The name that its certificate is for, and that it is asked for; its own host if there is
    /// none.
    pub server_name: Option<String>,
}

/// What connections to an upstream are secured with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct UpstreamSecurity {
    http1: TlsConnector,
    http2: TlsConnector,
    either: TlsConnector,
    /// Instead of the host's own name.
    server_name: Option<ServerIdentity>,
}

/// What an upstream is asked to choose from (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    Http1,
    Http2,
    /// HTTP/2, or else HTTP/1.1.
    Either,
}

/// What is agreed on by this name is HTTP/2.
pub(crate) const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Who the other side must prove to be: a name, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerIdentity(ServerName<'static>);

impl UpstreamTls {
    /// The files that it names.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let pair = self.certificate.iter();
        let pair = pair.flat_map(|pair| [&pair.certificate, &pair.key]);
        self.roots.iter().chain(pair).map(PathBuf::as_path)
    }
}

impl UpstreamSecurity {
    /// Of an upstream that the configuration calls so.
    pub(crate) fn of_upstream(config: &UpstreamTls, name: &str) -> Result<Self, TlsError> {
        Self::build(config, &format!("upstreams[{name}].tls"))
    }

    /// Reads and checks all files. `field` is the path of the table.
    pub(crate) fn build(config: &UpstreamTls, field: &str) -> Result<Self, TlsError> {
        let provider = provider();
        let of_roots = format!("{field}.roots");
        let roots = match &config.roots {
            Some(path) => read_roots(path, &of_roots)?,
            None => system_roots(&of_roots)?,
        };
        let refused = |cause| TlsError::new(field, TlsErrorKind::Refused).because(cause);
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_root_certificates(roots);
        let client = match &config.certificate {
            None => client.with_no_client_auth(),
            Some(pair) => {
                let pair = read_pair(&pair.certificate, &pair.key, field, &provider)?;
                client.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair)))
            }
        };
        let offering = |protocols: &[&[u8]]| {
            let mut client = client.clone();
            client.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            TlsConnector::from(Arc::new(client))
        };
        let server_name = config.server_name.as_deref().map(|name| {
            let field = format!("{field}.server_name");
            let bad = || TlsError::new(field, TlsErrorKind::BadName(name.to_owned()));
            ServerIdentity::new(name).ok_or_else(bad)
        });
        Ok(Self {
            http1: offering(&[HTTP1]),
            http2: offering(&[H2]),
            either: offering(&[H2, HTTP1]),
            server_name: server_name.transpose()?,
        })
    }

    /// Shakes hands with who must be this host. How long that takes is up to whoever waits.
    pub(crate) async fn secure(
        &self,
        socket: TcpStream,
        host: &ServerIdentity,
        offer: Offer,
    ) -> Result<Stream, TlsFault> {
        let connector = match offer {
            Offer::Http1 => &self.http1,
            Offer::Http2 => &self.http2,
            Offer::Either => &self.either,
        };
        let name = self.server_name.as_ref().unwrap_or(host).0.clone();
        let connected = connector.connect(name, Counted::new(socket)).await;
        match connected {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream.into()))),
            Err(error) => Err(TlsFault::of(&error)),
        }
    }
}

impl std::fmt::Debug for UpstreamSecurity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamSecurity")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl ServerIdentity {
    /// Of a name or an address.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let name = ServerName::try_from(name).ok()?;
        Some(Self(name.to_owned()))
    }

    /// Of the host of an authority. Names that no certificate can have are none.
    pub(crate) fn of(authority: &Authority) -> Option<Self> {
        let host = authority.host();
        Self::new(host.trim_start_matches('[').trim_end_matches(']'))
    }
}
