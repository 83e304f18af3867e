use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::keyring::text::{parse, to_text};
use crate::keyring::{Keyring, KeyringError, KeyringErrorKind};

/// The longest file that is read: eight roots and ample comments.
pub(super) const MAX_FILE: u64 = 64 * 1024;

impl Keyring {
    /// Reads a keyring file.
    ///
    /// # Errors
    ///
    /// [`KeyringError`] where the file is missing, may be read or written by
    /// others than its owner, or is not a keyring.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyringError> {
        let path = path.as_ref();
        let text = read(&mut open(path)?, path)?;
        let keyring = parse(&text).map_err(|error| {
            KeyringError::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        Ok(keyring.read_from(&text))
    }

    /// Writes the keyring to a new file with mode 0600, and to the disk.
    ///
    /// # Errors
    ///
    /// [`KeyringErrorKind::Exists`] where there is a file already: it is never
    /// overwritten; [`KeyringErrorKind::Io`] where it cannot be written: then
    /// there is no file.
    pub fn write_new(&self, path: impl AsRef<Path>) -> Result<(), KeyringError> {
        let path = path.as_ref();
        let text = to_text(self);
        let write = |file: &mut File| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        create_new(path, write).map_err(|error| unwritable(path, error))
    }
}

/// Opens a file that has a keyring's form.
pub(super) fn open(path: &Path) -> Result<File, KeyringError> {
    // Looked at before it is opened: a pipe would wait for its writer.
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    check_form(&metadata, path)?;
    File::open(path).map_err(|error| unreadable(path, error))
}

/// The text of an open file, if it has a keyring's form.
pub(super) fn read(file: &mut File, path: &Path) -> Result<Zeroizing<String>, KeyringError> {
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    check_form(&metadata, path)?;
    // The capacity holds the whole file: a string that grew would leave copies
    // of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize + 2));
    file.take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => malformed(path, "text in UTF-8"),
            _ => unreadable(path, error),
        })?;
    if text.len() as u64 > MAX_FILE {
        return Err(malformed(path, "at most 64 KiB"));
    }
    Ok(text)
}

pub(super) fn unreadable(path: &Path, error: io::Error) -> KeyringError {
    KeyringError::io(format!("cannot read keyring {}", path.display()), error)
}

pub(super) fn unwritable(path: &Path, error: io::Error) -> KeyringError {
    KeyringError::io(format!("cannot write keyring {}", path.display()), error)
}

/// Makes a file with mode 0600, and has it written. One that could not be
/// written whole would be half a keyring, and in the way of the next attempt.
pub(super) fn create_new(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = write(&mut options.open(path)?).and_then(|()| sync_folder(path));
    if written.is_err() {
        // It is ours: it was made just now. Where it cannot be removed either,
        // the first failure is the one to tell.
        let _ = fs::remove_file(path);
    }
    written
}

/// Has the folder's entry for a new file on the disk as well.
#[cfg(unix)]
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn malformed(path: &Path, expected: &str) -> KeyringError {
    KeyringError::new(
        KeyringErrorKind::Malformed,
        format!("{} is not a keyring: expected {expected}", path.display()),
    )
}

/// A regular file that nobody but its owner reads or writes.
fn check_form(metadata: &fs::Metadata, path: &Path) -> Result<(), KeyringError> {
    if !metadata.is_file() {
        return Err(malformed(path, "a regular file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyringError::new(
                KeyringErrorKind::Permissions,
                format!(
                    "keyring {} has mode {mode:04o}: expected 0600, so that nobody but its owner reads it",
                    path.display()
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};

    use super::{Keyring, KeyringErrorKind, create_new};

    #[test]
    fn a_written_keyring_reads_back_and_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keyring");
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        keyring.write_new(&path).expect("written");
        let read = Keyring::from_file(&path).expect("read");
        assert_eq!(read.current().check(), keyring.current().check());
        let again = keyring.write_new(&path).expect_err("exists");
        assert_eq!(again.kind(), KeyringErrorKind::Exists);
    }

    #[test]
    fn a_file_that_could_not_be_written_whole_is_gone_again() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keyring");
        let half = |file: &mut std::fs::File| {
            file.write_all(b"root k1")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let error = create_new(&path, half).expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(!path.exists());
        create_new(&path, |file| file.write_all(b"mine")).expect("written");
        create_new(&path, half).expect_err("exists");
        assert_eq!(std::fs::read(&path).expect("read"), b"mine");
    }

    #[cfg(unix)]
    #[test]
    fn a_keyring_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keyring");
        Keyring::generate("k1".parse().expect("name"))
            .expect("entropy")
            .write_new(&path)
            .expect("written");
        for mode in [0o640, 0o604, 0o620, 0o644, 0o666] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mode");
            let error = Keyring::from_file(&path).expect_err("open to others");
            assert_eq!(error.kind(), KeyringErrorKind::Permissions, "{mode:o}");
        }
        let missing = Keyring::from_file(folder.path().join("none")).expect_err("missing");
        assert_eq!(missing.kind(), KeyringErrorKind::Missing);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_file_is_malformed() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().expect("folder");
        let path = |name| folder.path().join(name);
        std::fs::write(path("bytes"), b"root k1 current \xff").expect("written");
        std::fs::write(path("long"), "#".repeat(64 * 1024 + 1)).expect("written");
        for name in ["bytes", "long"] {
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(path(name), mode).expect("mode");
        }
        let pipe = std::process::Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(path("pipe"))
            .status();
        assert!(pipe.expect("mkfifo").success());
        std::fs::create_dir(path("folder")).expect("made");
        for name in ["bytes", "long", "pipe", "folder"] {
            let error = Keyring::from_file(path(name)).expect_err(name);
            assert_eq!(error.kind(), KeyringErrorKind::Malformed, "{name}");
        }
    }
}
