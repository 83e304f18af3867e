//! More permissions for a part of a guarded service.
//!
//! [`RequireScopes`] stands inside of [`ApiKeyLayer`](crate::ApiKeyLayer), for
//! example around one route, and looks at the grant that the layer left.
//!
//! It runs **after** admission: a request that it refuses has taken one from
//! its key's rate. What holds for a whole service is better required by the
//! layer ([`ApiKeyLayerBuilder::require`](crate::ApiKeyLayerBuilder::require)),
//! which refuses before anything is taken.
//!
//! Behind an [optional](crate::ApiKeyLayerBuilder::optional) layer, a request
//! without a key is asked for one (401), also where no permission is required.
//! Without any layer around it, every request is answered with 500
//! `misconfigured`: it fails closed.
//!
//! ```
//! use portcullis_core::scope::Permission;
//! use portcullis_layer::RequireScopes;
//!
//! const REFUND: Permission = Permission::from_static("orders:refund");
//!
//! let layer = RequireScopes::all_of([REFUND]);
//! # drop(layer);
//! ```

mod future;
mod layer;
mod service;

pub use future::ResponseFuture;
pub use layer::RequireScopes;
pub use service::RequireScopesService;

#[cfg(test)]
mod tests;
