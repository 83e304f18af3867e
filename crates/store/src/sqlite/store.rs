use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use portcullis_core::audit::Anchor;
use portcullis_core::clock::Timestamp;
use portcullis_core::key::KeyId;
use portcullis_core::keyring::RootName;
use portcullis_core::store::{
    AuditHead, AuditLog, BoxFuture, Change, Changes, EventsRequest, Head, KeyStore, Loaded,
    LoadedServices, Lookup, Page, PageRequest, Redigest, RootCheck, RootUse, StoreError,
    StoreErrorKind, StoreFault, StoredEvent, UsageStore,
};
use portcullis_core::usage::{KeyUsage, UsageBatch};
use rusqlite::Connection;

use super::error::Failure;
use super::link::Link;
use super::note::Note;
use super::occasion::Creation;
use super::readers::Readers;
use super::writer::Writer;
use super::{
    BackupReport, CheckReport, backup, change, check, counters, list, read, roots, schema, trail,
};

/// A store in one SQLite file.
///
/// Several processes may have the same file open. What a commit acknowledged
/// has reached the disk. Work is done on threads of the store's own, behind
/// bounded queues: over them, and where somebody else holds the file for more
/// than a second, an operation fails with [`StoreErrorKind::Busy`].
///
/// The file may be replaced by another (a backup, put in place with `mv`): the
/// next poll or commit opens the new one. Where it is missing or not for this
/// program, operations fail until one is there that is; none is ever created in
/// its place. SQLite finds a database's log by path: a process that opens the
/// new file before the others have closed the old one meets the old log. A
/// second after the last change that log is empty and does no harm.
///
/// Dropping the store waits for the threads to finish what was handed to them.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use portcullis_store::SqliteStore;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("keys.db");
/// let store = SqliteStore::open(&path)?;
/// # drop(store);
/// # Ok(())
/// # }
/// ```
pub struct SqliteStore {
    // In this order: the threads end before the file is closed.
    readers: Readers,
    writer: Writer,
    pub(super) link: Arc<Link>,
}

impl SqliteStore {
    /// Opens the database at the path, and migrates it where it is older.
    /// Where there is no file, it is created, readable by its owner alone.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Foreign`] where the file is no database of Portcullis
    /// and [`StoreErrorKind::Newer`] where a newer version wrote it: it is left
    /// untouched. [`StoreErrorKind::Busy`] where somebody holds it for more
    /// than some seconds, or a minute while it is migrated, and where a process
    /// of an older version has it open: that one has to end first.
    /// [`StoreErrorKind::Corrupt`] where it is damaged, has lost what was
    /// acknowledged, or an older copy was put in its place;
    /// [`StoreErrorKind::Unavailable`] where it cannot be read or written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::start(Link::open(path.as_ref(), Creation::Allowed)?)
    }

    /// The same for a database that must be there already.
    ///
    /// # Errors
    ///
    /// As for [`SqliteStore::open`]; [`StoreErrorKind::Unavailable`], naming
    /// the path, where there is no file or an empty one.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::start(Link::open(path.as_ref(), Creation::Forbidden)?)
    }

    /// Copies the database, as it is at one moment, to a new file: one that can
    /// be put in the place of this one, with its keys, history and audit trail.
    ///
    /// Whoever reads or writes goes on meanwhile, here and in other processes;
    /// until the copy is made the write-ahead log cannot be emptied. The copy
    /// is written under another name beside its target, for its owner alone; it
    /// gets its name once it is on the disk and has been found whole as
    /// [`SqliteStore::check`] does that. Dropping the future gives it up.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::AlreadyExists`] where anything is at the path, or
    /// where the copy would be taken for a part of another database;
    /// [`StoreErrorKind::Invalid`] where there is no such folder;
    /// [`StoreErrorKind::Corrupt`] where this database is damaged, and
    /// [`StoreErrorKind::Unavailable`] where it cannot be read or the copy not
    /// be written. Nothing is left of a copy that failed.
    pub async fn backup(&self, to: impl AsRef<Path>) -> Result<BackupReport, StoreError> {
        backup::back_up(Arc::clone(&self.link), to.as_ref().to_owned()).await
    }

    /// The number of the schema that this version writes.
    pub const SCHEMA: u32 = schema::VERSION.cast_unsigned();

    /// Copies the database at the path, as [`SqliteStore::backup`] does, without
    /// opening it as a store: nothing of it or beside it is changed. One of an
    /// older schema is copied as it is, and neither is migrated.
    ///
    /// The copy is given up, and removed, soon after `given_up` is set. It
    /// blocks: not for a runtime's own threads.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::backup`], and [`StoreErrorKind::Foreign`] and
    /// [`StoreErrorKind::Newer`] for a file that is not for this version.
    pub fn copy(
        from: impl AsRef<Path>,
        to: impl AsRef<Path>,
        given_up: &AtomicBool,
    ) -> Result<BackupReport, StoreError> {
        backup::copy_file(from.as_ref(), to.as_ref(), given_up)
    }

    /// Looks at the whole database at the path: SQLite's own check, every
    /// record against what it was when it was written, the tables that keys are
    /// listed from against the keys, the services' counts, the head against
    /// history, audit trail and what was acknowledged. The
    /// audit trail's chain is [verified by the
    /// manager](portcullis_core::KeyManager::verify_audit).
    ///
    /// Nothing is changed, and nothing need be writable. The database may be in
    /// use; it takes seconds for a million keys, in which the write-ahead log
    /// cannot be emptied. It blocks: not for a runtime's own threads.
    ///
    /// # Errors
    ///
    /// What keeps it from being looked at: [`StoreErrorKind::Foreign`],
    /// [`StoreErrorKind::Newer`] and, for an older schema or a file that is
    /// missing, empty or cannot be read, [`StoreErrorKind::Unavailable`];
    /// [`StoreErrorKind::Corrupt`] where not even its header reads.
    pub fn check(path: impl AsRef<Path>) -> Result<CheckReport, StoreError> {
        check::check(path.as_ref())
    }

    fn start(link: Link) -> Result<Self, StoreError> {
        let link = Arc::new(link);
        let failed = |error: io::Error| {
            let message = "the store's threads cannot be started";
            StoreError::with_source(StoreErrorKind::Unavailable, message, error)
        };
        let readers = Readers::start(&link).map_err(failed)?;
        let writer = Writer::start(&link).map_err(failed)?;
        Ok(Self {
            readers,
            writer,
            link,
        })
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        Box::pin(self.readers.run(move |link, at| link.read(at, query)))
    }

    /// Reads what tells one database from another: from the one that stands at
    /// the path now.
    fn poll<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        Box::pin(self.readers.run(move |link, at| {
            link.follow()?;
            link.read(at, query)
        }))
    }

    /// Does what changes so many records.
    fn write<T: Send + 'static>(
        &self,
        records: usize,
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        Box::pin(self.writer.run(records, work))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.link.path())
            .finish_non_exhaustive()
    }
}

impl KeyStore for SqliteStore {
    fn load(&self, lookup: Lookup) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        match lookup {
            Lookup::Id(id) => self.read(move |connection| read::load(connection, id)),
            _ => Box::pin(async {
                let message = "this store is older than the look-up that it was asked for";
                Err(StoreError::new(StoreErrorKind::Unavailable, message))
            }),
        }
    }

    fn load_services(&self) -> BoxFuture<'_, Result<LoadedServices, StoreError>> {
        self.read(read::load_services)
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, StoreError>> {
        self.poll(|connection| Ok(read::head(connection)?.head))
    }

    fn changes(&self, since: Head) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(self.readers.run(move |link, at| {
            link.follow()?;
            let changes = link.read(at, |connection| read::changes(connection, since))?;
            if matches!(changes, Changes::Diverged { .. }) {
                // Whoever asked is told that it was set back; from now on it is
                // the history that counts.
                link.note(link.read(at, |connection| Note::of(connection))?);
            }
            Ok(changes)
        }))
    }

    fn commit(&self, change: Change) -> BoxFuture<'_, Result<Head, StoreError>> {
        self.write(change.steps.len(), move |connection| {
            change::apply(connection, &change)
        })
    }

    fn page(&self, request: PageRequest) -> BoxFuture<'_, Result<Page, StoreError>> {
        self.read(move |connection| list::page(connection, &request))
    }

    fn remember_roots(
        &self,
        checks: Vec<RootCheck>,
    ) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        self.write(checks.len(), move |connection| {
            roots::remember(connection, &checks)
        })
    }

    fn roots(&self) -> BoxFuture<'_, Result<Vec<RootCheck>, StoreError>> {
        self.read(|connection| roots::all(connection))
    }

    fn root_use(
        &self,
        name: RootName,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<RootUse, StoreError>> {
        self.read(move |connection| roots::usage(connection, &name, now))
    }

    fn redigest(&self, batch: Vec<Redigest>) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.write(batch.len(), move |connection| {
            roots::redigest(connection, &batch)
        })
    }

    fn fault(&self) -> Option<StoreFault> {
        let lost = self.link.is_lost().then_some(StoreFault::Failing);
        self.writer.fault().or(lost)
    }
}

impl UsageStore for SqliteStore {
    fn add_usage(&self, batch: &UsageBatch) -> BoxFuture<'_, Result<(), StoreError>> {
        let batch = batch.clone();
        self.write(batch.rows.len(), move |connection| {
            counters::add(connection, &batch)
        })
    }

    fn usage(&self, keys: Vec<KeyId>) -> BoxFuture<'_, Result<Vec<KeyUsage>, StoreError>> {
        self.read(move |connection| counters::usage(connection, &keys))
    }

    fn most_used(&self, limit: u32) -> BoxFuture<'_, Result<Vec<KeyId>, StoreError>> {
        self.read(move |connection| counters::most_used(connection, limit))
    }
}

impl AuditLog for SqliteStore {
    fn events(
        &self,
        request: EventsRequest,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        self.read(move |connection| trail::events(connection, &request))
    }

    fn anchors(&self) -> BoxFuture<'_, Result<Vec<Anchor>, StoreError>> {
        self.read(|connection| trail::anchors(connection))
    }

    fn audit_head(&self) -> BoxFuture<'_, Result<AuditHead, StoreError>> {
        self.read(|connection| Ok(read::head(connection)?.audit))
    }
}
