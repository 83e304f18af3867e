use std::sync::Arc;

use super::judge::{Judgement, denied};
use crate::cache::{Cached, Entry, Reread};
use crate::clock::Moment;
use crate::context::Context;
use crate::key::KeyId;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::token::ParsedToken;
use crate::verdict::{DenialReason, Verdict};

impl Shared {
    /// Decides by what is cached; nothing where the store has to be asked.
    pub(super) fn validate_cached(
        self: &Arc<Self>,
        token: &ParsedToken,
        context: &Context<'_>,
        now: Moment,
    ) -> Option<Verdict> {
        let Cached::Present(entry) = self.counting(token.id, now)? else {
            Counters::add(&self.counters.negative_hits);
            return Some(denied(DenialReason::Unknown, token));
        };
        let services = self.services.table();
        if !self.gate.passes_services(services.stamp()) {
            return None;
        }
        if entry.claim_refresh(now, self.config.poll_interval) {
            self.refresh_key(token.id);
        }
        match self.judge(token, &entry, &services, context, now) {
            Judgement::Verdict(verdict) => Some(verdict),
            Judgement::NoService => None,
            Judgement::Mismatch => self.refuse_mismatch(token, &entry, now),
        }
    }

    /// What is cached of a key, where it still counts.
    pub(super) fn counting(&self, id: KeyId, now: Moment) -> Option<Cached> {
        if self.freshness.age(now) > self.config.max_staleness {
            return None;
        }
        let cached = self.keys.find(id)?;
        self.gate.passes_key(id, cached.stamp()).then_some(cached)
    }

    /// Refuses a token that matches no cached secret; nothing where the key
    /// has to be read again before.
    fn refuse_mismatch(&self, token: &ParsedToken, entry: &Entry, now: Moment) -> Option<Verdict> {
        // Only what we issued ourselves may make the store work.
        if !self.keyring.issued(token) {
            return Some(self.unproved(token, DenialReason::Secret));
        }
        match self.rereads.claim(token, entry.read_at(), now) {
            Reread::First => {
                Counters::add(&self.counters.rereads);
                None
            }
            Reread::Joined => None,
            Reread::Done => Some(denied(DenialReason::Secret, token)),
        }
    }
}
