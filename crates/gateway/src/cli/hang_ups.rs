use tokio_util::task::AbortOnDropHandle;

use super::error::CliError;
use crate::reload::ReloadHandle;

/// SIGHUP, caught from now on: it has a server read its configuration and open its access log
/// anew, and does not end it.
pub(super) struct HangUps {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
}

impl HangUps {
    /// Catches it, so that one that comes before anybody waits is not lost.
    #[cfg(unix)]
    pub(super) fn listen() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};

        let caught = signal(SignalKind::hangup());
        let signals = caught.map_err(|error| super::shutdown::cannot_catch(&error))?;
        Ok(Self { signals })
    }

    /// There is none.
    #[cfg(not(unix))]
    pub(super) fn listen() -> Result<Self, CliError> {
        Ok(Self {})
    }

    /// Hands each on, until what is returned is dropped.
    pub(super) fn forward(self, to: ReloadHandle) -> AbortOnDropHandle<()> {
        #[cfg(unix)]
        let forwarding = async move {
            let mut signals = self.signals;
            while signals.recv().await.is_some() {
                to.reload();
            }
        };
        #[cfg(not(unix))]
        let forwarding = async move { drop(to) };
        AbortOnDropHandle::new(tokio::spawn(forwarding))
    }
}
