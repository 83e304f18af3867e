//! For tests of one's own application: real keys, checked by the real manager.
//!
//! Nothing here is a fake. The keys are issued and validated as in production;
//! what is different is where they are kept (in memory), and that the test
//! moves the time and can take the store away. Nothing here makes a
//! [`Grant`](crate::Grant): a test gets one as a client does, by a token.
//!
//! ```toml
//! [dev-dependencies]
//! portcullis = { version = "0.1", features = ["testing"] }
//! ```
//!
//! Most tests need a gate and a key that passes it:
//!
//! ```
//! use axum::body::Body;
//! use axum::http::{Request, StatusCode};
//! use axum::{Router, routing::get};
//! use portcullis::testing::{self, WithKey};
//! use portcullis::{ApiKeyLayer, Caller, Gatekeeper, Permission, RequireScopes, ServiceName};
//! use tower::ServiceExt; // for oneshot
//!
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//! const READ: Permission = Permission::from_static("orders:read");
//!
//! // The application, as it is served.
//! fn app(gate: Gatekeeper) -> Router {
//!     Router::new()
//!         .route("/orders", get(async |caller: Caller| format!("orders of {}", caller.owner())))
//!         .layer(RequireScopes::all_of([READ]))
//!         .layer(ApiKeyLayer::new(gate, ORDERS))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (gate, token) = testing::gate_with_key(ORDERS, [READ]).await;
//! let request = Request::get("/orders").with_key(&token).body(Body::empty()).unwrap();
//! let response = app(gate).oneshot(request).await.unwrap();
//! assert_eq!(response.status(), StatusCode::OK);
//! # }
//! ```
//!
//! A [`TestGate`] is for the rest: several keys, keys that are revoked, expire
//! or were used too often, and a store that is away. These are tests of the
//! example `order-book`, in the folder `examples` of the repository:
//!
//! ```
//! # use axum::body::Body;
//! # use axum::http::{Request, StatusCode};
//! # use axum::{Router, routing::get};
//! # use portcullis::testing::{TestGate, WithKey};
//! # use portcullis::token::Token;
//! # use portcullis::{ApiKeyLayer, Gatekeeper, Permission, ServiceName};
//! # use tower::ServiceExt;
//! # const ORDERS: ServiceName = ServiceName::from_static("orders");
//! # const READ: Permission = Permission::from_static("orders:read");
//! # fn app(gate: Gatekeeper) -> Router {
//! #     Router::new().route("/orders", get(async || "ok")).layer(ApiKeyLayer::new(gate, ORDERS))
//! # }
//! async fn status(app: &Router, token: &Token) -> StatusCode {
//!     let request = Request::get("/orders").with_key(token).body(Body::empty()).unwrap();
//!     app.clone().oneshot(request).await.unwrap().status()
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // A revoked key is refused by the very next request.
//! let tests = TestGate::new(ORDERS).await;
//! let app = app(tests.gatekeeper());
//! let key = tests.key([READ]).await;
//! assert_eq!(status(&app, &key.token).await, StatusCode::OK);
//! tests.revoke(&key).await;
//! assert_eq!(status(&app, &key.token).await, StatusCode::UNAUTHORIZED);
//!
//! // A rate is kept, and given back when the time has passed.
//! let slow = tests.issue(tests.new_key([READ]).rate("1/m".parse().unwrap())).await;
//! assert_eq!(status(&app, &slow.token).await, StatusCode::OK);
//! assert_eq!(status(&app, &slow.token).await, StatusCode::TOO_MANY_REQUESTS);
//! tests.clock().advance(std::time::Duration::from_secs(60));
//! assert_eq!(status(&app, &slow.token).await, StatusCode::OK);
//!
//! // While nothing can be said about a key, the answer is neither yes nor no.
//! let unread = tests.key([READ]).await;
//! tests.turn_store_off();
//! assert_eq!(status(&app, &unread.token).await, StatusCode::SERVICE_UNAVAILABLE);
//! tests.turn_store_on();
//! assert_eq!(status(&app, &unread.token).await, StatusCode::OK);
//! # }
//! ```
//!
//! Every function here panics where it cannot do its work, as a test would.

mod gate;
mod request;

pub use gate::{OWNER, TestGate, gate_with_key};
pub use request::WithKey;

#[doc(no_inline)]
pub use portcullis_core::clock::ManualClock;
