use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::cache::Asker;
use crate::cache::turns::Turns;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// Reads under way, so that a thousand requests for one record are one read,
/// and a flood of misses is a bounded queue.
///
/// No asker holds more places than are left for the others, and reads run in
/// turn by asker: a flood from one address finds itself full, and takes neither
/// place nor time from others. With `n` askers that want all of them, each has
/// one part in `n + 1`, and as much is free. (The rule is that of dynamic
/// thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2),
/// 1998.) Joining a read takes no place.
///
/// A read runs in a task of its own: whoever asked may go away without taking
/// it from those who joined. One that nobody waits for and that has no turn yet
/// is not joined by who waits: that would be to stand in its line, and for as
/// long as it stands there already. Who waits reads in its place, and whoever
/// joined it, for want of a place, is told so at once.
#[derive(Debug)]
pub(crate) struct Loads<K, V> {
    shared: Arc<Shared<K, V>>,
}

/// Why a read brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// So many reads are waiting that this one is not answered in time.
    Overloaded,
    /// This asker has as many reads under way as places are left.
    Share,
    /// The task of the read ended: it panicked, or its runtime is closed.
    Ended,
    /// Somebody who waits reads in its place: that read is joined now, or what
    /// it brought is there.
    Replaced,
}

/// What a read brought, once it is done.
type Outcome<V> = Option<Result<V, Unread>>;

/// Where those who wait for a read hear of it.
type Told<V> = watch::Receiver<Outcome<V>>;

/// Where they are told.
type Tell<V> = Arc<watch::Sender<Outcome<V>>>;

/// What was asked for: where to hear of it, and whether it was under way.
#[derive(Debug)]
pub(crate) struct Joined<F> {
    pub(crate) coalesced: bool,
    outcome: F,
}

#[derive(Debug)]
struct Shared<K, V> {
    list: Mutex<List<K, V>>,
    turns: Turns<Asker>,
    most: usize,
}

/// The reads that run or wait, and how many of them each asker has.
#[derive(Debug)]
struct List<K, V> {
    reads: HashMap<K, Read<V>>,
    held: HashMap<Asker, usize>,
    /// How many those hold who wait for what they ask.
    held_live: usize,
    /// The number of the next read.
    number: u64,
}

/// A read that is on the list.
#[derive(Debug)]
struct Read<V> {
    tell: Tell<V>,
    /// Tells it from another read of its key, later or earlier.
    number: u64,
    /// Whether nobody waits for it, and it has no turn yet.
    idle: bool,
}

/// The most reads that nobody waits for. They have places of their own, so
/// that they take none from those who wait.
const BACKGROUND: usize = 64;

impl<K, V> Loads<K, V>
where
    K: Copy + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// At most `running` reads at the same time, and `waiting` behind them,
    /// besides those that nobody waits for.
    pub(crate) fn new(running: usize, waiting: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                list: Mutex::new(List {
                    reads: HashMap::new(),
                    held: HashMap::new(),
                    held_live: 0,
                    number: 0,
                }),
                turns: Turns::new(running),
                most: running + waiting,
            }),
        }
    }

    /// How many reads run.
    pub(crate) fn running(&self) -> usize {
        self.shared.turns.taken()
    }

    /// How many reads wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.turns.waiting()
    }

    /// Joins the read of `key` that is under way, or starts one with `read` on
    /// behalf of `asker`, which waits for its turn no longer than `patience`.
    pub(crate) fn join<R, P>(
        &self,
        runtime: &Handle,
        asker: Asker,
        key: K,
        read: R,
        patience: P,
    ) -> Result<Joined<impl Future<Output = Result<V, Unread>> + Send + use<K, V, R, P>>, Unread>
    where
        R: Future<Output = V> + Send + 'static,
        P: Future<Output = ()> + Send + 'static,
    {
        let Place { mut result, start } = self.enlist(asker, key)?;
        let coalesced = start.is_none();
        // The list is not locked any more: a runtime that is closed drops the
        // task here and now, and with it takes the read off the list.
        if let Some(Start { listed, tell }) = start {
            runtime.spawn(async move {
                let value = listed.run(read, patience).await;
                // Off the list before it is told: who comes later, or finds
                // the result too old, starts a read of its own.
                drop(listed);
                let _ = tell.send(Some(value));
            });
        }
        let outcome = async move {
            let outcome = result.wait_for(Option::is_some).await;
            outcome
                .ok()
                .and_then(|outcome| outcome.clone())
                .unwrap_or(Err(Unread::Ended))
        };
        Ok(Joined { coalesced, outcome })
    }

    fn enlist(&self, asker: Asker, key: K) -> Result<Place<K, V>, Unread> {
        let mut list = self.shared.lock();
        let waits = asker != Asker::Background;
        let under_way = list.reads.get(&key);
        let under_way = under_way.map(|read| (read.tell.subscribe(), read.idle && waits));
        if let Some((result, false)) = under_way {
            return Ok(Place::joining(result));
        }
        if let Err(unread) = list.place(asker, self.shared.most) {
            // Better to stand in another line than in none.
            let idle = under_way.map(|(result, _)| Place::joining(result));
            return idle.ok_or(unread);
        }
        let (tell, result) = watch::channel(None);
        let tell = Arc::new(tell);
        let number = list.add(key, &tell, !waits);
        let listed = Listed {
            shared: Arc::clone(&self.shared),
            asker,
            key,
            number,
        };
        let start = Some(Start { listed, tell });
        Ok(Place { result, start })
    }
}

impl<F: Future> IntoFuture for Joined<F> {
    type Output = F::Output;
    type IntoFuture = F;

    fn into_future(self) -> F {
        self.outcome
    }
}

impl<K: Eq + Hash, V> List<K, V> {
    /// Lists a read, in the place of another one of its key, and returns its
    /// number.
    fn add(&mut self, key: K, tell: &Tell<V>, idle: bool) -> u64 {
        let number = self.number;
        self.number += 1;
        let tell = Arc::clone(tell);
        let read = Read { tell, number, idle };
        if let Some(replaced) = self.reads.insert(key, read) {
            let _ = replaced.tell.send(Some(Err(Unread::Replaced)));
        }
        number
    }

    /// Takes one of `most` places for `asker`.
    fn place(&mut self, asker: Asker, most: usize) -> Result<(), Unread> {
        let held = |asker| self.held.get(&asker).copied().unwrap_or(0);
        let own = held(asker);
        let free = match asker {
            Asker::Background => BACKGROUND.saturating_sub(own),
            _ => most.saturating_sub(self.held_live),
        };
        if free == 0 {
            return Err(Unread::Overloaded);
        }
        if own > free && asker != Asker::Background {
            return Err(Unread::Share);
        }
        self.held.insert(asker, own + 1);
        self.held_live += usize::from(asker != Asker::Background);
        Ok(())
    }

    fn give_back(&mut self, asker: Asker) {
        self.held_live -= usize::from(asker != Asker::Background);
        if let Entry::Occupied(mut held) = self.held.entry(asker) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

impl<K, V> Shared<K, V> {
    fn lock(&self) -> MutexGuard<'_, List<K, V>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where to hear of a read, and what is needed to run it where it is not under
/// way.
struct Place<K: Eq + Hash, V> {
    result: Told<V>,
    start: Option<Start<K, V>>,
}

impl<K: Eq + Hash, V> Place<K, V> {
    fn joining(result: Told<V>) -> Self {
        let start = None;
        Self { result, start }
    }
}

struct Start<K: Eq + Hash, V> {
    listed: Listed<K, V>,
    tell: Tell<V>,
}

/// Takes a read off the list, also where its task panicked or was aborted.
struct Listed<K: Eq + Hash, V> {
    shared: Arc<Shared<K, V>>,
    asker: Asker,
    key: K,
    number: u64,
}

impl<K: Eq + Hash, V> Listed<K, V> {
    async fn run(
        &self,
        read: impl Future<Output = V>,
        patience: impl Future<Output = ()>,
    ) -> Result<V, Unread> {
        let _turn = tokio::select! {
            biased;
            turn = self.shared.turns.acquire(self.asker) => turn,
            () = patience => return Err(Unread::Overloaded),
        };
        if !self.begins() {
            return Err(Unread::Replaced);
        }
        Ok(read.await)
    }

    /// Whether the read is on the list still: whoever comes from now on joins
    /// it, whoever that is.
    fn begins(&self) -> bool {
        let mut list = self.shared.lock();
        let read = list.reads.get_mut(&self.key);
        match read.filter(|read| read.number == self.number) {
            Some(read) => {
                read.idle = false;
                true
            }
            None => false,
        }
    }
}

impl<K: Eq + Hash, V> Drop for Listed<K, V> {
    fn drop(&mut self) {
        let mut list = self.shared.lock();
        let listed = list.reads.get(&self.key);
        if listed.is_some_and(|read| read.number == self.number) {
            list.reads.remove(&self.key);
        }
        list.give_back(self.asker);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use tokio::runtime::{Builder, Handle};
    use tokio::sync::Semaphore;

    use super::{BACKGROUND, Joined, Loads, Unread};
    use crate::cache::Asker;

    const ANY: Asker = Asker::Unknown;

    fn asker(last: u8) -> Asker {
        Asker::of(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))))
    }

    /// Reads that wait until they are let go, and say who they were for.
    struct Stalled {
        loads: Loads<u32, u32>,
        go: Arc<Semaphore>,
    }

    impl Stalled {
        fn new(running: usize, waiting: usize) -> Self {
            Self {
                loads: Loads::new(running, waiting),
                go: Arc::new(Semaphore::new(0)),
            }
        }

        fn join(
            &self,
            asker: Asker,
            key: u32,
        ) -> Result<Joined<impl Future<Output = Result<u32, Unread>> + use<>>, Unread> {
            let go = Arc::clone(&self.go);
            let read = async move {
                go.acquire().await.expect("open").forget();
                key
            };
            let runtime = Handle::current();
            self.loads.join(&runtime, asker, key, read, pending())
        }

        /// How many reads an asker can begin, the first with this key.
        fn fill(&self, asker: Asker, first: u32) -> usize {
            (first..)
                .take_while(|key| self.join(asker, *key).is_ok())
                .count()
        }
    }

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
            loads.join(&Handle::current(), ANY, 1, read, pending())
        };
        let (first, second) = (join().expect("room"), join().expect("joins"));
        assert_eq!((first.coalesced, second.coalesced), (false, true));
        go.add_permits(1);
        assert_eq!((first.await, second.await), (Ok(1), Ok(1)));
        assert_eq!(join().expect("room").await, Ok(2), "a later one reads anew");
    }

    #[tokio::test]
    async fn reads_beyond_the_queue_are_refused_and_room_comes_back() {
        let stalled = Stalled::new(1, 1);
        let first = stalled.join(asker(1), 1).expect("runs");
        let second = stalled.join(asker(2), 2).expect("waits");
        let beyond = stalled.join(asker(3), 3).err();
        assert_eq!(beyond, Some(Unread::Overloaded));
        assert!(stalled.join(asker(3), 1).is_ok(), "joining takes no room");
        stalled.go.add_permits(2);
        first.await.expect("read");
        second.await.expect("read");
        assert!(stalled.join(asker(3), 3).is_ok());
    }

    #[tokio::test]
    async fn no_asker_holds_more_places_than_are_left_for_others() {
        let stalled = Stalled::new(10, 90);
        assert_eq!(stalled.fill(asker(1), 0), 51);
        assert_eq!(stalled.join(asker(1), 90).err(), Some(Unread::Share));
        assert_eq!(stalled.fill(asker(2), 100), 25, "half of what was left");
        for other in 3..13 {
            let key = u32::from(other) * 100;
            assert!(stalled.join(asker(other), key).is_ok(), "others find room");
        }
        assert!(
            stalled.join(asker(1), 100).is_ok(),
            "joining takes no share"
        );
        assert_eq!(stalled.fill(Asker::Unknown, 2_000), 8, "one asker together");
    }

    #[tokio::test]
    async fn what_was_held_is_given_back_however_a_read_ends() {
        let stalled = Stalled::new(2, 98);
        let runtime = Handle::current();
        assert_eq!(stalled.fill(asker(1), 0), 51);
        stalled.go.add_permits(51);
        let loads = &stalled.loads;
        while !loads.shared.lock().reads.is_empty() {
            tokio::task::yield_now().await;
        }
        let panicked = loads.join(
            &runtime,
            asker(1),
            1,
            async { panic!("on purpose") },
            pending(),
        );
        assert_eq!(panicked.expect("room").await, Err(Unread::Ended));
        for _ in 0..2 {
            let _running = loads.join(&runtime, asker(1), 2, pending(), pending());
            let _running = loads.join(&runtime, asker(1), 3, pending(), pending());
        }
        let impatient = loads.join(&runtime, asker(1), 4, async { 4 }, async {});
        assert_eq!(impatient.expect("room").await, Err(Unread::Overloaded));
        let list = loads.shared.lock();
        assert_eq!(list.held.get(&asker(1)), Some(&2), "those that still run");
        assert_eq!(list.held.len(), 1, "nobody else is remembered");
    }

    #[tokio::test]
    async fn a_newcomer_waits_behind_one_read_of_each_other() {
        let stalled = Stalled::new(1, 99);
        let flood = (0..40).map(|key| stalled.join(asker(1), key).expect("room"));
        let flood: Vec<_> = flood.collect();
        let newcomer = stalled.join(asker(2), 100).expect("room");
        while stalled.loads.waiting() < 40 {
            tokio::task::yield_now().await;
        }
        // The one that runs, and one more of the flood.
        stalled.go.add_permits(3);
        let third = flood.into_iter().nth(2).expect("forty");
        tokio::select! {
            read = newcomer.into_future() => assert_eq!(read, Ok(100)),
            _ = third.into_future() => panic!("the flood's third goes before"),
        }
        assert_eq!(stalled.loads.waiting(), 37);
    }

    #[tokio::test]
    async fn reads_ahead_take_no_place_of_those_who_wait() {
        let stalled = Stalled::new(1, 1);
        assert_eq!(stalled.fill(Asker::Background, 100), BACKGROUND);
        assert!(stalled.join(asker(1), 1).is_ok());
        assert!(stalled.join(asker(2), 2).is_ok());
        assert_eq!(stalled.join(asker(3), 3).err(), Some(Unread::Overloaded));
        let ahead = stalled.join(Asker::Background, 4).err();
        assert_eq!(ahead, Some(Unread::Overloaded));
    }

    #[tokio::test]
    async fn who_waits_does_not_stand_behind_what_nobody_waits_for() {
        let stalled = Stalled::new(1, 99);
        let running = stalled.join(asker(1), 0).expect("runs");
        let ahead = (100..140).map(|key| stalled.join(Asker::Background, key).expect("room"));
        let ahead: Vec<_> = ahead.collect();
        let live = stalled.join(asker(2), 139).expect("room");
        assert!(!live.coalesced, "it has a place of its own");
        let joined = stalled.join(asker(3), 139).expect("joins");
        assert!(joined.coalesced, "as others of its kind");
        let ended = stalled.join(Asker::Background, 139).expect("joins");
        assert!(ended.coalesced);
        while stalled.loads.waiting() < 41 {
            tokio::task::yield_now().await;
        }
        // The one that runs, one of those ahead, and then the one that waits.
        stalled.go.add_permits(3);
        assert_eq!((running.await, live.await), (Ok(0), Ok(139)));
        assert_eq!((joined.await, ended.await), (Ok(139), Ok(139)));
        stalled.go.add_permits(40);
        let last = ahead.into_iter().next_back().expect("forty");
        let replaced = Err(Unread::Replaced);
        assert_eq!(last.await, replaced, "it was read in its place");
        while stalled.loads.running() > 0 {
            tokio::task::yield_now().await;
        }
        let list = stalled.loads.shared.lock();
        assert!(list.reads.is_empty() && list.held.is_empty());
        assert_eq!(list.held_live, 0);
    }

    #[tokio::test]
    async fn what_is_read_already_is_joined_whoever_began_it() {
        let stalled = Stalled::new(1, 1);
        let ahead = stalled.join(Asker::Background, 1).expect("runs");
        while stalled.loads.shared.lock().reads[&1].idle {
            tokio::task::yield_now().await;
        }
        let live = stalled.join(asker(1), 1).expect("joins");
        assert!(live.coalesced);
        // Where there is no place of one's own, that of another is better.
        let idle = stalled.join(Asker::Background, 2).expect("waits");
        assert_eq!(stalled.fill(asker(2), 10), 2);
        assert!(stalled.join(asker(4), 2).expect("joins").coalesced);
        stalled.go.add_permits(4);
        assert_eq!((ahead.await, live.await), (Ok(1), Ok(1)));
        assert_eq!(idle.await, Ok(2));
    }

    #[tokio::test]
    async fn who_joined_a_read_that_nobody_waited_for_hears_at_once_that_it_is_replaced() {
        let stalled = Stalled::new(1, 2);
        let running = stalled.join(asker(1), 0).expect("runs");
        let idle = stalled.join(Asker::Background, 9).expect("waits");
        assert_eq!(stalled.fill(asker(1), 1), 1, "its share");
        let joined = stalled.join(asker(1), 9).expect("joins");
        assert!(joined.coalesced, "for want of a place");
        let live = stalled.join(asker(2), 9).expect("room");
        assert!(!live.coalesced);
        // Nothing has been read yet.
        for replaced in [joined, idle] {
            let told = tokio::spawn(replaced.into_future());
            tokio::task::yield_now().await;
            assert!(
                told.is_finished(),
                "it waits for a turn that brings nothing"
            );
            assert_eq!(told.await.expect("told"), Err(Unread::Replaced));
        }
        let again = stalled.join(asker(1), 9).expect("joins");
        assert!(again.coalesced, "the one in its place");
        stalled.go.add_permits(3);
        assert_eq!((running.await, live.await), (Ok(0), Ok(9)));
        assert_eq!(again.await, Ok(9));
    }

    #[tokio::test]
    async fn a_read_whose_patience_ends_before_its_turn_gives_up() {
        let loads: Loads<u8, ()> = Loads::new(1, 2);
        let runtime = Handle::current();
        let running = loads.join(&runtime, ANY, 1, pending(), pending());
        let waiting = loads.join(&runtime, ANY, 2, async {}, async {});
        assert_eq!(waiting.expect("waits").await, Err(Unread::Overloaded));
        assert_eq!(
            (loads.running(), loads.waiting()),
            (1, 0),
            "its place is free"
        );
        drop(running);
    }

    #[tokio::test]
    async fn a_read_that_panics_leaves_nothing_behind() {
        let loads: Loads<u8, ()> = Loads::new(1, 0);
        let read = async { panic!("on purpose") };
        let joined = loads.join(&Handle::current(), ANY, 1, read, pending());
        assert_eq!(joined.expect("room").await, Err(Unread::Ended));
        assert_eq!((loads.running(), loads.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn on_a_closed_runtime_a_read_ends_at_once() {
        let closed = std::thread::spawn(|| {
            let runtime = Builder::new_current_thread().build().expect("runtime");
            runtime.handle().clone()
        });
        let closed = closed.join().expect("thread");
        let loads: Loads<u8, ()> = Loads::new(1, 0);
        let joined = loads.join(&closed, ANY, 1, async {}, pending());
        assert_eq!(joined.expect("room").await, Err(Unread::Ended));
        assert_eq!((loads.running(), loads.waiting()), (0, 0));
    }
}
