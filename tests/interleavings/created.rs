//! Something is new, and used at once.

use std::time::Duration;

use interleaved_core::manager::NewService;
use interleaved_core::service::ServiceName;
use interleaved_core::token::Presented;
use interleaved_core::verdict::DenialReason;
use interleaved_core::{Context, Verdict};

use crate::explore::explore;
use crate::holder::Holder;
use crate::node::{Fared, Node};
use crate::prepared::new_key;
use crate::task;
use crate::world::{World, at_the_same_time, choose};

const YOUNG: ServiceName = ServiceName::from_static("young");

/// A key of a service that is as new as the key.
async fn issue(node: &Node) -> Holder {
    let actor = &node.world.prepared.actor;
    let service = node.manager.create_service(NewService::new(YOUNG), actor);
    service.await.expect("created");
    let issued = node.manager.create_key(new_key(YOUNG), actor).await;
    Holder::of(&issued.expect("issued"))
}

async fn of_young_is_not_refused(node: &Node, holder: &Holder) {
    let token = Presented::new(holder.token.as_bytes());
    match node.manager.validate(token, &Context::new(&YOUNG)).await {
        Verdict::Granted(_) | Verdict::Unavailable(_) => {}
        Verdict::Denied(denial) => panic!("refused as {:?}", denial.reason()),
    }
}

async fn key(world: World) {
    let (here, there) = (world.node().await, world.node().await);
    let first = world.prepared.first.clone();
    at_the_same_time(vec![
        task!(here, there => {
            let young = issue(&here).await;
            at_the_same_time(vec![
                task!(here, young => { of_young_is_not_refused(&here, &young).await; }),
                task!(there, young => { of_young_is_not_refused(&there, &young).await; }),
                task!(there, young => { of_young_is_not_refused(&there, &young).await; }),
            ])
            .await;
        }),
        task!(there, first => {
            assert_eq!(there.validate(&first).await, Fared::Granted);
            there.poll(&[&first]).await;
            there.validate(&first).await;
        }),
        task!(here, first => { here.validate(&first).await; }),
    ])
    .await;
    world.check_at_rest(&[&here, &there], &[&first]).await;
}

#[test]
fn a_key_of_a_new_service_is_good_everywhere_as_soon_as_it_is_made() {
    explore(key);
}

async fn secret(world: World) {
    let (here, there) = (world.node().await, world.node().await);
    let first = world.prepared.first.clone();
    if choose(2) == 0 {
        there.validate(&first).await;
    }
    let grace = Duration::from_secs(if choose(2) == 0 { 0 } else { 10 });
    at_the_same_time(vec![
        task!(here, there, first => {
            let new = here.rotate(&first, grace).await.expect("rotated");
            at_the_same_time(vec![
                task!(here, new => { here.validate(&new).await; }),
                task!(there, new => { there.validate(&new).await; }),
                task!(there, new => { there.validate(&new).await; }),
            ])
            .await;
        }),
        task!(there, first => {
            there.validate(&first).await;
            there.poll(&[&first]).await;
            there.validate(&first).await;
        }),
        task!(there, first => { there.validate(&first).await; }),
    ])
    .await;
    world.check_at_rest(&[&here, &there], &[&first]).await;
}

#[test]
fn a_new_secret_is_good_everywhere_as_soon_as_it_is_made() {
    explore(secret);
}

/// A key that is in the store from some moment on, whose token was known
/// before.
async fn late(world: World) {
    let (node, late) = (world.node().await, world.prepared.late.clone());
    let ask = async |node: &Node, late: &Holder| {
        let token = Presented::new(late.token.as_bytes());
        let orders = crate::prepared::ORDERS;
        node.manager.validate(token, &Context::new(&orders)).await
    };
    at_the_same_time(vec![
        task!(node, late => { ask(&node, &late).await; }),
        task!(node, late => { ask(&node, &late).await; }),
        task!(node, late => {
            // The token is still absent for who does not poll.
            node.world.memory.restore(&node.world.prepared.grown);
            node.poll(&[&late]).await;
            match ask(&node, &late).await {
                Verdict::Granted(_) | Verdict::Unavailable(_) => {}
                Verdict::Denied(denial) => assert_ne!(denial.reason(), DenialReason::Unknown),
            }
        }),
    ])
    .await;
    node.check_at_rest(&[&late]).await;
}

#[test]
fn what_was_absent_is_not_refused_as_unknown_after_a_poll() {
    explore(late);
}
