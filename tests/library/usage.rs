//! Counts of use, while what is cached comes, goes and is replaced.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use portcullis::key::KeyId;
use portcullis::manager::{KeyPatch, ManagerConfig, NewService, Rotation, Validation};
use portcullis::token::Presented;
use portcullis::usage::{AddressClass, Refusals, Usage};
use portcullis::verdict::DenialReason;
use portcullis::{
    Context, KeyManager, Keyring, Permission, Requirement, ServiceName, SqliteStore, Verdict,
};
use portcullis_core::clock::ManualClock;
use portcullis_core::store::{FaultStore, UsageStore};
use portcullis_tests::figure;
use tokio::runtime::Handle;

use crate::{ORDERS, actor, new_key, service};

const BILLING: ServiceName = ServiceName::from_static("billing");
const THREADS: usize = 16;
const REQUESTS: usize = 10_000;
const KEYS: usize = 100;
/// How often usage is written, on a clock that the test moves.
const FLUSH: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(50);

/// What a secret should be found to have been used for, by key and number.
type Expected = BTreeMap<(usize, u32), Usage>;

/// A key whose two secrets both count.
struct Used {
    id: KeyId,
    tokens: [String; 2],
}

struct World {
    manager: KeyManager,
    store: FaultStore,
    clock: ManualClock,
    keys: Vec<Used>,
    /// Where somebody else changes the same keys.
    elsewhere: KeyManager,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.db");
        let store = FaultStore::new(SqliteStore::open(&path).expect("opened"));
        let clock = ManualClock::new();
        let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
        let build = async |store| {
            // A few keys at a time stay cached, and not for long. On a clock
            // that the test moves nothing may be given up.
            let config = ManagerConfig::default()
                .cache_capacity(20_u64)
                .cache_ttl(Duration::from_secs(1))
                .flush_interval(FLUSH)
                .store_timeout(Duration::from_secs(60))
                .max_staleness(Duration::from_secs(3_600));
            KeyManager::builder(store)
                .keyring(keyring.clone())
                .clock(clock.clone())
                .config(config)
                .build()
                .await
                .expect("built")
        };
        let manager = build(store.clone()).await;
        let elsewhere = build(FaultStore::new(SqliteStore::open(&path).expect("opened"))).await;
        service(&manager, NewService::new(ORDERS)).await;
        let mut keys = Vec::new();
        for at in 0..KEYS {
            keys.push(Used::new(&manager, at).await);
        }
        Self {
            manager,
            store,
            clock,
            keys,
            elsewhere,
            _folder: folder,
        }
    }

    /// What `turn` asks for, and how that is to be counted.
    fn request(&self, turn: usize, expected: &mut Expected) {
        // A few keys are used so often that they stay cached, the others not.
        let at = if turn.is_multiple_of(3) {
            turn / 3 % 5
        } else {
            turn * 37 % KEYS
        };
        let number = turn / KEYS % 2;
        let kind = turn / 7 % 10;
        let permission = if kind == 7 {
            "admin:all"
        } else {
            "orders:read"
        };
        let requirement = Requirement::all_of([Permission::from_static(permission)]);
        let guarded = if kind == 6 { BILLING } else { ORDERS };
        let client: IpAddr = match kind {
            8 if at.is_multiple_of(2) => [192, 0, 2, 1].into(),
            _ => [10, 0, 0, 1].into(),
        };
        let context = Context::new(&guarded)
            .require(&requirement)
            .client(Some(client));
        let key = &self.keys[at];
        let token = Presented::new(key.tokens[number].as_bytes());
        let verdict = match self.manager.try_validate(token, &context) {
            Validation::Decided(verdict) => verdict,
            Validation::Pending(pending) => Handle::current().block_on(pending.resolve(&context)),
        };
        let mut usage = Usage::default();
        match verdict {
            Verdict::Granted(grant) => {
                usage.granted = 1;
                usage.last_used_at = Some(grant.moment().wall());
                usage.last_address = Some(AddressClass::of(client));
                if kind == 9 {
                    // Long after it was granted: its entry may be gone.
                    thread::yield_now();
                    grant.record_throttled();
                    usage.throttled = 1;
                }
            }
            Verdict::Denied(denial) => {
                let counted = match denial.reason() {
                    DenialReason::Disabled => &mut usage.refused.ended,
                    DenialReason::Service => &mut usage.refused.foreign,
                    DenialReason::Address => &mut usage.refused.address,
                    DenialReason::Permission => &mut usage.refused.permission,
                    other => panic!("{other:?}"),
                };
                *counted = 1;
            }
            // A record that changed while it was read, too often.
            Verdict::Unavailable(_) => return self.request(turn, expected),
        }
        let number = u32::try_from(number).expect("small") + 1;
        expected.entry((at, number)).or_default().add(&usage);
    }

    /// The store has exactly what was expected: of each secret, and in all.
    async fn check(&self, expected: &Expected) {
        let ids: Vec<_> = self.keys.iter().map(|key| key.id).collect();
        let usage = self.store.usage(ids).await.expect("usage");
        let mut all = Usage::default();
        for (at, usage) in usage.iter().enumerate() {
            let mut total = Usage::default();
            assert_eq!(usage.secrets.len(), 2);
            for secret in &usage.secrets {
                let wanted = expected.get(&(at, secret.number)).copied();
                let wanted = wanted.unwrap_or_default();
                assert_eq!(secret.usage, wanted, "key {at}, secret {}", secret.number);
                total.add(&wanted);
            }
            assert_eq!(usage.total, total, "key {at}");
            all.add(&total);
        }
        let counted = all.granted + all.refused.total();
        assert_eq!(counted, REQUESTS as u64, "each was answered: {all:?}");
        let Refusals {
            ended,
            foreign,
            address,
            permission,
            ..
        } = all.refused;
        for class in [
            all.granted,
            all.throttled,
            ended,
            foreign,
            address,
            permission,
        ] {
            assert!(class > 0, "every class is met: {all:?}");
        }
    }

    /// Changes keys here and there, has some read anew, and lets time pass.
    async fn disturb(&self, round: usize) {
        let id = self.keys[round * 13 % KEYS].id;
        let owner = format!("owner {round}").parse().expect("an owner");
        let patch = KeyPatch::new().owner(owner);
        let node = if round.is_multiple_of(2) {
            &self.manager
        } else {
            &self.elsewhere
        };
        node.update_key(id, patch, &actor()).await.expect("changed");
        let disabled = self.keys[KEYS - 1 - round % 3].id;
        if round % 20 < 10 {
            node.disable_key(disabled, &actor())
                .await
                .expect("disabled");
        } else {
            node.enable_key(disabled, &actor()).await.expect("enabled");
        }
        self.clock.advance(STEP);
    }
}

impl Used {
    async fn new(manager: &KeyManager, at: usize) -> Self {
        let mut new = new_key().scopes("orders:*".parse().expect("scopes"));
        if at.is_multiple_of(2) {
            new = new.addresses("10.0.0.0/8".parse().expect("a network"));
        }
        let first = manager.create_key(new, &actor()).await.expect("issued");
        let keep = Rotation::default().grace(Duration::from_secs(86_400));
        let id = first.key.id;
        let second = manager
            .rotate_key(id, keep, &actor())
            .await
            .expect("rotated");
        let tokens = [first, second].map(|issued| issued.token.expose().to_owned());
        Self { id, tokens }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_use_is_counted_once_however_entries_come_and_go() {
    let world = Arc::new(World::new().await);
    let rounds = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (world, rounds) = (Arc::clone(&world), Arc::clone(&rounds));
            let runtime = Handle::current();
            thread::spawn(move || {
                let _entered = runtime.enter();
                let mut expected = Expected::new();
                for turn in (thread..REQUESTS).step_by(THREADS) {
                    // Spread over all that happens meanwhile.
                    while rounds.load(SeqCst) < turn / 100 {
                        thread::sleep(Duration::from_micros(200));
                    }
                    world.request(turn, &mut expected);
                }
                expected
            })
        })
        .collect();
    while threads.iter().any(|thread| !thread.is_finished()) {
        let round = rounds.load(SeqCst);
        world.disturb(round).await;
        rounds.store(round + 1, SeqCst);
    }
    let mut expected = Expected::new();
    for thread in threads {
        for (secret, usage) in thread.join().expect("a thread") {
            expected.entry(secret).or_default().add(&usage);
        }
    }
    world.manager.shutdown().await.expect("written");
    world.check(&expected).await;

    let stats = world.manager.stats();
    assert_eq!((stats.flush_failures, stats.overloads), (0, 0));
    assert!(
        stats.refreshes > 0 && stats.gate_retries + stats.loads > 200,
        "{stats:?}"
    );
    assert!(
        stats.cached_keys <= 40,
        "most entries were evicted: {stats:?}"
    );
    let periods = u64::try_from(STEP.as_millis() * rounds.load(SeqCst) as u128 / FLUSH.as_millis());
    let (periods, writes) = (periods.expect("few"), world.store.usage_writes());
    assert!(writes <= periods + 1, "{writes} in {periods} periods");
    assert_eq!(writes, stats.flushes);
    figure(&format!(
        "usage: {REQUESTS} requests over {KEYS} keys from {THREADS} threads, {} reads, {} refreshes, \
         {writes} writes in {periods} flush periods",
        stats.loads, stats.refreshes
    ));
}
