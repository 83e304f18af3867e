//! The store is restored to another life while it is read.

use crate::explore::explore;
use crate::holder::Holder;
use crate::node::Node;
use crate::task;
use crate::world::{Task, World, at_the_same_time, choose};

/// Two use the key while the store is restored; what is found then is what the
/// store says.
async fn used_meanwhile(node: &Node, holder: &Holder, restoring: Task) {
    let using = || {
        task!(node, holder => {
            node.validate(&holder).await;
            node.validate(&holder).await;
        })
    };
    at_the_same_time(vec![using(), using(), restoring]).await;
    node.check_at_rest(&[holder]).await;
}

/// The first key is good in the life that ends, and revoked in the one that
/// begins, by as many changes.
async fn noticed(world: World) {
    world.memory.restore(&world.prepared.grown);
    let (node, first) = (world.node().await, world.prepared.first.clone());
    if choose(2) == 0 {
        node.validate(&first).await;
    }
    let restoring = task!(node, first => {
        node.world.restore(&node.world.prepared.revoked);
        // The follower knows the life that ended, and so this one's start.
        node.poll(&[&first]).await;
        node.validate(&first).await;
    });
    used_meanwhile(&node, &first, restoring).await;
}

#[test]
fn what_was_read_in_another_life_of_the_store_is_not_granted_in_this_one() {
    explore(noticed);
}

/// The follower knows no more than what both lives have in common.
async fn between_polls(world: World) {
    let prepared = world.prepared;
    let (before, ended, begun) = if choose(2) == 0 {
        (&prepared.store, &prepared.grown, &prepared.revoked)
    } else {
        (&prepared.disabled, &prepared.enabled, &prepared.not_enabled)
    };
    world.restore(before);
    let (node, first) = (world.node().await, prepared.first.clone());
    world.restore(ended);
    let restoring = task!(node, first => {
        node.world.restore(begun);
        if choose(2) == 0 {
            // A newer head than all of the life that ended.
            node.validate(&node.world.prepared.second).await;
        }
        // What is read late of the life that ended shows at the next poll.
        node.manager.poll_now().await.expect("polled");
        node.validate(&first).await;
    });
    used_meanwhile(&node, &first, restoring).await;
}

#[test]
fn what_was_read_from_a_life_between_two_polls_does_not_stay() {
    explore(between_polls);
}
