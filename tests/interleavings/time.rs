//! Time passes.

use std::time::Duration;

use interleaved_core::clock::Clock;

use crate::explore::explore;
use crate::prepared::SHORT;
use crate::task;
use crate::world::{World, at_the_same_time, choose, step};

/// S, as nodes are configured.
const STALENESS: Duration = Duration::from_secs(30);

async fn expiry(world: World) {
    let (here, there) = (world.node().await, world.node().await);
    let (first, short) = (world.prepared.first.clone(), world.prepared.short.clone());
    let using = || {
        task!(here, first, short => {
            for _ in 0..2 {
                here.validate(&short).await;
                here.validate(&first).await;
            }
        })
    };
    at_the_same_time(vec![
        using(),
        task!(there, first, short => {
            there.validate(&first).await;
            there.validate(&short).await;
            there.poll(&[&first]).await;
            there.validate(&first).await;
        }),
        task!(here, first => {
            let _ = here.rotate(&first, SHORT / 2).await;
        }),
        task!(here, short => {
            for _ in 0..4 {
                here.world.clock.advance(SHORT / 4);
                step().await;
            }
            here.validate(&short).await;
        }),
    ])
    .await;
    world
        .check_at_rest(&[&here, &there], &[&first, &short])
        .await;
}

#[test]
fn what_has_expired_is_not_granted() {
    explore(expiry);
}

/// A node is cut off from the store, where a key is then ended.
async fn cut_off(world: World) {
    let (here, there) = (world.node().await, world.node().await);
    let first = world.prepared.first.clone();
    here.validate(&first).await;
    let at_once = choose(2) == 0;
    at_the_same_time(vec![
        task!(here, first => {
            for _ in 0..3 {
                here.validate(&first).await;
                step().await;
            }
        }),
        task!(here, there, first => {
            here.store.cut_off();
            let cut = here.world.clock.now();
            if at_once {
                let _ = there.revoke(&first).await;
            } else {
                let _ = there.disable(&first).await;
            }
            let end = here.world.end(&first);
            while here.world.clock.now().age_since(cut) <= STALENESS {
                here.world.clock.advance(STALENESS / 3);
                step().await;
            }
            here.learn(&first, end);
            here.validate(&first).await;
        }),
        task!(here, first => { here.poll(&[&first]).await; }),
    ])
    .await;
    there.check_at_rest(&[&first]).await;
}

#[test]
fn a_node_that_is_cut_off_grants_nothing_by_what_is_older_than_s() {
    explore(cut_off);
}
