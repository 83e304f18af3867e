use std::fmt::Write as _;
use std::process::ExitCode;

/// What the program's exit status says. The numbers are part of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// Something failed that no other status names.
    Failure = 1,
    /// An argument, a cursor or an environment variable is not allowed; nothing was changed.
    Usage = 2,
    /// The service or key does not exist.
    NotFound = 3,
    /// The state of things forbids it: it exists already, is revoked, retired or in use, was
    /// changed in between, or the quota is reached.
    Conflict = 4,
    /// The answer is no: the token was refused, or a fault was found in the database or the
    /// audit trail.
    Refused = 5,
    /// The database, the keyring or a listen address cannot be used now.
    Unavailable = 6,
    /// The configuration file is missing or has faults.
    Config = 7,
}

impl Exit {
    /// Every status, in order.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Failure,
        Self::Usage,
        Self::NotFound,
        Self::Conflict,
        Self::Refused,
        Self::Unavailable,
        Self::Config,
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
            Self::Usage => "an argument, cursor or environment variable is not allowed",
            Self::NotFound => "the service or key does not exist",
            Self::Conflict => "it exists already, or its state or quota forbids it",
            Self::Refused => "the token was refused, or database or audit trail have a fault",
            Self::Unavailable => "database, keyring or listen address cannot be used now",
            Self::Config => "the configuration is missing or has faults",
        }
    }

    /// The table of all statuses, for `--help`.
    pub(super) fn help() -> String {
        let mut text = "Exit status:\n".to_owned();
        for exit in Self::ALL {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}  {}", exit.code(), exit.meaning());
        }
        text
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn every_status_has_its_own_number_and_its_line() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7]);
        let help = Exit::help();
        assert_eq!(help.lines().count(), 1 + Exit::ALL.len());
        assert!(
            help.contains("  5  the token was refused, or database or audit trail have a fault\n")
        );
    }
}
