use std::collections::HashSet;

use super::broken::{Fault, Outcome, holds, refused, same};
use super::draw::PARTS_OF_A_FILTER;
use super::drawn::Drawn;
use super::driver::Driver;
use super::samples::at;
use crate::clock::Timestamp;
use crate::key::{Key, KeyFilter, KeyId};
use crate::store::{PagePosition, PageRequest, StoreErrorKind};

pub(super) async fn a_walk_meets_each_key_once_whatever_changes(driver: Driver) -> Outcome {
    let mut drawn = Drawn::write(&driver, 4, 60).await?;
    // A listing by status, use or expiry may be in the order of those, in which
    // a key moves that is used or whose expiry changes.
    for parts in [0, 1, 1 << 1, 1 << 2, 1 << 4, 1 << 5, 1 << 8] {
        let filter = drawn.draw.filter(parts)?;
        let walked = drawn.walk(&driver, filter, Use::Goes).await?;
        walked.expect_once(|_| true)?;
    }
    Ok(())
}

pub(super) async fn a_walk_meets_once_what_stays_in_its_place(driver: Driver) -> Outcome {
    let mut drawn = Drawn::write(&driver, 6, 60).await?;
    for parts in [
        1 << 3,
        1 << 6,
        1 << 7,
        1 << 3 | 1,
        1 << 6 | 1,
        1 << 7 | 1 << 3,
    ] {
        let filter = drawn.draw.filter(parts)?;
        let walked = drawn.walk(&driver, filter, Use::Rests).await?;
        walked.expect_once(|id| !walked.changed.contains(id))?;
    }
    Ok(())
}

/// Whether keys are used during a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Goes,
    Rests,
}

/// What a walk met.
struct Walked {
    filter: KeyFilter,
    /// What matched at its start, and did so to its end.
    standing: Vec<KeyId>,
    found: Vec<KeyId>,
    /// What was changed meanwhile.
    changed: HashSet<KeyId>,
}

impl Walked {
    /// Fails unless it met those keys once that `counts` is true for.
    fn expect_once(&self, counts: impl Fn(&KeyId) -> bool) -> Outcome {
        let mut met = HashSet::new();
        let again = self.found.iter().filter(|id| !met.insert(**id));
        let again: Vec<_> = again.filter(|id| counts(id)).collect();
        let filter = &self.filter;
        same(
            &format!("keys met again in {filter:?}"),
            &again,
            &Vec::new(),
        )?;
        let missed = self.standing.iter().filter(|id| !met.contains(*id));
        let missed: Vec<_> = missed.filter(|id| counts(id)).collect();
        same(&format!("keys missed in {filter:?}"), &missed, &Vec::new())
    }
}

impl Drawn {
    /// Walks a listing while keys change, come and perhaps are used.
    async fn walk(
        &mut self,
        driver: &Driver,
        filter: KeyFilter,
        used: Use,
    ) -> Result<Walked, Fault> {
        let now = at(0);
        let last_used = |key: &Key| self.used.get(&key.id).copied();
        let matching = |key: &&Key| filter.matches(key, last_used(key), now);
        let standing = self.keys.iter().filter(matching).map(|key| key.id);
        let mut walked = Walked {
            filter: filter.clone(),
            standing: standing.collect(),
            found: Vec::new(),
            changed: HashSet::new(),
        };
        let mut request = PageRequest {
            filter,
            after: None,
            limit: 4,
            now,
        };
        for number in 1.. {
            let page = driver.store.page(request.clone()).await?;
            walked.found.extend(page.keys.iter().map(|key| key.id));
            let changed = self.change_some(driver, &request.filter, now).await?;
            walked.changed.extend(changed);
            if used == Use::Goes {
                self.use_some(driver, number).await?;
            }
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
            holds("a walk ends", number < 10_000)?;
        }
        Ok(walked)
    }

    /// Changes a few keys so that those that match still do, and adds one.
    async fn change_some(
        &mut self,
        driver: &Driver,
        filter: &KeyFilter,
        now: Timestamp,
    ) -> Result<Vec<KeyId>, Fault> {
        let mut changed = Vec::new();
        for _ in 0..3 {
            let fresh = self.draw.key()?;
            let length = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
            let at = usize::try_from(self.draw.below(length)).unwrap_or_default();
            let Some(key) = self.keys.get_mut(at) else {
                continue;
            };
            let next = Key {
                expires_at: fresh.expires_at,
                state: fresh.state,
                owner: fresh.owner,
                name: fresh.name,
                scopes: fresh.scopes,
                version: key.version + 1,
                ..key.clone()
            };
            let used = self.used.get(&key.id).copied();
            if filter.matches(key, used, now) && !filter.matches(&next, used, now) {
                continue;
            }
            driver
                .update_key(Key {
                    version: key.version,
                    ..next.clone()
                })
                .await?;
            changed.push(next.id);
            *key = next;
        }
        let young = self.draw.key()?;
        driver.create_key(young.clone()).await?;
        self.keys.push(young);
        Ok(changed)
    }
}

pub(super) async fn a_foreign_position_is_refused(driver: Driver) -> Outcome {
    let mut drawn = Drawn::write(&driver, 5, 200).await?;
    for part in 0..=PARTS_OF_A_FILTER {
        let filter = drawn.draw.filter(1 << part)?;
        let first = PageRequest {
            filter,
            after: None,
            limit: 1,
            now: at(0),
        };
        let Some(ours) = driver.store.page(first.clone()).await?.next else {
            continue;
        };
        let ours = ours.as_bytes();
        let shorter = ours.split_last().map_or(ours, |(_, rest)| rest);
        let longer = [ours, &[0]].concat();
        for bytes in [
            shorter,
            &longer,
            &[0],
            &[0xff; PagePosition::MAX_BYTES],
            b"next",
        ] {
            // Where ours is as long as one may be, there is no longer one.
            let Ok(position) = PagePosition::new(bytes) else {
                continue;
            };
            let request = PageRequest {
                after: Some(position),
                ..first.clone()
            };
            let answer = driver.store.page(request).await;
            refused(
                &format!("position {bytes:?}"),
                answer,
                StoreErrorKind::Invalid,
            )?;
        }
    }
    drawn.use_positions_of_others(&driver).await
}

impl Drawn {
    /// A position of one listing in another: refused, or it lists what matches.
    async fn use_positions_of_others(&mut self, driver: &Driver) -> Outcome {
        for _ in 0..100 {
            let (one, other) = (
                self.draw.below(1 << PARTS_OF_A_FILTER),
                self.draw.below(PARTS_OF_A_FILTER),
            );
            let first = PageRequest {
                filter: self.draw.filter(1 << other)?,
                after: None,
                limit: 2,
                now: at(10),
            };
            let Some(position) = driver.store.page(first.clone()).await?.next else {
                continue;
            };
            let request = PageRequest {
                filter: self.draw.filter(one)?,
                after: Some(position),
                ..first
            };
            match driver.store.page(request.clone()).await {
                Err(error) => same("the refusal", &error.kind(), &StoreErrorKind::Invalid)?,
                Ok(page) => {
                    let matching = |key: &Key| {
                        let used = self.used.get(&key.id).copied();
                        request.filter.matches(key, used, request.now)
                    };
                    holds("what is listed matches", page.keys.iter().all(matching))?;
                }
            }
        }
        Ok(())
    }
}
