use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What tells one file from another at the same path: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file at the path, with symbolic links followed; nothing where there
    /// is none.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::from(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(unix)]
impl From<&Metadata> for FileId {
    fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;

        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// Elsewhere an open database cannot be replaced: every file is the same one.
#[cfg(not(unix))]
impl From<&Metadata> for FileId {
    fn from(_metadata: &Metadata) -> Self {
        Self {
            device: 0,
            inode: 0,
        }
    }
}

/// A database's file, its write-ahead log and the log's index: SQLite finds the
/// latter by path, so all must be what they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) main: FileId,
    log: Option<FileId>,
    index: Option<FileId>,
}

impl Identity {
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        let Some(main) = FileId::of(path)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            main,
            log: FileId::of(&beside(path, "-wal"))?,
            index: FileId::of(&beside(path, "-shm"))?,
        }))
    }

    /// Whether it is the same file, whose log or its index was taken away. A log
    /// that is `empty` nobody has written to: it was made by who came later.
    pub(super) fn misses_log_of(self, before: Self, empty: bool) -> bool {
        let taken = match self.log {
            None => true,
            log if log == before.log => self.index.is_none() && before.index.is_some(),
            Some(_) => empty,
        };
        self.main == before.main && taken
    }
}

/// The files that SQLite keeps beside an open database.
#[derive(Debug, Default)]
pub(super) struct Companions {
    files: Vec<(PathBuf, FileId)>,
}

impl Companions {
    /// The companions that the database at the path has now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut files = Vec::with_capacity(2);
        for suffix in ["-wal", "-shm"] {
            let file = beside(path, suffix);
            if let Some(id) = FileId::of(&file)? {
                files.push((file, id));
            }
        }
        Ok(Self { files })
    }

    /// What is beside the path when the database of `main` has been closed.
    pub(super) fn leave(self, path: &Path, main: FileId) -> Left {
        let mut files = Vec::with_capacity(self.files.len());
        for (file, id) in self.files {
            let metadata = std::fs::metadata(&file);
            let metadata = metadata.ok().filter(|there| FileId::from(there) == id);
            if let Some(written) = metadata.and_then(|there| there.modified().ok()) {
                files.push((file, id, written));
            }
        }
        Left {
            path: path.to_owned(),
            main,
            files,
        }
    }
}

/// A database that was closed, and what lay beside its path then.
#[derive(Debug)]
pub(super) struct Left {
    path: PathBuf,
    pub(super) main: FileId,
    files: Vec<(PathBuf, FileId, SystemTime)>,
}

impl Left {
    /// Removes what lay beside the path where another database stands there
    /// now, which must not meet that log. While nothing stands there the first
    /// one may come back, and needs what its log alone has.
    pub(super) fn make_room(&mut self) -> io::Result<()> {
        if FileId::of(&self.path)?.is_none_or(|here| here == self.main) {
            return Ok(());
        }
        for (file, id, written) in std::mem::take(&mut self.files) {
            match std::fs::metadata(&file) {
                Ok(there) if FileId::from(&there) == id && there.modified()? == written => {
                    std::fs::remove_file(&file)?;
                }
                // The log is the first of them. Whoever made another one, or
                // has written to it since, has the index as well.
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The path with something behind it, as SQLite names what belongs to a
/// database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
