use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::demo::demo;
use super::sockets::Sockets;
use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::cli::init::SetUp;
use crate::config::Config;

/// Where quickstart keeps its files: a folder that goes with it, or one that stays.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    temporary: Option<TempDir>,
}

impl Folder {
    /// The folder that was named, made where it is missing, or a new temporary one.
    pub(super) fn open(named: Option<&Path>) -> Result<Self, CliError> {
        let failed = |what: String| {
            move |error: std::io::Error| CliError::because(Exit::Failure, what, &error)
        };
        match named {
            Some(path) => {
                let what = format!("cannot make the folder {}", path.display());
                fs::create_dir_all(path).map_err(failed(what))?;
                Ok(Self {
                    path: path.to_owned(),
                    temporary: None,
                })
            }
            None => {
                let made = tempfile::Builder::new().prefix("portcullis-").tempdir();
                let made = made.map_err(failed("cannot make a temporary folder".to_owned()))?;
                Ok(Self {
                    path: made.path().to_owned(),
                    temporary: Some(made),
                })
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// Uses the set-up of a quickstart before, or writes a new one, and binds what it names.
    pub(super) async fn prepare(&self) -> Result<(Config, Sockets), CliError> {
        let files = SetUp::at(&self.path);
        if !files.config.exists() {
            let sockets =
                Sockets::bind(Config::DEFAULT_LISTEN, Config::DEFAULT_OPERATIONS, None).await?;
            files.write(&sockets.config_text()?)?;
            return Ok((Config::load(&files.config)?, sockets));
        }
        let mut config = Config::load(&files.config)?;
        let demo = demo(&mut config)?;
        let endpoint = demo.upstream.endpoints.first();
        let upstream = endpoint.and_then(|endpoint| endpoint.authority.as_str().parse().ok());
        let sockets = Sockets::bind(config.listen, config.operations_listen, upstream).await?;
        sockets.put_into(&mut config)?;
        Ok((config, sockets))
    }

    /// Removes what is temporary.
    pub(super) fn close(self) -> Result<(), CliError> {
        let Some(folder) = self.temporary else {
            return Ok(());
        };
        folder.close().map_err(|error| {
            let message = format!("cannot remove {}", self.path.display());
            CliError::because(Exit::Failure, message, &error)
        })
    }
}
