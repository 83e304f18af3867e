//! The note of the newest head that was acknowledged, in a file beside the
//! database.
//!
//! A log whose end was cut off looks like one that ended there: SQLite opens it
//! without a word, and a key that was revoked in the part that is gone counts
//! again. So after each commit, and after the disk has it, its head is noted
//! outside of the database. A database that is behind its note was set back.
//!
//! The note itself need not reach the disk: one that is lost says less, and
//! never something wrong. It speaks of one life of a database: that of a backup
//! is another one, so that a backup may be put in place, and each time it is, it
//! begins a new one, so that it may be put there again.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use portcullis_core::store::{Head, Revision, StoreErrorKind};
use rusqlite::{Connection, OptionalExtension as _};
use sha2::{Digest as _, Sha256};

use super::error::Failure;
use super::history;
use super::identity::beside;
use super::owner;
use super::row::stored;
use super::sums::beginning;

/// What is said before a database is opened that is older than its note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetBack {
    /// It is refused: nobody has said that he wants that.
    Refused,
    /// It is taken: somebody put this file there while the other was in use.
    Taken,
}

/// The newest acknowledged head of one life of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note {
    life: [u8; 16],
    head: Head,
}

impl Note {
    /// What is to be noted of a database as it is now.
    pub(super) fn of(connection: &Connection) -> Result<Self, Failure> {
        Ok(Self {
            life: history::life(connection)?,
            head: super::read::head(connection)?.head,
        })
    }

    /// Whether it speaks of the database of this life.
    pub(super) fn is_of(&self, life: [u8; 16]) -> bool {
        self.life == life
    }

    /// The note beside the database; nothing where there is none that reads.
    pub(super) fn read(database: &Path) -> Option<Self> {
        let path = beside(database, SUFFIX);
        let mut text = String::new();
        // A longer file is no note.
        let read = owner::open(&path, OpenOptions::new().read(true))
            .and_then(|file| file.take(2 * LENGTH as u64).read_to_string(&mut text));
        match read {
            Ok(_) => {
                let note = Self::parse(&text);
                if note.is_none() && !text.is_empty() {
                    tracing::warn!(path = %path.display(), "this note of the newest change does not read; it is written anew");
                }
                note
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "this note of the newest change cannot be read");
                None
            }
        }
    }

    /// Fails where the database has not come as far as its note, or has come
    /// there in another way. The note must have been read **before** what is
    /// open now.
    pub(super) fn check(&self, connection: &Connection, database: &Path) -> Result<(), Failure> {
        if !self.is_of(history::life(connection)?) {
            return Ok(());
        }
        self.check_head(connection, database)
    }

    /// The same for a database of an older schema, which knows of no lives: only
    /// a newer version leaves a note.
    pub(super) fn check_older(
        &self,
        connection: &Connection,
        database: &Path,
    ) -> Result<(), Failure> {
        // One without a history has no key that could count again.
        if super::read::head(connection)?.head.revision == Revision::new(0) {
            return Ok(());
        }
        self.check_head(connection, database)
    }

    fn check_head(&self, connection: &Connection, database: &Path) -> Result<(), Failure> {
        let noted = self.head;
        let now = super::read::head(connection)?.head;
        let tag: Option<i64> = connection
            .query_row(
                "SELECT tag FROM changes WHERE revision = ?1 LIMIT 1",
                [stored(noted.revision.count())],
                |row| row.get(0),
            )
            .optional()?;
        let forked = tag.is_some_and(|tag| tag.cast_unsigned() != noted.tag);
        if now.revision >= noted.revision && !forked {
            return Ok(());
        }
        let message = format!(
            "{} stands at revision {}, but revision {} was acknowledged: its log was cut or taken \
             away, or an older copy was put in its place; if that copy is meant to count, with \
             every key that was revoked since, remove {}",
            database.display(),
            now.revision,
            noted.revision,
            beside(database, SUFFIX).display()
        );
        Err(Failure::new(StoreErrorKind::Corrupt, message))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        let mut word = |name: &str| words.next()?.strip_prefix(name);
        let (_, life) = (word(KIND)?, word("life=")?);
        let (revision, tag) = (word("revision=")?, word("tag=")?);
        let note = Self {
            life: u128::from_str_radix(life, 16).ok()?.to_be_bytes(),
            head: Head {
                revision: Revision::new(revision.parse().ok()?),
                tag: u64::from_str_radix(tag, 16).ok()?,
            },
        };
        (note.to_string() == text).then_some(note)
    }
}

const SUFFIX: &str = "-head";
const KIND: &str = "portcullis-head-1";
const LENGTH: usize = 128;

/// One line of always the same length, so that it is written in place.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!(
            "{KIND} life={:032x} revision={:020} tag={:016x}",
            u128::from_be_bytes(self.life),
            self.head.revision.count(),
            self.head.tag
        );
        let sum = beginning(&Sha256::digest(text.as_bytes()));
        writeln!(f, "{text} sum={:016x}", sum.cast_unsigned())
    }
}

/// The file with the note, as the writer keeps it.
#[derive(Debug)]
pub(super) struct Notebook {
    database: PathBuf,
    path: PathBuf,
    /// Opened when it is first written to.
    file: Option<File>,
    noted: Option<Note>,
    /// Whether the last note could not be written; that is said once.
    failing: bool,
}

impl Notebook {
    pub(super) fn new(database: &Path) -> Self {
        Self {
            database: database.to_owned(),
            path: beside(database, SUFFIX),
            file: None,
            noted: None,
            failing: false,
        }
    }

    /// Notes what the disk has. A change is made, whether that works or not: a
    /// fault is told in the log.
    pub(super) fn write(&mut self, note: Note) {
        // What is written to a file without a name nobody finds again.
        if !self.is_in_place() {
            (self.file, self.noted) = (None, None);
        }
        if self.noted == Some(note) {
            return;
        }
        match self.try_write(&note.to_string()) {
            Ok(()) => (self.noted, self.failing) = (Some(note), false),
            Err(error) => {
                (self.file, self.noted) = (None, None);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(path = %self.path.display(), %error, "the newest change cannot be noted beside the database");
                }
            }
        }
    }

    fn is_in_place(&self) -> bool {
        let file = self.file.as_ref();
        file.is_some_and(|file| owner::is_at(file, &self.path).unwrap_or(false))
    }

    fn try_write(&mut self, line: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open(&self.path, &self.database)?),
        };
        file.seek(SeekFrom::Start(0))?;
        file.write_all(line.as_bytes())
    }
}

/// Opens the note, or makes it, for whoever has the database.
fn open(path: &Path, database: &Path) -> io::Result<File> {
    let file = match owner::open(path, OpenOptions::new().write(true)) {
        Err(error) if error.kind() == ErrorKind::NotFound => create(path)?,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            // Somebody else's. The folder is ours, or there would be no log.
            std::fs::remove_file(path)?;
            create(path)?
        }
        opened => opened?,
    };
    if !owner::is_alone_at(&file, path)? {
        return Err(io::Error::other(
            "it is no file of its own, or was replaced",
        ));
    }
    file.set_len(LENGTH as u64)?;
    let metadata = std::fs::metadata(database)?;
    if let Err(error) =
        owner::open_to_the_same(&file, &metadata).and_then(|()| owner::give(&file, &metadata))
    {
        owner::forgive(path, &error);
    }
    Ok(file)
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use portcullis_core::store::{Head, Revision};

    use super::{LENGTH, Note};

    #[test]
    fn a_note_reads_as_it_was_written_and_nothing_else_does() {
        let note = Note {
            life: [0xa7; 16],
            head: Head {
                revision: Revision::new(57),
                tag: 0xfeed,
            },
        };
        let text = note.to_string();
        assert_eq!(text.len(), LENGTH);
        assert_eq!(Note::parse(&text), Some(note));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let altered = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(Note::parse(&altered), None, "{altered}");
            assert_eq!(Note::parse(&text[..at]), None);
        }
    }
}
