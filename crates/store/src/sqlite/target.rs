//! Where a copy may be written.

use std::path::{Path, PathBuf};

use portcullis_core::store::{StoreError, StoreErrorKind};

use super::identity::{FileId, beside};

/// What lies beside a database and is taken for a part of it.
const COMPANIONS: [&str; 4] = ["-wal", "-shm", "-journal", "-head"];

/// Finds what must not be written to, and returns the target's folder.
pub(super) fn check(from: &Path, to: &Path) -> Result<PathBuf, StoreError> {
    let (folder, file) = match (to.parent(), to.file_name()) {
        (Some(folder), Some(file)) if folder != Path::new("") => (folder, file),
        (Some(_), Some(file)) => (Path::new("."), file),
        _ => {
            let message = format!("{} names no file", to.display());
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
    };
    let folder = std::fs::canonicalize(folder).map_err(|error| {
        let message = format!("there is no folder {}: {error}", folder.display());
        StoreError::with_source(StoreErrorKind::Invalid, message, error)
    })?;
    if !folder.is_dir() {
        let message = format!("{} is no folder", folder.display());
        return Err(StoreError::new(StoreErrorKind::Invalid, message));
    }
    let taken = |what: &str| {
        let message = format!("{} {what}; a backup replaces nothing", to.display());
        Err(StoreError::new(StoreErrorKind::AlreadyExists, message))
    };
    // The link itself and not what it leads to, which may not be there.
    if to.symlink_metadata().is_ok() {
        let database = FileId::of(from).ok().flatten();
        let same = database.is_some() && FileId::of(to).ok().flatten() == database;
        return taken(if same {
            "is the database itself"
        } else {
            "exists already"
        });
    }
    let target = folder.join(file);
    for companion in COMPANIONS {
        let name = file.as_encoded_bytes();
        if name.ends_with(companion.as_bytes()) {
            let owner = name.len().saturating_sub(companion.len());
            let owner = String::from_utf8_lossy(name.get(..owner).unwrap_or_default());
            if folder.join(&*owner).exists() {
                return taken(&format!("would be taken for a part of {owner}"));
            }
        }
        if companion != "-head" && beside(&target, companion).symlink_metadata().is_ok() {
            return taken(&format!(
                "would be read with the {companion} file beside it"
            ));
        }
    }
    Ok(folder)
}
