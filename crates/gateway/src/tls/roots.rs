use std::path::Path;

use rustls::RootCertStore;

use super::pem::read_certificates;
use super::{TlsError, TlsErrorKind};

/// The roots of a file, all of which must be good.
pub(super) fn read_roots(path: &Path, field: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for (at, certificate) in read_certificates(path, field)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|cause| {
            let error = TlsError::new(field, TlsErrorKind::BadCertificate(at + 1));
            error.at(path).because(cause)
        })?;
    }
    Ok(roots)
}

/// The roots that the system trusts. It has odd ones now and then, which are left out.
pub(super) fn system_roots(field: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let error = TlsError::new(field, TlsErrorKind::NoSystemRoots);
    Err(match found.errors.into_iter().next() {
        Some(cause) => error.because(cause),
        None => error,
    })
}
