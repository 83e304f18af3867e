use std::error::Error;
use std::{fmt, io};

use tokio::task::JoinError;

use crate::setting::InvalidSetting;
use crate::tls::TlsError;
use crate::upstream::InvalidUpstream;

/// Why a configuration without faults does not count.
#[derive(Debug)]
pub(super) enum NotApplied {
    /// A setting is out of range.
    Setting(InvalidSetting),
    /// One of its upstreams cannot be.
    Upstream(InvalidUpstream),
    /// A certificate, a key or a root of `[tls]` cannot be used.
    Tls(TlsError),
    /// The access log cannot be opened.
    AccessLog(io::Error),
    /// Its services were not created.
    Store(portcullis::Error),
    /// Reading what its files hold panicked: a fault of ours.
    Panicked(JoinError),
}

impl fmt::Display for NotApplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setting(_) => "the configuration has a setting out of range",
            Self::Upstream(_) => "the configuration has an upstream that cannot be",
            Self::Tls(_) => "the configuration has a certificate that cannot be used",
            Self::AccessLog(_) => "the configuration has an access log that cannot be opened",
            Self::Panicked(_) => "the files of the configuration could not be read",
            Self::Store(_) => "the store did not take the services of the configuration",
        })
    }
}

impl Error for NotApplied {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Setting(error) => error,
            Self::Upstream(error) => error,
            Self::Tls(error) => error,
            Self::AccessLog(error) => error,
            Self::Store(error) => error,
            Self::Panicked(error) => error,
        })
    }
}

impl From<InvalidSetting> for NotApplied {
    fn from(error: InvalidSetting) -> Self {
        Self::Setting(error)
    }
}

impl From<InvalidUpstream> for NotApplied {
    fn from(error: InvalidUpstream) -> Self {
        Self::Upstream(error)
    }
}

impl From<TlsError> for NotApplied {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}
