//! A layer around an axum router (feature `axum`).
//!
//! ```no_run
//! use std::net::SocketAddr;
//!
//! use axum::Router;
//! use axum::routing::{get, post};
//! use portcullis::credential::Credentials;
//! use portcullis::{ApiKeyLayer, Caller, Gatekeeper, KeyManager, Keyring, Limiter};
//! use portcullis::{Permission, RequireScopes, ServiceName, SqliteStore, TrustedProxies};
//!
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//! const REFUND: Permission = Permission::from_static("orders:refund");
//!
//! /// A handler that has a `Caller` cannot be reached without a good key.
//! async fn orders(caller: Caller) -> String {
//!     format!("orders of {}", caller.owner())
//! }
//!
//! async fn refund(Caller(grant): Caller) -> String {
//!     format!("refunded by key {}", grant.key_id())
//! }
//!
//! /// Behind an optional layer, there may be nobody.
//! async fn prices(caller: Option<Caller>) -> &'static str {
//!     if caller.is_some() { "prices with rebate" } else { "prices" }
//! }
//!
//! fn app(gate: Gatekeeper) -> Result<Router, Box<dyn std::error::Error>> {
//!     let closed = ApiKeyLayer::builder(gate.clone(), ORDERS)
//!         .credentials(Credentials::bearer().or_header("x-api-key"))
//!         .build();
//!     let ajar = ApiKeyLayer::builder(gate, ORDERS).optional().build();
//!     let router = Router::new()
//!         .route("/orders", get(orders))
//!         .route("/refunds", post(refund).layer(RequireScopes::all_of([REFUND])))
//!         .layer(closed) // everything above needs a key
//!         .merge(Router::new().route("/prices", get(prices)).layer(ajar))
//!         .route("/healthz", get(async || "ok")) // added after the layers: open
//!         .layer(TrustedProxies::x_forwarded_for(["10.0.0.0/8".parse()?])); // outermost
//!     Ok(router)
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let manager = KeyManager::builder(SqliteStore::open("keys.db")?)
//!     .keyring(Keyring::from_file("keyring")?)
//!     .build()
//!     .await?;
//! let gate = Gatekeeper::new(manager, Limiter::default());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! // With connect info the layers know the peer's address.
//! let service = app(gate.clone())?.into_make_service_with_connect_info::<SocketAddr>();
//! // Without an end of its own the server never returns, and nothing is written down.
//! let stop = async { drop(tokio::signal::ctrl_c().await) };
//! axum::serve(listener, service).with_graceful_shutdown(stop).await?;
//! gate.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! - Layers of a router wrap what was added **before** them; the last one runs
//!   first.
//! - What all of a service needs is required of the layer
//!   ([`require`](crate::ApiKeyLayerBuilder::require)), which refuses before a
//!   request takes anything from its key's rate;
//!   [`RequireScopes`](crate::RequireScopes) is for single routes.
//! - `Router::layer` leaves out requests that match no route: they are 404 for
//!   everybody.
//! - Leave [`TrustedProxies`](crate::TrustedProxies) away where no proxy stands
//!   in front: then the peer is the client.
