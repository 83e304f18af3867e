//! All of it at the same time.

use std::time::Duration;

use crate::ended::end;
use crate::explore::{explore, run_each_again};
use crate::prepared::SHORT;
use crate::task;
use crate::world::{World, at_the_same_time, choose, give_up_after, step};

async fn together(world: World) {
    let (here, there) = (world.node().await, world.node().await);
    let (first, short) = (world.prepared.first.clone(), world.prepared.short.clone());
    let (holders, here_or_there) = (
        [&first, &short],
        if choose(2) == 0 { &here } else { &there },
    );
    at_the_same_time(vec![
        task!(here, first, short => {
            here.validate(&first).await;
            here.validate(&short).await;
            here.validate(&first).await;
        }),
        task!(there, first, short => {
            there.validate(&first).await;
            there.poll(&[&first, &short]).await;
            there.validate(&first).await;
        }),
        task!(here_or_there, first => { drop(end(&here_or_there, &first).await); }),
        task!(here, short => {
            let change = async { let _ = here.rotate(&short, Duration::ZERO).await; };
            give_up_after(choose(16), change).await;
            here.validate(&short).await;
        }),
        task!(there => {
            there.world.clock.advance(SHORT / 2);
            let _ = there.manager.flush_usage().await;
            step().await;
            there.world.clock.advance(SHORT / 2);
        }),
    ])
    .await;
    world.check_at_rest(&[&here, &there], &holders).await;
}

#[test]
fn all_of_it_at_the_same_time_holds_every_rule() {
    explore(together);
}

#[test]
fn a_schedule_can_be_run_again() {
    run_each_again(together);
}
