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

/// So many reads are waiting already that one more would not be answered in
/// time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overloaded;

#[derive(Debug)]
struct Shared<K, V> {
    reads: Mutex<HashMap<K, watch::Receiver<Option<V>>>>,
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

    /// Joins the read of `key` that is under way, or starts one with `read`.
    /// Returns nothing where the read's task ended without a result.
    pub(crate) fn join<R, F>(
        &self,
        runtime: &Handle,
        key: K,
        read: R,
    ) -> Result<impl Future<Output = Option<V>> + Send + use<K, V, R, F>, Overloaded>
    where
        R: FnOnce() -> F,
        F: Future<Output = V> + Send + 'static,
    {
        let mut result = {
            let mut reads = self.shared.lock();
            match reads.get(&key) {
                Some(result) => result.clone(),
                None if reads.len() >= self.shared.most => return Err(Overloaded),
                None => {
                    let (done, result) = watch::channel(None);
                    reads.insert(key, result.clone());
                    let listed = Listed {
                        shared: Arc::clone(&self.shared),
                        key,
                    };
                    let read = read();
                    runtime.spawn(async move {
                        let value = {
                            let _slot = listed.shared.slots.acquire().await;
                            read.await
                        };
                        // Off the list before it is told: who comes later, or
                        // finds the result too old, starts a read of its own.
                        drop(listed);
                        let _ = done.send(Some(value));
                    });
                    result
                }
            }
        };
        Ok(async move {
            result
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|value| value.clone())
        })
    }
}

impl<K, V> Shared<K, V> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, watch::Receiver<Option<V>>>> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use tokio::runtime::Handle;
    use tokio::sync::Semaphore;

    use super::Loads;

    #[tokio::test]
    async fn many_requests_for_one_record_are_one_read() {
        let loads = Loads::new(2, 2);
        let (count, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let join = || {
            let (count, go) = (Arc::clone(&count), Arc::clone(&go));
            loads.join(&Handle::current(), 1, || async move {
                let _go = go.acquire().await;
                count.fetch_add(1, SeqCst) + 1
            })
        };
        let (first, second) = (join().expect("room"), join().expect("joins"));
        go.add_permits(1);
        assert_eq!((first.await, second.await), (Some(1), Some(1)));
        assert_eq!(
            join().expect("room").await,
            Some(2),
            "a later one reads anew"
        );
    }

    #[tokio::test]
    async fn reads_beyond_the_queue_are_refused_and_room_comes_back() {
        let loads = Loads::new(1, 1);
        let go = Arc::new(Semaphore::new(0));
        let join = |key| {
            let go = Arc::clone(&go);
            loads.join(&Handle::current(), key, || async move {
                let _go = go.acquire().await;
            })
        };
        let (first, second) = (join(1).expect("runs"), join(2).expect("waits"));
        assert!(join(3).is_err());
        assert!(join(1).is_ok(), "joining takes no room");
        go.add_permits(1);
        first.await;
        second.await;
        assert!(join(3).is_ok());
    }

    #[tokio::test]
    async fn a_read_that_panics_leaves_nothing_behind() {
        let loads: Loads<u8, ()> = Loads::new(1, 0);
        let joined = loads.join(&Handle::current(), 1, || async { panic!("on purpose") });
        assert_eq!(joined.expect("room").await, None);
        assert_eq!(loads.len(), 0);
    }
}
