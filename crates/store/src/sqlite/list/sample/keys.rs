use std::sync::Arc;

use portcullis_core::clock::Timestamp;
use portcullis_core::key::{Environment, Key, KeyId, KeyState};
use portcullis_core::service::ServiceName;
use portcullis_core::store::conformance::{Driver, at, key, service};
use portcullis_core::store::{Change, MemoryStore, Operation};
use portcullis_core::usage::{NodeId, Usage, UsageBatch, UsageDelta};
use rusqlite::Connection;

use super::Fault;
use crate::sqlite::{change, counters};

const COLOURS: [&str; 4] = ["amber", "beige", "coral", "denim"];
const SCOPES: [&str; 3] = ["a:read", "a:read b:*", "b:*"];

/// Keys of which every property has the same share, however many they are, and
/// one that is like no other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// How many.
    pub(super) count: i64,
}

impl Keys {
    /// The number of the one that is like no other.
    pub(super) fn rare(self) -> i64 {
        self.count / 9 * 7
    }

    /// A point of time, by how many tenths of all expiries and uses it follows.
    pub(super) fn tenths(self, tenths: i64) -> Timestamp {
        at(self.count / 10 * tenths + self.count)
    }

    /// When the key of this number was created.
    pub(super) fn created(n: i64) -> Timestamp {
        at(n / 4)
    }

    /// The service of the key of this number.
    pub(super) fn service(n: i64) -> Result<ServiceName, Fault> {
        Ok(format!("service-{}", n % 4).parse()?)
    }

    /// Writes the keys to an empty database, and their use.
    pub(super) fn write(self, connection: &Connection) -> Result<(), Fault> {
        let driver = Driver::new(Arc::new(MemoryStore::new())).map_err(fault)?;
        let services: Result<Vec<_>, Fault> = (0..4)
            .map(|n| {
                Ok(Operation::CreateService(service(
                    Self::service(n)?,
                    1_000_000,
                )))
            })
            .collect();
        change::apply(connection, &driver.steps(services?)).map_err(fault)?;
        let transaction = connection.unchecked_transaction()?;
        let numbers: Vec<i64> = (0..self.count).collect();
        for some in numbers.chunks(Change::MAX_STEPS) {
            let creation = |n: &i64| -> Result<_, Fault> {
                let key = self.key(*n)?;
                Ok(Operation::CreateKey { key, now: at(0) })
            };
            let steps: Result<Vec<_>, Fault> = some.iter().map(creation).collect();
            change::apply(&transaction, &driver.steps(steps?)).map_err(fault)?;
        }
        self.use_them(&transaction)?;
        Ok(transaction.commit()?)
    }

    fn key(self, n: i64) -> Result<Key, Fault> {
        let plain = key(Self::service(n)?, n / 4).map_err(fault)?;
        if n == self.rare() {
            return Ok(Key {
                environment: Environment::Test,
                owner: "rare".parse()?,
                scopes: "rare".parse()?,
                name: "needle".parse()?,
                expires_at: Some(at(-1_000)),
                state: KeyState::Disabled,
                ..plain
            });
        }
        let of = |all: &[&'static str], every: i64| {
            let place = usize::try_from(n / every).unwrap_or_default();
            all.iter()
                .cycle()
                .nth(place % all.len())
                .copied()
                .unwrap_or_default()
        };
        Ok(Key {
            owner: format!("owner {}", n / 10 % 5).parse()?,
            scopes: of(&SCOPES, 11).parse()?,
            name: format!("Key {} {}", of(&COLOURS, 7), n % 1_000).parse()?,
            // A fifth never, four fifths all over the time to come.
            expires_at: (n % 5 > 0).then(|| self.spread(n)),
            // A tenth.
            state: match n / 13 % 10 {
                3 => KeyState::Disabled,
                _ => KeyState::Active,
            },
            ..plain
        })
    }

    /// A time that is early for some keys and late for others.
    fn spread(self, n: i64) -> Timestamp {
        at(n * 7_919 % self.count + self.count)
    }

    /// Eight of nine keys were used.
    fn use_them(self, connection: &Connection) -> Result<(), Fault> {
        let mut statement = connection.prepare("SELECT id FROM keys ORDER BY number")?;
        let ids = statement.query_map([], |row| row.get(0))?;
        let mut rows = Vec::new();
        for (id, n) in ids.zip(0..).filter(|(_, n)| n % 9 > 0 || *n == self.rare()) {
            let last = if n == self.rare() {
                at(-1_000)
            } else {
                self.spread(n)
            };
            rows.push(UsageDelta {
                key: KeyId::from_bytes(id?),
                secret: 1,
                usage: Usage {
                    granted: 1,
                    last_used_at: Some(last),
                    ..Usage::default()
                },
            });
        }
        let batch = UsageBatch {
            node: NodeId::random(),
            number: 1,
            at: at(0),
            rows,
        };
        counters::add(connection, &batch).map_err(fault)
    }
}

/// What the store or the suite said.
pub(super) fn fault(error: impl std::fmt::Debug) -> Fault {
    format!("{error:?}").into()
}
