//! A request is being served while its key is ended.

use std::sync::Arc;

use interleaved_core::manager::Standing;
use interleaved_core::{Context, Grant};
use shuttle::sync::Mutex;

use crate::ended::end;
use crate::explore::explore;
use crate::holder::Holder;
use crate::node::Node;
use crate::prepared::ORDERS;
use crate::task;
use crate::world::{World, at_the_same_time, choose};

/// Requests that are being served, each with whether it was ended.
#[derive(Debug, Default)]
struct Served {
    requests: Mutex<Vec<(Grant, bool)>>,
}

impl Served {
    /// Begins a request where the token is granted: it is entered first, and
    /// looked at then.
    async fn begin(&self, node: &Node, holder: &Holder) {
        if let Some(grant) = node.grant(holder).await {
            self.requests().push((grant.clone(), false));
            self.look(node, &grant).await;
        }
    }

    /// Looks at all that are being served.
    async fn scan(&self, node: &Node) {
        let served: Vec<Grant> = {
            let requests = self.requests();
            requests.iter().map(|(grant, _)| grant.clone()).collect()
        };
        for grant in served {
            self.look(node, &grant).await;
        }
    }

    /// Ends the request where its grant stands no more.
    async fn look(&self, node: &Node, grant: &Grant) {
        let orders = ORDERS;
        let context = Context::new(&orders);
        let mut standing = node.manager.standing(grant, &context);
        while standing == Standing::Unread {
            standing = node.manager.review(grant, &context).await;
        }
        if let Standing::Ended(_) = standing {
            for (of, ended) in self.requests().iter_mut() {
                *ended |= of.moment() == grant.moment();
            }
        }
    }

    fn requests(&self) -> shuttle::sync::MutexGuard<'_, Vec<(Grant, bool)>> {
        self.requests.lock().expect("lock")
    }
}

async fn here(world: World) {
    let (node, first) = (world.node().await, world.prepared.first.clone());
    if choose(2) == 0 {
        node.validate(&first).await;
    }
    let served = Arc::new(Served::default());
    let mut signal = node.manager.changes();
    let watched = served.clone();
    let watching = node.clone();
    let beginning = || task!(node, first, served => { served.begin(&node, &first).await; });
    at_the_same_time(vec![
        beginning(),
        beginning(),
        task!(node, first => { end(&node, &first).await.expect("ended"); }),
        Box::pin(async move {
            // The one change that there is.
            assert!(signal.changed().await, "the manager is there");
            watched.scan(&watching).await;
        }),
    ])
    .await;
    for (grant, ended) in served.requests().iter() {
        assert!(*ended, "{grant:?} goes on, and its key has ended");
    }
    world.check_at_rest(&[&node], &[&first]).await;
}

#[test]
fn what_is_served_ends_with_its_key_whoever_comes_first() {
    explore(here);
}

async fn elsewhere(world: World) {
    let (here, there) = (world.node().await, world.node().await);
    let first = world.prepared.first.clone();
    here.validate(&first).await;
    let served = Arc::new(Served::default());
    at_the_same_time(vec![
        task!(here, first, served => { served.begin(&here, &first).await; }),
        task!(here, first, served => { served.begin(&here, &first).await; }),
        task!(there, first => { end(&there, &first).await.expect("ended"); }),
        task!(here, first, served => {
            // What the store has before this node polls, it is told of.
            let mut signal = here.manager.changes();
            let end = here.world.end(&first);
            let over = end.is_some_and(|end| end <= here.world.wall());
            here.poll(&[&first]).await;
            if over {
                assert!(signal.changed().await, "the manager is there");
            }
            served.scan(&here).await;
        }),
    ])
    .await;
    // Whatever came first, one more poll finds the end.
    here.poll(&[&first]).await;
    served.scan(&here).await;
    for (grant, ended) in served.requests().iter() {
        assert!(*ended, "{grant:?} goes on, and its key has ended");
    }
    world.check_at_rest(&[&here, &there], &[&first]).await;
}

#[test]
fn what_is_served_ends_with_its_key_after_a_poll() {
    explore(elsewhere);
}
