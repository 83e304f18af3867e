//! An axum router with one open route, one that needs a key, and one that needs
//! a permission beyond.

use axum::Router;
use axum::routing::{get, post};
use portcullis::{ApiKeyLayer, Caller, Gatekeeper, Permission, RequireScopes};

use crate::{BoxError, ORDERS, Options, Setup, Started};

const READ: Permission = Permission::from_static("orders:read");
const REFUND: Permission = Permission::from_static("orders:refund");

/// The router: what a program of your own would have.
///
/// - `/orders` needs a key with `orders:read` and answers with its owner,
/// - `/refunds` needs `orders:refund`, which the example's key lacks,
/// - `/healthz`, added after the layer, is open.
pub fn router(gate: Gatekeeper) -> Router {
    Router::new()
        .route("/orders", get(orders).layer(RequireScopes::all_of([READ])))
        .route(
            "/refunds",
            post(refund).layer(RequireScopes::all_of([REFUND])),
        )
        .layer(ApiKeyLayer::new(gate, ORDERS))
        .route("/healthz", get(async || "ok\n"))
}

/// Serves the router until `stop` ends, after telling `started` where.
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
    let app = router(setup.gate.clone());
    axum::serve(setup.listener, app)
        .with_graceful_shutdown(stop)
        .await?;
    setup.gate.shutdown().await?;
    Ok(())
}

async fn orders(caller: Caller) -> String {
    format!("orders of {}\n", caller.owner())
}

async fn refund(Caller(grant): Caller) -> String {
    format!("refunded by key {}\n", grant.key_id())
}
