//! Whoever asked for a change goes away before it is done.

use std::time::Duration;

use crate::explore::explore;
use crate::task;
use crate::world::{World, at_the_same_time, choose, give_up_after};

async fn gone(world: World) {
    let (node, first) = (world.node().await, world.prepared.first.clone());
    if choose(2) == 0 {
        node.validate(&first).await;
    }
    at_the_same_time(vec![
        task!(node, first => {
            let steps = choose(24);
            let change = async {
                match choose(4) {
                    0 => drop(node.revoke(&first).await),
                    1 => drop(node.disable(&first).await),
                    2 => drop(node.retire(&[&first]).await),
                    _ => drop(node.rotate(&first, Duration::ZERO).await),
                }
            };
            give_up_after(steps, change).await;
            // Either nothing has changed yet, or this node knows that it has.
            node.settle().await;
            node.learn(&first, node.world.end(&first));
            node.validate(&first).await;
        }),
        task!(node, first => {
            node.validate(&first).await;
            node.validate(&first).await;
        }),
        task!(node, first => { node.validate(&first).await; }),
    ])
    .await;
    world.check_at_rest(&[&node], &[&first]).await;
}

#[test]
fn a_change_is_honoured_here_although_its_caller_went_away() {
    explore(gone);
}
