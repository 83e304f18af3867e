//! Floods of tokens that nobody has a key for.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::task::{Context as TaskContext, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use portcullis::manager::{ManagerStats, NewService, Validation};
use portcullis::token::Presented;
use portcullis::verdict::{DenialReason, UnavailableCause};
use portcullis::{Context, KeyManager, Keyring, MemoryStore, Verdict};
use portcullis_core::clock::ManualClock;
use portcullis_core::store::{Fault, FaultStore};
use portcullis_tests::{Forger, Memory, alone, figure};
use tokio::runtime::{Builder, Runtime};

use crate::{ORDERS, actor, issue, new_key, service};

const MIB: u64 = 1 << 20;
/// Reads that run at the same time, and that wait behind them.
const RUNNING: u64 = 64;
const WAITING: u64 = 1_024;

/// A manager with one key that is cached.
struct World {
    store: FaultStore,
    keyring: Keyring,
    manager: KeyManager,
    token: String,
    runtime: Runtime,
}

impl World {
    /// On a clock that stands still, where it has one of its own: nothing
    /// polls then, and nothing is flushed.
    fn new(clock: Option<ManualClock>) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let store = FaultStore::new(MemoryStore::new());
        let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
        let mut builder = KeyManager::builder(store.clone()).keyring(keyring.clone());
        if let Some(clock) = clock {
            builder = builder.clock(clock);
        }
        let (manager, token) = runtime.block_on(async {
            let manager = builder.build().await.expect("built");
            service(&manager, NewService::new(ORDERS)).await;
            let token = issue(&manager).await.token.expose().to_owned();
            let orders = ORDERS;
            let context = Context::new(&orders);
            let verdict = manager.validate(Presented::new(token.as_bytes()), &context);
            assert!(matches!(verdict.await, Verdict::Granted(_)));
            while !manager.stats().warm_up_done() {
                tokio::task::yield_now().await;
            }
            (manager, token)
        });
        Self {
            store,
            keyring,
            manager,
            token,
            runtime,
        }
    }

    /// The cached key is granted at once, whatever happens beside it.
    fn is_served(&self) {
        let orders = ORDERS;
        let token = Presented::new(self.token.as_bytes());
        match self.manager.try_validate(token, &Context::new(&orders)) {
            Validation::Decided(Verdict::Granted(_)) => {}
            other => panic!("{other:?}"),
        }
    }

    /// Tokens of keys that were issued under our keyring and are gone with the
    /// store that knew them.
    async fn deleted(&self, count: usize) -> Vec<String> {
        let mut tokens = Vec::with_capacity(count);
        while tokens.len() < count {
            let manager = KeyManager::builder(MemoryStore::new())
                .keyring(self.keyring.clone())
                .build()
                .await
                .expect("built");
            service(&manager, NewService::new(ORDERS)).await;
            for _ in 0..10 {
                let keys = (0..1_000).map(|_| new_key()).collect();
                let issued = manager.create_keys(keys, &actor()).await.expect("issued");
                let text = issued.iter().map(|issued| issued.token.expose().to_owned());
                tokens.extend(text);
            }
        }
        tokens.truncate(count);
        tokens
    }
}

#[test]
fn forged_tokens_make_no_query_and_take_no_memory() {
    alone(
        "floods::forged_tokens_make_no_query_and_take_no_memory",
        || {
            let world = World::new(Some(ManualClock::new()));
            forge(&world, 0, 10_000);
            let (calls, before) = (world.store.calls(), Memory::of_this_process());
            // A million are for the bench: here nothing is optimized.
            let (threads, each, began) = (4, 25_000, Instant::now());
            thread::scope(|scope| {
                for seed in 1..=threads {
                    let world = &world;
                    scope.spawn(move || forge(world, seed, each));
                }
            });
            let took = began.elapsed();
            assert_eq!(world.store.calls(), calls, "the store is never asked");
            let stats = world.manager.stats();
            let tags = stats.denied_for(DenialReason::Tag);
            assert_eq!(tags, threads * each + 10_000);
            assert_eq!((stats.loads, stats.negative_entries), (1, 0));
            let grown = grown(before);
            assert!(grown < 16 * MIB, "{grown} bytes");
            figure(&format!(
                "forged tokens: {} refused in {took:.1?} without a query, memory grew by {} KiB",
                threads * each,
                grown >> 10
            ));
        },
    );
}

/// Presents so many forged tokens, and a good one among them now and then.
fn forge(world: &World, seed: u64, count: u64) {
    let (mut forger, orders) = (Forger::new(seed), ORDERS);
    let context = Context::new(&orders);
    for turn in 0..count {
        let token = Presented::new(forger.forge());
        let Validation::Pending(pending) = world.manager.try_validate(token, &context) else {
            panic!("the id is not cached")
        };
        // What need not ask the store is decided without a wait.
        let mut resolved = pin!(pending.resolve(&context));
        let mut task = TaskContext::from_waker(Waker::noop());
        match resolved.as_mut().poll(&mut task) {
            Poll::Ready(Verdict::Denied(denial)) => assert_eq!(denial.reason(), DenialReason::Tag),
            other => panic!("{other:?}"),
        }
        if turn % 1_000 == 0 {
            world.is_served();
        }
    }
}

/// By how much the process has ever grown since; zero where nobody says.
fn grown(before: Option<Memory>) -> u64 {
    match (before, Memory::of_this_process()) {
        (Some(before), Some(after)) => after.peak.saturating_sub(before.now),
        _ => 0,
    }
}

#[test]
fn a_flood_of_deleted_keys_stays_within_the_bounds_and_cached_keys_are_served() {
    alone(
        "floods::a_flood_of_deleted_keys_stays_within_the_bounds_and_cached_keys_are_served",
        || {
            let world = World::new(None);
            let count = 50_000;
            let tokens = Arc::new(world.runtime.block_on(world.deleted(count)));
            // A store that others keep busy: reads come in faster than they end.
            world.store.set(Fault::Slow(Duration::from_millis(5)));
            let before = Memory::of_this_process();
            let answers = Arc::new(Answers::default());
            let clients: Vec<_> = (0..3_000_u16)
                .map(|client| {
                    let (manager, tokens) = (world.manager.clone(), Arc::clone(&tokens));
                    let answers = Arc::clone(&answers);
                    let mine = (usize::from(client)..count).step_by(3_000);
                    world.runtime.spawn(async move {
                        for at in mine {
                            answers.ask(&manager, client, &tokens[at]).await;
                        }
                    })
                })
                .collect();
            let (mut most, mut served) = (Most::default(), 0_u64);
            while clients.iter().any(|client| !client.is_finished()) {
                world.is_served();
                served += 1;
                most.see(&world.manager.stats());
            }
            for client in clients {
                world.runtime.block_on(client).expect("a client");
            }
            let (unknown, overloaded) = (
                answers.unknown.load(SeqCst),
                answers.overloaded.load(SeqCst),
            );
            assert_eq!(unknown + overloaded, count as u64);
            assert!(unknown > 0 && overloaded > 0, "{unknown} and {overloaded}");
            assert!(
                most.running <= RUNNING && most.waiting <= WAITING,
                "{most:?}"
            );
            assert!(world.store.most_loads_at_once() <= RUNNING);
            let stats = world.manager.stats();
            assert!(stats.negative_entries <= 11_000, "{stats:?}");
            assert_eq!((stats.loads_running, stats.loads_waiting), (0, 0));
            assert_eq!(stats.overloads + stats.address_overloads, overloaded);
            let grown = grown(before);
            assert!(grown < 32 * MIB, "{grown} bytes");
            world.is_served();
            figure(&format!(
                "deleted keys: of {count} distinct tokens {unknown} were looked up and {overloaded} \
                 answered 503; at most {} reads ran and {} waited; a cached key was granted {served} \
                 times meanwhile, memory grew by {} KiB",
                most.running,
                most.waiting,
                grown >> 10
            ));
        },
    );
}

/// What a flood was answered.
#[derive(Default)]
struct Answers {
    unknown: AtomicU64,
    overloaded: AtomicU64,
}

impl Answers {
    /// A request from one of 250 addresses.
    async fn ask(&self, manager: &KeyManager, client: u16, token: &str) {
        let orders = ORDERS;
        let address = [192, 0, 2, (client % 250) as u8];
        let context = Context::new(&orders).client(Some(address.into()));
        let token = Presented::new(token.as_bytes());
        let counted = match manager.validate(token, &context).await {
            Verdict::Denied(denial) if denial.reason() == DenialReason::Unknown => &self.unknown,
            Verdict::Unavailable(cause) if cause.cause() == UnavailableCause::Overloaded => {
                &self.overloaded
            }
            other => panic!("{other:?}"),
        };
        counted.fetch_add(1, SeqCst);
    }
}

/// The most that was seen at any time.
#[derive(Debug, Default)]
struct Most {
    running: u64,
    waiting: u64,
}

impl Most {
    fn see(&mut self, stats: &ManagerStats) {
        self.running = self.running.max(stats.loads_running);
        self.waiting = self.waiting.max(stats.loads_waiting);
    }
}
