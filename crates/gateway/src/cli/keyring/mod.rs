//! Commands about the keyring file: how one root gives way to the next. Nothing of a secret is
//! ever printed.

mod change;
mod command;
mod list;
mod retire;

pub(super) use command::{KeyringCommand, run};
