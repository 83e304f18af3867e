use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What the listener for TLS shows its clients, and asks of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// The oldest version that is spoken. 1.2 by default.
    pub minimum: TlsVersion,
    /// The certificates, 1 to 1,000. The first is the one for clients that ask for no name, or for
    /// a name that none has.
    pub certificates: Vec<CertificateConfig>,
    /// Whether those clients are refused instead. Not by default.
    pub strict_sni: bool,
    /// What certificates clients show. None by default.
    pub clients: ClientCertificates,
    /// Whether HTTP/2 is offered beside HTTP/1.1. It is by default.
    pub http2: bool,
}

/// One certificate with its key, each in a file of PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateConfig {
    /// The names for which it is used, `*.example.com` for all of one label before a name; those
    /// that stand in the certificate where there are none here.
    pub names: Vec<String>,
    /// The certificate, and behind it those of its issuers but for the root.
    pub certificate: PathBuf,
    /// The key, not encrypted.
    pub key: PathBuf,
}

/// Which certificates clients show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// None is asked for.
    #[default]
    Off,
    /// One that leads to a root of this file, or none. A bad one ends the handshake.
    Optional(PathBuf),
    /// One that leads to a root of this file.
    Required(PathBuf),
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl TlsConfig {
    /// The most certificates of one listener.
    pub const MAX_CERTIFICATES: usize = 1_000;

    /// The defaults, for an address and certificates.
    #[must_use]
    pub const fn new(listen: SocketAddr, certificates: Vec<CertificateConfig>) -> Self {
        Self {
            listen,
            minimum: TlsVersion::Tls12,
            certificates,
            strict_sni: false,
            clients: ClientCertificates::Off,
            http2: true,
        }
    }
}

impl ClientCertificates {
    /// The file of the roots that count.
    #[must_use]
    pub fn roots(&self) -> Option<&Path> {
        match self {
            Self::Off => None,
            Self::Optional(roots) | Self::Required(roots) => Some(roots),
        }
    }
}

impl CertificateConfig {
    /// The most names of one certificate.
    pub const MAX_NAMES: usize = 1_000;

    /// A certificate for the names that stand in it.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            names: Vec::new(),
            certificate: certificate.into(),
            key: key.into(),
        }
    }
}
