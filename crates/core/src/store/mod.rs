//! What a durable store must do.
//!
//! The store is the truth; everything in memory stands in front of it. Three
//! small traits make a [`Store`]: [`KeyStore`] keeps services and keys,
//! [`UsageStore`] their counters, [`AuditLog`] the trail. Whoever implements
//! them runs the suite of the feature `conformance` over the result.
//!
//! What every store guarantees:
//!
//! - A [`Change`] and its audit event commit together or not at all, and each
//!   commit counts the [`Revision`] up by one: revision order is commit order.
//! - [`Loaded`] carries the [`Head`] of the very snapshot that was read.
//! - A key quota holds, however many creations run at once.
//! - An acknowledged commit survives the end of the process.

mod change;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
#[cfg(feature = "testing")]
mod fault;
mod head;
mod memory;
mod page;
mod store_fault;
mod stored;
mod traits;

pub use change::{Change, EventRecord, Operation, Step};
pub use error::{StoreError, StoreErrorKind};
#[cfg(feature = "testing")]
pub use fault::{Fault, FaultStore};
pub use head::{Changes, Head, Revision};
pub use memory::MemoryStore;
pub use page::{DamagedKey, Page, PagePosition, PageRequest};
pub use store_fault::StoreFault;
pub use stored::FromStored;
pub use traits::{
    AuditHead, AuditLog, BoxFuture, EventsRequest, KeyStore, Loaded, LoadedServices, Lookup,
    Redigest, RootCheck, RootUse, Store, StoredEvent, UsageStore,
};
