//! Every operation can run in a task of its own: this compiles, or it does not.

use super::{Fixture, ORDERS};
use crate::Context;
use crate::clock::Timestamp;
use crate::keyring::Keyring;
use crate::manager::{
    KeyManager, KeyPatch, ListEvents, ListKeys, Rotation, ServicePatch, VerifyAudit,
};
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
    let (manager, actor) = (fixture.manager.clone(), fixture.actor.clone());
    let (new, many) = (fixture.new_key(), fixture.new_key());
    let used = async move {
        let issued = manager.create_key(new, &actor).await?;
        let id = issued.key.id;
        let token = Presented::new(issued.token.expose().as_bytes());
        drop(manager.validate(token, &Context::new(&ORDERS)).await);
        manager.rotate_key(id, Rotation::default(), &actor).await?;
        manager.disable_key(id, &actor).await?;
        manager.update_key(id, KeyPatch::new(), &actor).await?;
        let reason = || "over".parse().expect("reason");
        manager.create_keys(vec![many], &actor).await?;
        manager.revoke_keys(vec![id], reason(), &actor).await?;
        manager
            .update_service(&ORDERS, ServicePatch::new(), &actor)
            .await?;
        manager.retire_service(&ORDERS, reason(), &actor).await?;
        manager.list_keys(ListKeys::of(ORDERS)).await?;
        manager.verify_audit(VerifyAudit::new()).await?;
        manager.audit_events(ListEvents::new()).await?;
        manager.anchor_audit(&actor).await?;
        manager.prune_audit(Timestamp::MAX, &actor).await?;
        manager.roots().await?;
        manager.shutdown().await
    };
    tokio::spawn(used).await.expect("task").expect("used");
}
