use std::error::Error;
use std::fmt;
use std::str::FromStr;

use super::normalize::{canonicalize, has_parameters, plainest};

/// The part of the path space that a route owns: `/orders` is `/orders` and all below it.
///
/// Written as a canonical path without parameters, with nothing encoded that may stand raw in a
/// path (`/v1:admin`); a trailing slash says nothing and is dropped. Two prefixes that can hold the
/// same path are equal, or one lies below the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    path: Box<str>,
}

/// A path prefix that is not written in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPrefix {
    canonical: Option<String>,
}

impl Prefix {
    /// The prefix `/`, which holds every path.
    #[must_use]
    pub fn root() -> Self {
        Self { path: "/".into() }
    }

    /// The prefix as text: `/`, or a path that begins and does not end with a slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// The number of segments. Of all prefixes that hold a path, the one with the most is the
    /// most specific.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.without_slash().matches('/').count()
    }

    /// The prefix with the slash that ends it taken away: empty for the root.
    pub(super) fn without_slash(&self) -> &str {
        self.path.strip_suffix('/').unwrap_or(&self.path)
    }
}

impl FromStr for Prefix {
    type Err = InvalidPrefix;

    /// # Errors
    ///
    /// [`InvalidPrefix`] for what does not begin with a slash, has a query, parameters or an
    /// encoded `?` or `#`, is not in canonical form, or encodes what need not be encoded.
    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        let is_path = text.starts_with('/') && !text.contains(['?', '#']);
        let canonical = is_path
            .then(|| canonicalize(text).ok())
            .flatten()
            .filter(|path| !has_parameters(path))
            .map(|path| plainest(&path));
        match canonical {
            Some(path) if path == text => Ok(Self {
                path: match path.strip_suffix('/') {
                    Some("") | None => path.into(),
                    Some(shorter) => shorter.into(),
                },
            }),
            canonical => Err(InvalidPrefix { canonical }),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl fmt::Display for InvalidPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a path prefix begins with a slash and is written in canonical form, \
             without query and parameters",
        )?;
        match &self.canonical {
            Some(canonical) => write!(f, " (did you mean `{canonical}`?)"),
            None => Ok(()),
        }
    }
}

impl Error for InvalidPrefix {}
