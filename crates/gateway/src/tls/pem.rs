use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::{TlsError, TlsErrorKind};

/// The longest file that is read.
const MAX_FILE: u64 = 1024 * 1024;

/// The certificates of a file, one at least. What else is in it is left alone.
pub(super) fn read_certificates(
    path: &Path,
    field: &str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path, field)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let error = |kind| TlsError::new(field, kind).at(path);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(error(TlsErrorKind::NoCertificate)),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(error(TlsErrorKind::NotPem)),
    }
}

/// The one key of a file. The reasons of the parser stay here: they may repeat what it read.
pub(super) fn read_key(path: &Path, field: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path, field)?;
    let error = |kind| TlsError::new(field, kind).at(path);
    // It is a section of another name, or a field before the key's own text.
    if contains(&text, b"BEGIN ENCRYPTED PRIVATE KEY") || contains(&text, b"4,ENCRYPTED") {
        return Err(error(TlsErrorKind::EncryptedKey));
    }
    let mut keys = PrivateKeyDer::pem_slice_iter(&text);
    let key = match keys.next() {
        None => return Err(error(TlsErrorKind::NoKey)),
        Some(Err(_)) => return Err(error(TlsErrorKind::NotPem)),
        Some(Ok(key)) => key,
    };
    match keys.next() {
        None => Ok(key),
        Some(Ok(_)) => Err(error(TlsErrorKind::SeveralKeys)),
        Some(Err(_)) => Err(error(TlsErrorKind::NotPem)),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

fn read(path: &Path, field: &str) -> Result<Vec<u8>, TlsError> {
    let error = |kind| TlsError::new(field, kind).at(path);
    let unreadable = |cause| error(TlsErrorKind::Unreadable).because(cause);
    // To open a pipe is to wait for whoever writes to it.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(error(TlsErrorKind::NotAFile));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(error(TlsErrorKind::TooLarge));
    }
    Ok(bytes)
}
