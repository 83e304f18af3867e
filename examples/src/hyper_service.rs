//! A bare hyper server: no framework, one service, and the peer's address told
//! to the layer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use portcullis::credential::Credentials;
use portcullis::{ApiKeyLayer, ClientAddr, Gatekeeper, Grant, Permission, Requirement};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt, service_fn};

use crate::{BoxError, ORDERS, Options, Setup, Started};

const READ: Permission = Permission::from_static("orders:read");

/// How long connections may take to end after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(10);

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
    serve(setup.listener, layer(setup.gate.clone()), stop).await;
    setup.gate.shutdown().await?;
    Ok(())
}

/// A bearer token or `X-Api-Key`, with `orders:read` for every request.
fn layer(gate: Gatekeeper) -> ApiKeyLayer {
    ApiKeyLayer::builder(gate, ORDERS)
        .credentials(Credentials::bearer().or_header("x-api-key"))
        .require(Requirement::all_of([READ]))
        .build()
}

async fn serve(listener: TcpListener, layer: ApiKeyLayer, stop: impl Future<Output = ()>) {
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => spawn(&connections, stream, peer, &layer),
                // Most often out of file descriptors: others may close theirs.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
        }
    }
    drop(listener);
    // Who has not ended by then is cut off.
    let _ = tokio::time::timeout(PATIENCE, connections.shutdown()).await;
}

fn spawn(connections: &GracefulShutdown, stream: TcpStream, peer: SocketAddr, layer: &ApiKeyLayer) {
    // The layer asks the extensions where a request came from.
    let service =
        layer
            .layer(service_fn(orders))
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(ClientAddr(peer.ip()));
                request
            });
    // Without a timer hyper's time limits do nothing.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(10))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        // An error is the peer's: a broken connection, or no HTTP.
        let _ = connection.await;
    });
}

async fn orders(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    // Behind the layer there always is one.
    let owner = request.extensions().get::<Grant>().map(Grant::owner);
    let text = owner.map_or_else(String::new, |owner| format!("orders of {owner}\n"));
    Ok(Response::new(Full::from(text)))
}
