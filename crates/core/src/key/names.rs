use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Invalid;
use crate::text::{check_line, fold};

/// One line of text that people write, checked once.
macro_rules! line {
    ($(#[$doc:meta])* $name:ident, $field:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                check_line($field, text, $max)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }
    };
}

line! {
    /// Who a key was issued to: a customer, a team, a machine. 1 to 128
    /// characters, none of them invisible.
    Owner, "owner", 128
}

line! {
    /// What people call a key: 1 to 128 characters, none of them invisible.
    KeyName, "name", 128
}

line! {
    /// Why a key was revoked: 1 to 256 characters, none of them invisible.
    RevocationReason, "reason", 256
}

line! {
    /// Who created a key: the name of the [`Actor`](crate::audit::Actor). 1 to
    /// 128 characters, none of them invisible.
    Author, "author", 128
}

line! {
    /// What people want to remember of a key, for example why it was made: 1 to
    /// 512 characters on one line, none of them invisible.
    Note, "note", 512
}

impl KeyName {
    /// The name in lower case (Unicode's simple mapping, character by
    /// character): what a search for a [`NamePart`](super::NamePart) looks at.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}
