use std::error::Error;
use std::fmt;

/// Why a client was told to go with `ENHANCE_YOUR_CALM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Calm {
    /// Too many frames that carry nothing of a request: settings, pings, windows, priorities,
    /// empty data, and such as are not known.
    ControlFrames,
    /// Too many streams that were reset, by the client or for what it sent.
    Resets,
    /// The head of a request that did not come to its end in time.
    HeaderBlock,
    /// What reads the frames has bounds of its own: for the size of a head and the number of its
    /// frames, above all.
    Library,
}

impl Calm {
    /// The label `why` of metrics.
    pub(in crate::server) const fn as_str(self) -> &'static str {
        match self {
            Self::ControlFrames => "control_frames",
            Self::Resets => "resets",
            Self::HeaderBlock => "header_block",
            Self::Library => "library",
        }
    }
}

impl fmt::Display for Calm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a client was told to enhance its calm: {}",
            self.as_str()
        )
    }
}

impl Error for Calm {}
