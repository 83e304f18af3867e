use axum::Router;
use axum::routing::get as route;
use portcullis::manager::NewService;
use portcullis::{ApiKeyLayer, Caller, Gatekeeper, KeyManager, Keyring, Limiter, SqliteStore};

use crate::{ORDERS, actor, get, issue, service};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_is_revoked_in_the_process_is_refused_by_the_very_next_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("keys.db")).expect("opened");
    let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
    let manager = KeyManager::builder(store)
        .keyring(keyring)
        .build()
        .await
        .expect("built");
    service(&manager, NewService::new(ORDERS)).await;
    let gate = Gatekeeper::new(manager.clone(), Limiter::default());
    let app = Router::new()
        .route(
            "/",
            route(async |caller: Caller| caller.owner().to_string()),
        )
        .layer(ApiKeyLayer::new(gate.clone(), ORDERS));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async { axum::serve(listener, app).await });

    for _ in 0..50 {
        let issued = issue(&manager).await;
        let token = issued.token.expose();
        let answer = get(address, "/", token).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "acme"));
        manager
            .disable_key(issued.key.id, &actor())
            .await
            .expect("disabled");
        assert_eq!(get(address, "/", token).await.status, 401);
        manager
            .enable_key(issued.key.id, &actor())
            .await
            .expect("enabled");
        assert_eq!(get(address, "/", token).await.status, 200);
        let reason = "leaked".parse().expect("a reason");
        manager
            .revoke_key(issued.key.id, reason, &actor())
            .await
            .expect("revoked");
        assert_eq!(get(address, "/", token).await.status, 401);
    }
    gate.shutdown().await.expect("flushed");
}
