use std::net::SocketAddr;

use portcullis::audit::Actor;
use portcullis::manager::NewKey;
use portcullis::service::ServiceName;
use portcullis::{KeyManager, Keyring, SqliteStore};
use portcullis_benches::Failure;
use portcullis_gateway::config::Config;
use portcullis_gateway::gateway;
use portcullis_gateway::listeners::Listeners;
use portcullis_gateway::telemetry::Metrics;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::Proxy;

/// The gateway as `portcullis serve` runs it, with keys in a temporary folder.
pub(super) async fn start(upstream: SocketAddr, keys: u16) -> Result<Proxy, Failure> {
    let folder = TempDir::new()?;
    let text = format!(
        r#"
        listen = "127.0.0.1:0"
        operations.listen = "127.0.0.1:0"
        limits.connections_per_address = 10000
        [[services]]
        name = "orders"
        prefix = "/orders"
        permissions = ["orders:read"]
        rate = "1000000/s"
        upstream = "http://{upstream}"
        "#
    );
    let config = Config::parse(&text, &folder.path().join("portcullis.toml"))?;
    let metrics = Metrics::install()?;
    let listeners = Listeners::bind(&config).await?;
    let address = listeners.public.local_addr()?;
    let manager = KeyManager::builder(SqliteStore::open(&config.store_path)?)
        .keyring(Keyring::generate("k1".parse()?)?)
        .config(config.manager.clone())
        .build()
        .await?;
    config.create_missing_services(&manager).await?;
    let tokens = issue(&manager, keys).await?;
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        gateway::serve(config, manager, listeners, metrics, stopped).await?;
        folder.close()?;
        Ok(())
    });
    Ok(Proxy {
        address,
        tokens,
        stop,
        served,
    })
}

async fn issue(manager: &KeyManager, keys: u16) -> Result<Vec<String>, Failure> {
    let (service, actor) = (ServiceName::from_static("orders"), Actor::new("bench")?);
    let mut tokens = Vec::new();
    for _ in 0..keys {
        let key = NewKey::new(service.clone(), "acme".parse()?, "nightly job".parse()?);
        let key = key.scopes("orders:*".parse()?);
        let issued = manager.create_key(key, &actor).await?;
        tokens.push(issued.token.expose().to_owned());
    }
    Ok(tokens)
}
