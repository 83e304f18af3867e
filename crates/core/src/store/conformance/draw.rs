use super::broken::Fault;
use super::samples::{at, key, revoked};
use crate::clock::Timestamp;
use crate::key::{Environment, Key, KeyFilter, KeyState, KeyStatus, LastUsed, Span};
use crate::service::ServiceName;

/// Draws records and filters that meet often: the same seed, the same ones.
#[derive(Debug)]
pub(super) struct Draw {
    pub(super) random: fastrand::Rng,
}

/// The latest time that is drawn, in milliseconds after the suite's start.
const LATEST: i64 = 20;

const OWNERS: [&str; 3] = ["acme", "Acme", "Łódź 決済"];

const SCOPES: [&str; 6] = ["*", "orders:*", "orders:read", "orders", "order", "a:*:c"];

const NAMES: [&str; 8] = [
    "billing job",
    "BILLING Job 2",
    "İstanbul nightly",
    "STRAẞE sync",
    "ΟΔΟΣ import",
    "100%_done",
    "under_score",
    "決済の鍵",
];

const PARTS: [&str; 12] = [
    "bill",
    "LING J",
    "i̇st",
    "straß",
    "ΣΊΑ",
    "δοσ",
    "0%_",
    "r_s",
    "100",
    "決済の",
    "job",
    "import",
];

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// One of the words, and at times none.
    fn maybe<'a>(&mut self, words: &[&'a str]) -> Option<&'a str> {
        let at = self.random.usize(..=words.len());
        words.get(at).copied()
    }

    pub(super) fn word<'a>(&mut self, words: &[&'a str]) -> &'a str {
        self.random.choice(words).copied().unwrap_or_default()
    }

    pub(super) fn one_in(&mut self, chances: u32) -> bool {
        self.random.u32(..chances) == 0
    }

    pub(super) fn below(&mut self, bound: u32) -> u32 {
        self.random.u32(..bound)
    }

    pub(super) fn time(&mut self) -> Timestamp {
        at(self.random.i64(0..=LATEST))
    }

    pub(super) fn maybe_time(&mut self) -> Option<Timestamp> {
        (!self.one_in(3)).then(|| self.time())
    }

    pub(super) fn service(&mut self) -> ServiceName {
        let names = ["orders", "order", "orders-2"];
        ServiceName::from_static(self.word(&names))
    }

    /// A key that one of the filters may well match.
    pub(super) fn key(&mut self) -> Result<Key, Fault> {
        let scopes: Vec<&str> = (0..3).filter_map(|_| self.maybe(&SCOPES)).collect();
        let drawn = Key {
            environment: self.environment(),
            owner: self.word(&OWNERS).parse()?,
            name: self.word(&NAMES).parse()?,
            scopes: scopes.join(" ").parse()?,
            created_at: self.time(),
            expires_at: self.maybe_time(),
            ..key(self.service(), 0)?
        };
        Ok(match self.below(4) {
            0 => revoked(drawn)?,
            1 => Key {
                state: KeyState::Disabled,
                ..drawn
            },
            _ => drawn,
        })
    }

    fn environment(&mut self) -> Environment {
        if self.one_in(3) {
            Environment::Test
        } else {
            Environment::Live
        }
    }

    fn status(&mut self) -> KeyStatus {
        match self.below(4) {
            0 => KeyStatus::Active,
            1 => KeyStatus::Disabled,
            2 => KeyStatus::Expired,
            _ => KeyStatus::Revoked,
        }
    }

    /// A stretch of time: without bounds, empty and turned around at times.
    fn span(&mut self) -> Span {
        Span {
            from: self.maybe_time(),
            until: self.maybe_time(),
        }
    }

    pub(super) fn last_used(&mut self) -> LastUsed {
        if self.one_in(4) {
            LastUsed::Never
        } else {
            LastUsed::Within(self.span())
        }
    }

    /// A filter with the parts whose bit is set, of [`PARTS_OF_A_FILTER`].
    pub(super) fn filter(&mut self, parts: u32) -> Result<KeyFilter, Fault> {
        let has = |part: u32| parts >> part & 1 == 1;
        let mut filter = KeyFilter::default();
        if has(0) {
            filter.service = Some(self.service());
        }
        if has(1) {
            filter.owner = Some(self.word(&OWNERS).parse()?);
        }
        if has(2) {
            filter.environment = Some(self.environment());
        }
        if has(3) {
            filter.status = Some(self.status());
        }
        if has(4) {
            filter.scope = Some(self.word(&SCOPES).parse()?);
        }
        if has(5) {
            filter.created = Some(self.span());
        }
        if has(6) {
            filter.last_used = Some(self.last_used());
        }
        if has(7) {
            filter.expires_before = Some(self.time());
        }
        if has(8) {
            filter.name = Some(self.word(&PARTS).parse()?);
        }
        Ok(filter)
    }
}

/// How many parts a filter has.
pub(super) const PARTS_OF_A_FILTER: u32 = 9;
