use std::sync::Arc;

use fastrand::Rng;
use http::header::HOST;
use http::{Method, Request, Response};
use tokio::runtime::Handle;

use super::endpoints::EndpointCounts;
use super::exchange::{Begun, Failed, Outgoing, exchange};
use super::health::Severity;
use super::lease::{Exchange, Lease};
use super::lookup::{Resolve, System};
use super::member::{Assigned, Member, Terms};
use super::progress::Progress;
use super::retry::{Again, Budget, Reason, Stage, after, copy, repeatable};
use super::room::{Room, Seat};
use super::roster::Roster;
use super::{
    ExchangeTimes, InvalidUpstream, Upstream, UpstreamConfig, UpstreamError, UpstreamErrorKind,
    UpstreamFuture,
};
use super::{answer, upgrade};
use crate::access::Notes;
use crate::body::{BodySource, IdleTimeout, ProxyBody};
use crate::headers::upgrade::Upgrade;
use crate::tls::UpstreamSecurity;

/// An upstream that speaks HTTP/1.1 or HTTP/2, in the clear or in TLS, at one address or several,
/// with a pool of kept connections to each.
///
/// Cheap to clone; clones share everything. What it does beside its requests, looking names up and
/// asking addresses whether they are well, ends with the last of them.
#[derive(Clone, Debug)]
pub struct HttpUpstream {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    terms: Arc<Terms>,
    roster: Arc<Roster>,
    budget: Budget,
    room: Room,
}

/// The way of one request through its attempts.
struct Journey {
    tried: Vec<Arc<Member>>,
    left: usize,
    /// The same request once more, if sending it twice is as good as once.
    spare: Option<Request<ProxyBody>>,
    /// Whether it says itself which host it is for.
    names_host: bool,
    times: ExchangeTimes,
    notes: Option<Notes>,
}

impl HttpUpstream {
    /// An upstream with a name, to which no connection is made yet.
    ///
    /// # Errors
    ///
    /// [`InvalidUpstream`] for a configuration that fails [`UpstreamConfig::check`], or names files
    /// of certificates that cannot be used.
    pub fn new(name: &str, config: UpstreamConfig) -> Result<Self, InvalidUpstream> {
        Self::with(name, config, Arc::new(System), Rng::new())
    }

    pub(super) fn with(
        name: &str,
        config: UpstreamConfig,
        resolver: Arc<dyn Resolve>,
        rng: Rng,
    ) -> Result<Self, InvalidUpstream> {
        config.check()?;
        let security = config.tls.as_ref();
        let security = security.map(|tls| UpstreamSecurity::of_upstream(tls, name));
        let terms = Arc::new(Terms::new(name, config, security.transpose()?));
        let config = &terms.config;
        let shared = Arc::new(Shared {
            roster: Arc::new(Roster::new(&terms, &resolver, rng)?),
            budget: Budget::new(&config.retry),
            room: Room::new(config, &terms.meters),
            terms,
        });
        if Handle::try_current().is_ok() {
            shared.roster.start();
        }
        Ok(Self { shared })
    }

    /// How its endpoints are now.
    pub(crate) fn endpoints(&self) -> EndpointCounts {
        self.shared.roster.endpoints()
    }
}

impl Shared {
    async fn send(
        &self,
        request: Request<ProxyBody>,
    ) -> Result<Response<ProxyBody>, UpstreamError> {
        self.roster.start();
        let full = || self.terms.error_of(UpstreamErrorKind::Full);
        let seat = self.room.enter().await.ok_or_else(full)?;
        if let Some(upgrade) = request.extensions().get::<Upgrade>().cloned() {
            return upgrade::send(request, &upgrade, &self.roster, &self.terms, seat).await;
        }
        self.budget.deposit();
        let method = request.method().clone();
        let mut journey = Journey {
            tried: Vec::new(),
            left: self.terms.config.retry.attempts,
            spare: repeatable(&request),
            names_host: request.headers().contains_key(HOST),
            times: ExchangeTimes::of(&request),
            notes: request.extensions().get().cloned(),
        };
        let mut outgoing = Outgoing::new(request, &self.terms);
        let mut assigned = self.roster.first().await?;
        loop {
            let Outgoing { request, progress } = outgoing;
            let kept = match journey.tried.is_empty() {
                true => assigned.member.kept().await,
                false => None,
            };
            journey.tried(&assigned.member);
            let own = (!journey.names_host).then_some(&assigned.member.endpoint.host);
            let sent = exchange(&assigned.member, own, kept, request, &progress).await;
            (assigned, outgoing) = match sent {
                Ok(begun) => match self.elsewhere(&assigned, &begun, &mut journey) {
                    Some(next) => next,
                    None => {
                        let times = journey.times;
                        return self.answered(&method, begun, progress, assigned, seat, times);
                    }
                },
                Err(failed) => self.again(assigned, *failed, &mut journey, progress)?,
            };
        }
    }

    /// What to do in place of an answer that is taken for none: the same elsewhere, if that is
    /// possible.
    fn elsewhere(
        &self,
        assigned: &Assigned,
        begun: &Begun,
        journey: &mut Journey,
    ) -> Option<(Assigned, Outgoing)> {
        if !self.budget.is_none(begun.answer.status()) {
            return None;
        }
        self.roster.strike(assigned, Severity::Whole);
        let spare = journey.spare.as_ref().filter(|_| journey.left > 0)?;
        let next = self.roster.choose(&journey.tried)?;
        if !self.pay(Reason::Status) {
            return None;
        }
        Some((next, Outgoing::new(copy(spare), &self.terms)))
    }

    /// What to do about a failure.
    fn again(
        &self,
        assigned: Assigned,
        failed: Failed,
        journey: &mut Journey,
        progress: Arc<Progress>,
    ) -> Result<(Assigned, Outgoing), UpstreamError> {
        if let Some(severity) = severity(&failed) {
            self.roster.strike(&assigned, severity);
        }
        let Failed {
            error,
            attempted,
            unsent,
        } = failed;
        let again = after(&attempted, &error, journey.spare.is_some());
        let Some(Again { reason, may_stay }) = again.filter(|_| journey.left > 0) else {
            return Err(error);
        };
        // The same address before one that is left out: it did nothing that speaks against it.
        let stay = may_stay.then_some(assigned);
        let next = self.roster.choose_well(&journey.tried).or(stay);
        let Some(next) = next.or_else(|| self.roster.choose_any(&journey.tried)) else {
            return Err(error);
        };
        if !self.pay(reason) {
            return Err(error);
        }
        tracing::debug!(
            upstream = &*self.terms.name,
            reason = reason.as_str(),
            "a request is sent once more"
        );
        let outgoing = match (unsent, &journey.spare) {
            (Some(request), _) => Outgoing { request, progress },
            (None, Some(spare)) => Outgoing::new(copy(spare), &self.terms),
            (None, None) => return Err(error),
        };
        Ok((next, outgoing))
    }

    fn answered(
        &self,
        method: &Method,
        begun: Begun,
        progress: Arc<Progress>,
        assigned: Assigned,
        seat: Seat,
        times: ExchangeTimes,
    ) -> Result<Response<ProxyBody>, UpstreamError> {
        let Begun { answer, carrier } = begun;
        if let Err(fault) = answer::check(method, &answer) {
            self.roster.strike(&assigned, Severity::Whole);
            return Err(self.terms.error(fault));
        }
        if !self.budget.is_none(answer.status()) {
            self.roster.forgive(&assigned);
        }
        let exchange = Exchange {
            carrier,
            progress,
            assigned,
            seat,
            is_reusable: answer::is_reusable(method, &answer),
        };
        let timeout = times.body(&self.terms.config);
        Ok(answer.map(|body| {
            let lease = Lease::new(body, exchange);
            ProxyBody::of(IdleTimeout::new(lease, timeout, BodySource::Upstream))
        }))
    }

    /// Takes a repetition from the budget.
    fn pay(&self, reason: Reason) -> bool {
        let is_paid = self.budget.pay(reason);
        match is_paid {
            true => self.terms.meters.retried(reason),
            false => self.terms.meters.budget_spent.increment(1),
        }
        is_paid
    }
}

/// How much a failure says of the address; nothing where its client is to blame, or nobody. A kept
/// connection that is closed is as often as not the upstream's good right.
fn severity(failed: &Failed) -> Option<Severity> {
    match failed.error.kind() {
        UpstreamErrorKind::Closed | UpstreamErrorKind::Tls
            if failed.attempted.stage == Stage::OnKept && !failed.attempted.has_begun =>
        {
            None
        }
        UpstreamErrorKind::Connect
        | UpstreamErrorKind::ConnectTimeout
        | UpstreamErrorKind::Tls
        | UpstreamErrorKind::Closed
        | UpstreamErrorKind::Protocol => Some(Severity::Whole),
        UpstreamErrorKind::ResponseTimeout => Some(Severity::Half),
        UpstreamErrorKind::Full
        | UpstreamErrorKind::RequestBodyTimeout
        | UpstreamErrorKind::RequestBody
        | UpstreamErrorKind::RequestBodyMalformed
        | UpstreamErrorKind::RequestBodyTooLong
        | UpstreamErrorKind::Overdue
        | UpstreamErrorKind::Ended => None,
    }
}

impl Journey {
    fn tried(&mut self, member: &Arc<Member>) {
        self.left = self.left.saturating_sub(1);
        self.tried.push(Arc::clone(member));
        if let Some(notes) = &self.notes {
            notes.tried(member.address);
        }
    }
}

impl Upstream for HttpUpstream {
    fn name(&self) -> &str {
        &self.shared.terms.name
    }

    fn send(&self, request: Request<ProxyBody>) -> UpstreamFuture {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.send(request).await })
    }
}
