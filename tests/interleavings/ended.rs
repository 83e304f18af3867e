//! A key is ended while others use it.

use std::time::Duration;

use interleaved_core::Error;

use crate::explore::explore;
use crate::holder::Holder;
use crate::node::{Fared, Node, unless_late};
use crate::task;
use crate::world::{Task, World, at_the_same_time, choose};

/// One of the changes that end a token at once.
pub(crate) async fn end(node: &Node, holder: &Holder) -> Result<(), Error> {
    match choose(4) {
        0 => node.revoke(holder).await.map(drop),
        1 => node.disable(holder).await.map(drop),
        2 => node.retire(&[holder]).await.map(drop),
        _ => node.rotate(holder, Duration::ZERO).await.map(drop),
    }
}

fn uses(node: &Node, holder: &Holder, times: u32) -> Task {
    task!(node, holder => {
        for _ in 0..times {
            let fared = node.validate(&holder).await;
            // One change and no poll: the second read is a good one.
            assert!(!matches!(fared, Fared::Unavailable(_)), "{fared:?}");
        }
    })
}

async fn here(world: World) {
    let (node, first) = (world.node().await, world.prepared.first.clone());
    if choose(2) == 0 {
        node.validate(&first).await;
    }
    at_the_same_time(vec![
        uses(&node, &first, 2),
        uses(&node, &first, 2),
        uses(&node, &first, 1),
        task!(node, first => { end(&node, &first).await.expect("ended"); }),
    ])
    .await;
    world.check_at_rest(&[&node], &[&first]).await;
}

#[test]
fn what_is_ended_here_is_not_granted_to_who_asks_later() {
    explore(here);
}

async fn elsewhere(world: World) {
    let (here, there) = (world.node().await, world.node().await);
    let first = world.prepared.first.clone();
    if choose(2) == 0 {
        here.validate(&first).await;
    }
    let using = |times| {
        task!(here, first => {
            for _ in 0..times {
                here.validate(&first).await;
            }
        })
    };
    at_the_same_time(vec![
        using(2),
        using(2),
        task!(here, first => {
            here.poll(&[&first]).await;
            here.validate(&first).await;
            here.poll(&[&first]).await;
        }),
        task!(there, first => { end(&there, &first).await.expect("ended"); }),
    ])
    .await;
    world.check_at_rest(&[&here, &there], &[&first]).await;
}

#[test]
fn what_is_ended_elsewhere_is_not_granted_after_a_poll() {
    explore(elsewhere);
}

async fn both(world: World) {
    let (here, there) = (world.node().await, world.node().await);
    let first = world.prepared.first.clone();
    at_the_same_time(vec![
        task!(here, first => {
            unless_late(here.disable(&first).await);
            here.validate(&first).await;
            unless_late(here.enable(&first).await);
            here.validate(&first).await;
        }),
        task!(there, first => {
            unless_late(there.revoke(&first).await);
            there.validate(&first).await;
        }),
        task!(here, first => {
            here.validate(&first).await;
            here.poll(&[&first]).await;
            here.validate(&first).await;
        }),
        task!(there, first => {
            there.validate(&first).await;
            there.validate(&first).await;
        }),
    ])
    .await;
    world.check_at_rest(&[&here, &there], &[&first]).await;
}

#[test]
fn a_key_that_is_disabled_enabled_and_revoked_by_two_ends_as_the_store_says() {
    explore(both);
}
