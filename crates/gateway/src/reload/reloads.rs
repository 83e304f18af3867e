use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::config::{Effective, Reading, SourcesDigest};
use crate::life::ReloadNotices;

/// That the configuration of a gateway may change while it serves.
#[derive(Debug)]
pub struct Reloads {
    pub(super) path: PathBuf,
    /// What was read last.
    pub(super) digest: SourcesDigest,
    /// What the gateway was started with.
    pub(super) effective: Effective,
    pub(super) files: Vec<PathBuf>,
    pub(super) asked: Arc<Notify>,
    pub(super) notices: ReloadNotices,
}

/// Has a gateway read its configuration. Cheap to clone; clones have the same one.
#[derive(Debug, Clone)]
pub struct ReloadHandle {
    asked: Arc<Notify>,
}

impl Reloads {
    /// From the file that was read. `path` is the path that it was read from.
    #[must_use]
    pub fn of(path: &Path, reading: &Reading) -> Self {
        let sources = reading.sources();
        Self {
            path: path.to_owned(),
            digest: sources.digest(),
            effective: reading.effective(),
            files: sources.files().to_vec(),
            asked: Arc::default(),
            notices: ReloadNotices::default(),
        }
    }

    /// The service manager that the program was started by is told when one begins, and when it is
    /// over.
    pub(crate) fn heard_by_service_manager(self) -> Self {
        Self {
            notices: ReloadNotices::heard(),
            ..self
        }
    }

    /// By which it is asked for.
    #[must_use]
    pub fn handle(&self) -> ReloadHandle {
        ReloadHandle {
            asked: Arc::clone(&self.asked),
        }
    }
}

impl ReloadHandle {
    /// Has the configuration read again soon, whether or not it has changed, and then the file of
    /// the access log opened anew, which may have been renamed to be kept. What is asked for before
    /// that has happened is asked for once.
    pub fn reload(&self) {
        self.asked.notify_one();
    }
}
