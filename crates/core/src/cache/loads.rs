use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

/// Reads under way, so that a thousand requests for one record are one read,
/// and a flood of misses is a bounded queue.
///
/// A read runs in a task of its own: whoever asked may go away without taking
/// it from those who joined.
#[derive(Debug)]
pub(crate) struct Loads<K, V> {
    shared: Arc<Shared<K, V>>,
}

/// Why a read brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// So many reads are waiting that this one is not answered in time.
    Overloaded,
    /// The task of the read ended: it panicked, or its runtime is closed.
    Ended,
}

/// What a read brought, once it is done.
type Outcome<V> = Option<Result<V, Unread>>;

/// Where those who wait for a read hear of it.
type Told<V> = watch::Receiver<Outcome<V>>;

#[derive(Debug)]
struct Shared<K, V> {
    reads: Mutex<HashMap<K, Told<V>>>,
    slots: Semaphore,
    most: usize,
}

impl<K, V> Loads<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// At most `running` reads at the same time, and `waiting` behind them.
    pub(crate) fn new(running: usize, waiting: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                reads: Mutex::default(),
                slots: Semaphore::new(running),
                most: running + waiting,
            }),
        }
    }

    /// How many reads run or wait.
    pub(crate) fn len(&self) -> usize {
        self.shared.lock().len()
    }

    /// Joins the read of `key` that is under way, or starts one with `read`,
    /// which waits for its turn no longer than `patience`.
    pub(crate) fn join<R, P>(
        &self,
        runtime: &Handle,
        key: K,
        read: R,
        patience: P,
    ) -> Result<impl Future<Output = Result<V, Unread>> + Send + use<K, V, R, P>, Unread>
    where
        R: Future<Output = V> + Send + 'static,
        P: Future<Output = ()> + Send + 'static,
    {
        let Place { mut result, start } = self.enlist(key)?;
        // The list is not locked any more: a runtime that is closed drops the
        // task here and now, and with it takes the read off the list.
        if let Some(Start { listed, done }) = start {
            runtime.spawn(async move {
                let value = listed.shared.run(read, patience).await;
                // Off the list before it is told: who comes later, or finds
                // the result too old, starts a read of its own.
                drop(listed);
                let _ = done.send(Some(value));
            });
        }
        Ok(async move {
            let outcome = result.wait_for(Option::is_some).await;
            outcome
                .ok()
                .and_then(|outcome| outcome.clone())
                .unwrap_or(Err(Unread::Ended))
        })
    }

    fn enlist(&self, key: K) -> Result<Place<K, V>, Unread> {
        let mut reads = self.shared.lock();
        let (result, start) = match reads.get(&key) {
            Some(result) => (result.clone(), None),
            None if reads.len() >= self.shared.most => return Err(Unread::Overloaded),
            None => {
                let (done, result) = watch::channel(None);
                reads.insert(key, result.clone());
                let shared = Arc::clone(&self.shared);
                let listed = Listed { shared, key };
                (result, Some(Start { listed, done }))
            }
        };
        Ok(Place { result, start })
    }
}

impl<K, V> Shared<K, V> {
    async fn run(
        &self,
        read: impl Future<Output = V>,
        patience: impl Future<Output = ()>,
    ) -> Result<V, Unread> {
        let _slot = tokio::select! {
            biased;
            slot = self.slots.acquire() => slot,
            () = patience => return Err(Unread::Overloaded),
        };
        Ok(read.await)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Told<V>>> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where to hear of a read, and what is needed to run it where it is not under
/// way.
struct Place<K: Eq + Hash, V> {
    result: Told<V>,
    start: Option<Start<K, V>>,
}

struct Start<K: Eq + Hash, V> {
    listed: Listed<K, V>,
    done: watch::Sender<Outcome<V>>,
}

/// Takes a read off the list, also where its task panicked or was aborted.
struct Listed<K: Eq + Hash, V> {
    shared: Arc<Shared<K, V>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Listed<K, V> {
    fn drop(&mut self) {
        self.shared.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use tokio::runtime::{Builder, Handle};
    use tokio::sync::Semaphore;

    use super::{Loads, Unread};

    #[tokio::test]
    async fn many_requests_for_one_record_are_one_read() {
        let loads = Loads::new(2, 2);
        let (count, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let join = || {
            let (count, go) = (Arc::clone(&count), Arc::clone(&go));
            let read = async move {
                let _go = go.acquire().await;
                count.fetch_add(1, SeqCst) + 1
            };
            loads.join(&Handle::current(), 1, read, pending())
        };
        let (first, second) = (join().expect("room"), join().expect("joins"));
        go.add_permits(1);
        assert_eq!((first.await, second.await), (Ok(1), Ok(1)));
        assert_eq!(join().expect("room").await, Ok(2), "a later one reads anew");
    }

    #[tokio::test]
    async fn reads_beyond_the_queue_are_refused_and_room_comes_back() {
        let loads = Loads::new(1, 1);
        let go = Arc::new(Semaphore::new(0));
        let join = |key| {
            let go = Arc::clone(&go);
            let read = async move {
                let _go = go.acquire().await;
            };
            loads.join(&Handle::current(), key, read, pending())
        };
        let (first, second) = (join(1).expect("runs"), join(2).expect("waits"));
        assert!(join(3).is_err());
        assert!(join(1).is_ok(), "joining takes no room");
        go.add_permits(1);
        first.await.expect("read");
        second.await.expect("read");
        assert!(join(3).is_ok());
    }

    #[tokio::test]
    async fn a_read_whose_patience_ends_before_its_turn_gives_up() {
        let loads: Loads<u8, ()> = Loads::new(1, 2);
        let runtime = Handle::current();
        let running = loads.join(&runtime, 1, pending(), pending());
        let waiting = loads.join(&runtime, 2, async {}, async {});
        assert_eq!(waiting.expect("waits").await, Err(Unread::Overloaded));
        assert_eq!(loads.len(), 1, "its place in the queue is free");
        drop(running);
    }

    #[tokio::test]
    async fn a_read_that_panics_leaves_nothing_behind() {
        let loads: Loads<u8, ()> = Loads::new(1, 0);
        let read = async { panic!("on purpose") };
        let joined = loads.join(&Handle::current(), 1, read, pending());
        assert_eq!(joined.expect("room").await, Err(Unread::Ended));
        assert_eq!(loads.len(), 0);
    }

    #[tokio::test]
    async fn on_a_closed_runtime_a_read_ends_at_once() {
        let closed = std::thread::spawn(|| {
            let runtime = Builder::new_current_thread().build().expect("runtime");
            runtime.handle().clone()
        });
        let closed = closed.join().expect("thread");
        let loads: Loads<u8, ()> = Loads::new(1, 0);
        let joined = loads.join(&closed, 1, async {}, pending());
        assert_eq!(joined.expect("room").await, Err(Unread::Ended));
        assert_eq!(loads.len(), 0);
    }
}
