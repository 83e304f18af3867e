use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::authority::{Ca, Pair};

/// Who connects, and how.
pub(super) struct Client<'a> {
    pub(super) trusts: &'a Ca,
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
    pub(super) pair: Option<&'a Pair>,
}

/// What came back: the certificate that was shown, and the text.
pub(super) struct Answer {
    pub(super) shown: Vec<u8>,
    pub(super) text: String,
}

impl<'a> Client<'a> {
    pub(super) fn trusting(trusts: &'a Ca) -> Self {
        Self {
            trusts,
            versions: rustls::ALL_VERSIONS.to_vec(),
            pair: None,
        }
    }

    /// Asks a server of this name for `/`, and reads until it says that nothing
    /// is missing.
    pub(super) fn get(&self, address: SocketAddr, name: &str, token: &str) -> io::Result<Answer> {
        let mut stream = self.connect(address, name)?;
        write!(
            stream,
            "GET / HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let shown = stream.conn.peer_certificates().expect("shaken");
        let shown = shown.first().expect("a certificate").to_vec();
        Ok(Answer { shown, text })
    }

    pub(super) fn connect(
        &self,
        address: SocketAddr,
        name: &str,
    ) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connection = ClientConnection::new(self.config(), name).expect("a client");
        let stream = TcpStream::connect(address)?;
        let limit = Some(Duration::from_secs(30));
        stream.set_read_timeout(limit)?;
        stream.set_write_timeout(limit)?;
        Ok(StreamOwned::new(connection, stream))
    }

    fn config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.trusts.pem.as_bytes());
        roots.add(root.expect("a certificate")).expect("a root");
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&self.versions)
            .expect("versions")
            .with_root_certificates(roots);
        Arc::new(match self.pair {
            None => client.with_no_client_auth(),
            Some(pair) => {
                let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes());
                let chain = vec![certificate.expect("a certificate")];
                let client = client.with_client_auth_cert(chain, key.expect("a key"));
                client.expect("a pair")
            }
        })
    }
}

/// The certificate of a pair, as it is shown.
pub(super) fn shown(pair: &Pair) -> Vec<u8> {
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes());
    certificate.expect("a certificate").to_vec()
}
