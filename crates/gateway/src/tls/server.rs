use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::certificate::Certificate;
use super::clients::verifier;
use super::provider::provider;
use super::resolver::CertificateResolver;
use super::{ClientCertificates, TlsConfig, TlsError, TlsErrorKind, TlsVersion};

/// How many sessions are remembered that a client may take up again: a few hundred bytes each.
const SESSIONS: usize = 10_000;

/// What the gateway is to its clients in TLS, ready to use. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// Reads and checks all files of a configuration: certificates, keys and roots. Needs neither
    /// the network nor a listener.
    ///
    /// A certificate that has expired is no error, for it may be the clock that is wrong: it is
    /// logged.
    ///
    /// # Errors
    ///
    /// [`TlsError`] names the first field and file with which something is wrong.
    pub fn build(config: &TlsConfig) -> Result<Self, TlsError> {
        let provider = provider();
        let mut certificates = Vec::with_capacity(config.certificates.len());
        for (at, pair) in config.certificates.iter().enumerate() {
            let field = format!("tls.certificates[{at}]");
            let certificate = Certificate::read(pair, &field, &provider)?;
            if at > 0 && certificate.names.is_empty() {
                let error = TlsError::new(format!("{field}.certificate"), TlsErrorKind::NoName);
                return Err(error.at(&pair.certificate));
            }
            certificates.push(certificate);
        }
        if certificates.is_empty() {
            let kind = TlsErrorKind::NoCertificates;
            return Err(TlsError::new("tls.certificates", kind));
        }
        let clients = verifier(&config.clients, Arc::clone(&provider))?;
        let resolver = CertificateResolver::new(&certificates, config.strict_sni);
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(config.minimum))
            .map_err(|cause| TlsError::new("tls.minimum", TlsErrorKind::Refused).because(cause))?;
        let mut server = server
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::new(resolver));
        server.alpn_protocols = match config.http2 {
            true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            false => vec![b"http/1.1".to_vec()],
        };
        // A session that is taken up again asks for no certificate: a client is to show its own
        // each time. The sessions of others are this configuration's, and end with it.
        server.session_storage = match config.clients {
            ClientCertificates::Off => ServerSessionMemoryCache::new(SESSIONS),
            _ => Arc::new(NoServerSessionStorage {}),
        };
        Ok(Self {
            config: Arc::new(server),
        })
    }

    /// The same where nobody may speak HTTP/2, so that nobody agrees on it.
    pub(crate) fn without_http2(&self) -> Self {
        if !self.config.alpn_protocols.iter().any(|name| name == b"h2") {
            return self.clone();
        }
        let mut config = ServerConfig::clone(&self.config);
        config.alpn_protocols.retain(|name| name != b"h2");
        Self {
            config: Arc::new(config),
        }
    }

    /// What a handshake uses.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

fn versions(minimum: TlsVersion) -> Vec<&'static SupportedProtocolVersion> {
    match minimum {
        TlsVersion::Tls12 => vec![&TLS13, &TLS12],
        TlsVersion::Tls13 => vec![&TLS13],
    }
}
