use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// A certificate, a key or a root that cannot be used: in which field, in which file, and why.
///
/// Nothing of a key's text is in it.
#[derive(Debug)]
pub struct TlsError {
    field: String,
    path: Option<PathBuf>,
    kind: TlsErrorKind,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What is wrong with a certificate, a key or a root.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsErrorKind {
    /// The file cannot be read.
    Unreadable,
    /// It is a folder, a pipe or a device.
    NotAFile,
    /// It is longer than 1 MiB.
    TooLarge,
    /// It has a section that is no PEM.
    NotPem,
    /// It has no certificate.
    NoCertificate,
    /// It has a certificate that cannot be read; the first has the number 1.
    BadCertificate(usize),
    /// It has no key.
    NoKey,
    /// It has more than one key.
    SeveralKeys,
    /// Its key is encrypted.
    EncryptedKey,
    /// Its key is of no kind that can be used.
    BadKey,
    /// The key is not that of the first certificate.
    KeyDoesNotFit,
    /// What is configured as a name is none.
    BadName(String),
    /// The certificate is not for a name that is configured.
    NotForName(String),
    /// The certificate has no name, and is not the first: no client could ever get it.
    NoName,
    /// There is no certificate for the listener.
    NoCertificates,
    /// The system has no roots.
    NoSystemRoots,
    /// rustls refused the whole.
    Refused,
}

impl TlsError {
    pub(super) fn new(field: impl Into<String>, kind: TlsErrorKind) -> Self {
        Self {
            field: field.into(),
            path: None,
            kind,
            cause: None,
        }
    }

    pub(super) fn at(self, path: &Path) -> Self {
        Self {
            path: Some(path.to_owned()),
            ..self
        }
    }

    pub(super) fn because(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Box::new(cause)),
            ..self
        }
    }

    /// The path of the field, for example `tls.certificates[1].key`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The file, where it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &TlsErrorKind {
        &self.kind
    }
}

impl fmt::Display for TlsErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "it cannot be read",
            Self::NotAFile => "it is not a file",
            Self::TooLarge => "it is longer than 1 MiB",
            Self::NotPem => "it is not PEM",
            Self::NoCertificate => "it has no certificate: expected `BEGIN CERTIFICATE`",
            Self::BadCertificate(number) => {
                return write!(f, "its certificate number {number} cannot be read");
            }
            Self::NoKey => "it has no key: expected `BEGIN PRIVATE KEY`",
            Self::SeveralKeys => "it has more than one key",
            Self::EncryptedKey => "its key is encrypted: expected one that is not",
            Self::BadKey => "its key cannot be used: expected RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519",
            Self::KeyDoesNotFit => {
                "its key is not that of the certificate: where the certificate's file has several, its own comes first"
            }
            Self::BadName(name) => {
                return write!(
                    f,
                    "expected a name, or `*.` and a name, for example api.example.com: not `{}`",
                    name.escape_debug()
                );
            }
            Self::NotForName(name) => return write!(f, "its certificate is not for {name}"),
            Self::NoName => {
                "its certificate has no name by which clients could ask for it, and only the first needs none"
            }
            Self::NoCertificates => "expected a certificate",
            Self::NoSystemRoots => "the system has no roots to trust: expected a file of them",
            Self::Refused => "it cannot be used",
        })
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field)?;
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        self.kind.fmt(f)
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
