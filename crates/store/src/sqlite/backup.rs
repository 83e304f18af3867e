use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use portcullis_core::store::{AuditHead, Head, StoreError, StoreErrorKind};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempPath;
use tokio::sync::oneshot;

use super::check;
use super::database::{open_reader, sync_folder};
use super::error::Failure;
use super::identity::{FileId, beside};
use super::link::Link;
use super::{history, read};

/// How many pages are copied before it is looked whether anybody still waits.
const STEP: i32 = 64;

/// What lies beside a database and is taken for a part of it.
const COMPANIONS: [&str; 4] = ["-wal", "-shm", "-journal", "-head"];

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// Where the store's history stood when it was copied.
    pub head: Head,
    /// The end of the audit trail at that moment. Kept elsewhere, it shows
    /// whether anything is missing from a trail.
    pub audit_head: AuditHead,
    /// How many services the copy has.
    pub services: u64,
    /// How many keys the copy has, those that are revoked among them.
    pub keys: u64,
    /// How long the copy is, in bytes.
    pub bytes: u64,
}

/// Copies the database to the path, in a thread of its own. That ends early
/// where nobody waits for it any more.
pub(super) async fn back_up(link: Arc<Link>, to: PathBuf) -> Result<BackupReport, StoreError> {
    let (answer, answered) = oneshot::channel();
    let abandoned = Arc::new(AtomicBool::new(false));
    let _guard = Abandon(Arc::clone(&abandoned));
    let thread = thread::Builder::new().name("portcullis-backup".to_owned());
    let started = thread.spawn(move || {
        // Nobody may wait any more.
        let _ = answer.send(copy(&link, &to, &abandoned));
    });
    started.map_err(|error| unavailable("the backup's thread cannot be started", error))?;
    let ended = |_| StoreError::new(StoreErrorKind::Unavailable, "the backup has ended");
    answered.await.map_err(ended)?
}

/// Tells the thread that its caller went away.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn copy(link: &Link, to: &Path, abandoned: &AtomicBool) -> Result<BackupReport, StoreError> {
    link.follow()?;
    let folder = check_target(link, to)?;
    // Beside the target, so that it gets its name in one step; for its owner
    // alone, and removed again whatever happens.
    let copy = tempfile::Builder::new()
        .prefix(".portcullis-backup-")
        .tempfile_in(folder)
        .map_err(|error| unavailable(&format!("{} cannot be written", to.display()), error))?
        .into_temp_path();
    let (head, audit_head) = copy_pages(link, &copy, abandoned)?;
    begin_life(&copy)?;
    let unsynced = |error| unavailable(&format!("{} is not on the disk", to.display()), error);
    File::open(&copy)
        .and_then(|file| file.sync_all())
        .map_err(unsynced)?;
    let report = check::check(&copy)?;
    if let Some(fault) = report.faults().first() {
        let message = format!("the copy is not whole, and was removed: {fault}");
        return Err(StoreError::new(StoreErrorKind::Corrupt, message));
    }
    if (report.head(), report.audit_head()) != (Some(head), Some(audit_head)) {
        let message = "the copy does not hold what was copied, and was removed";
        return Err(StoreError::new(StoreErrorKind::Corrupt, message));
    }
    let bytes = std::fs::metadata(&copy).map_err(unsynced)?.len();
    name(copy, to)?;
    Ok(BackupReport {
        head,
        audit_head,
        services: report.services(),
        keys: report.keys(),
        bytes,
    })
}

/// Finds what must not be written to, and returns the target's folder.
fn check_target(link: &Link, to: &Path) -> Result<PathBuf, StoreError> {
    let (folder, file) = match (to.parent(), to.file_name()) {
        (Some(folder), Some(file)) if folder != Path::new("") => (folder, file),
        (Some(_), Some(file)) => (Path::new("."), file),
        _ => {
            let message = format!("{} names no file", to.display());
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
    };
    let folder = std::fs::canonicalize(folder).map_err(|error| {
        let message = format!("there is no folder {}: {error}", folder.display());
        StoreError::with_source(StoreErrorKind::Invalid, message, error)
    })?;
    if !folder.is_dir() {
        let message = format!("{} is no folder", folder.display());
        return Err(StoreError::new(StoreErrorKind::Invalid, message));
    }
    let taken = |what: &str| {
        let message = format!("{} {what}; a backup replaces nothing", to.display());
        Err(StoreError::new(StoreErrorKind::AlreadyExists, message))
    };
    // The link itself and not what it leads to, which may not be there.
    if to.symlink_metadata().is_ok() {
        let database = FileId::of(link.path()).ok().flatten();
        let same = database.is_some() && FileId::of(to).ok().flatten() == database;
        return taken(if same {
            "is the database itself"
        } else {
            "exists already"
        });
    }
    let target = folder.join(file);
    for companion in COMPANIONS {
        let name = file.as_encoded_bytes();
        if name.ends_with(companion.as_bytes()) {
            let owner = name.len().saturating_sub(companion.len());
            let owner = String::from_utf8_lossy(name.get(..owner).unwrap_or_default());
            if folder.join(&*owner).exists() {
                return taken(&format!("would be taken for a part of {owner}"));
            }
        }
        if companion != "-head" && beside(&target, companion).symlink_metadata().is_ok() {
            return taken(&format!(
                "would be read with the {companion} file beside it"
            ));
        }
    }
    Ok(folder)
}

/// Copies one snapshot. Who writes goes on, into the log; who reads does not
/// notice. Were no transaction open, each change of another connection would
/// begin the copy anew.
fn copy_pages(
    link: &Link,
    to: &Path,
    abandoned: &AtomicBool,
) -> Result<(Head, AuditHead), StoreError> {
    let mut source = open_reader(link.path())?;
    let snapshot = source.transaction().map_err(Failure::from)?;
    let row = read::head(&snapshot)?;
    if !link.is_current() {
        let message = "the database was replaced while it was copied";
        return Err(StoreError::new(StoreErrorKind::Unavailable, message));
    }
    let mut target = connect(to)?;
    let backup = Backup::new(&snapshot, &mut target).map_err(Failure::from)?;
    loop {
        match backup.step(STEP).map_err(Failure::from)? {
            StepResult::Done => break,
            StepResult::More if !abandoned.load(Ordering::Relaxed) => {}
            StepResult::More => {
                let message = "the backup was given up";
                return Err(StoreError::new(StoreErrorKind::Unavailable, message));
            }
            _ => {
                let message = "the backup was locked by somebody else";
                return Err(StoreError::new(StoreErrorKind::Busy, message));
            }
        }
    }
    drop(backup);
    close(target)?;
    Ok((row.head, row.audit))
}

/// A copy that is put in place begins another life: nothing that was noted of
/// the first one speaks of it.
fn begin_life(copy: &Path) -> Result<(), StoreError> {
    let begin = || -> Result<Connection, Failure> {
        let connection = connect(copy)?;
        history::begin_life(&connection)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(connection)
    };
    close(begin()?)
}

/// A file that nobody else knows needs no locks, no log that others could read,
/// and no sync before the one at its end.
fn connect(copy: &Path) -> Result<Connection, StoreError> {
    let open = || -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(copy, flags)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        Ok(connection)
    };
    Ok(open().map_err(Failure::from)?)
}

fn close(connection: Connection) -> Result<(), StoreError> {
    connection
        .close()
        .map_err(|(_, error)| Failure::from(error).into())
}

/// Gives the copy its name, unless somebody else took that meanwhile.
fn name(copy: TempPath, to: &Path) -> Result<(), StoreError> {
    if let Err(error) = copy.persist_noclobber(to) {
        let kind = if error.error.kind() == io::ErrorKind::AlreadyExists {
            StoreErrorKind::AlreadyExists
        } else {
            StoreErrorKind::Unavailable
        };
        let message = format!("{} cannot be made: {}", to.display(), error.error);
        return Err(StoreError::with_source(kind, message, error));
    }
    sync_folder(to).map_err(|error| {
        let message = format!("{} is whole, but its name may be lost", to.display());
        unavailable(&message, error)
    })
}

fn unavailable(message: &str, error: io::Error) -> StoreError {
    let message = format!("{message}: {error}");
    StoreError::with_source(StoreErrorKind::Unavailable, message, error)
}
