use std::error::Error as StdError;
use std::path::Path;
use std::{fmt, io};

use portcullis::keyring::KeyringError;
use portcullis::{Error, Invalid};

use super::Exit;
use super::output::visible_lines;
use crate::config::{ConfigError, OpenError};
use crate::gateway::GatewayError;
use crate::life::InheritError;
use crate::listeners::ListenError;
use crate::telemetry::TelemetryError;

/// Why a command did not do what it was asked, and the status to end with.
#[derive(Debug)]
pub(super) struct CliError {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    closed_output: bool,
}

impl CliError {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            closed_output: false,
        }
    }

    /// Something that failed because of another error, and of its causes.
    pub(super) fn because(
        exit: Exit,
        message: impl Into<String>,
        cause: &(dyn StdError + 'static),
    ) -> Self {
        let mut error = Self::new(exit, message);
        for cause in std::iter::successors(Some(cause), |&cause| cause.source()) {
            error.add_cause(cause.to_string());
        }
        error
    }

    /// Stands for another error and its causes.
    fn wrap(exit: Exit, error: &(dyn StdError + 'static)) -> Self {
        Self::because(exit, error.to_string(), error)
    }

    /// A cause counts only where it says something new.
    fn add_cause(&mut self, cause: String) {
        if !self.causes.last().unwrap_or(&self.message).contains(&cause) {
            self.causes.push(cause);
        }
    }

    /// Names the database, where what cannot be used may be that.
    pub(super) fn naming(mut self, database: &Path) -> Self {
        let path = database.display().to_string();
        if self.exit == Exit::Unavailable && !self.message.contains(&path) {
            self.message = format!("{path}: {}", self.message);
        }
        self
    }

    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// Nobody reads the output any more: no fault of anybody, and nothing to say to whom.
    pub(super) fn is_closed_output(&self) -> bool {
        self.closed_output
    }
}

/// `error: ...` and what caused it, a line for each. They may repeat what is stored.
impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", visible_lines(&self.message))?;
        self.causes
            .iter()
            .try_for_each(|cause| write!(f, "\n  because {}", visible_lines(cause)))
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        Self::wrap(error.kind().into(), &error)
    }
}

impl From<Invalid> for CliError {
    fn from(invalid: Invalid) -> Self {
        Self::wrap(Exit::Usage, &invalid)
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let missing = error
            .source()
            .and_then(|error| error.downcast_ref::<io::Error>())
            .is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
        if missing {
            let path = error.path().display();
            let message = format!(
                "there is no configuration {path}: write one with portcullis init, \
                 or name another one with --config"
            );
            return Self::new(Exit::Config, message);
        }
        Self::wrap(Exit::Config, &error)
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        Self::wrap(error.kind().into(), &error)
    }
}

impl From<KeyringError> for CliError {
    fn from(error: KeyringError) -> Self {
        Self::wrap(error.kind().into(), &error)
    }
}

impl From<ListenError> for CliError {
    fn from(error: ListenError) -> Self {
        Self::wrap(Exit::Unavailable, &error)
    }
}

impl From<InheritError> for CliError {
    fn from(error: InheritError) -> Self {
        Self::wrap(Exit::Usage, &error)
    }
}

impl From<GatewayError> for CliError {
    fn from(error: GatewayError) -> Self {
        let exit = match &error {
            GatewayError::AccessLog(_) => Exit::Unavailable,
            GatewayError::Tls(_) => Exit::Config,
            _ => Exit::Failure,
        };
        Self::wrap(exit, &error)
    }
}

impl From<TelemetryError> for CliError {
    fn from(error: TelemetryError) -> Self {
        Self::wrap(Exit::Usage, &error)
    }
}

/// Only the output is written without a word of context of its own.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        let closed_output = error.kind() == io::ErrorKind::BrokenPipe;
        Self {
            closed_output,
            ..Self::because(Exit::Failure, "cannot write the output", &error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use portcullis::Error;
    use portcullis::keyring::Keyring;
    use portcullis::store::{StoreError, StoreErrorKind};

    use super::CliError;
    use crate::cli::Exit;
    use crate::config::Config;

    #[test]
    fn each_kind_of_failure_has_its_status() {
        for (kind, exit) in [
            (StoreErrorKind::NotFound, Exit::NotFound),
            (StoreErrorKind::AlreadyExists, Exit::Conflict),
            (StoreErrorKind::Conflict, Exit::Conflict),
            (StoreErrorKind::QuotaReached, Exit::Conflict),
            (StoreErrorKind::Busy, Exit::Unavailable),
            (StoreErrorKind::OutcomeUnknown, Exit::Partial),
            (StoreErrorKind::Unavailable, Exit::Unavailable),
            (StoreErrorKind::Corrupt, Exit::Refused),
        ] {
            assert_eq!(Exit::from(kind), exit, "{kind:?}");
            let error = CliError::from(Error::from(StoreError::new(kind, "x")));
            assert_eq!(error.exit(), exit, "{kind:?}");
        }
        for kind in [StoreErrorKind::Foreign, StoreErrorKind::Newer] {
            assert_eq!(Exit::from(kind), Exit::Unavailable, "{kind:?}");
        }
        let keyring = Keyring::from_file("/nonexistent/keyring").expect_err("missing");
        assert_eq!(CliError::from(keyring).exit(), Exit::Unavailable);
    }

    #[test]
    fn a_cause_is_told_once() {
        let disk = io::Error::other("disk on fire");
        let store = StoreError::with_source(StoreErrorKind::Unavailable, "cannot read", disk);
        let error = CliError::from(Error::from(store));
        assert_eq!(
            error.to_string(),
            "error: cannot read\n  because disk on fire"
        );
    }

    #[test]
    fn an_error_that_repeats_what_is_stored_does_not_steer_the_terminal() {
        let disk = io::Error::other("no table a\u{9b}2J");
        let message = "no key named a\u{1b}[2J\u{202e}";
        let store = StoreError::with_source(StoreErrorKind::Corrupt, message, disk);
        assert_eq!(
            CliError::from(Error::from(store)).to_string(),
            "error: no key named a\\u{1b}[2J\\u{202e}\n  because no table a\\u{9b}2J"
        );
    }

    #[test]
    fn a_missing_configuration_says_how_to_get_one() {
        let error = CliError::from(Config::load(Path::new("/nonexistent/p.toml")).expect_err("no"));
        assert_eq!(error.exit(), Exit::Config);
        assert!(error.to_string().contains("portcullis init"), "{error}");
        let faulty = CliError::from(Config::parse("x = 1", Path::new("p.toml")).expect_err("no"));
        assert!(
            faulty
                .to_string()
                .starts_with("error: the configuration p.toml has 1 fault\n")
        );
    }

    #[test]
    fn a_closed_pipe_is_told_apart() {
        let closed = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(closed.is_closed_output());
        assert!(!CliError::from(io::Error::other("full")).is_closed_output());
    }
}
