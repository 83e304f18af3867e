//! Every operation can run in a task of its own: this compiles, or it does not.

use super::{Fixture, ORDERS};
use crate::Context;
use crate::keyring::Keyring;
use crate::manager::{KeyManager, ListKeys, Rotation};
use crate::store::MemoryStore;
use crate::token::Presented;

#[tokio::test]
async fn every_operation_can_be_spawned() {
    let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    let built = async {
        KeyManager::builder(MemoryStore::new())
            .keyring(keyring)
            .build()
            .await
    };
    tokio::spawn(built).await.expect("task").expect("built");

    let fixture = Fixture::new().await;
    let (manager, actor, new) = (
        fixture.manager.clone(),
        fixture.actor.clone(),
        fixture.new_key(),
    );
    let used = async move {
        let issued = manager.create_key(new, &actor).await?;
        let id = issued.key.id;
        let token = Presented::new(issued.token.expose().as_bytes());
        drop(manager.validate(token, &Context::new(&ORDERS)).await);
        manager.rotate_key(id, Rotation::default(), &actor).await?;
        manager.disable_key(id, &actor).await?;
        manager.list_keys(ListKeys::new(ORDERS)).await?;
        manager.verify_audit().await?;
        manager.shutdown().await
    };
    tokio::spawn(used).await.expect("task").expect("used");
}
