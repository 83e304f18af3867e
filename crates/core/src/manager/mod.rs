//! Issues keys and says, for each presented token, what it is worth.
//!
//! A [`KeyManager`] is what an application holds: cheap to clone, one per
//! store. Its background tasks end with its last handle.
//!
//! ```
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis_core::audit::Actor;
//! use portcullis_core::key::Environment;
//! use portcullis_core::keyring::Keyring;
//! use portcullis_core::manager::{KeyManager, NewKey, NewService};
//! use portcullis_core::service::ServiceName;
//! use portcullis_core::store::MemoryStore;
//! use portcullis_core::token::Presented;
//! use portcullis_core::{Context, Verdict};
//!
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//!
//! let keyring = Keyring::generate("k1".parse()?)?;
//! let manager = KeyManager::builder(MemoryStore::new()).keyring(keyring).build().await?;
//! let me = Actor::new("docs")?;
//! manager.create_service(NewService::new(ORDERS), &me).await?;
//! let key = NewKey::new(ORDERS, "acme".parse()?, "nightly job".parse()?).scopes("orders:read".parse()?);
//! let issued = manager.create_key(key, &me).await?;
//!
//! let token = Presented::new(issued.token.expose().as_bytes());
//! match manager.validate(token, &Context::new(&ORDERS)).await {
//!     Verdict::Granted(grant) => assert_eq!(grant.owner().as_str(), "acme"),
//!     Verdict::Denied(denial) => unreachable!("{:?}", denial.reason()),
//!     Verdict::Unavailable(_) => unreachable!(),
//! }
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(run()).unwrap();
//! ```

mod anchors;
mod attempt;
mod builder;
mod bulk;
mod commit;
mod config;
mod create;
mod cursor;
mod damage;
mod flush;
mod follow;
mod handle;
mod lifetime;
mod list;
mod members;
mod metrics;
mod missing_roots;
mod new_key;
mod new_service;
mod patch;
mod read;
mod redigest;
mod refusals;
mod roots;
mod rotate;
mod service;
mod shared;
mod signal;
mod standing;
mod state;
mod stats;
mod trail;
mod update;
mod validate;
mod verify;
mod warm_up;

#[cfg(test)]
mod tests;

pub use builder::ManagerBuilder;
pub use config::ManagerConfig;
pub use handle::KeyManager;
pub use list::{KeyPage, ListKeys};
pub use new_key::{Expiry, Issued, NewKey};
pub use new_service::NewService;
pub use patch::{KeyPatch, Patch, ServicePatch};
pub use roots::RootStatus;
pub use rotate::Rotation;
pub use signal::ChangeSignal;
pub use standing::Standing;
pub use stats::{ManagerStats, StoreStatus};
pub use trail::{AuditPage, ListEvents};
pub use validate::{PendingValidation, Validation};
pub use verify::VerifyAudit;
