//! A service is changed while its keys are used.

use crate::explore::explore;
use crate::node::Node;
use crate::task;
use crate::world::{Task, World, at_the_same_time, choose};

async fn changed(world: World) {
    let (here, there) = (world.node().await, world.node().await);
    let (first, second) = (world.prepared.first.clone(), world.prepared.second.clone());
    if choose(2) == 0 {
        here.validate(&first).await;
    }
    let using = |node: &Node| -> Task {
        task!(node, first, second => {
            node.validate(&first).await;
            node.validate(&second).await;
        })
    };
    at_the_same_time(vec![
        using(&here),
        using(&there),
        task!(here, first => {
            for rate in [10, 20] {
                here.set_rate(rate).await.expect("changed");
                here.validate(&first).await;
            }
        }),
        task!(there, first => {
            there.validate(&first).await;
            there.poll(&[&first]).await;
            there.validate(&first).await;
        }),
        task!(there, first => { there.validate(&first).await; }),
    ])
    .await;
    world
        .check_at_rest(&[&here, &there], &[&first, &second])
        .await;
}

#[test]
fn a_changed_service_counts_for_who_asks_later() {
    explore(changed);
}
