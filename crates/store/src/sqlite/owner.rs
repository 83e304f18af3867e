//! Whose the files beside a database are: those of whoever has the database.
//! Commands are run as the administrator, gateways are not.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

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
