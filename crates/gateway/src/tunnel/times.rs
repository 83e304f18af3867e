use std::time::Duration;

/// How long nothing may pass through a tunnel, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TunnelIdle(pub(crate) Duration);

impl Default for TunnelIdle {
    fn default() -> Self {
        Self(Duration::from_secs(300))
    }
}
