//! The check itself: extract, decide, forward.
//!
//! ```
//! use http::{Request, Response};
//! use portcullis_admission::Gatekeeper;
//! use portcullis_core::Grant;
//! use portcullis_core::scope::{Permission, Requirement};
//! use portcullis_core::service::ServiceName;
//! use portcullis_layer::{ApiKeyLayer, credential::Credentials};
//! use tower::{Layer, service_fn};
//!
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//! const READ: Permission = Permission::from_static("orders:read");
//!
//! # fn guarded(gate: Gatekeeper) {
//! let layer = ApiKeyLayer::builder(gate, ORDERS)
//!     .credentials(Credentials::bearer().or_header("x-api-key"))
//!     .require(Requirement::all_of([READ]))
//!     .build();
//! let service = layer.layer(service_fn(|request: Request<String>| async move {
//!     let owner = request.extensions().get::<Grant>().map(|grant| grant.owner().to_string());
//!     Ok::<_, std::convert::Infallible>(Response::new(owner.unwrap_or_default()))
//! }));
//! # drop(service);
//! # }
//! ```
//!
//! # Requests without a key
//!
//! Behind an [`optional`](ApiKeyLayerBuilder::optional) layer a request that
//! carries no credential goes on without a grant, for services that show
//! everybody something and holders of keys more. Only the absence of a
//! credential opens it: a malformed one, a bad one, a throttled one and one
//! that cannot be checked now are refused as ever. So a client with an expired
//! key learns of it, and a store that is away makes nobody anonymous.
//! [`RequireScopes`](crate::RequireScopes) behind it asks such a request for a
//! key.
//!
//! # The key in the log
//!
//! The id of the key that lets a request pass is recorded on the current span,
//! as `portcullis.key_id`. A span takes only fields that it was made with, so
//! whoever makes the request's span, outside of the layer, declares this one as
//! empty, for example for tower-http's `TraceLayer::make_span_with`:
//!
//! ```
//! use http::Request;
//! use tracing::{Span, field::Empty, info_span};
//!
//! fn span<B>(request: &Request<B>) -> Span {
//!     info_span!("request", method = %request.method(), portcullis.key_id = Empty)
//! }
//! # let _ = span(&Request::new(()));
//! ```
//!
//! # What was decided, in an access log
//!
//! Whoever stands in front of the layer and puts an [`Observer`] into a
//! request's extensions hears what became of it, with the true reason, of which
//! the client hears nothing:
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use http::Request;
//! use portcullis_layer::auth::{Observe, Observer, Outcome};
//!
//! #[derive(Default)]
//! struct Line(Mutex<Option<Outcome>>);
//!
//! impl Observe for Line {
//!     fn decided(&self, outcome: Outcome) {
//!         *self.0.lock().unwrap() = Some(outcome);
//!     }
//! }
//!
//! let line = Arc::new(Line::default());
//! let mut request = Request::new(());
//! request.extensions_mut().insert(Observer::new(line.clone()));
//! // Once it is answered: line.0 says what was decided.
//! ```

mod door;
mod future;
mod guard;
mod layer;
mod observer;
mod service;

pub(crate) use door::Door;
pub use future::ResponseFuture;
pub use layer::{ApiKeyLayer, ApiKeyLayerBuilder};
pub use observer::{Observe, Observer, Outcome};
pub use service::ApiKey;

#[cfg(test)]
mod tests;
