use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::keyring::file::{MAX_FILE, create_new, open, read, sync_folder, unreadable, unwritable};
use crate::keyring::text::rewrite;
use crate::keyring::{Keyring, KeyringError, KeyringErrorKind};

impl Keyring {
    /// Writes the keyring in the place of the file that it was read from, at
    /// once and whole: whoever reads the file finds the old one or the new one.
    /// Mode, owner and comments stay; a symbolic link stays one.
    ///
    /// # Errors
    ///
    /// [`KeyringErrorKind::Changed`] where the file is not the one that was
    /// read, was replaced already by this keyring or an earlier one, or is being
    /// replaced by another process; [`KeyringErrorKind::TooLong`] where its
    /// comments and the new roots together are more than 64 KiB;
    /// [`KeyringErrorKind::Io`] where it cannot be written. In each of these cases
    /// the old file stays. [`KeyringErrorKind::Unsynced`] where the new file **is**
    /// in place, and may be the old one again after a failure of the machine.
    pub fn replace(&self, path: impl AsRef<Path>) -> Result<(), KeyringError> {
        self.replace_and(path.as_ref(), sync_folder)
    }

    /// Replaces the file, and has its folder written to the disk by `sync`.
    fn replace_and(
        &self,
        path: &Path,
        sync: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), KeyringError> {
        // The file itself, where the path is a link.
        let path = fs::canonicalize(path).map_err(|error| unreadable(path, error))?;
        let mut old = open(&path)?;
        lock(&old, &path)?;
        let text = read(&mut old, &path)?;
        if !self.was_read_from(&text) {
            return Err(changed(
                &path,
                "it is not as it was read: read it again, and look at it",
            ));
        }
        let text = rewrite(&text, self);
        if text.len() as u64 > MAX_FILE {
            return Err(too_long(&path));
        }
        let fill = |file: &mut File| {
            file.write_all(text.as_bytes())?;
            like(&old, file)?;
            file.sync_all()
        };
        swap(&path, fill).map_err(|error| unwritable(&path, error))?;
        sync(&path).map_err(|error| unsynced(&path, error))
    }
}

/// Keeps others from replacing the file until it is closed. A lock is on what
/// is open: whoever waited for one of a file that was replaced meanwhile must
/// not take it for that of the new one.
fn lock(file: &File, path: &Path) -> Result<(), KeyringError> {
    match file.try_lock() {
        Ok(()) if is_at(file, path) => Ok(()),
        Ok(()) | Err(TryLockError::WouldBlock) => {
            Err(changed(path, "another command is replacing it: try again"))
        }
        Err(TryLockError::Error(error)) => Err(unwritable(path, error)),
    }
}

/// Makes a file beside the one at `path`, has it filled, and puts it in its
/// place. Only the holder of the lock gets here: what is left of one that was
/// killed is in nobody's use.
fn swap(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let beside = beside(path);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create_new(&beside, fill)?;
    fs::rename(&beside, path).inspect_err(|_| {
        // It is ours. The first failure is the one to tell.
        let _ = fs::remove_file(&beside);
    })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => place(open) == place(there),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

/// Gives the new file the owner and the mode of the old one: who rewrites a
/// keyring as the administrator must not take it from its service.
#[cfg(unix)]
fn like(old: &File, new: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let (wanted, have) = (old.metadata()?, new.metadata()?);
    if wanted.uid() != have.uid() {
        fchown(new, Some(wanted.uid()), Some(wanted.gid()))?;
    } else if wanted.gid() != have.gid() {
        // The group can do nothing with the file, and not everybody may give
        // theirs away.
        let _ = fchown(new, None, Some(wanted.gid()));
    }
    new.set_permissions(wanted.permissions())
}

#[cfg(not(unix))]
fn like(_old: &File, _new: &File) -> io::Result<()> {
    Ok(())
}

fn changed(path: &Path, what: &str) -> KeyringError {
    let message = format!("keyring {} was not replaced: {what}", path.display());
    KeyringError::new(KeyringErrorKind::Changed, message)
}

fn too_long(path: &Path) -> KeyringError {
    let message = format!(
        "keyring {} was not replaced: with its comments it would be longer than 64 KiB, which nobody \
         reads; shorten them",
        path.display()
    );
    KeyringError::new(KeyringErrorKind::TooLong, message)
}

fn unsynced(path: &Path, error: io::Error) -> KeyringError {
    let message = format!(
        "keyring {} was replaced, but its folder could not be written to the disk: after a failure \
         of the machine the old one may be there again",
        path.display()
    );
    KeyringError::unsynced(message, error)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::io::{self, Write as _};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::{Path, PathBuf};
    use std::thread;

    use tempfile::TempDir;

    use super::{beside, swap};
    use crate::keyring::{Keyring, KeyringErrorKind, RootName};

    fn name(text: &str) -> RootName {
        text.parse().expect(text)
    }

    fn written() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keyring");
        let keyring = Keyring::generate(name("k1")).expect("entropy");
        keyring.write_new(&path).expect("written");
        (folder, path)
    }

    fn read(path: &Path) -> Keyring {
        Keyring::from_file(path).expect("a keyring")
    }

    fn with(path: &Path, root: &str) -> Keyring {
        read(path).add(name(root)).expect("added")
    }

    /// Refused as changed, and nothing is touched.
    fn refused(keyring: &Keyring, path: &Path) {
        let before = fs::read(path).expect("read");
        let error = keyring.replace(path).expect_err("refused");
        assert_eq!(error.kind(), KeyringErrorKind::Changed, "{error}");
        assert_eq!(fs::read(path).expect("read"), before);
        assert!(!beside(path).exists());
    }

    #[test]
    fn a_replaced_file_has_the_new_roots_and_the_old_form() {
        let (folder, path) = written();
        fs::write(&path, fs::read_to_string(&path).expect("read") + "# mine\n").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("mode");
        let link = folder.path().join("link");
        symlink("keyring", &link).expect("linked");
        let next = with(&link, "k2")
            .make_current(&name("k2"))
            .expect("rotated");
        next.replace(&link).expect("replaced");

        assert!(link.symlink_metadata().expect("there").is_symlink());
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o400);
        let text = fs::read_to_string(&path).expect("read");
        assert!(
            text.contains("# mine\nroot k2 current "),
            "the comment stays"
        );
        let found = read(&path);
        let checks = |keyring: &Keyring| -> Vec<[u8; 32]> {
            keyring.roots().iter().map(|root| root.check()).collect()
        };
        assert_eq!(checks(&found), checks(&next));
        assert_eq!(found.current_name(), &name("k2"));
        let names = fs::read_dir(folder.path()).expect("folder").count();
        assert_eq!(names, 2, "nothing is left beside it");
    }

    #[test]
    fn a_replaced_file_belongs_to_whom_it_belonged() {
        let (_folder, path) = written();
        // Only the administrator can give files away.
        let given = std::os::unix::fs::chown(&path, Some(12_345), Some(12_345));
        let before = fs::metadata(&path).expect("there");
        assert_eq!(given.is_ok(), before.uid() == 12_345);
        with(&path, "k2").replace(&path).expect("replaced");
        let after = fs::metadata(&path).expect("there");
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
        assert_eq!(after.mode() & 0o777, 0o600);
        assert_ne!(after.ino(), before.ino(), "never written in place");
    }

    #[test]
    fn a_file_that_is_not_as_it_was_read_is_not_replaced() {
        let (_folder, path) = written();
        let (first, second) = (with(&path, "k2"), with(&path, "k3"));
        first.replace(&path).expect("replaced");
        refused(&second, &path);
        refused(&first, &path);
        refused(&Keyring::generate(name("k1")).expect("entropy"), &path);

        let read_before = with(&path, "k3");
        let text = fs::read_to_string(&path).expect("read") + "# somebody's word\n";
        fs::write(&path, text).expect("written");
        refused(&read_before, &path);
        assert_eq!(read(&path).names().count(), 2);
    }

    #[test]
    fn while_another_command_replaces_it_a_file_is_left_alone() {
        let (_folder, path) = written();
        let next = with(&path, "k2");
        let other = File::open(&path).expect("open");
        other.lock().expect("locked");
        refused(&next, &path);
        drop(other);
        next.replace(&path).expect("replaced");
    }

    #[test]
    fn what_a_killed_command_left_is_in_nobodys_way() {
        let (_folder, path) = written();
        fs::write(beside(&path), "root k1 cur").expect("written");
        with(&path, "k2").replace(&path).expect("replaced");
        assert_eq!(read(&path).names().count(), 2);
        assert!(!beside(&path).exists());
    }

    #[test]
    fn a_file_that_cannot_be_written_whole_replaces_nothing() {
        let (_folder, path) = written();
        let before = fs::read(&path).expect("read");
        let half = |file: &mut File| {
            file.write_all(b"root k1")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let error = swap(&path, half).expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).expect("read"), before);
        assert!(!beside(&path).exists());
    }

    #[test]
    fn a_file_that_nobody_would_read_replaces_nothing() {
        let (_folder, path) = written();
        let text = fs::read_to_string(&path).expect("read");
        // The new root's line needs 85 bytes.
        for (room, fits) in [(84, false), (85, true)] {
            let comment = "#".repeat(64 * 1024 - text.len() - 1 - room);
            fs::write(&path, format!("{text}{comment}\n")).expect("written");
            let replaced = with(&path, "k2").replace(&path);
            let error = replaced.err().map(|error| error.kind());
            assert_eq!(error, (!fits).then_some(KeyringErrorKind::TooLong));
            assert_eq!(read(&path).names().count(), 1 + usize::from(fits));
            assert!(!beside(&path).exists());
        }
        assert_eq!(fs::metadata(&path).expect("there").len(), 64 * 1024);
    }

    #[test]
    fn a_replaced_file_is_in_place_also_where_the_disk_does_not_say_so() {
        let (_folder, path) = written();
        let failing = |_: &Path| Err(io::Error::from(io::ErrorKind::StorageFull));
        let error = with(&path, "k2")
            .replace_and(&path, failing)
            .expect_err("not on the disk");
        assert_eq!(error.kind(), KeyringErrorKind::Unsynced);
        assert!(error.to_string().contains("was replaced, but"), "{error}");
        assert_eq!(read(&path).names().count(), 2);
    }

    #[test]
    fn commands_at_once_lose_no_root() {
        let (_folder, path) = written();
        thread::scope(|scope| {
            for n in 2..=Keyring::MAX_ROOTS {
                let path = &path;
                scope.spawn(move || {
                    while let Err(error) = with(path, &format!("k{n}")).replace(path) {
                        assert_eq!(error.kind(), KeyringErrorKind::Changed, "{error}");
                        thread::yield_now();
                    }
                });
            }
        });
        assert_eq!(read(&path).names().count(), Keyring::MAX_ROOTS);
    }

    #[test]
    fn a_file_that_others_may_read_is_not_replaced() {
        let (_folder, path) = written();
        let next = with(&path, "k2");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("mode");
        let error = next.replace(&path).expect_err("open to others");
        assert_eq!(error.kind(), KeyringErrorKind::Permissions);
        assert_eq!(read_anyway(&path).names().count(), 1);
    }

    fn read_anyway(path: &Path) -> Keyring {
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("mode");
        read(path)
    }
}
