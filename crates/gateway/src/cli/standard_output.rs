use std::fs::File;
use std::io::{self, Write as _};

use super::Exit;
use super::error::CliError;

/// Fails where nothing that is printed would be kept: standard output is closed, was opened only to
/// be read, or is the null device. For what prints a token, which is shown once: before it is
/// issued.
///
/// Later nobody would notice. Rust's runtime opens the null device in the place of a standard output
/// that is closed, and takes a write to one that may not be written for done.
pub(super) fn check() -> Result<(), CliError> {
    #[cfg(unix)]
    return check_file(open()?);
    #[cfg(not(unix))]
    Ok(())
}

#[cfg(unix)]
fn open() -> Result<File, CliError> {
    use std::os::fd::AsFd as _;

    let stdout = io::stdout().as_fd().try_clone_to_owned();
    stdout.map(File::from).map_err(|error| unusable(&error))
}

#[cfg(unix)]
fn check_file(mut file: File) -> Result<(), CliError> {
    // Writing nothing says whether anything may be written.
    let _nothing = file.write(&[]).map_err(|error| unusable(&error))?;
    if is_null(&file) {
        let message = "standard output is closed or the null device, and the new token would be \
                       lost: nothing was issued";
        return Err(CliError::new(Exit::Usage, message));
    }
    Ok(())
}

#[cfg(unix)]
fn is_null(file: &File) -> bool {
    use std::fs::Metadata;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    let device = |metadata: io::Result<Metadata>| {
        let metadata = metadata.ok()?;
        let is_device = metadata.file_type().is_char_device();
        is_device.then(|| metadata.rdev())
    };
    let null = device(std::fs::metadata("/dev/null"));
    null.is_some() && null == device(file.metadata())
}

#[cfg(unix)]
fn unusable(error: &io::Error) -> CliError {
    let message = "standard output cannot be written to, and the new token would be lost: nothing \
                   was issued";
    CliError::because(Exit::Usage, message, error)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{File, OpenOptions};

    use super::check_file;
    use crate::cli::Exit;

    #[test]
    fn a_token_is_not_issued_into_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        check_file(File::create(&path).expect("made")).expect("a file keeps it");
        let (_reader, writer) = std::io::pipe().expect("a pipe");
        let writer = std::os::fd::OwnedFd::from(writer);
        check_file(writer.into()).expect("somebody reads it");
        let null = OpenOptions::new().write(true).open("/dev/null");
        let only_read = File::open(&path);
        for (file, words) in [
            (null, "the null device"),
            (only_read, "cannot be written to"),
        ] {
            let error = check_file(file.expect("opened")).expect_err(words);
            assert_eq!(error.exit(), Exit::Usage);
            let told = error.to_string();
            assert!(
                told.contains(words) && told.contains("nothing was issued"),
                "{told}"
            );
        }
    }
}
