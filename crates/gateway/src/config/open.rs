use std::error::Error as StdError;
use std::{fmt, fs, io};

use portcullis::keyring::{Keyring, KeyringErrorKind};
use portcullis::store::{StoreError, StoreErrorKind};
use portcullis::{ErrorKind, KeyManager, SqliteStore};

use super::Config;

impl Config {
    /// Opens the manager that the configuration describes; the database is created where there is
    /// none. To be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`OpenError`] where the keyring cannot be read, the database cannot be opened, or one does
    /// not belong to the other.
    pub async fn open_manager(&self) -> Result<KeyManager, OpenError> {
        let keyring = self.read_keyring()?;
        let store = SqliteStore::open(&self.store_path);
        self.build_manager(keyring, store).await
    }

    /// The same, for a database that is there already: a mistyped path makes no new one.
    ///
    /// # Errors
    ///
    /// Those of [`Config::open_manager`], and where there is no database.
    pub async fn open_existing_manager(&self) -> Result<KeyManager, OpenError> {
        let keyring = self.read_keyring()?;
        let store = SqliteStore::open_existing(&self.store_path).map_err(|error| {
            if !matches!(self.store_path.try_exists(), Ok(false)) || self.lacks_folder() {
                return error;
            }
            let hint = "there is none: where there was one, bring it back; where there was not, \
                        portcullis services create makes it";
            StoreError::new(error.kind(), hint)
        });
        self.build_manager(keyring, store).await
    }

    /// Whether there is a database already, of whatever kind; an empty file is none yet.
    #[must_use]
    pub fn has_database(&self) -> bool {
        fs::metadata(&self.store_path).is_ok_and(|metadata| metadata.len() > 0)
    }

    fn read_keyring(&self) -> Result<Keyring, OpenError> {
        Keyring::from_file(&self.keyring_path).map_err(|error| {
            let hint = match error.kind() {
                KeyringErrorKind::Missing if self.has_database() => {
                    ": the database needs the one that it was written with, so bring that back"
                }
                KeyringErrorKind::Missing => " (portcullis init writes one)",
                _ => "",
            };
            OpenError::new(
                OpenErrorKind::Keyring,
                format!("cannot use the keyring{hint}"),
                error,
            )
        })
    }

    async fn build_manager(
        &self,
        keyring: Keyring,
        store: Result<SqliteStore, StoreError>,
    ) -> Result<KeyManager, OpenError> {
        let path = self.store_path.display();
        let store = store.map_err(|error| {
            let error = self.explained(error);
            let kind = match error.kind() {
                StoreErrorKind::Busy | StoreErrorKind::Unavailable => OpenErrorKind::Unavailable,
                StoreErrorKind::Corrupt => OpenErrorKind::Damaged,
                _ => OpenErrorKind::Store,
            };
            OpenError::new(kind, format!("cannot open the database {path}"), error)
        })?;
        let manager = KeyManager::builder(store)
            .keyring(keyring)
            .config(self.manager.clone());
        manager.build().await.map_err(|error| {
            let (kind, what) = match error.kind() {
                ErrorKind::Keyring => {
                    let keyring = self.keyring_path.display();
                    let what = format!("the keyring {keyring} is not that of the database {path}");
                    (OpenErrorKind::Keyring, what)
                }
                ErrorKind::Unavailable => (
                    OpenErrorKind::Unavailable,
                    format!("cannot read the database {path}"),
                ),
                kind => {
                    let kind = match kind {
                        ErrorKind::Corrupt => OpenErrorKind::Damaged,
                        _ => OpenErrorKind::Store,
                    };
                    (kind, format!("cannot use the database {path}"))
                }
            };
            OpenError::new(kind, what, error)
        })
    }
}

impl Config {
    /// What the file system says of a database that cannot be opened, which says more than that it
    /// cannot be.
    fn explained(&self, error: StoreError) -> StoreError {
        if self.lacks_folder() {
            let folder = self.store_path.parent().unwrap_or(&self.store_path);
            let message = format!("the folder {} does not exist", folder.display());
            return StoreError::with_source(error.kind(), message, error);
        }
        match fs::File::open(&self.store_path) {
            Err(denied) if denied.kind() == io::ErrorKind::PermissionDenied => {
                let message = "this user may not read it";
                StoreError::with_source(error.kind(), message, denied)
            }
            _ => error,
        }
    }

    fn lacks_folder(&self) -> bool {
        let folder = self.store_path.parent();
        folder
            .filter(|folder| !folder.as_os_str().is_empty())
            .is_some_and(|folder| matches!(folder.try_exists(), Ok(false)))
    }
}

/// Why there is no manager.
#[derive(Debug)]
pub struct OpenError {
    kind: OpenErrorKind,
    message: String,
    source: Box<dyn StdError + Send + Sync>,
}

/// The kinds of [`OpenError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// The keyring cannot be read, or is not that of the database.
    Keyring,
    /// The database cannot be opened or read now.
    Unavailable,
    /// The database is damaged, or has fallen behind what was acknowledged.
    Damaged,
    /// The database is not one that this version can use.
    Store,
}

impl OpenError {
    fn new(
        kind: OpenErrorKind,
        message: String,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind,
            message,
            source: Box::new(source),
        }
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> OpenErrorKind {
        self.kind
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for OpenError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::fs;

    use portcullis::keyring::Keyring;
    use tempfile::TempDir;

    use super::{OpenError, OpenErrorKind};
    use crate::config::Config;

    /// A folder with a keyring, and the configuration of it.
    fn set_up() -> (TempDir, Config) {
        let folder = tempfile::tempdir().expect("folder");
        let config = Config::parse("", &folder.path().join("portcullis.toml")).expect("valid");
        write_keyring(&config);
        (folder, config)
    }

    fn write_keyring(config: &Config) {
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        keyring.write_new(&config.keyring_path).expect("written");
    }

    async fn refusal(config: &Config) -> (OpenErrorKind, String) {
        let error = config.open_existing_manager().await.expect_err("refused");
        (error.kind(), error.to_string())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_does_not_fit_is_told_by_its_name() {
        let (_folder, config) = set_up();
        let (kind, text) = refusal(&config).await;
        assert_eq!(kind, OpenErrorKind::Unavailable);
        assert!(text.contains("portcullis.db"), "{text}");
        assert!(!config.store_path.exists(), "looking makes no database");
        assert!(!config.has_database());
        fs::write(&config.store_path, "").expect("written");
        assert!(!config.has_database(), "an empty file becomes one");

        config
            .open_manager()
            .await
            .expect("a new database")
            .shutdown()
            .await
            .expect("closed");
        assert!(config.has_database());
        config
            .open_existing_manager()
            .await
            .expect("opens")
            .shutdown()
            .await
            .expect("closed");

        fs::remove_file(&config.keyring_path).expect("removed");
        let (kind, text) = refusal(&config).await;
        assert_eq!(kind, OpenErrorKind::Keyring);
        assert!(text.contains("bring that back"), "{text}");

        write_keyring(&config);
        let (kind, text) = refusal(&config).await;
        assert_eq!(kind, OpenErrorKind::Keyring);
        assert!(text.contains("is not that of the database"), "{text}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_missing_is_told_with_what_to_do() {
        let (folder, config) = set_up();
        let cause = |error: OpenError| error.source().expect("a cause").to_string();
        let missing = config.open_existing_manager().await.expect_err("missing");
        assert!(cause(missing).contains("where there was one, bring it back"));
        fs::remove_file(&config.keyring_path).expect("removed");
        let (_, text) = refusal(&config).await;
        assert!(text.contains("portcullis init"), "{text}");
        write_keyring(&config);
        let elsewhere = "[store]\npath = \"none/keys.db\"\n";
        let path = folder.path().join("portcullis.toml");
        let config = Config::parse(elsewhere, &path).expect("valid");
        for opened in [
            config.open_manager().await,
            config.open_existing_manager().await,
        ] {
            let error = opened.expect_err("no folder");
            assert_eq!(error.kind(), OpenErrorKind::Unavailable);
            let told = cause(error);
            assert!(told.contains("none does not exist"), "{told}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_that_is_no_database_of_ours_is_left_alone() {
        let (_folder, config) = set_up();
        let foreign = "this is no database, and longer than the header of one would have to be";
        fs::write(&config.store_path, foreign).expect("written");
        let (kind, _) = refusal(&config).await;
        assert_eq!(kind, OpenErrorKind::Store);
        assert!(config.open_manager().await.is_err());
        assert_eq!(
            fs::read_to_string(&config.store_path).expect("read"),
            foreign
        );
    }
}
