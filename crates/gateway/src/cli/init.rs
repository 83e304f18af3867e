use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use portcullis::keyring::Keyring;
use serde::Serialize;

use super::Exit;
use super::error::CliError;
use super::output::Output;
use crate::config::TEMPLATE;

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The folder to write to; made where it is missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// The files of a set-up.
#[derive(Debug)]
pub(super) struct SetUp {
    pub(super) config: PathBuf,
    pub(super) keyring: PathBuf,
    pub(super) database: PathBuf,
}

#[derive(Debug, Serialize)]
struct InitDto {
    config: String,
    keyring: String,
}

impl SetUp {
    /// What stands in this folder, or would.
    pub(super) fn at(dir: &Path) -> Self {
        Self {
            config: dir.join("portcullis.toml"),
            keyring: dir.join("keyring"),
            database: dir.join("portcullis.db"),
        }
    }

    /// Writes the configuration and a new keyring. Where either file is there already, or the
    /// second cannot be written, nothing is left written.
    pub(super) fn write(&self, config: &str) -> Result<(), CliError> {
        for path in [&self.config, &self.keyring, &self.database] {
            if path.symlink_metadata().is_ok() {
                let path = path.display();
                let message = format!("{path} exists already: nothing is overwritten");
                return Err(CliError::new(Exit::Conflict, message));
            }
        }
        let name = "k1".parse()?;
        Keyring::generate(name)?.write_new(&self.keyring)?;
        let written = write_new(&self.config, config);
        written.map_err(|error| {
            // It was made a moment ago and nothing was signed with it yet.
            let _ = fs::remove_file(&self.keyring);
            failed(&self.config, &error)
        })
    }
}

pub(super) fn run(args: &InitArgs, output: &mut Output<'_>) -> Result<Exit, CliError> {
    fs::create_dir_all(&args.dir).map_err(|error| failed(&args.dir, &error))?;
    let files = SetUp::at(&args.dir);
    files.write(TEMPLATE)?;
    let (config, keyring) = (
        files.config.display().to_string(),
        files.keyring.display().to_string(),
    );
    let dto = InitDto { config, keyring };
    output.result(&dto, || {
        format!(
            "{}  the configuration: name your services in it\n\
             {}  the keyring: keep it secret, and back it up apart from the database\n",
            dto.config, dto.keyring
        )
    })?;
    Ok(Exit::Done)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    let message = format!("cannot write {}", path.display());
    CliError::because(Exit::Unavailable, message, error)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portcullis::keyring::Keyring;

    use super::SetUp;
    use crate::cli::Exit;
    use crate::config::{Config, TEMPLATE};

    #[test]
    fn a_set_up_is_written_once_and_whole() {
        let folder = tempfile::tempdir().expect("folder");
        let files = SetUp::at(folder.path());
        files.write(TEMPLATE).expect("written");
        let config = Config::load(&files.config).expect("valid");
        assert_eq!(config.keyring_path, files.keyring);
        assert_eq!(config.store_path, files.database);
        Keyring::from_file(&files.keyring).expect("a keyring with mode 0600");
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 2);

        let keyring = fs::read(&files.keyring).expect("read");
        let error = files.write(TEMPLATE).expect_err("exists");
        assert_eq!(error.exit(), Exit::Conflict);
        assert_eq!(fs::read(&files.keyring).expect("read"), keyring);
    }

    #[test]
    fn nothing_is_written_where_anything_is_there() {
        for name in ["portcullis.toml", "keyring", "portcullis.db"] {
            let folder = tempfile::tempdir().expect("folder");
            fs::write(folder.path().join(name), "mine").expect("written");
            let error = SetUp::at(folder.path())
                .write(TEMPLATE)
                .expect_err("exists");
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1);
        }
        let missing = SetUp::at(std::path::Path::new("/nonexistent/folder"));
        let error = missing.write(TEMPLATE).expect_err("no folder");
        assert_eq!(error.exit(), Exit::Unavailable);
    }
}
