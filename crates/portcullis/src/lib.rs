//! API keys for HTTP services: issue them, check them in front of any tower
//! service, limit, rotate and revoke them.
//!
//! ```toml
//! [dependencies]
//! portcullis = { version = "0.1", features = ["axum"] }
//! ```
//!
#![cfg_attr(all(feature = "axum", feature = "sqlite"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "axum", feature = "sqlite")), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use portcullis::audit::Actor;
//! use portcullis::manager::{NewKey, NewService};
//! use portcullis::{ApiKeyLayer, Caller, ErrorKind, Gatekeeper, KeyManager, Keyring};
//! use portcullis::{Limiter, Permission, RequireScopes, ServiceName, SqliteStore};
//!
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//! const READ: Permission = Permission::from_static("orders:read");
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Keys live in one file, and the secret that they derive from in another.
//! let manager = KeyManager::builder(SqliteStore::open("keys.db")?)
//!     .keyring(Keyring::from_file("keyring")?)
//!     .build()
//!     .await?;
//!
//! // At the first start a service, and a key of it: its token is shown here and never again.
//! let me = Actor::new("setup")?;
//! let orders = NewService::new(ORDERS).default_rate("100/m".parse()?);
//! match manager.create_service(orders, &me).await {
//!     Ok(_) => {
//!         let key = NewKey::new(ORDERS, "acme".parse()?, "nightly job".parse()?);
//!         let issued = manager.create_key(key.scopes("orders:*".parse()?), &me).await?;
//!         println!("{}", issued.token.expose());
//!     }
//!     Err(error) if error.kind() == ErrorKind::AlreadyExists => {} // a later start
//!     Err(error) => return Err(error.into()),
//! }
//!
//! // One gatekeeper for all doors: the keys' manager, and one set of limits.
//! let gate = Gatekeeper::new(manager, Limiter::default());
//! let app: Router = Router::new()
//!     .route("/orders", get(|caller: Caller| async move { caller.owner().to_string() }))
//!     .layer(RequireScopes::all_of([READ]))
//!     .layer(ApiKeyLayer::new(gate.clone(), ORDERS))
//!     .route("/healthz", get(|| async { "ok" })); // added after the layers: open
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! let stop = async { drop(tokio::signal::ctrl_c().await) }; // SIGTERM as well, in real life
//! axum::serve(listener, app).with_graceful_shutdown(stop).await?; // else it never returns
//! gate.shutdown().await?; // writes down what is counted and not yet stored
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a request
//!
//! [`ApiKeyLayer`] takes the credential out of the request and asks the
//! [`Gatekeeper`], which asks the [`KeyManager`] whether the token is good for
//! what is guarded, and the [`Limiter`] whether its rate allows one more. The
//! answer is a [`Decision`]. A good request goes on with a [`Grant`] in its
//! extensions, the proof that only the manager can make; every other is
//! answered at once ([`reject`] says how).
//!
//! A handler of axum takes the grant as `Caller`, or as
//! `axum::Extension<Grant>`; any other service finds it with
//! `request.extensions().get::<Grant>()`.
//!
//! # Features
//!
//! - `layer` (default): the tower layers.
//! - `sqlite` (default): the embedded store.
//! - `axum`: `Caller` as an extractor, and the peer's address from
//!   `ConnectInfo`.
//! - `testing`: `portcullis::testing`, for tests of one's own application
//!   against a real manager. It belongs under `[dev-dependencies]`.
//! - `conformance`: `portcullis::store::conformance`, the suite that every store
//!   must pass, for authors of stores. It belongs there as well.
//!
//! How each door is built is in the [`guide`]. This crate is re-exports, that
//! guide and the testing module only. The parts can be used on their own:
//! `portcullis-core`, `portcullis-admission`, `portcullis-layer`,
//! `portcullis-store`.

pub mod guide;
#[cfg(feature = "testing")]
pub mod testing;

#[doc(inline)]
pub use portcullis_core::{
    Context, Error, ErrorKind, Grant, Invalid, KeyManager, Verdict, audit, clock, key, keyring,
    keyring::Keyring, limits, limits::Rate, manager, scope, scope::Permission, scope::Requirement,
    service, service::ServiceName, store, store::MemoryStore, text, token, usage, verdict,
};

#[doc(inline)]
pub use portcullis_admission::{
    Admission, AdmissionStats, Allowance, Attempt, Decision, Gatekeeper, Limiter, LimiterConfig,
    LimiterStats, PendingDecision, Throttle,
};

#[cfg(feature = "layer")]
#[doc(inline)]
pub use portcullis_layer::{
    ApiKey, ApiKeyLayer, ApiKeyLayerBuilder, Body, ClientAddr, ClientOrigin, RateLimitFields,
    RequireScopes, RequireScopesService, TrustedProxies, TrustedProxiesService, auth, client,
    credential, reject,
};

#[cfg(feature = "axum")]
#[doc(inline)]
pub use portcullis_layer::{Caller, CallerRejection};

#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use portcullis_store::{BackupReport, CheckReport, SqliteStore};
