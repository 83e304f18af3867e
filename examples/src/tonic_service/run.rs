use portcullis::{ApiKeyLayer, ClientAddr, Gatekeeper, Permission, RequireScopes};
use tokio::net::TcpListener;
use tonic::codegen::http::Request;
use tonic::service::LayerExt;
use tonic::transport::Server;
use tonic::transport::server::{TcpConnectInfo, TcpIncoming};
use tonic_health::pb::health_server::HealthServer;
use tower::util::MapRequestLayer;

use super::Checks;
use crate::{BoxError, ORDERS, Options, Setup, Started};

const READ: Permission = Permission::from_static("orders:read");

/// Serves until `stop` ends, after telling `started` where.
///
/// # Errors
///
/// Where folder, store, keyring or port cannot be had, or what was counted
/// cannot be stored at the end.
pub async fn run(
    options: &Options,
    started: impl FnOnce(Started),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), BoxError> {
    let setup = Setup::new(options).await?;
    started(setup.started()?);
    serve(setup.listener, setup.gate.clone(), stop).await?;
    setup.gate.shutdown().await?;
    Ok(())
}

/// A key for every call, and `orders:read` for those of this service.
pub(super) async fn serve(
    listener: TcpListener,
    gate: Gatekeeper,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    // The layer's service has the name of the one in it, by which tonic routes.
    let checks = RequireScopes::all_of([READ]).named_layer(HealthServer::new(Checks));
    Server::builder()
        .layer(MapRequestLayer::new(tell_peer))
        .layer(ApiKeyLayer::new(gate, ORDERS))
        .add_service(checks)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), stop)
        .await
}

/// The layer asks the extensions where a request came from.
fn tell_peer<B>(mut request: Request<B>) -> Request<B> {
    let info = request.extensions().get::<TcpConnectInfo>();
    if let Some(peer) = info.and_then(TcpConnectInfo::remote_addr) {
        request.extensions_mut().insert(ClientAddr(peer.ip()));
    }
    request
}
