//! What the program has of whoever started it, and what it tells them: sockets that outlive it,
//! the limit of open files, the service manager.

mod files;
mod notify;
mod sockets;

pub(crate) use files::raise_file_limit;
pub(crate) use notify::{ReloadNotices, keep_watchdog_quiet, tell_ready, tell_stopping};
pub(crate) use sockets::{InheritError, Inherited};
