//! A layer around a tonic server.
//!
//! The key comes as metadata, `authorization: Bearer <token>`; the grant is in
//! the request's extensions. Refusals are told in gRPC's own words, before a
//! message is read:
//!
//! | status | when |
//! |---|---|
//! | 16 `UNAUTHENTICATED` | no credential, or a bad one; the challenge is in the metadata |
//! | 3 `INVALID_ARGUMENT` | a credential that cannot be read, or several |
//! | 7 `PERMISSION_DENIED` | the key lacks a permission |
//! | 8 `RESOURCE_EXHAUSTED` | used too often; `RetryInfo` and `retry-after` say when to come back |
//! | 14 `UNAVAILABLE` | nobody can say now; when to come back, as above |
//! | 13 `INTERNAL` | a check stands where no layer is around it |
//!
//! ```no_run
//! use portcullis::{ApiKeyLayer, ClientAddr, Gatekeeper, Grant, Permission, RequireScopes};
//! use portcullis::ServiceName;
//! use tonic::codegen::http;
//! use tonic::service::LayerExt;
//! use tonic::transport::Server;
//! use tonic::transport::server::TcpConnectInfo;
//! use tonic::{Request, Response, Status};
//! use tonic_health::pb::health_server::{Health, HealthServer};
//! use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
//! use tower::util::MapRequestLayer;
//!
//! const ORDERS: ServiceName = ServiceName::from_static("orders");
//! const READ: Permission = Permission::from_static("orders:read");
//!
//! /// Any service that tonic generates; this one needs no `.proto` here.
//! struct Checks;
//!
//! #[tonic::async_trait]
//! impl Health for Checks {
//!     async fn check(
//!         &self,
//!         request: Request<HealthCheckRequest>,
//!     ) -> Result<Response<HealthCheckResponse>, Status> {
//!         let grant = request.extensions().get::<Grant>();
//!         let grant = grant.ok_or_else(|| Status::internal("no layer around this service"))?;
//!         println!("asked by {}", grant.owner());
//!         Ok(Response::new(HealthCheckResponse { status: 1 }))
//!     }
//!     # type WatchStream = tonic::codegen::tokio_stream::Empty<Result<HealthCheckResponse, Status>>;
//!     # async fn watch(
//!     #     &self,
//!     #     _request: Request<HealthCheckRequest>,
//!     # ) -> Result<Response<Self::WatchStream>, Status> {
//!     #     Err(Status::unimplemented("no stream"))
//!     # }
//! }
//!
//! /// The peer that tonic's server saw, told to the layers behind.
//! fn tell_peer<B>(mut request: http::Request<B>) -> http::Request<B> {
//!     let info = request.extensions().get::<TcpConnectInfo>();
//!     if let Some(peer) = info.and_then(TcpConnectInfo::remote_addr) {
//!         request.extensions_mut().insert(ClientAddr(peer.ip()));
//!     }
//!     request
//! }
//!
//! async fn serve(gate: Gatekeeper) -> Result<(), Box<dyn std::error::Error>> {
//!     // Without an end of its own the server never returns, and nothing is written down.
//!     let stop = async { drop(tokio::signal::ctrl_c().await) };
//!     // Permissions of one service of several; `named_layer` keeps its name.
//!     let checks = RequireScopes::all_of([READ]).named_layer(HealthServer::new(Checks));
//!     Server::builder()
//!         .layer(MapRequestLayer::new(tell_peer)) // the first layer runs first
//!         .layer(ApiKeyLayer::new(gate.clone(), ORDERS))
//!         .add_service(checks)
//!         .serve_with_shutdown("127.0.0.1:3000".parse()?, stop)
//!         .await?;
//!     gate.shutdown().await?;
//!     Ok(())
//! }
//! # let _ = serve;
//! ```
//!
//! gRPC-Web is told in the same words; put `tonic_web::GrpcWebLayer` and CORS
//! before the layer, as [`browsers`](super::browsers) does. A hook of
//! [`on_refusal`](crate::ApiKeyLayerBuilder::on_refusal) does not see refusals
//! to gRPC. The example `tonic-service` is a whole program, with a client in its
//! tests.
