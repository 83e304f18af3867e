use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use sha2::{Digest as _, Sha256};

/// The longest file that counts as a whole.
const MAX_FILE: u64 = 1024 * 1024;

/// The files that a configuration was read from, and what stood in them: two readings with the
/// same digest are of the same bytes.
#[derive(Clone)]
pub(crate) struct Sources {
    files: Vec<PathBuf>,
    digest: Sha256,
}

/// What stood in all files of a reading. Two that were read from the same bytes have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourcesDigest([u8; 32]);

impl Sources {
    pub(crate) fn new() -> Self {
        Self {
            files: Vec::new(),
            digest: Sha256::new(),
        }
    }

    /// Notes a file, and what was read of it, or why it was not.
    pub(super) fn add(&mut self, path: &Path, read: Result<&[u8], &io::Error>) {
        let kind = read.err().map(|error| format!("{:?}", error.kind()));
        let (mark, bytes) = match (read, &kind) {
            (Ok(bytes), _) => (0_u8, bytes),
            (Err(_), kind) => (1, kind.as_deref().unwrap_or_default().as_bytes()),
        };
        let name = path.as_os_str().as_encoded_bytes();
        for part in [name, bytes] {
            // With its length, so that no other parts come to the same.
            self.digest.update((part.len() as u64).to_le_bytes());
            self.digest.update(part);
        }
        self.digest.update([mark]);
        if !self.files.iter().any(|file| file == path) {
            self.files.push(path.to_owned());
        }
    }

    /// Notes a file that others read: a certificate, a key.
    pub(crate) fn note(&mut self, path: &Path) {
        let read = read(path);
        self.add(path, read.as_deref());
    }

    /// Each file once, the configuration itself first.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(crate) fn digest(&self) -> SourcesDigest {
        SourcesDigest(self.digest.clone().finalize().into())
    }
}

/// As much of a file as anybody reads; what is none may never end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::Sources;

    #[test]
    fn a_digest_is_that_of_names_bytes_and_failures() {
        let (a, b) = (Path::new("a"), Path::new("b"));
        let missing = io::Error::from(io::ErrorKind::NotFound);
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let text = |text: &'static str| Ok(text.as_bytes());
        let read = [
            vec![],
            vec![(a, text("x"))],
            vec![(a, text("y"))],
            vec![(b, text("x"))],
            vec![(a, text("x")), (b, text(""))],
            vec![(a, Err(&missing))],
            vec![(a, Err(&denied))],
            vec![(a, text("NotFound"))],
        ];
        let digests = read.map(|files| {
            let mut sources = Sources::new();
            for (path, read) in &files {
                sources.add(path, *read);
            }
            assert_eq!(sources.files().len(), files.len());
            sources.digest()
        });
        for (at, digest) in digests.iter().enumerate() {
            let same = digests.iter().filter(|other| *other == digest).count();
            assert_eq!(same, 1, "{at}");
        }
    }
}
