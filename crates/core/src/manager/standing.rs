use std::sync::Arc;

use crate::cache::{Asker, Cached, Entry};
use crate::clock::{Moment, Timestamp};
use crate::context::Context;
use crate::grant::Grant;
use crate::key::{Key, Secret};
use crate::manager::KeyManager;
use crate::manager::shared::Shared;
use crate::manager::validate::{allowed, live};
use crate::verdict::DenialReason;

/// Whether a grant that was made some time ago would be made again.
///
/// Exhaustive on purpose, as [`Verdict`](crate::Verdict) is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It would, by the last that this node has heard.
    Good {
        /// When its key expires, or the grace of its secret is over, whichever
        /// comes first; nothing where neither has an end.
        until: Option<Timestamp>,
    },
    /// It would not, and why.
    Ended(DenialReason),
    /// Something has changed, and has to be read: see [`KeyManager::review`].
    Unread,
    /// Nobody can say: the store has not been heard of for longer than
    /// `max_staleness`.
    Unknown,
}

impl KeyManager {
    /// Whether the token that `grant` was made for is still good for `context`.
    ///
    /// For requests that take long: a token that was good at their start may be
    /// revoked before their end. Takes no lock of its own, reads nothing,
    /// allocates nothing, and counts no use.
    ///
    /// A change that is made here, and one elsewhere that this node has heard
    /// of, is never missed; [`KeyManager::changes`] tells when to ask again.
    #[must_use]
    pub fn standing(&self, grant: &Grant, context: &Context<'_>) -> Standing {
        self.standing_at(grant, context, self.clock().now())
    }

    /// The same at a moment that was read from the manager's clock before: for
    /// who asks for many.
    #[must_use]
    pub fn standing_at(&self, grant: &Grant, context: &Context<'_>, now: Moment) -> Standing {
        self.shared().standing(grant, context, now)
    }

    /// The same, reading what has to be read.
    ///
    /// Nobody waits for such a read as a client waits for a verdict, so it
    /// takes no client's place. Where the store does not answer, has no place
    /// for it, or something has changed meanwhile, it is still
    /// [`Standing::Unread`]: to be asked again a little later.
    pub async fn review(&self, grant: &Grant, context: &Context<'_>) -> Standing {
        self.shared().review(grant, context).await
    }
}

impl Shared {
    fn standing(&self, grant: &Grant, context: &Context<'_>, now: Moment) -> Standing {
        let (id, own) = (grant.key_id(), grant.entry());
        if self.freshness.age(now) > self.config.max_staleness {
            // Nobody has to be heard for what time alone ends.
            return over(grant, own.key(), now).map_or(Standing::Unknown, Standing::Ended);
        }
        // What the grant was made by counts for as long as nothing has changed,
        // wherever the cache has room for it or not.
        if self.gate.passes_key(id, own.stamp()) {
            return self.stands_by_entry(own, grant, context, now);
        }
        match self.keys.find(id) {
            Some(cached) => self.stands_by(&cached, grant, context, now),
            None => Standing::Unread,
        }
    }

    async fn review(self: &Arc<Self>, grant: &Grant, context: &Context<'_>) -> Standing {
        let standing = self.standing(grant, context, self.clock.now());
        if standing != Standing::Unread {
            return standing;
        }
        if !self.knows_service_of(grant) {
            // One read for all who are asked for. Where it fails, that shows
            // below: the table does not pass.
            let _ = self.load_services().await;
            let standing = self.standing(grant, context, self.clock.now());
            if standing != Standing::Unread {
                return standing;
            }
        }
        let read = self.load_key(grant.key_id(), Asker::Background).await;
        let now = self.clock.now();
        match (self.standing(grant, context, now), read) {
            // The cache need not have kept what was read.
            (Standing::Unread, Ok(read)) => self.stands_by(&read, grant, context, now),
            (standing, _) => standing,
        }
    }

    /// Whether the services need not be read to say how the grant stands.
    fn knows_service_of(&self, grant: &Grant) -> bool {
        let services = self.services.table();
        self.gate.passes_services(services.stamp()) && services.find(grant.service()).is_some()
    }

    /// What was cached or read of the grant's key says, where it counts.
    fn stands_by(
        &self,
        cached: &Cached,
        grant: &Grant,
        context: &Context<'_>,
        now: Moment,
    ) -> Standing {
        if !self.gate.passes_key(grant.key_id(), cached.stamp()) {
            return Standing::Unread;
        }
        match cached {
            Cached::Present(entry) => self.stands_by_entry(entry, grant, context, now),
            Cached::Absent(_) => Standing::Ended(DenialReason::Unknown),
        }
    }

    /// What a record says that has passed the gate.
    fn stands_by_entry(
        &self,
        entry: &Entry,
        grant: &Grant,
        context: &Context<'_>,
        now: Moment,
    ) -> Standing {
        let services = self.services.table();
        if !self.gate.passes_services(services.stamp()) {
            return Standing::Unread;
        }
        let key = entry.key();
        let Some(service) = services.find(&key.service) else {
            // As in a validation: a table as new as the record that lacks the
            // service says that there is none.
            return match services.stamp() >= entry.stamp() {
                true => Standing::Ended(DenialReason::Service),
                false => Standing::Unread,
            };
        };
        let Some(secret) = proved(grant, key) else {
            return Standing::Ended(DenialReason::Rotated);
        };
        match live(key, service, secret, now).and_then(|()| allowed(key, context)) {
            Ok(()) => Standing::Good {
                until: earlier(key.expires_at, secret.ends_at),
            },
            Err(reason) => Standing::Ended(reason),
        }
    }
}

/// The grant's secret as this record of its key has it; nothing where it is
/// gone. Its place among the others may be another one by now, and in another
/// life of the store its number may be another secret's.
fn proved<'a>(grant: &Grant, key: &'a Key) -> Option<&'a Secret> {
    let proved = grant.secret()?;
    let secret = key
        .secrets
        .iter()
        .find(|secret| secret.number == proved.number)?;
    // A digest that was moved to another root cannot be compared.
    let same = secret.created_at == proved.created_at
        && (secret.root != proved.root || secret.digest == proved.digest);
    same.then_some(secret)
}

/// Why the grant's token ended by time alone, by the record that it was made by.
fn over(grant: &Grant, key: &Key, now: Moment) -> Option<DenialReason> {
    let secret = proved(grant, key)?;
    if key.is_expired(now.wall()) {
        return Some(DenialReason::Expired);
    }
    (!secret.is_live(now.wall())).then_some(DenialReason::Rotated)
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
