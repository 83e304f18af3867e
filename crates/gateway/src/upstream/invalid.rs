use std::error::Error;
use std::fmt;

use crate::setting::InvalidSetting;
use crate::tls::TlsError;

/// Why there can be no such upstream.
#[derive(Debug)]
#[non_exhaustive]
pub enum InvalidUpstream {
    /// A setting is out of range.
    Setting(InvalidSetting),
    /// A certificate, a key or a root cannot be used.
    Tls(TlsError),
}

impl fmt::Display for InvalidUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setting(_) => "an upstream has a setting out of range",
            Self::Tls(_) => "an upstream has a certificate that cannot be used",
        })
    }
}

impl Error for InvalidUpstream {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Setting(error) => error,
            Self::Tls(error) => error,
        })
    }
}

impl From<InvalidSetting> for InvalidUpstream {
    fn from(error: InvalidSetting) -> Self {
        Self::Setting(error)
    }
}

impl From<TlsError> for InvalidUpstream {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}
