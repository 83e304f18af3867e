use std::sync::Arc;

use super::judge::{Judgement, denied};
use crate::cache::{Asker, Cached, ServiceTable};
use crate::clock::Moment;
use crate::context::Context;
use crate::manager::shared::Shared;
use crate::manager::stats::Counters;
use crate::token::ParsedToken;
use crate::verdict::{DenialReason, UnavailableCause, Verdict};

/// How often a record that changes while it is read is read again.
const RETRIES: usize = 2;

impl Shared {
    /// Decides by what the store says now.
    pub(super) async fn validate_stored(
        self: &Arc<Self>,
        token: &ParsedToken,
        context: &Context<'_>,
        since: Moment,
    ) -> Verdict {
        // Strangers' inventions end here, before any look-up.
        if !self.keyring.issued(token) {
            return self.unproved(token, DenialReason::Tag);
        }
        let asker = Asker::of(context.client_address());
        let mut cause = UnavailableCause::Contended;
        for attempt in 0..=RETRIES {
            if attempt > 0 {
                Counters::add(&self.counters.gate_retries);
            }
            let services = match self.fresh_services().await {
                Ok(services) => services,
                Err(cause) => return self.unavailable(cause),
            };
            if let Some(verdict) = self.validate_known(token, &services, context) {
                return verdict;
            }
            let weighed = match self.load_key(token.id, asker).await {
                Ok(cached) => self.weigh(token, &cached, &services, context, since),
                // Somebody else reads it: that is joined, or is there already.
                Err(cause @ UnavailableCause::Contended) => Err(cause),
                Err(cause) => return self.unavailable(cause),
            };
            match weighed {
                Ok(verdict) => return verdict,
                Err(again) => cause = again,
            }
        }
        self.unavailable(cause)
    }

    /// Decides by what is cached by now: the services alone may have been too
    /// old, or another request was first to read the key. Refuses no mismatch.
    fn validate_known(
        &self,
        token: &ParsedToken,
        services: &ServiceTable,
        context: &Context<'_>,
    ) -> Option<Verdict> {
        let now = self.clock.now();
        let Cached::Present(entry) = self.counting(token.id, now)? else {
            return None;
        };
        match self.judge(token, &entry, services, context, now) {
            Judgement::Verdict(verdict) => Some(verdict),
            Judgement::Mismatch | Judgement::NoService => None,
        }
    }

    /// Decides by what a read brought; or says why it has to be read again.
    fn weigh(
        &self,
        token: &ParsedToken,
        cached: &Cached,
        services: &ServiceTable,
        context: &Context<'_>,
        since: Moment,
    ) -> Result<Verdict, UnavailableCause> {
        let now = self.clock.now();
        // A read that was under way when the record changed brings back what
        // no longer counts, for those who joined it as well; and what the
        // services were before it may have changed as long as it took.
        if !self.gate.passes_key(token.id, cached.stamp())
            || !self.gate.passes_services(services.stamp())
        {
            return Err(UnavailableCause::Contended);
        }
        // A read that took longer than S is no better than a cache of that age.
        let [key, table] = [cached.read_at(), services.read_at()].map(|at| now.age_since(at));
        if key.max(table).min(self.freshness.age(now)) > self.config.max_staleness {
            return Err(UnavailableCause::Store);
        }
        // One that began before the request may have missed a key or a secret
        // that was made in between: it refuses neither.
        let began_before = cached.read_at().is_before(since);
        let judged = match cached {
            Cached::Present(entry) => self.judge(token, entry, services, context, now),
            Cached::Absent(_) if began_before => return Err(UnavailableCause::Contended),
            Cached::Absent(_) => return Ok(denied(DenialReason::Unknown, token)),
        };
        match judged {
            Judgement::Verdict(verdict) => Ok(verdict),
            Judgement::Mismatch if began_before => Err(UnavailableCause::Contended),
            Judgement::Mismatch => Ok(denied(DenialReason::Secret, token)),
            Judgement::NoService => {
                // The key is of a service younger than the table.
                self.gate.raise_services(cached.stamp());
                Err(UnavailableCause::Contended)
            }
        }
    }

    /// The cached table of services where it counts, or else a new one.
    async fn fresh_services(self: &Arc<Self>) -> Result<Arc<ServiceTable>, UnavailableCause> {
        let stale = self.freshness.age(self.clock.now()) > self.config.max_staleness;
        let cached = self.services.table();
        if !stale && self.gate.passes_services(cached.stamp()) {
            return Ok(Arc::clone(&cached));
        }
        drop(cached);
        for _ in 0..=RETRIES {
            let table = self.load_services().await?;
            if self.gate.passes_services(table.stamp()) {
                return Ok(table);
            }
        }
        Err(UnavailableCause::Contended)
    }
}
