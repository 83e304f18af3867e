use std::fmt::Write as _;
use std::process::ExitCode;

use portcullis::ErrorKind;
use portcullis::keyring::KeyringErrorKind;
use portcullis::store::StoreErrorKind;

use crate::config::OpenErrorKind;

/// What the program's exit status says. The numbers are part of its interface.
///
/// All kinds of errors are given their status here, and nowhere else; but a command whose answer
/// is that something is not as it should be (`keys verify`, `check`, `audit verify`) says so with
/// [`Exit::Refused`], and one that was left half-done with [`Exit::Partial`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// Something failed that no other status names.
    Failure = 1,
    /// An argument, a cursor, an environment variable or the standard output is not one that the
    /// command can do with; nothing was changed.
    Usage = 2,
    /// The service or key does not exist.
    NotFound = 3,
    /// The state of things forbids it: it exists already, is revoked, retired or in use, was
    /// changed in between, or the quota is reached.
    Conflict = 4,
    /// The answer is no: the token was refused, or the database or the audit trail has a fault:
    /// damage, or a state that lies behind what was acknowledged.
    Refused = 5,
    /// The database, the keyring, a listen address or a file to write cannot be used now: it is
    /// missing, locked, not ours, or may not be read or written.
    Unavailable = 6,
    /// The configuration file is missing or has faults.
    Config = 7,
    /// A part was done, or nobody can say whether anything was: to do the same again may do it
    /// twice. Standard error says what is known.
    Partial = 8,
    /// Stopped by SIGHUP before all was done: 128 and the signal's number, as shells tell it.
    HungUp = 129,
    /// Stopped by Ctrl-C before all was done.
    Interrupted = 130,
    /// Stopped by SIGTERM before all was done.
    Terminated = 143,
}

impl Exit {
    /// Every status, in order.
    pub const ALL: [Self; 12] = [
        Self::Done,
        Self::Failure,
        Self::Usage,
        Self::NotFound,
        Self::Conflict,
        Self::Refused,
        Self::Unavailable,
        Self::Config,
        Self::Partial,
        Self::HungUp,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failure => "something failed that no other status names",
            Self::Usage => {
                "an argument, cursor, environment variable or standard output is not allowed"
            }
            Self::NotFound => "the service or key does not exist",
            Self::Conflict => "it exists already, or its state or quota forbids it",
            Self::Refused => "the token was refused, or database or audit trail have a fault",
            Self::Unavailable => {
                "database, keyring, listen address or a file to write cannot be used now"
            }
            Self::Config => "the configuration is missing or has faults",
            Self::Partial => "a part was done, or it is not known: standard error tells what is",
            Self::HungUp => "stopped by SIGHUP before all was done",
            Self::Interrupted => "stopped by Ctrl-C before all was done",
            Self::Terminated => "stopped by SIGTERM before all was done",
        }
    }

    /// The table of all statuses, for `--help`.
    pub(super) fn help() -> String {
        let mut text = "Exit status:\n".to_owned();
        for exit in Self::ALL {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:>3}  {}", exit.code(), exit.meaning());
        }
        text
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid | ErrorKind::Cursor => Self::Usage,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::AlreadyExists
            | ErrorKind::Conflict
            | ErrorKind::State
            | ErrorKind::QuotaReached
            | ErrorKind::Retired
            | ErrorKind::InUse => Self::Conflict,
            ErrorKind::Corrupt => Self::Refused,
            ErrorKind::Keyring | ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::OutcomeUnknown => Self::Partial,
            _ => Self::Failure,
        }
    }
}

impl From<StoreErrorKind> for Exit {
    fn from(kind: StoreErrorKind) -> Self {
        match kind {
            StoreErrorKind::Invalid => Self::Usage,
            StoreErrorKind::NotFound => Self::NotFound,
            StoreErrorKind::AlreadyExists
            | StoreErrorKind::Conflict
            | StoreErrorKind::QuotaReached
            | StoreErrorKind::Retired
            | StoreErrorKind::InUse => Self::Conflict,
            StoreErrorKind::Corrupt => Self::Refused,
            StoreErrorKind::Busy
            | StoreErrorKind::Unavailable
            | StoreErrorKind::Foreign
            | StoreErrorKind::Newer => Self::Unavailable,
            StoreErrorKind::OutcomeUnknown => Self::Partial,
            _ => Self::Failure,
        }
    }
}

impl From<OpenErrorKind> for Exit {
    fn from(kind: OpenErrorKind) -> Self {
        match kind {
            OpenErrorKind::Keyring | OpenErrorKind::Unavailable | OpenErrorKind::Store => {
                Self::Unavailable
            }
            OpenErrorKind::Damaged => Self::Refused,
        }
    }
}

impl From<KeyringErrorKind> for Exit {
    fn from(kind: KeyringErrorKind) -> Self {
        match kind {
            KeyringErrorKind::Exists
            | KeyringErrorKind::Changed
            | KeyringErrorKind::RootExists
            | KeyringErrorKind::CurrentRoot
            | KeyringErrorKind::Full
            | KeyringErrorKind::TooLong => Self::Conflict,
            KeyringErrorKind::Unsynced => Self::Partial,
            KeyringErrorKind::UnknownRoot => Self::NotFound,
            _ => Self::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn every_status_has_its_own_number_and_its_line() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 129, 130, 143]);
        let help = Exit::help();
        assert_eq!(help.lines().count(), 1 + Exit::ALL.len());
        assert!(
            help.contains("  5  the token was refused, or database or audit trail have a fault\n")
        );
        assert!(help.ends_with("143  stopped by SIGTERM before all was done\n"));
    }
}
