//! How failures are told apart.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use crate::tls::TlsFault;

#[test]
fn a_fault_is_that_of_the_error_of_tls_or_of_the_connection() {
    let tls = |error: Error| io::Error::new(io::ErrorKind::InvalidData, error);
    let certificate = |error| tls(Error::InvalidCertificate(error));
    for (error, fault) in [
        (io::ErrorKind::UnexpectedEof.into(), TlsFault::Closed),
        (io::ErrorKind::ConnectionReset.into(), TlsFault::Closed),
        (io::ErrorKind::TimedOut.into(), TlsFault::Timeout),
        (
            tls(Error::InvalidMessage(InvalidMessage::InvalidContentType)),
            TlsFault::NotTls,
        ),
        (tls(Error::NoApplicationProtocol), TlsFault::NoProtocol),
        (tls(Error::NoCertificatesPresented), TlsFault::NoCertificate),
        (
            certificate(CertificateError::UnknownIssuer),
            TlsFault::UnknownIssuer,
        ),
        (certificate(CertificateError::Expired), TlsFault::Lapsed),
        (
            certificate(CertificateError::NotValidForName),
            TlsFault::WrongName,
        ),
        (
            certificate(CertificateError::BadSignature),
            TlsFault::BadCertificate,
        ),
        (
            tls(Error::AlertReceived(AlertDescription::UnknownCA)),
            TlsFault::Refused,
        ),
        (
            tls(Error::AlertReceived(AlertDescription::ProtocolVersion)),
            TlsFault::Incompatible,
        ),
        (
            tls(Error::AlertReceived(AlertDescription::UserCanceled)),
            TlsFault::Alert,
        ),
        (tls(Error::DecryptError), TlsFault::Protocol),
    ] {
        assert_eq!(TlsFault::of(&error), fault, "{error}");
    }
    assert_eq!(TlsFault::within(&io::ErrorKind::TimedOut.into()), None);
}

#[test]
fn every_kind_has_its_word() {
    let words: std::collections::HashSet<_> =
        TlsFault::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(words.len(), TlsFault::ALL.len());
}
