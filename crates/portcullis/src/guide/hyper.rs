//! A layer around any tower service, on a bare hyper server.
//!
//! The layer takes the body of request and response as they are. What a
//! framework does beside is yours: to tell the peer's address, as the request
//! extension [`ClientAddr`](crate::ClientAddr), and to bound what hyper does
//! not.
//!
//! ```no_run
//! use std::convert::Infallible;
//! use std::time::Duration;
//!
//! use http_body_util::Full;
//! use hyper::body::{Bytes, Incoming};
//! use hyper::server::conn::http1;
//! use hyper::{Request, Response};
//! use hyper_util::rt::{TokioIo, TokioTimer};
//! use hyper_util::service::TowerToHyperService;
//! use portcullis::{ApiKeyLayer, ClientAddr, Gatekeeper, Grant, Permission, Requirement};
//! use portcullis::ServiceName;
//! use tokio::net::TcpListener;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//! const READ: Permission = Permission::from_static("orders:read");
//!
//! async fn orders(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     // Behind the layer there always is one.
//!     let owner = request.extensions().get::<Grant>().map(|grant| grant.owner().to_string());
//!     Ok(Response::new(Full::from(owner.unwrap_or_default())))
//! }
//!
//! async fn serve(gate: Gatekeeper) -> Result<(), Box<dyn std::error::Error>> {
//!     // Once, not for each connection: it holds what all requests share.
//!     let layer = ApiKeyLayer::builder(gate, ORDERS)
//!         .require(Requirement::all_of([READ]))
//!         .build();
//!     let listener = TcpListener::bind("127.0.0.1:3000").await?;
//!     loop {
//!         let (stream, peer) = listener.accept().await?;
//!         let service = layer.layer(service_fn(orders)).map_request(
//!             move |mut request: Request<Incoming>| {
//!                 request.extensions_mut().insert(ClientAddr(peer.ip()));
//!                 request
//!             },
//!         );
//!         let connection = http1::Builder::new()
//!             .timer(TokioTimer::new()) // without it, the next line does nothing
//!             .header_read_timeout(Duration::from_secs(10))
//!             .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
//!         tokio::spawn(connection);
//!     }
//! }
//! # let _ = serve;
//! ```
//!
//! The inner service must be `Clone`: a key that has to be looked up takes the
//! ready service along, and leaves a clone to be made ready for the next
//! request. The example `hyper-service` ends its connections in order as well.
