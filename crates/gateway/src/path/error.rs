use std::error::Error;
use std::fmt;

/// A request target that has no canonical path.
///
/// Every kind is the client's doing: 414 for [`PathErrorKind::TooLong`], 400 for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathError {
    kind: PathErrorKind,
}

/// What is wrong with a request target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PathErrorKind {
    /// The target is `*` (asterisk-form, RFC 9112 section 3.2.4): it names no resource.
    Asterisk,
    /// The target is a host and port (authority-form, RFC 9112 section 3.2.3), as CONNECT has it.
    Authority,
    /// The target, or what it is in canonical form, is longer than is allowed.
    TooLong,
    /// A `%` that two hexadecimal digits do not follow.
    InvalidEncoding,
    /// A percent-encoded `%` before digits that would make it an encoding again (`%252e`): a
    /// server that decodes twice would see another path.
    DoubleEncoding,
    /// An encoded slash (`%2F`): some servers take it for a separator, some do not.
    EncodedSlash,
    /// A backslash, raw or encoded: some servers take it for a slash.
    Backslash,
    /// A control character, NUL and DEL included, raw or encoded, in the path; raw in the query.
    Control,
    /// A byte beyond ASCII that is not percent-encoded.
    NonAscii,
    /// Encoded bytes that are not UTF-8; overlong spellings of `.` and `/` are among them.
    InvalidUtf8,
    /// Dot segments that climb above the root.
    AboveRoot,
    /// A segment that is empty or a dot segment once its parameters are gone (`/..;a/`, `/;a/`):
    /// servers that know path parameters would see another path.
    Parameters,
}

impl PathError {
    pub(super) const fn new(kind: PathErrorKind) -> Self {
        Self { kind }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> PathErrorKind {
        self.kind
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            PathErrorKind::Asterisk => "the asterisk form of the request target is not served",
            PathErrorKind::Authority => "the authority form of the request target is not served",
            PathErrorKind::TooLong => "the request target is too long",
            PathErrorKind::InvalidEncoding => "a `%` in the path is not followed by two hex digits",
            PathErrorKind::DoubleEncoding => "the path is percent-encoded twice",
            PathErrorKind::EncodedSlash => "the path contains an encoded slash",
            PathErrorKind::Backslash => "the path contains a backslash",
            PathErrorKind::Control => "the request target contains a control character",
            PathErrorKind::NonAscii => "the path contains a byte beyond ASCII",
            PathErrorKind::InvalidUtf8 => "the path is not UTF-8 once decoded",
            PathErrorKind::AboveRoot => "the path climbs above the root",
            PathErrorKind::Parameters => "a path segment is nothing without its parameters",
        })
    }
}

impl Error for PathError {}
