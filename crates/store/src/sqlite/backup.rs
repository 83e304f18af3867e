use std::io::{self, ErrorKind};
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
use super::connection::open_reader;
use super::database::sync_folder;
use super::error::Failure;
use super::identity::beside;
use super::link::Link;
use super::note::Note;
use super::schema::{self, Standing};
use super::way::{LOOKS, Way, stand};
use super::{history, leftovers, log, owner, read, target};

/// How many pages are copied before it is looked whether anybody still waits.
const STEP: i32 = 64;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
    /// The number of the schema that the copy has: that of this version, or an
    /// older one, which is migrated when a store opens the copy.
    pub schema: u32,
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

/// Copies the database that is open.
fn copy(link: &Link, to: &Path, abandoned: &AtomicBool) -> Result<BackupReport, StoreError> {
    link.follow()?;
    let folder = target::check(link.path(), to)?;
    write(link.path(), to, &folder, abandoned, |copy| {
        copy_pages(open_reader(link.path())?, copy, abandoned, |_| {
            if link.is_current() {
                return Ok(());
            }
            let message = "the database was replaced while it was copied";
            Err(Failure::new(StoreErrorKind::Unavailable, message))
        })
    })
}

/// Copies the database at the path without a change to it, whatever schema of
/// ours it has.
pub(super) fn copy_file(
    from: &Path,
    to: &Path,
    abandoned: &AtomicBool,
) -> Result<BackupReport, StoreError> {
    let missing = |error: io::Error| {
        let message = format!("database {} cannot be opened", from.display());
        unavailable(&message, error)
    };
    let path = std::fs::canonicalize(from).map_err(missing)?;
    let folder = target::check(&path, to)?;
    let mut look = 1;
    loop {
        let (way, before) = (Way::to(&path), stand(&path).map_err(missing)?);
        log::check(&path)?;
        let note = Note::read(&path);
        let source = |copy: &Path| {
            let copied = copy_pages(way.open(&path)?, copy, abandoned, |snapshot| {
                match (schema::standing(snapshot, &path)?, &note) {
                    (Standing::Empty, _) => Err(schema::foreign(&path)),
                    (Standing::Current, Some(note)) => note.check(snapshot, &path),
                    (Standing::Older, Some(note)) => note.check_older(snapshot, &path),
                    (Standing::Current | Standing::Older, None) => Ok(()),
                }
            })?;
            // Without locks, what somebody else wrote meanwhile is half of it.
            if way == Way::Shared || stand(&path).map_err(missing)? == before {
                return Ok(copied);
            }
            let message = "the database was opened by somebody else while it was copied";
            Err(StoreError::new(StoreErrorKind::Busy, message))
        };
        let copied = write(&path, to, &folder, abandoned, source);
        let again = way != Way::Shared && look < LOOKS;
        if copied.is_ok() || !again || stand(&path).map_err(missing)? == before {
            return copied;
        }
        look += 1;
    }
}

/// Makes the copy that `pages` writes to a path, looks at it, and gives it its
/// name. Of one that fails nothing is left.
fn write(
    from: &Path,
    to: &Path,
    folder: &Path,
    abandoned: &AtomicBool,
    pages: impl FnOnce(&Path) -> Result<Copied, StoreError>,
) -> Result<BackupReport, StoreError> {
    let unwritable = |error| unavailable(&format!("{} cannot be written", to.display()), error);
    // Beside the target, so that it gets its name in one step; readable by its
    // owner alone, who is the database's: it is to take its place.
    let (file, draft) = leftovers::draft(folder).map_err(unwritable)?.into_parts();
    leftovers::remove(folder, &file);
    let _pieces = Pieces(draft.to_path_buf());
    let copied = pages(&draft)?;
    if copied.schema == schema::VERSION {
        begin_life(&draft)?;
    }
    check_abandoned(abandoned)?;
    let (services, keys) = look(&draft, &copied)?;
    check_abandoned(abandoned)?;
    if !owner::is_alone_at(&file, &draft).map_err(unwritable)? {
        let message = format!("{} was replaced while it was written", to.display());
        return Err(StoreError::new(StoreErrorKind::Unavailable, message));
    }
    // The last of all: until then nobody else could have written to it.
    let database = std::fs::metadata(from).map_err(unwritable)?;
    if let Err(error) = owner::give(&file, &database) {
        owner::forgive(to, &error);
    }
    let unsynced = |error| unavailable(&format!("{} is not on the disk", to.display()), error);
    file.sync_all().map_err(unsynced)?;
    let bytes = file.metadata().map_err(unsynced)?.len();
    // Not later: closing it would drop the locks of who opens the copy here.
    drop(file);
    name(draft, to)?;
    Ok(BackupReport {
        head: copied.head,
        audit_head: copied.audit_head,
        services,
        keys,
        bytes,
        schema: u32::try_from(copied.schema).unwrap_or(0),
    })
}

/// What SQLite may have left beside a copy.
struct Pieces(PathBuf);

impl Drop for Pieces {
    fn drop(&mut self) {
        for suffix in ["-wal", "-shm", "-journal"] {
            // Mostly there is none.
            let _ = std::fs::remove_file(beside(&self.0, suffix));
        }
    }
}

/// What a copy must hold.
struct Copied {
    head: Head,
    audit_head: AuditHead,
    schema: i32,
}

/// Looks at the whole copy, and returns how many services and keys it has.
fn look(copy: &Path, copied: &Copied) -> Result<(u64, u64), StoreError> {
    let (head, audit_head, counts) = if copied.schema == schema::VERSION {
        let report = check::check(copy)?;
        if let Some(fault) = report.faults().first() {
            return Err(broken(fault));
        }
        let counts = (report.services(), report.keys());
        (report.head(), report.audit_head(), counts)
    } else {
        let copy = Way::Alone.open(copy)?;
        schema::check_pages(&copy).map_err(|failure| broken(&StoreError::from(failure)))?;
        let row = read::head(&copy)?;
        let count = |table: &str| -> Result<u64, StoreError> {
            let sql = format!("SELECT count(*) FROM {table}");
            let counted = copy.query_row(&sql, [], |row| row.get::<_, i64>(0));
            Ok(u64::try_from(counted.map_err(Failure::from)?).unwrap_or(0))
        };
        let counts = (count("services")?, count("keys")?);
        (Some(row.head), Some(row.audit), counts)
    };
    if (head, audit_head) == (Some(copied.head), Some(copied.audit_head)) {
        return Ok(counts);
    }
    let message = "the copy does not hold what was copied, and was removed";
    Err(StoreError::new(StoreErrorKind::Corrupt, message))
}

fn broken(fault: &dyn std::fmt::Display) -> StoreError {
    let message = format!("the copy is not whole, and was removed: {fault}");
    StoreError::new(StoreErrorKind::Corrupt, message)
}

fn check_abandoned(abandoned: &AtomicBool) -> Result<(), StoreError> {
    if abandoned.load(Ordering::Relaxed) {
        let message = "the backup was given up";
        return Err(StoreError::new(StoreErrorKind::Unavailable, message));
    }
    Ok(())
}

/// Copies one snapshot, which `check` looks at before. Who writes goes on, into
/// the log; who reads does not notice. Were no transaction open, each change of
/// another connection would begin the copy anew.
fn copy_pages(
    mut source: Connection,
    to: &Path,
    abandoned: &AtomicBool,
    check: impl FnOnce(&Connection) -> Result<(), Failure>,
) -> Result<Copied, StoreError> {
    let snapshot = source.transaction().map_err(Failure::from)?;
    let row = read::head(&snapshot);
    check(&snapshot)?;
    let row = row?;
    let schema = schema::number(&snapshot)?;
    let mut target = connect(to)?;
    let backup = Backup::new(&snapshot, &mut target).map_err(Failure::from)?;
    loop {
        match backup.step(STEP).map_err(Failure::from)? {
            StepResult::Done => break,
            StepResult::More => check_abandoned(abandoned)?,
            _ => {
                let message = "the backup was locked by somebody else";
                return Err(StoreError::new(StoreErrorKind::Busy, message));
            }
        }
    }
    drop(backup);
    close(target)?;
    Ok(Copied {
        head: row.head,
        audit_head: row.audit,
        schema,
    })
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
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
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
        let kind = if error.error.kind() == ErrorKind::AlreadyExists {
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

#[cfg(test)]
mod tests {
    use super::Pieces;

    #[test]
    fn what_sqlite_left_beside_a_copy_goes_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["copy", "copy-wal", "copy-shm", "copy-journal", "copy-head"] {
            std::fs::write(folder.path().join(name), name).expect("written");
        }
        drop(Pieces(folder.path().join("copy")));
        let names = std::fs::read_dir(folder.path()).expect("readable");
        let mut names: Vec<_> = names.map(|entry| entry.expect("one").file_name()).collect();
        names.sort();
        assert_eq!(names, ["copy", "copy-head"]);
    }
}
