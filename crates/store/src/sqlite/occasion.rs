use std::time::Duration;

use super::note::SetBack;

/// Whether a missing file is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Creation {
    /// A missing file is created, an empty one filled.
    Allowed,
    /// There must be a database already.
    Forbidden,
}

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// A store begins.
    Start(Creation),
    /// A store that has begun found another file at its path, or another log.
    Follow(SetBack),
}

impl Occasion {
    /// Whether a missing file is created.
    pub(super) fn creation(self) -> Creation {
        match self {
            Self::Start(creation) => creation,
            // A path that is empty for a moment is no reason for a new database.
            Self::Follow(_) => Creation::Forbidden,
        }
    }

    /// What becomes of a database that is older than its note.
    pub(super) fn set_back(self) -> SetBack {
        match self {
            Self::Start(_) => SetBack::Refused,
            Self::Follow(set_back) => set_back,
        }
    }

    /// How long an opening is tried that others stand in the way of. Who
    /// follows tries again at the next poll, and keeps everybody waiting.
    pub(super) fn patience(self) -> Duration {
        match self {
            Self::Start(_) => Duration::from_secs(3),
            Self::Follow(_) => Duration::from_millis(300),
        }
    }
}
