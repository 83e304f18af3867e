use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portcullis_core::store::{StoreError, StoreErrorKind};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::Failure;
use super::history;
use super::identity::{Companions, FileId, Identity, beside};
use super::log;
use super::note::{Note, Notebook, SetBack};
use super::schema::{self, Standing};

/// How many threads read.
pub(super) const READERS: usize = 3;

/// How long a statement waits for somebody else's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// From this many pages on, each commit tries to move the log into the database
/// without waiting for anybody (4 MiB of pages of 4 KiB).
const LOG_PAGES: i64 = 1_000;
/// What is kept of the log's file when it is begun anew, in bytes.
const LOG_KEPT: i64 = 8 * 1024 * 1024;

/// How long an opening is tried that others stand in the way of, and how long
/// to wait before each further try.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);

/// The same where the database is of an older version: whoever holds it most
/// likely migrates it, which takes minutes where there are millions of keys.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(60);

/// One opening at a time in this process. POSIX drops a process's locks on a
/// file when any descriptor of it is closed: nobody may have it open through
/// SQLite while its creation closes the first one.
static OPENING: Mutex<()> = Mutex::new(());

/// Whether a missing file is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Creation {
    /// A missing file is created, an empty one filled.
    Allowed,
    /// There must be a database already.
    Forbidden,
}

/// An open file, with the connections of all threads.
#[derive(Debug)]
pub(super) struct Database {
    /// With symbolic links resolved: where SQLite looks for the log.
    path: PathBuf,
    identity: Identity,
    companions: Companions,
    // In this order: the last to close empties the log, and readers cannot.
    readers: Vec<Mutex<Connection>>,
    writer: Mutex<Connection>,
    notebook: Mutex<Notebook>,
}

impl Database {
    /// Opens the file, creating or migrating it where that is needed. Nothing
    /// of what is there is written before it has passed every check.
    pub(super) fn open(
        path: &Path,
        creation: Creation,
        set_back: SetBack,
    ) -> Result<Self, StoreError> {
        let _one_at_a_time = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        if creation == Creation::Allowed {
            create(path).map_err(|error| unreadable(path, error))?;
        }
        let path = std::fs::canonicalize(path).map_err(|error| unreadable(path, error))?;
        let metadata = std::fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
        if !metadata.is_file() {
            let message = format!("{} is no regular file", path.display());
            return Err(StoreError::new(StoreErrorKind::Foreign, message));
        }
        let database = Self::connect_patiently(&path, creation, set_back)?;
        if database.identity.main != FileId::from(&metadata) {
            let message = format!(
                "{} was replaced while it was opened",
                database.path.display()
            );
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        Ok(database)
    }

    /// Connects, again while another process makes or migrates the database:
    /// SQLite answers at once, without waiting, where waiting could deadlock.
    fn connect_patiently(
        path: &Path,
        creation: Creation,
        set_back: SetBack,
    ) -> Result<Self, StoreError> {
        let began = Instant::now();
        // Who migrates holds the file until all of it is in place.
        let mut migrated = began;
        loop {
            let length = std::fs::metadata(path)
                .map_err(|error| unreadable(path, error))?
                .len();
            match Self::connect(path.to_owned(), creation, set_back, length) {
                Err(failure) if failure.kind() == StoreErrorKind::Busy => {
                    if matches!(schema::probe(path), Ok((Standing::Older, _))) {
                        if migrated == began {
                            let path = path.display();
                            tracing::warn!(%path, "waiting for who migrates or still uses the older database");
                        }
                        migrated = Instant::now();
                    }
                    if migrated.elapsed() >= PATIENCE || began.elapsed() >= MIGRATION_PATIENCE {
                        return Err(failure.into());
                    }
                    std::thread::sleep(PAUSE);
                }
                result => return Ok(result?),
            }
        }
    }

    fn connect(
        path: PathBuf,
        creation: Creation,
        set_back: SetBack,
        length: u64,
    ) -> Result<Self, Failure> {
        let (standing, birth) = schema::probe(&path)?;
        if standing != Standing::Empty {
            log::check(&path)?;
        }
        match standing {
            Standing::Current => {}
            // SQLite would take a file of one byte, or an empty database of
            // anybody, for a new one as well.
            Standing::Empty if length > 0 => return Err(schema::foreign(&path)),
            Standing::Empty if creation == Creation::Forbidden => {
                let message = format!("{} is empty: expected a database", path.display());
                return Err(Failure::new(StoreErrorKind::Unavailable, message));
            }
            Standing::Empty | Standing::Older => schema::migrate(&mut open_file(&path)?, &path)?,
        }
        // Before the database, which may go on meanwhile.
        let note = Note::read(&path);
        let writer = open_writer(&path, |writer| {
            let now = history::birth(writer)?;
            // It never changes: what the log says of it is of another database.
            if birth.is_some_and(|birth| birth != now) {
                let message = format!("the log of {} is not its own", path.display());
                return Err(Failure::new(StoreErrorKind::Corrupt, message));
            }
            match &note {
                Some(note) if set_back == SetBack::Refused => note.check(writer, &path),
                _ => Ok(()),
            }
        })?;
        let mut notebook = Notebook::new(&path);
        let life = history::life(&writer)?;
        if set_back == SetBack::Taken || !note.is_some_and(|note| note.is_of(life)) {
            // Somebody put it here. It may be put here once more, and must not
            // be taken for this one then, set back.
            if let Err(error) = history::begin_life(&writer) {
                let error = StoreError::from(error);
                tracing::warn!(%error, "the database could not be told from its copies");
            }
            notebook.write(Note::of(&writer)?);
        }
        let readers = (0..READERS)
            .map(|_| open_reader(&path).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        let gone = || unreadable(&path, io::Error::from(io::ErrorKind::NotFound));
        let identity = Identity::of(&path).map_err(|error| unreadable(&path, error))?;
        let companions = Companions::of(&path).map_err(|error| unreadable(&path, error))?;
        let identity = identity.ok_or_else(gone)?;
        Ok(Self {
            path,
            identity,
            companions,
            readers,
            writer: Mutex::new(writer),
            notebook: Mutex::new(notebook),
        })
    }

    /// What was opened.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// The writer's connection.
    pub(super) fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection of reader `at`, below [`READERS`].
    pub(super) fn reader(&self, at: usize) -> Option<MutexGuard<'_, Connection>> {
        self.readers
            .get(at)
            .map(|reader| reader.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes how far the database has come.
    pub(super) fn note(&self, note: Note) {
        let notebook = self.notebook.lock();
        notebook.unwrap_or_else(PoisonError::into_inner).write(note);
    }

    /// How long the log is, in bytes.
    pub(super) fn log_length(&self) -> u64 {
        let log = std::fs::metadata(beside(&self.path, "-wal"));
        log.map_or(0, |metadata| metadata.len())
    }

    /// Puts new connections in the place of one that failed, where they can be
    /// opened; where they cannot, the old one stays.
    pub(super) fn renew_writer(&self) -> Result<(), Failure> {
        let writer = open_writer(&self.path, |_| self.check_identity())?;
        *self.writer() = writer;
        Ok(())
    }

    /// The same for reader `at`.
    pub(super) fn renew_reader(&self, at: usize) -> Result<(), Failure> {
        let reader = open_reader(&self.path)?;
        self.check_identity()?;
        if let Some(mut old) = self.reader(at) {
            *old = reader;
        }
        Ok(())
    }

    /// SQLite opens by path: what stands there must be what is open already.
    fn check_identity(&self) -> Result<(), Failure> {
        let here = Identity::of(&self.path).map_err(|error| unreadable(&self.path, error))?;
        if here == Some(self.identity) {
            Ok(())
        } else {
            let message = format!("{} was replaced", self.path.display());
            Err(Failure::new(StoreErrorKind::Unavailable, message))
        }
    }

    /// Closes every connection, so that another file can be opened at the path.
    pub(super) fn close(self) {
        let writer = self
            .writer
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let readers = self.readers.into_iter();
        let readers =
            readers.map(|reader| reader.into_inner().unwrap_or_else(PoisonError::into_inner));
        let here = Identity::of(&self.path).ok().flatten();
        if here == Some(self.identity) {
            // Only the way to it changed: it is closed like any database.
            return close(readers.chain([writer]));
        }
        // Another database has this path, or this one a log that is not ours.
        // Closing must not write: SQLite would do it by path.
        let replaced = here.is_none_or(|here| here.main != self.identity.main);
        let robbed = here.is_some_and(|here| here.log.is_none());
        if replaced || robbed {
            // The file lives on, perhaps under another name, without what only
            // our log has. Where it has another log, that one counts.
            match checkpoint(&writer, Duration::ZERO) {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!("the database that was left misses its latest changes");
                }
                Err(error) => {
                    tracing::warn!(%error, "the database that was left misses its latest changes");
                }
            }
        }
        close(readers.chain([writer]).inspect(|connection| {
            let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            if let Err(error) = set {
                tracing::warn!(%error, "a replaced database may be written to while it is closed");
            }
        }));
        if replaced && let Err(error) = self.companions.remove() {
            tracing::warn!(%error, "the log of the replaced database is still in place");
        }
    }
}

fn close(connections: impl Iterator<Item = Connection>) {
    for connection in connections {
        if let Err((_, error)) = connection.close() {
            tracing::warn!(%error, "a database was not closed cleanly");
        }
    }
}

/// Moves the whole log into the database and empties it, waiting so long at
/// most for those who read it. False where it stays, because somebody does.
pub(super) fn checkpoint(writer: &Connection, patience: Duration) -> Result<bool, rusqlite::Error> {
    writer.busy_timeout(patience)?;
    let busy = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, bool>(0)
    });
    writer.busy_timeout(BUSY_TIMEOUT)?;
    Ok(!busy?)
}

/// Creates an empty file for its owner alone, unless there is one.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(file) => file.sync_all()?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    // The folder's entry must outlive a power cut as well: SQLite syncs it for
    // its logs, not for a database that it finds.
    sync_folder(path)
}

/// Has the disk keep that a file stands at this path.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

fn unreadable(path: &Path, error: io::Error) -> StoreError {
    let message = match error.kind() {
        io::ErrorKind::NotFound => format!("there is no database {}", path.display()),
        _ => format!("database {} cannot be opened: {error}", path.display()),
    };
    StoreError::with_source(StoreErrorKind::Unavailable, message, error)
}

fn open_file(path: &Path) -> Result<Connection, Failure> {
    let connection = connection(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // NORMAL would lose the latest commits to a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Opens the writer's connection; `check` is one more of the checks before
/// anything of the file may be written.
fn open_writer(
    path: &Path,
    check: impl FnOnce(&Connection) -> Result<(), Failure>,
) -> Result<Connection, Failure> {
    let connection = open_file(path)?;
    if schema::standing(&connection, path)? != Standing::Current {
        let message = format!("{} was not migrated to the end", path.display());
        return Err(Failure::new(StoreErrorKind::Corrupt, message));
    }
    schema::use_log(&connection, path)?;
    check(&connection)?;
    schema::check(&connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What a change could be undone with: small, and on no other disk, which
    // may be full.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_KEPT, |_| Ok(()))?;
    Ok(connection)
}

pub(super) fn open_reader(path: &Path) -> Result<Connection, Failure> {
    connection(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn connection(path: &Path, access: OpenFlags) -> Result<Connection, Failure> {
    // A connection is used by one thread at a time: SQLite needs no mutex.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Until the checks have passed, closing leaves the log as it is.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // The file may have been anywhere: its schema gets no power over us.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A plan depends on no value: without this SQLite prepares a cached
    // statement anew for each value that it might plan by.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Pages are looked at when they are read, and not only what is used of them.
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}
