//! What backups that were killed have left beside the files that they were to
//! make.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

/// How the name of a copy begins that is not whole yet.
const PREFIX: &str = ".portcullis-backup-";
/// How many letters and digits of chance follow.
const CHANCE: usize = 6;

/// How long nobody has written to what nobody writes to any more. A backup that
/// is under way writes all the time, or looks at what it has written.
const AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes a file to copy to: readable by its owner alone.
pub(super) fn draft(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(PREFIX)
        .rand_bytes(CHANCE)
        .tempfile_in(folder)
}

/// Removes the old ones in the folder that are of whoever made this draft, which
/// also says what time it is for the folder's file system. What cannot be
/// removed stays: it is in nobody's way.
pub(super) fn remove(folder: &Path, draft: &File) {
    let (Ok(draft), Ok(entries)) = (draft.metadata(), folder.read_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let is_draft = entry.file_name().to_str().is_some_and(is_draft);
        // Of a link its own.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if is_draft && is_left(&metadata, &draft) && std::fs::remove_file(entry.path()).is_ok() {
            let path = entry.path();
            tracing::info!(path = %path.display(), "removed what a killed backup had left");
        }
    }
}

/// Whether a draft has this name, or something that SQLite puts beside one.
fn is_draft(name: &str) -> bool {
    let split = name
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split_at_checked(CHANCE));
    split.is_some_and(|(chance, suffix)| {
        chance.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && ["", "-wal", "-shm", "-journal"].contains(&suffix)
    })
}

fn is_left(found: &Metadata, draft: &Metadata) -> bool {
    let age = found.modified().and_then(|then| {
        let age = draft.modified()?.duration_since(then);
        age.map_err(io::Error::other)
    });
    found.is_file() && is_of_the_same(found, draft) && age.is_ok_and(|age| age >= AGE)
}

#[cfg(unix)]
fn is_of_the_same(found: &Metadata, draft: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    found.uid() == draft.uid()
}

#[cfg(not(unix))]
fn is_of_the_same(_found: &Metadata, _draft: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::{AGE, draft, remove};

    #[test]
    fn only_what_old_backups_left_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let hour = Duration::from_secs(3_600);
        let put = |name: &str, age: Duration| {
            let file = File::create(folder.path().join(name)).expect("made");
            file.set_modified(SystemTime::now() - age).expect("set");
        };
        let gone = [
            ".portcullis-backup-aB3xY9",
            ".portcullis-backup-aB3xY9-journal",
            ".portcullis-backup-aB3xY9-wal",
            ".portcullis-backup-aB3xY9-shm",
        ];
        let stay = [
            ".portcullis-backup-aB3xY",
            ".portcullis-backup-aB3xY99",
            ".portcullis-backup-aB3x-9",
            ".portcullis-backup-aB3xY9-head",
            ".portcullis-backup-",
            "portcullis-backup-aB3xY9",
            "portcullis.db",
        ];
        for name in gone.iter().chain(&stay) {
            put(name, AGE + hour);
        }
        put(".portcullis-backup-young1", AGE - hour);
        fs::create_dir(folder.path().join(".portcullis-backup-folder")).expect("made");
        let target = folder.path().join("portcullis.db");
        let link = folder.path().join(".portcullis-backup-link01");
        #[cfg(unix)]
        std::os::unix::fs::symlink(target, link).expect("made");
        let new = draft(folder.path()).expect("made");
        remove(folder.path(), new.as_file());
        let is_there = |name: &str| folder.path().join(name).symlink_metadata().is_ok();
        for name in gone {
            assert!(!is_there(name), "{name}");
        }
        let others = [
            ".portcullis-backup-young1",
            ".portcullis-backup-folder",
            ".portcullis-backup-link01",
        ];
        for name in stay.iter().chain(&others) {
            assert!(is_there(name), "{name}");
        }
        assert!(new.path().exists(), "its own");
    }
}
