use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use hmac::{Hmac, KeyInit, Mac};
use moka::sync::Cache;
use portcullis::clock::Clock;
use portcullis_benches::{Timings, World};
use sha2::Sha256;

pub(crate) const HMAC: &str = "HMAC-SHA-256 of 53 bytes, prepared";
pub(crate) const CRC: &str = "CRC-32 of a token";
pub(crate) const MOKA: &str = "moka get";
pub(crate) const CLOCK: &str = "clock reading, both clocks";
pub(crate) const GOVERNOR: &str = "governor check, its clock still";
pub(crate) const COUNTER: &str = "counter increment";

type Direct = RateLimiter<NotKeyed, InMemoryState, FakeRelativeClock, NoOpMiddleware<Nanos>>;
type Nanos = <FakeRelativeClock as governor::clock::Clock>::Instant;

/// What a token's digest is made over: the prefix with its length, the environment, the id, the
/// secret.
const MESSAGE: usize = 1 + 3 + 1 + 16 + 32;
/// Bytes of a cached entry, roughly.
const ENTRY: usize = 512;

/// The parts that a hit cannot do without, each from the crate that does it, over as many keys as
/// the cache holds.
pub(crate) struct Parts {
    mac: Hmac<Sha256>,
    tokens: Vec<String>,
    ids: Vec<[u8; 16]>,
    cache: Cache<[u8; 16], Arc<[u8; ENTRY]>>,
    clock: Arc<dyn Clock>,
    limiters: Vec<Direct>,
    counter: AtomicU64,
}

impl Parts {
    pub(crate) fn new(world: &World) -> Self {
        let tokens = world.rated.tokens.clone();
        let ids: Vec<[u8; 16]> = (0..tokens.len() as u128)
            // Spread as random ids are.
            .map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes())
            .collect();
        // As the manager's: the default capacity, TTL and S.
        let cache = Cache::builder()
            .max_capacity(100_000)
            .time_to_live(Duration::from_secs(90))
            .build();
        for id in &ids {
            // The manager's cache holds the keys of both services.
            let mut other = *id;
            other[0] ^= 1;
            cache.insert(*id, Arc::new([0; ENTRY]));
            cache.insert(other, Arc::new([0; ENTRY]));
        }
        let quota = Quota::per_second(NonZeroU32::new(1_000_000).unwrap_or(NonZeroU32::MIN));
        let limiters = ids
            .iter()
            .map(|_| RateLimiter::direct_with_clock(quota, FakeRelativeClock::default()))
            .collect();
        Self {
            mac: Hmac::new(&[7; 64].into()),
            tokens,
            ids,
            cache,
            clock: Arc::clone(world.manager().clock()),
            limiters,
            counter: AtomicU64::new(0),
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "places are remainders by the number of keys, and a token ends in six digits"
    )]
    pub(crate) fn add<'a>(&'a self, timings: &mut Timings<'a>) {
        timings.add(HMAC, |turn| {
            let mut message = [3; MESSAGE];
            message[..8].copy_from_slice(&turn.to_ne_bytes());
            let mut mac = self.mac.clone();
            mac.update(black_box(&message));
            black_box(mac.finalize().into_bytes());
        });
        timings.add(CRC, |turn| {
            let token = self.tokens[self.at(turn)].as_bytes();
            let checked = token.len() - 6;
            black_box(crc32fast::hash(&token[..checked]));
        });
        timings.add(MOKA, |turn| {
            black_box(self.cache.get(&self.ids[self.at(turn)]));
        });
        timings.add(CLOCK, |_| {
            black_box(self.clock.now());
        });
        timings.add(GOVERNOR, |turn| {
            let _ = black_box(self.limiters[self.at(turn)].check());
        });
        timings.add(COUNTER, |_| {
            self.counter.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// The same order as that of the measured calls.
    fn at(&self, turn: u64) -> usize {
        (turn as usize).wrapping_mul(7_919) % self.ids.len()
    }
}
