use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portcullis_core::store::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::checkpoint::{self, Emptied};
use super::connection::{Depth, open_file, open_reader, open_writer};
use super::error::Failure;
use super::history;
use super::identity::{Companions, FileId, Identity, Left, beside};
use super::log;
use super::note::{Note, Notebook, SetBack};
use super::occasion::{Creation, Occasion};
use super::schema::{self, Standing};

/// How many threads read.
pub(super) const READERS: usize = 3;

/// How long to wait before an opening is tried again that others stand in the
/// way of.
const PAUSE: Duration = Duration::from_millis(50);

/// How long those are waited for who keep a new life from the file.
const LIFE_PATIENCE: Duration = Duration::from_millis(250);

/// How long at most while somebody migrates the database, which takes minutes
/// where there are millions of keys.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(60);

/// One opening at a time in this process. POSIX drops a process's locks on a
/// file when any descriptor of it is closed: nobody may have it open through
/// SQLite while its creation closes the first one.
static OPENING: Mutex<()> = Mutex::new(());

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
    /// Whether it was told that the log was taken away.
    told: bool,
}

impl Database {
    /// Opens the file, creating or migrating it where that is needed. Nothing
    /// of what is there is written before it has passed every check.
    pub(super) fn open(path: &Path, occasion: Occasion) -> Result<Self, StoreError> {
        let _one_at_a_time = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        if occasion.creation() == Creation::Allowed {
            create(path).map_err(|error| unreadable(path, error))?;
        }
        let path = std::fs::canonicalize(path).map_err(|error| unreadable(path, error))?;
        let metadata = std::fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
        if !metadata.is_file() {
            let message = format!("{} is no regular file", path.display());
            return Err(StoreError::new(StoreErrorKind::Foreign, message));
        }
        let database = Self::connect_patiently(&path, occasion)?;
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
    fn connect_patiently(path: &Path, occasion: Occasion) -> Result<Self, StoreError> {
        let began = Instant::now();
        // Who migrates holds the file until all of it is in place.
        let mut migrated = began;
        loop {
            let length = std::fs::metadata(path)
                .map_err(|error| unreadable(path, error))?
                .len();
            let failure = match Self::connect(path.to_owned(), occasion, length) {
                Err(failure) if failure.kind() == StoreErrorKind::Busy => failure,
                result => return Ok(result?),
            };
            let older = matches!(schema::probe(path), Ok((Standing::Older, _)));
            let waits = matches!(occasion, Occasion::Start(_));
            if older && waits && schema::is_being_migrated(path) {
                if migrated == began {
                    let path = path.display();
                    tracing::warn!(%path, "waiting for who migrates the database");
                }
                migrated = Instant::now();
            }
            if migrated.elapsed() >= occasion.patience() || began.elapsed() >= MIGRATION_PATIENCE {
                let failure = if older { in_use(path) } else { failure };
                return Err(failure.into());
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn connect(path: PathBuf, occasion: Occasion, length: u64) -> Result<Self, Failure> {
        let set_back = occasion.set_back();
        let (standing, birth) = schema::probe(&path)?;
        if standing != Standing::Empty {
            log::check(&path)?;
        }
        // Before the database, which may go on meanwhile.
        let note = Note::read(&path).filter(|_| set_back == SetBack::Refused);
        match standing {
            Standing::Current => {}
            // SQLite would take a file of one byte, or an empty database of
            // anybody, for a new one as well.
            Standing::Empty if length > 0 => return Err(schema::foreign(&path)),
            Standing::Empty if occasion.creation() == Creation::Forbidden => {
                let message = format!("{} is empty: expected a database", path.display());
                return Err(Failure::new(StoreErrorKind::Unavailable, message));
            }
            Standing::Empty | Standing::Older => {
                schema::migrate(&mut open_file(&path)?, &path, |older| match &note {
                    Some(note) => note.check_older(older, &path),
                    None => Ok(()),
                })?;
            }
        }
        let writer = open_writer(&path, Depth::Whole, |writer| {
            let now = history::birth(writer)?;
            // It never changes: what the log says of it is of another database.
            if birth.is_some_and(|birth| birth != now) {
                let message = format!("the log of {} is not its own", path.display());
                return Err(Failure::new(StoreErrorKind::Corrupt, message));
            }
            match &note {
                Some(note) => note.check(writer, &path),
                None => Ok(()),
            }
        })?;
        let mut notebook = Notebook::new(&path);
        let life = history::life(&writer)?;
        if !note.is_some_and(|note| note.is_of(life)) {
            // Somebody put it here. It may be put here once more, and must not
            // be taken for this one then, set back.
            if let Err(error) = history::begin_life(&writer) {
                let error = StoreError::from(error);
                tracing::warn!(%error, "the database could not be told from its copies");
            }
            // Into the file itself: it must be known by it if the log is lost.
            if !matches!(checkpoint::empty(&writer, LIFE_PATIENCE), Emptied::Done) {
                tracing::debug!("the life of the database is in its log alone");
            }
            notebook.write(Note::of(&writer)?);
        }
        let readers = (0..READERS)
            .map(|_| open_at_once(&path).map(Mutex::new))
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
            told: false,
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
        // SQLite makes a log where there is none.
        self.check_identity()?;
        let writer = open_writer(&self.path, Depth::Bounded, |_| self.check_identity())?;
        *self.writer() = writer;
        Ok(())
    }

    /// The same for reader `at`.
    pub(super) fn renew_reader(&self, at: usize) -> Result<(), Failure> {
        self.check_identity()?;
        let reader = open_at_once(&self.path)?;
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

    /// Where the log was taken away from the file, moves what only our
    /// connections still have of it into the file. Fails for as long as that
    /// cannot be done: closing them would lose what was acknowledged.
    pub(super) fn rescue(&mut self) -> Result<(), StoreError> {
        let here = Identity::of(&self.path).ok().flatten();
        let empty = self.log_length() == 0;
        if !here.is_some_and(|here| here.misses_log_of(self.identity, empty)) {
            return Ok(());
        }
        let path = self.path.display();
        let error = match checkpoint::empty(&self.writer(), Duration::ZERO) {
            Emptied::Done => {
                tracing::warn!(%path, "the log of the database was taken away; nothing of it is lost");
                return Ok(());
            }
            Emptied::Held => {
                let message = format!(
                    "the log of {path} was taken away, and somebody still reads from it: nothing \
                     is changed before all of it is in the database"
                );
                StoreError::new(StoreErrorKind::Unavailable, message)
            }
            Emptied::Failed(failure) => {
                let error = StoreError::from(failure);
                let message = format!(
                    "the log of {path} was taken away, and cannot be moved into the database: {error}"
                );
                StoreError::with_source(StoreErrorKind::Unavailable, message, error)
            }
        };
        if !std::mem::replace(&mut self.told, true) {
            tracing::error!(%error, "the latest changes are in this process alone");
        }
        Err(error)
    }

    /// Closes every connection, so that another file can be opened at the path.
    pub(super) fn close(self) -> Left {
        let writer = self
            .writer
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let readers = self.readers.into_iter();
        let readers =
            readers.map(|reader| reader.into_inner().unwrap_or_else(PoisonError::into_inner));
        let here = Identity::of(&self.path);
        let main = self.identity.main;
        if matches!(here, Ok(Some(here)) if here == self.identity) {
            // Only the way to it changed: it is closed like any database.
            close(readers.chain([writer]));
            return Companions::default().leave(&self.path, main);
        }
        // Another database has this path, or none, or this one a log that is
        // not ours. Closing must not write: SQLite would do it by path.
        if matches!(here, Ok(here) if here.is_none_or(|here| here.main != main)) {
            // The file lives on, perhaps under another name, without what only
            // our log has. Were it to come back, its note would tell.
            let error = match checkpoint::empty(&writer, Duration::ZERO) {
                Emptied::Done => None,
                Emptied::Held => Some("somebody still reads from its log".to_owned()),
                Emptied::Failed(failure) => Some(StoreError::from(failure).to_string()),
            };
            if let Some(error) = error {
                tracing::warn!(%error, "the database that was left misses its latest changes");
            }
        }
        close(readers.chain([writer]).inspect(|connection| {
            let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            if let Err(error) = set {
                tracing::warn!(%error, "a replaced database may be written to while it is closed");
            }
        }));
        self.companions.leave(&self.path, main)
    }
}

/// Opens a reader together with the log, which SQLite looks up with the first
/// query: another may stand there by then.
fn open_at_once(path: &Path) -> Result<Connection, Failure> {
    let reader = open_reader(path)?;
    reader.query_row("SELECT one FROM head", [], |_| Ok(()))?;
    Ok(reader)
}

fn close(connections: impl Iterator<Item = Connection>) {
    for connection in connections {
        if let Err((_, error)) = connection.close() {
            tracing::warn!(%error, "a database was not closed cleanly");
        }
    }
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

/// That an older database cannot be migrated now.
fn in_use(path: &Path) -> Failure {
    let message = format!(
        "{} is of an older version, and another process has it open: stop that one, for example a \
         gateway of the older version, and open the database again to migrate it",
        path.display()
    );
    Failure::new(StoreErrorKind::Busy, message)
}
