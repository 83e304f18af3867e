//! Clients in browsers: CORS, cookies and forged requests.
//!
//! # CORS
//!
//! A browser asks before it sends a request with an `Authorization` field to
//! another origin, and asks **without** the field: a preflight that met the
//! layer would be refused, and the request never sent. And a script may read no
//! answer without CORS fields, a refusal neither. Both have one remedy:
//! tower-http's `CorsLayer` **outside** of the layer. It answers preflights
//! itself, and adds its fields to all that comes out, refusals as well.
//!
//! ```
//! use axum::Router;
//! use axum::body::Body;
//! use axum::http::header::{AUTHORIZATION, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
//! use axum::http::{HeaderValue, Method, Request, StatusCode};
//! use axum::routing::get;
//! use portcullis::testing::{self, WithKey};
//! use portcullis::{ApiKeyLayer, Caller, Gatekeeper, ServiceName};
//! use tower::ServiceExt;
//! use tower_http::cors::CorsLayer;
//!
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//!
//! fn app(gate: Gatekeeper) -> Router {
//!     let cors = CorsLayer::new()
//!         .allow_origin(HeaderValue::from_static("https://shop.example"))
//!         .allow_methods([Method::GET])
//!         .allow_headers([AUTHORIZATION]) // `*` does not stand for this one
//!         .expose_headers([
//!             WWW_AUTHENTICATE,
//!             RETRY_AFTER,
//!             HeaderName::from_static("ratelimit"),
//!             HeaderName::from_static("ratelimit-policy"),
//!         ]);
//!     Router::new()
//!         .route("/orders", get(async |caller: Caller| caller.owner().to_string()))
//!         .layer(ApiKeyLayer::new(gate, ORDERS))
//!         .layer(cors) // last, so outermost
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (gate, token) = testing::gate_with_key(ORDERS, []).await;
//! let app = app(gate);
//! let from_the_shop = || Request::builder().uri("/orders").header("origin", "https://shop.example");
//!
//! // The preflight passes without a key, and reaches no handler.
//! let preflight = from_the_shop()
//!     .method(Method::OPTIONS)
//!     .header("access-control-request-method", "GET")
//!     .header("access-control-request-headers", "authorization")
//!     .body(Body::empty())
//!     .unwrap();
//! let answer = app.clone().oneshot(preflight).await.unwrap();
//! assert_eq!(answer.status(), StatusCode::OK);
//! assert_eq!(answer.headers()["access-control-allow-headers"], "authorization");
//!
//! // A refusal can be read by the shop's script, and its challenge too.
//! let missing = from_the_shop().body(Body::empty()).unwrap();
//! let answer = app.clone().oneshot(missing).await.unwrap();
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(answer.headers()["access-control-allow-origin"], "https://shop.example");
//! let exposed = answer.headers()["access-control-expose-headers"].to_str().unwrap();
//! assert!(exposed.contains("www-authenticate"));
//!
//! // With a key the request passes.
//! let good = from_the_shop().with_key(&token).body(Body::empty()).unwrap();
//! assert_eq!(app.oneshot(good).await.unwrap().status(), StatusCode::OK);
//! # }
//! ```
//!
//! # Cookies
//!
//! A key that a page's script holds can be read by every script of that page.
//! One in an `HttpOnly` cookie cannot, but goes along with every request to the
//! service, also with those that another site forged: read the warning at
//! [`Credentials::or_cookie`](crate::credential::Credentials::or_cookie), and
//! put something that refuses cross-origin requests outside of the layer. A
//! server of one's own that holds the key and speaks to the service for the
//! browser needs neither.
//!
//! # Queries
//!
//! `EventSource` and `<img>` can send no field at all. For them alone there is
//! [`Credentials::or_query`](crate::credential::Credentials::or_query), with a
//! warning of its own.
