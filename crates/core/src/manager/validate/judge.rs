use std::sync::Arc;
use std::time::Duration;

use super::steps::{allowed, class_of, known, live};
use crate::cache::{Entry, SecretMatch, ServiceTable};
use crate::clock::Moment;
use crate::context::Context;
use crate::grant::Grant;
use crate::manager::shared::Shared;
use crate::token::ParsedToken;
use crate::verdict::{Denial, DenialReason, Unavailability, UnavailableCause, Verdict};

/// What the three steps say of a record.
pub(super) enum Judgement {
    Verdict(Verdict),
    /// The token matches no secret; one may be newer than the record.
    Mismatch,
    /// The key's service is not in the table: the table is too old.
    NoService,
}

impl Shared {
    /// Takes the three steps, and counts the use of a secret that was proved.
    pub(super) fn judge(
        &self,
        token: &ParsedToken,
        entry: &Arc<Entry>,
        services: &ServiceTable,
        context: &Context<'_>,
        now: Moment,
    ) -> Judgement {
        let found = match known(token, entry, &self.keyring) {
            SecretMatch::Found(found) => found,
            SecretMatch::None => return Judgement::Mismatch,
            SecretMatch::UnknownRoot => {
                return Judgement::Verdict(self.unavailable(UnavailableCause::UnknownRoot));
            }
        };
        let key = entry.key();
        let Some(service) = services.find(&key.service) else {
            // A service is never removed: a table that is as new as the record
            // and lacks it says that there is none, and reading again finds none.
            if services.stamp() >= entry.stamp() {
                found.usage.record_refused(class_of(DenialReason::Service));
                return Judgement::Verdict(denied(DenialReason::Service, token));
            }
            return Judgement::NoService;
        };
        let refused = live(key, service, found.secret, now).and_then(|()| allowed(key, context));
        if let Err(reason) = refused {
            found.usage.record_refused(class_of(reason));
            return Judgement::Verdict(denied(reason, token));
        }
        let client = context.client_address();
        found.usage.record_granted(now.wall(), client);
        self.move_digest(token, entry, &found);
        let (entry, service) = (Arc::clone(entry), Arc::clone(service));
        Judgement::Verdict(Verdict::Granted(Grant::new(
            entry,
            service,
            found.place,
            now,
        )))
    }

    /// What is said of a token that no root here proves. Where the keyring lacks
    /// one of the store's, it may be of that one; the store is not asked even
    /// then, as it may be a stranger's invention as well.
    pub(super) fn unproved(&self, token: &ParsedToken, reason: DenialReason) -> Verdict {
        if self.missing_roots.any() {
            self.unavailable(UnavailableCause::UnknownRoot)
        } else {
            denied(reason, token)
        }
    }

    pub(super) fn unavailable(&self, cause: UnavailableCause) -> Verdict {
        let retry_after = self.config.poll_interval.max(Duration::from_secs(1));
        Verdict::Unavailable(Unavailability::new(cause, retry_after))
    }
}

pub(super) fn denied(reason: DenialReason, token: &ParsedToken) -> Verdict {
    Verdict::Denied(Denial::new(reason, Some(token.id)))
}
