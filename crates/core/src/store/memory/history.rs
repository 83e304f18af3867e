use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::key::KeyId;
use crate::store::{Changes, Head, Revision};

/// How many changes are remembered, to tell followers what they missed.
const KEPT: usize = 100_000;

/// Where the store stands, and the changes that led there.
#[derive(Debug, Clone)]
pub(super) struct History {
    head: Head,
    past: BTreeMap<Revision, Past>,
}

/// One change: the tag that it drew, and what it touched.
#[derive(Debug, Clone)]
struct Past {
    tag: u64,
    touched: Vec<Touched>,
}

/// What a change touched.
#[derive(Debug, Clone, Copy)]
pub(super) enum Touched {
    /// Nothing that is cached.
    Nothing,
    /// Some service.
    Services,
    /// One key.
    Key(KeyId),
}

impl History {
    pub(super) fn new() -> Self {
        let head = Head {
            revision: Revision::default(),
            tag: draw_tag(),
        };
        let start = Past {
            tag: head.tag,
            touched: Vec::new(),
        };
        Self {
            head,
            past: BTreeMap::from([(head.revision, start)]),
        }
    }

    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Counts one committed change.
    pub(super) fn advance(&mut self, touched: Vec<Touched>) -> Head {
        let revision = Revision::new(self.head.revision.count().saturating_add(1));
        self.head = Head {
            revision,
            tag: draw_tag(),
        };
        self.past.insert(
            revision,
            Past {
                tag: self.head.tag,
                touched,
            },
        );
        while self.past.len() > KEPT {
            self.past.pop_first();
        }
        self.head
    }

    pub(super) fn changes(&self, since: Head) -> Changes {
        let head = self.head;
        if since.revision > head.revision {
            return Changes::Diverged { head };
        }
        match self.past.get(&since.revision) {
            None => return Changes::All { head },
            Some(past) if past.tag != since.tag => return Changes::Diverged { head },
            Some(_) => {}
        }
        let (mut keys, mut services) = (BTreeSet::new(), false);
        for past in self
            .past
            .range((Bound::Excluded(since.revision), Bound::Unbounded))
        {
            for touched in &past.1.touched {
                match touched {
                    Touched::Nothing => {}
                    Touched::Services => services = true,
                    Touched::Key(id) => {
                        keys.insert(*id);
                    }
                }
            }
            if keys.len() > Changes::MAX_KEYS {
                return Changes::All { head };
            }
        }
        Changes::Some {
            head,
            keys: keys.into_iter().collect(),
            services,
        }
    }
}

/// 64 random bits. A random UUID fixes six of its 128: folded, each half
/// covers the other's.
fn draw_tag() -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    high ^ low.rotate_left(32)
}

#[cfg(test)]
mod tests {
    use super::{History, KEPT, Touched};
    use crate::key::KeyId;
    use crate::store::Changes;

    #[test]
    fn a_follower_whose_revision_is_forgotten_takes_everything_as_changed() {
        let mut history = History::new();
        let start = history.head();
        let id = KeyId::random();
        for _ in 1..KEPT {
            history.advance(vec![Touched::Key(id)]);
        }
        let kept = Changes::Some {
            head: history.head(),
            keys: vec![id],
            services: false,
        };
        assert_eq!(history.changes(start), kept);
        history.advance(vec![Touched::Services]);
        assert_eq!(
            history.changes(start),
            Changes::All {
                head: history.head()
            }
        );
    }
}
