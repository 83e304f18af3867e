use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use portcullis::clock::Clock;
use tokio::sync::Notify;

use super::links::{folders, ways};

/// So long nothing happens before a file is taken to be written.
const QUIET: Duration = Duration::from_millis(200);
/// The longest that is waited for that.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells of what happens to files: to each link on their ways, and to what is put in their places.
#[derive(Debug)]
pub(super) struct Watch {
    changed: Arc<Notify>,
    /// Nothing where the system does not watch.
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Looks where the files are now. Where nothing can be watched, nothing is ever told.
    pub(super) fn of(files: &[PathBuf]) -> Self {
        let changed = Arc::new(Notify::new());
        let of_interest = ways(files);
        let folders = folders(&of_interest);
        let tell = {
            let (changed, mut of_interest) = (Arc::clone(&changed), of_interest);
            of_interest.extend(folders.iter().cloned());
            move |event: notify::Result<Event>| {
                if event.map_or(true, |event| concerns(&event, &of_interest)) {
                    changed.notify_one();
                }
            }
        };
        let watcher = notify::recommended_watcher(tell).and_then(|mut watcher| {
            for folder in &folders {
                // One that is not there yet is found by the look that comes anyway.
                if folder.is_dir() {
                    watcher.watch(folder, RecursiveMode::NonRecursive)?;
                }
            }
            Ok(watcher)
        });
        let watcher = watcher.inspect_err(|error| {
            tracing::warn!(
                %error,
                "cannot watch the configuration: it is read every 30 seconds, and on SIGHUP"
            );
        });
        Self {
            changed,
            _watcher: watcher.ok(),
        }
    }

    /// Ends once something has happened, and nothing more for a moment.
    pub(super) async fn changed(&self, clock: &dyn Clock) {
        self.changed.notified().await;
        let mut end = clock.sleep(PATIENCE);
        loop {
            tokio::select! {
                () = &mut end => return,
                () = clock.sleep(QUIET) => return,
                () = self.changed.notified() => {}
            }
        }
    }
}

/// Whether one of these may have changed. That a file is read, by us above all, is no change.
fn concerns(event: &Event, of_interest: &BTreeSet<PathBuf>) -> bool {
    let is_change = match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    };
    is_change
        && (event.need_rescan()
            || event.paths.is_empty()
            || event.paths.iter().any(|path| of_interest.contains(path)))
}
