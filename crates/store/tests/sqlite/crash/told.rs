use std::fmt;
use std::io::Write as _;
use std::str::{FromStr, SplitWhitespace};

use portcullis_core::key::{Key, KeyId};
use portcullis_core::service::{Service, ServiceName};

/// A change that was acknowledged: what the process says of it on a line, and
/// its killer hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Key(ToldKey),
    Service(ToldService),
    /// The audit trail has an anchor at this event.
    Anchored(u64),
    /// It was pruned through this event.
    Pruned(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToldKey {
    pub(super) id: KeyId,
    pub(super) version: u64,
    pub(super) state: String,
    pub(super) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToldService {
    pub(super) name: ServiceName,
    pub(super) version: u64,
    pub(super) quota: u32,
}

impl Told {
    /// Says what the operation of this name has led to. In one write: a line is
    /// told as a whole or not at all.
    pub(super) fn tell(&self, operation: &str) {
        let mut out = std::io::stdout().lock();
        let line = format!("told {operation} {self}\n");
        out.write_all(line.as_bytes())
            .and_then(|()| out.flush())
            .expect("told");
    }

    /// The operation of a whole line, and what it tells; nothing where the line
    /// is the test harness's.
    pub(super) fn hear(line: &str) -> Option<(String, Self)> {
        let line = line.strip_suffix('\n')?;
        // Before the first one stands what the harness says.
        let (_, told) = line.split_once("told ")?;
        let mut words = told.split_whitespace();
        let operation = word(&mut words);
        let told = match word::<String>(&mut words).as_str() {
            "key" => Self::Key(ToldKey {
                id: word(&mut words),
                version: word(&mut words),
                state: word(&mut words),
                name: word(&mut words),
            }),
            "service" => Self::Service(ToldService {
                name: word(&mut words),
                version: word(&mut words),
                quota: word(&mut words),
            }),
            "anchored" => Self::Anchored(word(&mut words)),
            "pruned" => Self::Pruned(word(&mut words)),
            other => unreachable!("nobody tells of {other}"),
        };
        Some((operation, told))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => {
                let ToldKey {
                    id,
                    version,
                    state,
                    name,
                } = key;
                write!(f, "key {id} {version} {state} {name}")
            }
            Self::Service(service) => {
                let ToldService {
                    name,
                    version,
                    quota,
                } = service;
                write!(f, "service {name} {version} {quota}")
            }
            Self::Anchored(sequence) => write!(f, "anchored {sequence}"),
            Self::Pruned(sequence) => write!(f, "pruned {sequence}"),
        }
    }
}

impl From<&Key> for ToldKey {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id,
            version: key.version,
            state: key.state.as_str().to_owned(),
            name: key.name.to_string(),
        }
    }
}

impl From<&Service> for ToldService {
    fn from(service: &Service) -> Self {
        Self {
            name: service.name.clone(),
            version: service.version,
            quota: service.quota,
        }
    }
}

fn word<T: FromStr<Err: fmt::Debug>>(words: &mut SplitWhitespace<'_>) -> T {
    words.next().expect("a word").parse().expect("as told")
}
