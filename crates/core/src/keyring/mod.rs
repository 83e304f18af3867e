//! The secret from which every digest derives, kept outside the database.
//!
//! A keyring is a file of one to eight named [roots](RootName) of 32 random
//! bytes, one of them current: it signs what is new, the others verify what is
//! older. What is keyed (digests, tags, cursors, the audit chain) derives from
//! a root by HKDF-SHA-256 (RFC 5869), a key for each purpose.
//!
//! The file is text, one root a line, with `#` for comments:
//!
//! ```text
//! root k1 current 64-hexadecimal-digits
//! ```

mod derive;
mod error;
mod file;
mod name;
mod ring;

pub(crate) use derive::{PreparedMac, Root};
pub use error::{KeyringError, KeyringErrorKind};
pub use name::RootName;
pub use ring::Keyring;
