use std::error::Error as StdError;
use std::fmt;
use std::io;

/// Why a keyring could not be read or written. Never repeats the file's text.
#[derive(Debug)]
pub struct KeyringError {
    kind: KeyringErrorKind,
    message: String,
    source: Option<io::Error>,
}

/// The kinds of [`KeyringError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyringErrorKind {
    /// There is no such file.
    Missing,
    /// There is a file already; it is never overwritten.
    Exists,
    /// Others than its owner may read or write the file.
    Permissions,
    /// The file is not a keyring.
    Malformed,
    /// The file is not the one that the keyring was read from, or another
    /// command is about to replace it.
    Changed,
    /// The keyring has a root of this name already.
    RootExists,
    /// The keyring has no root of this name.
    UnknownRoot,
    /// The root is the current one.
    CurrentRoot,
    /// The keyring has as many roots as it can hold.
    Full,
    /// The file would be longer than any that is read.
    TooLong,
    /// The new file is in place, and everybody reads it; whether it outlasts a
    /// failure of the machine is not known, because the folder could not be
    /// written to the disk.
    Unsynced,
    /// The file or the system's random generator cannot be read or written.
    Io,
}

impl KeyringError {
    pub(super) fn new(kind: KeyringErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(super) fn malformed(line: usize, expected: impl fmt::Display) -> Self {
        Self::new(
            KeyringErrorKind::Malformed,
            format!("keyring line {line}: expected {expected}"),
        )
    }

    pub(super) fn unsynced(message: impl Into<String>, source: io::Error) -> Self {
        Self {
            kind: KeyringErrorKind::Unsynced,
            message: message.into(),
            source: Some(source),
        }
    }

    pub(super) fn io(message: impl Into<String>, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::NotFound => KeyringErrorKind::Missing,
            io::ErrorKind::AlreadyExists => KeyringErrorKind::Exists,
            _ => KeyringErrorKind::Io,
        };
        Self {
            kind,
            message: message.into(),
            source: Some(source),
        }
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> KeyringErrorKind {
        self.kind
    }
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for KeyringError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_ref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
