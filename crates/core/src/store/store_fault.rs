use std::fmt;

/// Why a store takes no changes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreFault {
    /// There is no room for them.
    Full,
    /// What keeps them may only be read.
    ReadOnly,
    /// What keeps them fails, or is not there.
    Failing,
}

impl StoreFault {
    /// The fault as one lower-case word, for logs and operators.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Failing => "failing",
        }
    }
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
