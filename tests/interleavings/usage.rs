//! Grants are counted while counters are written.

use crate::explore::explore;
use crate::task;
use crate::world::{World, at_the_same_time, choose};

async fn counted(world: World) {
    let node = world.node().await;
    let (first, second) = (world.prepared.first.clone(), world.prepared.second.clone());
    if choose(2) == 0 {
        node.store.lose_answers();
    }
    let using = || {
        task!(node, first, second => {
            node.validate(&first).await;
            node.validate(&second).await;
            node.validate(&first).await;
        })
    };
    let flushing = || {
        task!(node => {
            // Where the answer is lost, the same batch is sent again.
            let _ = node.manager.flush_usage().await;
            let _ = node.manager.flush_usage().await;
        })
    };
    at_the_same_time(vec![using(), using(), flushing(), flushing()]).await;
    world.check_at_rest(&[&node], &[&first, &second]).await;
}

#[test]
fn every_grant_is_counted_once() {
    explore(counted);
}
