//! The manager alone: no HTTP at all.
//!
//! A [`KeyManager`](crate::KeyManager) issues keys and says of each presented
//! token what it is worth. That is all a queue's consumer, a WebSocket's first
//! message or an admin tool needs.
//!
//! ```
//! use std::time::Duration;
//!
//! use portcullis::audit::Actor;
//! use portcullis::manager::{NewKey, NewService, Rotation};
//! use portcullis::token::Presented;
//! use portcullis::{Context, KeyManager, Keyring, MemoryStore, Permission, Requirement};
//! use portcullis::{ServiceName, Verdict};
//!
//! const JOBS: ServiceName = ServiceName::from_static("jobs");
//! const RUN: Permission = Permission::from_static("jobs:run");
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In memory, for this page; `SqliteStore::open` and `Keyring::from_file` in
//! // real life.
//! let manager = KeyManager::builder(MemoryStore::new())
//!     .keyring(Keyring::generate("k1".parse()?)?)
//!     .build()
//!     .await?;
//!
//! // Every change says who made it, and is an event of the audit trail.
//! let me = Actor::new("admin")?;
//! manager.create_service(NewService::new(JOBS), &me).await?;
//! let key = NewKey::new(JOBS, "acme".parse()?, "runner".parse()?).scopes("jobs:*".parse()?);
//! let issued = manager.create_key(key, &me).await?;
//!
//! // What is guarded. A verdict is never an error and has three arms: there is
//! // no way to forget the one in the middle of an outage.
//! let (service, run) = (JOBS, Requirement::all_of([RUN]));
//! let context = Context::new(&service).require(&run);
//! let check = async |token: &str| match manager.validate(Presented::new(token.as_bytes()), &context).await {
//!     Verdict::Granted(grant) => format!("runs for {}", grant.owner()),
//!     Verdict::Denied(_) => "refused".to_owned(), // why is for the log, not for the client
//!     Verdict::Unavailable(since) => format!("ask again in {:?}", since.retry_after()),
//! };
//! assert_eq!(check(issued.token.expose()).await, "runs for acme");
//!
//! // Rotation: the new token counts at once, the old one for an hour more.
//! let grace = Rotation::default().grace(Duration::from_secs(3600));
//! let rotated = manager.rotate_key(issued.key.id, grace, &me).await?;
//! assert_eq!(check(rotated.token.expose()).await, "runs for acme");
//! assert_eq!(check(issued.token.expose()).await, "runs for acme");
//!
//! // Revocation is final. In this process the next check sees it, in all others
//! // the first one after their next poll.
//! manager.revoke_key(issued.key.id, "laptop lost".parse()?, &me).await?;
//! assert_eq!(check(rotated.token.expose()).await, "refused");
//!
//! manager.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The keyring's file is made once, with mode 0600, and belongs into a backup of
//! its own: without it no key can be checked.
//!
//! ```no_run
//! use portcullis::Keyring;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! Keyring::generate("k1".parse()?)?.write_new("keyring")?; // overwrites nothing
//! let keyring = Keyring::from_file("keyring")?; // at each start
//! # drop(keyring);
//! # Ok(())
//! # }
//! ```
//!
//! - Where rates are to be kept as well, put a
//!   [`Gatekeeper`](crate::Gatekeeper) around the manager and ask that: its
//!   [`Decision`](crate::Decision) has a fourth arm, throttled.
//! - [`Token::expose`](crate::token::Token::expose) is the one way to a token's
//!   text. Show it once and forget it: it is stored nowhere.
//! - A handle is cheap to clone; the background tasks end with the last one.
