use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

use super::{Ca, Pair};
use crate::tls::provider::provider;
use crate::tls::{CertificateConfig, TlsConfig};

/// A folder for the files of one test.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file of this name and text.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("written");
        path
    }

    /// The two files of a pair.
    pub(crate) fn pair(&self, name: &str, pair: &Pair) -> CertificateConfig {
        CertificateConfig::new(
            self.file(&format!("{name}.pem"), &pair.certificate),
            self.file(&format!("{name}.key"), &pair.key),
        )
    }

    /// A configuration with these certificates.
    pub(crate) fn config(&self, pairs: &[&Pair]) -> TlsConfig {
        let pairs = pairs.iter().enumerate();
        let pairs = pairs.map(|(at, pair)| self.pair(&at.to_string(), pair));
        TlsConfig::new(([127, 0, 0, 1], 0).into(), pairs.collect())
    }
}

/// What a client brings along.
#[derive(Clone, Default)]
pub(crate) struct Stranger {
    pub(crate) versions: Vec<&'static rustls::SupportedProtocolVersion>,
    pub(crate) pair: Option<Pair>,
    pub(crate) alpn: Vec<&'static str>,
}

impl Stranger {
    /// A client that trusts one authority.
    pub(crate) fn trusting(&self, ca: &Ca) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(ca.pem.as_bytes()).expect("a certificate");
        roots.add(root).expect("a root");
        let versions = match self.versions.is_empty() {
            true => rustls::ALL_VERSIONS,
            false => &self.versions,
        };
        let client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots);
        let mut client = match &self.pair {
            None => client.with_no_client_auth(),
            Some(pair) => {
                let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes());
                let chain = vec![certificate.expect("a certificate")];
                client
                    .with_client_auth_cert(chain, key.expect("a key"))
                    .expect("a pair")
            }
        };
        client.alpn_protocols = self
            .alpn
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Arc::new(client)
    }
}
