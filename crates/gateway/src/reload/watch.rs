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
    /// Or why the system does not watch.
    watcher: notify::Result<RecommendedWatcher>,
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
        Self { changed, watcher }
    }

    /// Why nothing is ever told, if so.
    pub(super) fn fault(&self) -> Option<&notify::Error> {
        self.watcher.as_ref().err()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use notify::event::{AccessKind, AccessMode, CreateKind, Flag, ModifyKind, RenameMode};
    use notify::{Event, EventKind};
    use portcullis::clock::SystemClock;

    use super::{Watch, concerns};

    #[test]
    fn only_changes_to_what_matters_are_told() {
        let ours: BTreeSet<PathBuf> = ["/etc/p", "/etc/p/..data", "/etc/p/file"]
            .map(PathBuf::from)
            .into();
        let told = |kind, path: &str| {
            let event = Event::new(kind).add_path(Path::new(path).to_owned());
            concerns(&event, &ours)
        };
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let created = EventKind::Create(CreateKind::File);
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        for kind in [renamed, created, written] {
            assert!(
                told(kind, "/etc/p/file") && told(kind, "/etc/p/..data"),
                "{kind:?}"
            );
            assert!(!told(kind, "/etc/p/portcullis.db-wal"), "{kind:?}");
        }
        for read in [
            AccessKind::Open(AccessMode::Any),
            AccessKind::Close(AccessMode::Read),
        ] {
            assert!(
                !told(EventKind::Access(read), "/etc/p/file"),
                "we read it ourselves"
            );
        }
        let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert!(concerns(&lost, &ours), "nobody knows what was lost");
    }

    #[tokio::test]
    async fn what_is_put_in_the_place_of_a_file_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "one").expect("written");
        let watch = Watch::of(std::slice::from_ref(&path));
        assert!(watch.fault().is_none(), "{:?}", watch.fault());
        let new = folder.path().join("new");
        fs::write(&new, "two").expect("written");
        fs::rename(&new, &path).expect("renamed");
        let clock = SystemClock::new();
        let told = tokio::time::timeout(Duration::from_secs(20), watch.changed(&clock)).await;
        told.expect("told");
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_fault() {
        let watch = Watch::of(&[PathBuf::from("/nonexistent/folder/file")]);
        assert!(watch.fault().is_none(), "{:?}", watch.fault());
    }
}
