use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use portcullis_core::Invalid;

use super::bearer::is_token_character;

/// The longest name of a cookie or parameter, in bytes.
const LONGEST: usize = 64;

/// The name of a cookie: a token (RFC 6265 section 4.1.1) of 1 to 64
/// characters. Case counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CookieName(Cow<'static, str>);

impl CookieName {
    /// A name that stands in the program.
    ///
    /// # Panics
    ///
    /// Where it is not a cookie's name.
    #[must_use]
    pub fn from_static(name: &'static str) -> Self {
        assert!(is_cookie_name(name), "{COOKIE_NAME}");
        Self(Cow::Borrowed(name))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CookieName {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        if is_cookie_name(name) {
            Ok(Self(Cow::Owned(name.to_owned())))
        } else {
            Err(Invalid::new("cookie", COOKIE_NAME))
        }
    }
}

/// The name of a query parameter: 1 to 64 unreserved characters (RFC 3986
/// section 2.3), `A-Z`, `a-z`, `0-9`, `-`, `.`, `_`, `~`. Case counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ParameterName(Cow<'static, str>);

impl ParameterName {
    /// A name that stands in the program.
    ///
    /// # Panics
    ///
    /// Where it is not a parameter's name.
    #[must_use]
    pub fn from_static(name: &'static str) -> Self {
        assert!(is_parameter_name(name), "{PARAMETER_NAME}");
        Self(Cow::Borrowed(name))
    }

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ParameterName {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        if is_parameter_name(name) {
            Ok(Self(Cow::Owned(name.to_owned())))
        } else {
            Err(Invalid::new("parameter", PARAMETER_NAME))
        }
    }
}

impl fmt::Display for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ParameterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const COOKIE_NAME: &str = "1 to 64 characters of a token, for example __Host-key";
const PARAMETER_NAME: &str = "1 to 64 of A-Z, a-z, 0-9, '-', '.', '_' and '~'";

fn is_cookie_name(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(is_token_character)
}

fn is_parameter_name(name: &str) -> bool {
    let is_unreserved =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(is_unreserved)
}
