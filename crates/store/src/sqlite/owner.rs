//! Whose the files beside a database are: those of whoever has the database.
//! Commands are run as the administrator, gateways are not.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens a file as the options say, and not what a link at the path leads to,
/// nor a pipe that nobody writes to: others may write to the folder.
#[cfg(unix)]
pub(super) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;

    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is no file"))
    }
}

/// Goes on where a file cannot be given to the database's owner, and says so.
pub(super) fn forgive(path: &Path, error: &io::Error) {
    // Where it is another's, who let us write to it, that is as it should be;
    // some kinds of containers know no such owner.
    if error.kind() != ErrorKind::PermissionDenied {
        let path = path.display();
        tracing::warn!(%path, %error, "this file could not be given to whoever has the database");
    }
}

/// Gives a file the owner of the database, where that is allowed: to the
/// administrator, who is the one that has to.
#[cfg(unix)]
pub(super) fn give(file: &File, database: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let have = file.metadata()?;
    if have.uid() != database.uid() {
        fchown(file, Some(database.uid()), Some(database.gid()))?;
    } else if have.gid() != database.gid() {
        // Not everybody may give theirs to each of their groups.
        let _ = fchown(file, None, Some(database.gid()));
    }
    Ok(())
}

/// Gives a file the database's mode: whoever reads or writes that does so here.
#[cfg(unix)]
pub(super) fn open_to_the_same(file: &File, database: &Metadata) -> io::Result<()> {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    let wanted = database.permissions().mode() & 0o666;
    if file.metadata()?.permissions().mode() & 0o777 != wanted {
        file.set_permissions(Permissions::from_mode(wanted))?;
    }
    Ok(())
}

/// Whether the file stands at the path, and not what a link there leads to:
/// others may write to the folder.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use super::identity::FileId;

    let there = path.symlink_metadata()?;
    Ok(there.is_file() && FileId::from(&there) == FileId::from(&file.metadata()?))
}

/// The same for a file that has no other name: what is written to it is written
/// to nothing else.
#[cfg(unix)]
pub(super) fn is_alone_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    Ok(is_at(file, path)? && file.metadata()?.nlink() == 1)
}

/// Whether this process may write to the file; there may be none.
#[cfg(unix)]
pub(super) fn may_write(path: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    use rustix::io::Errno;

    // Asked and not tried: SQLite's locks on a file are gone once this process
    // closes it, however it had it open.
    let asked = accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS);
    !matches!(asked, Err(Errno::ACCESS | Errno::PERM | Errno::ROFS))
}

/// Gives a file of the database's owner the mode of the database, without
/// opening it, for the reason above.
#[cfg(unix)]
pub(super) fn open_unopened(path: &Path, database: &Metadata) -> io::Result<()> {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    let there = path.symlink_metadata()?;
    if !there.is_file() || there.nlink() != 1 || there.uid() != database.uid() {
        return Err(io::Error::other(
            "it is no file of its own, or of another owner",
        ));
    }
    let wanted = database.permissions().mode() & 0o666;
    std::fs::set_permissions(path, Permissions::from_mode(wanted))?;
    if may_write(path) {
        Ok(())
    } else {
        Err(io::Error::from(ErrorKind::PermissionDenied))
    }
}

/// The mode of a file, for a message.
#[cfg(unix)]
pub(super) fn mode(metadata: &Metadata) -> String {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    let mode = metadata.permissions().mode() & 0o777;
    format!(" (mode {mode:03o}, of user {})", metadata.uid())
}

#[cfg(not(unix))]
pub(super) fn may_write(_path: &Path) -> bool {
    true
}

#[cfg(not(unix))]
pub(super) fn open_unopened(_path: &Path, _database: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn mode(_metadata: &Metadata) -> String {
    String::new()
}

#[cfg(not(unix))]
pub(super) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.open(path)
}

#[cfg(not(unix))]
pub(super) fn is_alone_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(not(unix))]
pub(super) fn give(_file: &File, _database: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn open_to_the_same(_file: &File, _database: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}
