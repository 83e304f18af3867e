use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Moment;
use crate::key::KeyId;
use crate::sync::{Mutex, PoisonError};
use crate::token::ParsedToken;

/// For which tokens a key was read again of late because they did not match.
///
/// A secret may be newer than what is cached, so a mismatch is read again
/// before it refuses: once per token and pause, so that a wrong token cannot
/// make the store work. Only tokens that we issued are asked for, and those
/// who hold one cannot make others.
#[derive(Debug)]
pub(crate) struct Rereads {
    last: Mutex<HashMap<(KeyId, [u8; 8]), Moment>>,
    pause: Duration,
}

/// What a mismatch calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reread {
    /// The key is to be read again, and the caller is the first to say so.
    First,
    /// Another caller was first; what it brings is not in the record yet.
    Joined,
    /// The record is what was read again, less than a pause ago: the token may
    /// be refused.
    Done,
}

/// The most tokens remembered. Past it each mismatch is read again, and the
/// queue of reads is the bound.
const CAPACITY: usize = 4_096;

impl Rereads {
    pub(crate) fn new(pause: Duration) -> Self {
        Self {
            last: Mutex::default(),
            pause,
        }
    }

    /// What is to be done for a token that does not match a record which was
    /// read at `read_at`.
    pub(crate) fn claim(&self, token: &ParsedToken, read_at: Moment, now: Moment) -> Reread {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (token.id, token.tag());
        match last.get(&of) {
            Some(claimed) if now.age_since(*claimed) >= self.pause => {}
            Some(claimed) if read_at.is_before(*claimed) => return Reread::Joined,
            Some(_) => return Reread::Done,
            None => {}
        }
        if last.len() >= CAPACITY {
            last.retain(|_, claimed| now.age_since(*claimed) < self.pause);
        }
        if last.len() < CAPACITY {
            last.insert(of, now);
        }
        Reread::First
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CAPACITY, Reread, Rereads};
    use crate::clock::{Clock, ManualClock};
    use crate::key::{Environment, KeyId};
    use crate::token::{ParsedToken, Prefix};

    const PAUSE: Duration = Duration::from_millis(500);

    fn token(id: KeyId, tag: u8) -> ParsedToken {
        ParsedToken {
            prefix: Prefix::DEFAULT,
            environment: Environment::Live,
            id,
            secret: [tag; 32],
        }
    }

    #[test]
    fn a_key_is_read_again_once_per_token_and_pause() {
        let (clock, rereads) = (ManualClock::new(), Rereads::new(PAUSE));
        let (id, cached) = (KeyId::random(), clock.now());
        clock.advance(Duration::from_millis(1));
        let claim = |tag, read_at| rereads.claim(&token(id, tag), read_at, clock.now());
        assert_eq!(claim(1, cached), Reread::First);
        assert_eq!(claim(1, cached), Reread::Joined, "not read again yet");
        let again = clock.now();
        assert_eq!(claim(1, again), Reread::Done);
        assert_eq!(claim(2, again), Reread::First, "another token of the key");
        clock.advance(PAUSE);
        assert_eq!(claim(1, again), Reread::First);
    }

    #[test]
    fn memory_is_bounded_and_a_full_table_refuses_nobody() {
        let (clock, rereads) = (ManualClock::new(), Rereads::new(PAUSE));
        let claim = || {
            let now = clock.now();
            rereads.claim(&token(KeyId::random(), 1), now, now)
        };
        for _ in 0..=CAPACITY {
            assert_eq!(claim(), Reread::First);
        }
        let held = || rereads.last.lock().expect("lock").len();
        assert_eq!(held(), CAPACITY);
        clock.advance(PAUSE);
        assert_eq!(claim(), Reread::First);
        assert_eq!(held(), 1, "what is over is forgotten");
    }
}
