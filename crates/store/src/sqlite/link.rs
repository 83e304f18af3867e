use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use portcullis_core::store::{StoreError, StoreErrorKind};
use rusqlite::Connection;

use super::checkpoint::{self, Emptied};
use super::database::Database;
use super::error::{Failure, Fault};
use super::identity::{Companions, Identity, Left};
use super::note::{Note, SetBack};
use super::occasion::{Creation, Occasion};

/// The path of a store, and the file that is open at it.
///
/// SQLite goes on with a file that was renamed away or replaced, and would
/// write to it unseen. So whoever polls or writes has the link look at the path
/// first; where another file stands there, every connection is closed before
/// the new one is opened.
#[derive(Debug)]
pub(super) struct Link {
    path: PathBuf,
    /// Shared by every job while it runs, alone for a change of the file.
    state: RwLock<State>,
    /// Whether the path could not be looked at when that was last tried:
    /// nobody knows then whether what is open still counts.
    blind: AtomicBool,
    /// Whether what stands at the path could not be opened when that was last
    /// tried.
    lost: AtomicBool,
    /// How often somebody kept the log from being emptied.
    #[cfg(test)]
    pub(super) held: std::sync::atomic::AtomicU64,
}

#[derive(Debug)]
enum State {
    Open(Box<Database>),
    /// No file, or one that is not for us; tried again at the next poll. Beside
    /// it the database that was open last.
    Refused(Refusal, Left),
}

#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    kind: StoreErrorKind,
    message: String,
}

impl Link {
    pub(super) fn open(path: &Path, creation: Creation) -> Result<Self, StoreError> {
        // What is compared at each poll must not depend on where the process
        // stands then.
        let path = std::path::absolute(path).map_err(|error| cannot_look(path, error))?;
        let database = Database::open(&path, Occasion::Start(creation))?;
        Ok(Self {
            path,
            state: RwLock::new(State::Open(Box::new(database))),
            blind: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            #[cfg(test)]
            held: std::sync::atomic::AtomicU64::new(0),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that what is open is what stands at the path.
    pub(super) fn follow(&self) -> Result<(), StoreError> {
        let followed = self.change_to_what_stands();
        self.lost.store(followed.is_err(), Ordering::Relaxed);
        followed
    }

    /// Whether nothing is open that changes could be made to.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    fn change_to_what_stands(&self) -> Result<(), StoreError> {
        let found = self.look_out()?;
        if self.shared().is(found) {
            return Ok(());
        }
        let mut state = self.alone();
        let found = self.look_out()?;
        if state.is(found) {
            return Ok(());
        }
        state.change_to(&self.path, found)
    }

    /// Whether what is open still stands at the path.
    pub(super) fn is_current(&self) -> bool {
        self.look().is_ok_and(|found| self.shared().is(found))
    }

    /// Runs a query over the connection of reader `at`. Fails where the path
    /// could not be looked at, until it can be again.
    pub(super) fn read<T>(
        &self,
        at: usize,
        query: impl FnOnce(&mut Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        if self.blind.load(Ordering::Relaxed) {
            let message = format!(
                "database {} cannot be looked at: another may stand there by now",
                self.path.display()
            );
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        let state = self.shared();
        let database = state.database()?;
        let mut connection = database.reader(at).ok_or_else(|| {
            StoreError::new(StoreErrorKind::Unavailable, "there is no such reader")
        })?;
        let result = query(&mut connection).map_err(StoreError::from);
        drop(connection);
        if let Err(error) = &result
            && Fault::of(error) == Fault::Connection
            && let Err(error) = database.renew_reader(at).map_err(StoreError::from)
        {
            tracing::debug!(%error, "there is no new connection yet");
        }
        result
    }

    /// Puts a new connection in the place of the writer's, where one can be had.
    pub(super) fn renew_writer(&self) -> Result<(), StoreError> {
        Ok(self.shared().database()?.renew_writer()?)
    }

    /// Notes how far the database has come.
    pub(super) fn note(&self, note: Note) {
        if let Ok(database) = self.shared().database() {
            database.note(note);
        }
    }

    /// How long the log is, in bytes; nothing where there is no database.
    pub(super) fn log_length(&self) -> u64 {
        self.shared().database().map_or(0, Database::log_length)
    }

    /// Moves the whole log into the database, waiting so long at most for those
    /// who read it; nothing where there is no database.
    pub(super) fn empty_log(&self, patience: Duration) -> Option<Emptied> {
        if !self.is_current() {
            return None;
        }
        let emptied = self.write(|connection| checkpoint::empty(connection, patience));
        #[cfg(test)]
        if matches!(emptied, Ok(Emptied::Held)) {
            self.held.fetch_add(1, Ordering::Relaxed);
        }
        emptied.ok()
    }

    /// Does something with the writer's connection.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> T,
    ) -> Result<T, StoreError> {
        let state = self.shared();
        let mut connection = state.database()?.writer();
        Ok(work(&mut connection))
    }

    /// Looks at the path, and keeps whether that was possible: who merely reads
    /// goes by it.
    fn look_out(&self) -> Result<Option<Identity>, StoreError> {
        let found = self.look();
        self.blind.store(found.is_err(), Ordering::Relaxed);
        found
    }

    fn look(&self) -> Result<Option<Identity>, StoreError> {
        // The log lies beside the file itself, wherever links lead.
        match std::fs::canonicalize(&self.path).and_then(|path| Identity::of(&path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map_err(|error| cannot_look(&self.path, error)),
        }
    }

    fn shared(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn alone(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is(&self, found: Option<Identity>) -> bool {
        matches!(self, Self::Open(database) if Some(database.identity()) == found)
    }

    fn database(&self) -> Result<&Database, StoreError> {
        match self {
            Self::Open(database) => Ok(database),
            Self::Refused(refusal, _) => Err(refusal.into()),
        }
    }

    /// Opens what was found at the path. Nothing that this process acknowledged
    /// is given up but for another file:
    ///
    /// - Another file was put there: a restore. It counts, and pollers are told
    ///   that the history diverged.
    /// - The same file, its log gone: the log is still open here, and is moved
    ///   into the file first; until that is done, nothing is changed.
    /// - The same file with another log, or come back: it counts if it has what
    ///   was acknowledged, and is refused else.
    fn change_to(&mut self, path: &Path, found: Option<Identity>) -> Result<(), StoreError> {
        let main = match self {
            Self::Open(database) => {
                database.rescue()?;
                database.identity().main
            }
            Self::Refused(_, left) => left.main,
        };
        let closed = Refusal {
            kind: StoreErrorKind::Unavailable,
            message: String::new(),
        };
        let nothing = Companions::default().leave(path, main);
        let (mut left, before) = match std::mem::replace(self, Self::Refused(closed, nothing)) {
            Self::Open(database) => (database.close(), None),
            Self::Refused(refusal, left) => (left, Some(refusal)),
        };
        if let Err(error) = left.make_room() {
            tracing::warn!(%error, "the log of the replaced database is still in place");
        }
        let same = found.is_some_and(|found| found.main == main);
        let set_back = if same {
            SetBack::Refused
        } else {
            SetBack::Taken
        };
        match Database::open(path, Occasion::Follow(set_back)) {
            Ok(database) => {
                let path = path.display();
                if same {
                    tracing::warn!(%path, "the database was opened again, with the log that is beside it now");
                } else {
                    tracing::warn!(%path, "another database was opened at the path");
                }
                *self = Self::Open(Box::new(database));
                Ok(())
            }
            Err(error) => {
                let refusal = Refusal {
                    kind: error.kind(),
                    message: error.to_string(),
                };
                if before.as_ref() != Some(&refusal) {
                    tracing::error!(%error, "the database was lost");
                }
                *self = Self::Refused(refusal, left);
                Err(error)
            }
        }
    }
}

impl From<&Refusal> for StoreError {
    fn from(refusal: &Refusal) -> Self {
        Self::new(refusal.kind, refusal.message.clone())
    }
}

fn cannot_look(path: &Path, error: io::Error) -> StoreError {
    let message = format!("database {} cannot be looked at: {error}", path.display());
    StoreError::with_source(StoreErrorKind::Unavailable, message, error)
}
