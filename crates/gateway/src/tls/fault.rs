use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Why a handshake failed, as it is counted and told: by kind, without a name or an address of the
/// other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TlsFault {
    /// It did not come to its end in time.
    Timeout,
    /// The other side went away.
    Closed,
    /// What it speaks is not TLS.
    NotTls,
    /// It has no version or cipher in common with us.
    Incompatible,
    /// It has no protocol in common with us, of those that are offered (RFC 7301).
    NoProtocol,
    /// It asks for a name that none of our certificates has.
    UnknownName,
    /// It shows no certificate.
    NoCertificate,
    /// Its certificate leads to no root that is trusted.
    UnknownIssuer,
    /// Its certificate is over, or not yet valid.
    Lapsed,
    /// Its certificate is not for the name that was asked for.
    WrongName,
    /// Its certificate is bad in another way.
    BadCertificate,
    /// It wants a certificate of ours that it did not get, or does not trust the one it got.
    Refused,
    /// It ended the handshake for another reason of its own.
    Alert,
    /// It does not follow the protocol.
    Protocol,
}

impl TlsFault {
    /// Every kind.
    pub(crate) const ALL: [Self; 14] = [
        Self::Timeout,
        Self::Closed,
        Self::NotTls,
        Self::Incompatible,
        Self::NoProtocol,
        Self::UnknownName,
        Self::NoCertificate,
        Self::UnknownIssuer,
        Self::Lapsed,
        Self::WrongName,
        Self::BadCertificate,
        Self::Refused,
        Self::Alert,
        Self::Protocol,
    ];

    /// The kind as one lower-case word: the label `kind`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::NotTls => "not_tls",
            Self::Incompatible => "incompatible",
            Self::NoProtocol => "no_protocol",
            Self::UnknownName => "unknown_name",
            Self::NoCertificate => "no_certificate",
            Self::UnknownIssuer => "unknown_issuer",
            Self::Lapsed => "lapsed",
            Self::WrongName => "wrong_name",
            Self::BadCertificate => "bad_certificate",
            Self::Refused => "refused",
            Self::Alert => "alert",
            Self::Protocol => "protocol",
        }
    }

    /// Of what a handshake ended with.
    pub(crate) fn of(error: &io::Error) -> Self {
        match (Self::within(error), error.kind()) {
            (Some(fault), _) => fault,
            (None, io::ErrorKind::TimedOut) => Self::Timeout,
            (None, _) => Self::Closed,
        }
    }

    /// Of an error of a connection, where it is one of TLS.
    pub(crate) fn within(error: &io::Error) -> Option<Self> {
        let error = error.get_ref()?.downcast_ref::<Error>()?;
        Some(match error {
            Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::NotTls,
            Error::PeerIncompatible(_) => Self::Incompatible,
            Error::NoApplicationProtocol => Self::NoProtocol,
            // That is all that rustls says where there is no certificate for a name.
            Error::General(_) => Self::UnknownName,
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::InvalidCertificate(error) => Self::of_certificate(error),
            Error::AlertReceived(alert) => Self::of_alert(*alert),
            _ => Self::Protocol,
        })
    }

    const fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Lapsed,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            _ => Self::BadCertificate,
        }
    }

    const fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity => Self::Incompatible,
            AlertDescription::NoApplicationProtocol => Self::NoProtocol,
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired => Self::Refused,
            _ => Self::Alert,
        }
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the handshake took too long",
            Self::Closed => "the connection was closed during the handshake",
            Self::NotTls => "what came is not TLS",
            Self::Incompatible => "no version or cipher in common",
            Self::NoProtocol => "no protocol in common",
            Self::UnknownName => "no certificate for the name that was asked for",
            Self::NoCertificate => "no certificate was shown",
            Self::UnknownIssuer => "the certificate leads to no root that is trusted",
            Self::Lapsed => "the certificate has expired, or is not valid yet",
            Self::WrongName => "the certificate is not for the name that was asked for",
            Self::BadCertificate => "the certificate is not valid",
            Self::Refused => "our certificate was refused, or is missing",
            Self::Alert => "the other side ended the handshake",
            Self::Protocol => "the other side does not follow the protocol",
        })
    }
}
