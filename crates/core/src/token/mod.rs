//! The printed string that a holder presents.
//!
//! `<prefix>_<env>_<id>_<secret><check>`: a prefix of 2 to 16 characters
//! `[a-z][a-z0-9]*`, `live` or `test`, the key's id as 32 hexadecimal digits,
//! 43 base62 digits of 32 secret bytes, and 6 base62 digits of the CRC-32 of
//! all before them. Every character is legal in RFC 6750's `b64token`, and a
//! double click selects the whole. For secret scanners:
//!
//! ```text
//! [a-z][a-z0-9]{1,15}_(live|test)_[0-9a-f]{32}_[0-9A-Za-z]{49}
//! ```
//!
//! The secret bytes are 24 from the operating system's generator, and 8 of a
//! keyed tag over everything else: proof that this keyring issued the token,
//! before any cache or store is asked. The checksum finds typing errors; it is
//! no security.

mod base62;
mod parsed;
mod prefix;
mod presented;
mod printed;
mod traces;

pub(crate) use parsed::ParsedToken;
pub use prefix::Prefix;
pub use presented::{Presented, TokenFault};
pub use printed::Token;
pub(crate) use traces::holds_token;
pub use traces::redact;
