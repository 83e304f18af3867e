use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::key::KeyId;

/// Which keys were read again of late because a token did not match.
///
/// A secret may be newer than what is cached, so a mismatch is read again
/// before it refuses: once per key and pause, so that a wrong token cannot
/// make the store work.
#[derive(Debug)]
pub(crate) struct Rereads {
    last: Mutex<HashMap<KeyId, Moment>>,
    pause: Duration,
}

/// The most keys remembered; past it, a mismatch refuses at once.
const CAPACITY: usize = 4_096;

impl Rereads {
    pub(crate) fn new(pause: Duration) -> Self {
        Self {
            last: Mutex::default(),
            pause,
        }
    }

    /// Whether the caller may have the key read again now.
    pub(crate) fn claim(&self, id: KeyId, now: Moment) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last
            .get(&id)
            .is_some_and(|last| now.age_since(*last) < self.pause)
        {
            return false;
        }
        if last.len() >= CAPACITY {
            last.retain(|_, last| now.age_since(*last) < self.pause);
        }
        if last.len() >= CAPACITY {
            return false;
        }
        last.insert(id, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CAPACITY, Rereads};
    use crate::clock::{Clock, ManualClock};
    use crate::key::KeyId;

    #[test]
    fn a_key_is_read_again_once_per_pause_and_memory_is_bounded() {
        let (clock, pause) = (ManualClock::new(), Duration::from_millis(500));
        let (rereads, id) = (Rereads::new(pause), KeyId::random());
        assert!(rereads.claim(id, clock.now()));
        assert!(!rereads.claim(id, clock.now()));
        for _ in 1..CAPACITY {
            assert!(rereads.claim(KeyId::random(), clock.now()));
        }
        assert!(!rereads.claim(KeyId::random(), clock.now()), "full");
        clock.advance(pause);
        assert!(rereads.claim(id, clock.now()));
        assert_eq!(
            rereads.last.lock().expect("lock").len(),
            1,
            "what is over is forgotten"
        );
        assert!(rereads.claim(KeyId::random(), clock.now()), "room was made");
    }
}
