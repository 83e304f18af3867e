//! A configuration that changes while the gateway serves.
//!
//! [`Reloads`] watches the file and what it reads from other files: their folders, so that a file
//! which is put in the place of another is noticed, a folder behind a symbolic link as well. Once
//! nothing has happened for a moment they are read; every 30 seconds they are read anyway, for
//! file systems that tell nothing. [`ReloadHandle::reload`], which SIGHUP comes to, has them read
//! at once, and the access log opened anew.
//!
//! A configuration without a fault takes effect as a whole: requests that come find the new routes,
//! those that have found theirs keep them to their end. An upstream of the same name and with the
//! same settings goes on with its connections; every other one begins anew, and ends with its last
//! request. Limits, keys and what is counted live on. One with a fault changes nothing: it is
//! logged with all of them, counted, and told in `/readyz`, and the gateway stays ready.
//!
//! Certificates, keys and roots of [`tls`](crate::tls) are read again as well: new connections
//! are shown the new ones. Another access log is open before the one of before is let go.
//!
//! Listeners, store, keyring, manager, and where traces go are as they were at the start. Where the file says otherwise, log, metric and `/readyz` name the fields that
//! wait for a restart.

mod links;
mod metrics;
mod not_applied;
mod reloader;
mod reloads;
mod restart;
mod status;
mod target;
mod upstreams;
mod watch;

use not_applied::NotApplied;
pub(crate) use reloader::Reloader;
pub use reloads::{ReloadHandle, Reloads};
pub(crate) use status::{ConfigReport, ConfigStatus};
pub(crate) use target::Target;
pub(crate) use upstreams::Upstreams;
