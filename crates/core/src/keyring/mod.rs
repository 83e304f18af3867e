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
//! root k2 verify-only 64-hexadecimal-digits
//! ```
//!
//! It is made once, readable by its owner alone, and read at each start:
//!
//! ```
//! use portcullis_core::keyring::{Keyring, KeyringErrorKind};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("keyring");
//! Keyring::generate("k1".parse()?)?.write_new(&path)?;
//! let keyring = Keyring::from_file(&path)?;
//! assert_eq!(keyring.current_name().as_str(), "k1");
//!
//! // No keyring is ever overwritten: keys that were made under it would be lost.
//! let again = keyring.write_new(&path).unwrap_err();
//! assert_eq!(again.kind(), KeyringErrorKind::Exists);
//! # Ok(())
//! # }
//! ```
//!
//! How a root gives way to the next one: [`Keyring::add`] a root that only
//! verifies, and give the file to every node; [`Keyring::make_current`] on every
//! node, once all have it. From then on what is new is made under it, and the
//! digest of each secret that is used moves to it. A digest moves forward only,
//! in the order of the file's lines: while some nodes have changed and others
//! have not, none is moved back and forth. A new root stands behind all others;
//! whoever makes an earlier one current again, and wants digests back under it,
//! moves its line to the end of the file on every node. The tokens of the former root
//! end as they are rotated or revoked (one that expired still counts: its key
//! may be given more time); then
//! [`KeyManager::retire_root`](crate::KeyManager::retire_root) succeeds, and the
//! file may do [`Keyring::without`] it. A process reads its keyring when it
//! starts.

mod derive;
mod error;
mod file;
mod name;
mod replace;
mod ring;
mod text;

pub(crate) use derive::{PreparedMac, Root};
pub use error::{KeyringError, KeyringErrorKind};
pub use name::RootName;
pub use ring::Keyring;
