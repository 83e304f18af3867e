use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Invalid;
use crate::store::FromStored;
use crate::text::{check_length, check_line, fold};

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

        impl FromStored for $name {
            fn from_stored(text: &str) -> Result<Self, Invalid> {
                check_length($field, text, $max)?;
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

#[cfg(test)]
mod tests {
    use crate::key::{KeyName, Metadata, Note};
    use crate::store::FromStored as _;

    #[test]
    fn what_was_stored_is_read_whatever_is_asked_of_new_text() {
        let token = format!("pck_live_{}_{}", "0".repeat(32), "x".repeat(49));
        for text in [token.as_str(), " a", "a\u{200B}b", "a\nb"] {
            assert!(text.parse::<KeyName>().is_err(), "{text:?}");
            let name = KeyName::from_stored(text).expect("read");
            assert_eq!(name.as_str(), text);
            assert_eq!(Note::from_stored(text).expect("read").as_str(), text);
        }
        for text in ["", &"x".repeat(129)] {
            assert!(KeyName::from_stored(text).is_err(), "{text:?}");
        }

        let stored = format!(r#"{{"a":"{token}","b":1}}"#);
        assert!(stored.parse::<Metadata>().is_err());
        let metadata = Metadata::from_stored(&stored).expect("read");
        assert_eq!(metadata.as_str(), stored);
        // Another member may change, and the token may go.
        let patch = |text: &str| serde_json::from_str(text).expect(text);
        let merged = metadata.merged(&patch(r#"{"b":2}"#)).expect("merged");
        assert_eq!(merged.as_str(), stored.replace(":1", ":2"));
        let without = metadata.merged(&patch(r#"{"a":null}"#)).expect("merged");
        assert_eq!(without.as_str(), r#"{"b":1}"#);
        let again = patch(&format!(r#"{{"c":["{token}"]}}"#));
        assert!(metadata.merged(&again).is_err());
        for text in [
            "",
            "[]",
            "{",
            &format!(r#"{{"a":"{}"}}"#, "x".repeat(4_096)),
        ] {
            assert!(Metadata::from_stored(text).is_err(), "{text:.20}");
        }
    }
}
