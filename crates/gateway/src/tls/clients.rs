use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::roots::read_roots;
use super::{ClientCertificates, TlsError, TlsErrorKind};

/// Who looks at the certificates that clients show.
pub(super) fn verifier(
    clients: &ClientCertificates,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    const FIELD: &str = "tls.clients.roots";
    let (path, optional) = match clients {
        ClientCertificates::Off => return Ok(WebPkiClientVerifier::no_client_auth()),
        ClientCertificates::Optional(path) => (path, true),
        ClientCertificates::Required(path) => (path, false),
    };
    let roots = Arc::new(read_roots(path, FIELD)?);
    let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
    if optional {
        verifier = verifier.allow_unauthenticated();
    }
    verifier.build().map_err(|cause| {
        TlsError::new(FIELD, TlsErrorKind::Refused)
            .at(path)
            .because(cause)
    })
}
