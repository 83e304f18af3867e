use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use interleaved_core::clock::{Clock, Timestamp};
use interleaved_core::key::{Key, KeyId};
use interleaved_core::service::Service;
use interleaved_core::store::{BoxFuture, KeyStore, Lookup, MemoryStore, UsageStore};
use shuttle::rand::{Rng, thread_rng};

use crate::clock::StepClock;
use crate::holder::{Holder, OVER};
use crate::node::Node;
use crate::prepared::{ORDERS, Prepared};

/// What all nodes of a schedule have in common.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) prepared: &'static Prepared,
    pub(crate) memory: MemoryStore,
    pub(crate) clock: StepClock,
    /// How often what was over began to count again, or has begun to: odd while
    /// nobody can say whether it does.
    revivals: Arc<AtomicU64>,
}

impl World {
    /// The prepared store, and nobody before it.
    pub(crate) fn new() -> Self {
        let prepared = Prepared::instance();
        Self {
            prepared,
            memory: prepared.store.snapshot(),
            clock: StepClock::new(),
            revivals: Arc::default(),
        }
    }

    pub(crate) async fn node(&self) -> Node {
        Node::new(self).await
    }

    /// The record as the store has it at this moment: no step of any schedule.
    pub(crate) fn record(&self, holder: &Holder) -> Option<Key> {
        let loaded = at_once(self.memory.load(Lookup::Id(holder.id)));
        loaded.expect("in memory").key
    }

    /// The service that all are asked for, in the same way.
    pub(crate) fn service(&self) -> Service {
        let loaded = at_once(self.memory.load_services()).expect("in memory");
        let mut services = loaded.services.into_iter();
        services.find(|service| service.name == ORDERS).expect("it")
    }

    /// When the token ends, as the store has it at this moment.
    pub(crate) fn end(&self, holder: &Holder) -> Option<Timestamp> {
        if self.service().retirement.is_some() {
            return Some(OVER);
        }
        holder.end(self.record(holder).as_ref())
    }

    /// All is quiet: every node polls and says what the store says, and what was
    /// granted is counted, once.
    pub(crate) async fn check_at_rest(&self, nodes: &[&Node], holders: &[&Holder]) {
        for node in nodes {
            node.check_at_rest(holders).await;
        }
        let mut ids: Vec<KeyId> = holders.iter().map(|holder| holder.id).collect();
        ids.dedup();
        for id in ids {
            let granted: u64 = nodes.iter().map(|node| node.granted(id)).sum();
            assert_eq!(self.counted(id), granted, "grants counted of {id}");
        }
    }

    fn counted(&self, id: KeyId) -> u64 {
        let usage = at_once(self.memory.usage(vec![id])).expect("in memory");
        usage.iter().map(|usage| usage.total.granted).sum()
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.clock.now().wall()
    }

    /// What was over may begin to count again, until this is told once more.
    pub(crate) fn revive(&self) {
        self.revivals.fetch_add(1, SeqCst);
    }

    /// The life that facts belong to; nothing where there are none now.
    pub(crate) fn life(&self) -> Option<u64> {
        let revivals = self.revivals.load(SeqCst);
        revivals.is_multiple_of(2).then_some(revivals)
    }

    /// The store is another one from now on.
    pub(crate) fn restore(&self, backup: &MemoryStore) {
        self.revive();
        self.memory.restore(backup);
        self.revive();
    }
}

/// What memory answers, which never waits.
fn at_once<T>(answer: BoxFuture<'_, T>) -> T {
    let mut answer = answer;
    match answer
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("memory does not wait"),
    }
}

/// Lets others go first, if the scheduler says so; waits for nothing.
pub(crate) async fn step() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// One of several ways to go on, which belongs to the schedule.
pub(crate) fn choose(ways: u32) -> u32 {
    thread_rng().gen_range(0..ways)
}

/// Runs all of them at the same time, each as a task of its own.
pub(crate) async fn at_the_same_time(tasks: Vec<Task>) {
    let running: Vec<_> = tasks.into_iter().map(shuttle::future::spawn).collect();
    for task in running {
        task.await.expect("nothing aborts it");
    }
}

/// Something that runs beside others.
pub(crate) type Task = BoxFuture<'static, ()>;

/// Makes a task of what is to be done with a copy of these.
#[macro_export]
macro_rules! task {
    ($($copied:ident),* => $body:block) => {{
        $(let $copied = $copied.clone();)*
        Box::pin(async move { $body }) as $crate::world::Task
    }};
}

/// Waits for the future for so many steps, and drops it where it is not done.
pub(crate) async fn give_up_after<T>(steps: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..steps {
        let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(done) = polled {
            return Some(done);
        }
        step().await;
    }
    None
}
