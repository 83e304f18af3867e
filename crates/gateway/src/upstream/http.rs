use std::sync::Arc;

use fastrand::Rng;
use http::header::HOST;
use http::{Method, Request, Response};
use tokio::runtime::Handle;

use super::endpoints::EndpointCounts;
use super::exchange::{Begun, Failed, Outgoing, Way, exchange};
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
    method: Method,
    /// The protocol that it asks for.
    upgrade: Option<Upgrade>,
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
        self.budget.deposit();
        let mut journey = Journey::new(&request, &self.terms);
        let mut outgoing = Outgoing::new(request, &self.terms);
        let mut assigned = self.roster.first().await?;
        loop {
            let Outgoing { request, progress } = outgoing;
            let way = journey.way(&assigned.member).await;
            journey.tried(&assigned.member);
            let own = (!journey.names_host).then_some(&assigned.member.endpoint.host);
            let sent = exchange(&assigned.member, own, way, request, &progress).await;
            (assigned, outgoing) = match sent {
                Ok(begun) => match self.elsewhere(&assigned, &begun, &mut journey) {
                    Some(next) => next,
                    None => {
                        let exchange = (begun, progress, assigned, seat);
                        return self.answered(journey, exchange).await;
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

    async fn answered(
        &self,
        journey: Journey,
        (begun, progress, assigned, seat): (Begun, Arc<Progress>, Assigned, Seat),
    ) -> Result<Response<ProxyBody>, UpstreamError> {
        let Begun { answer, carrier } = begun;
        let method = &journey.method;
        let changes = journey.upgrade.as_ref();
        let changes = changes.filter(|_| upgrade::is_change(&answer));
        let checked = match changes {
            Some(upgrade) => upgrade::check(upgrade, &answer),
            None => answer::check(method, &answer),
        };
        if let Err(fault) = checked {
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
            is_reusable: journey.upgrade.is_none() && answer::is_reusable(method, &answer),
        };
        if changes.is_some() {
            let changed = upgrade::changed(answer, exchange).await;
            return changed.map_err(|error| self.terms.error(error));
        }
        let timeout = journey.times.body(&self.terms.config);
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
        _ if failed.attempted.is_told => None,
        UpstreamErrorKind::Closed | UpstreamErrorKind::Tls
            if failed.attempted.stage == Stage::OnKept && !failed.attempted.has_begun =>
        {
            None
        }
        UpstreamErrorKind::Connect
        | UpstreamErrorKind::ConnectTimeout
        | UpstreamErrorKind::Tls
        | UpstreamErrorKind::Silent
        | UpstreamErrorKind::Closed
        | UpstreamErrorKind::Protocol => Some(Severity::Whole),
        UpstreamErrorKind::ResponseTimeout => Some(Severity::Half),
        UpstreamErrorKind::Full
        | UpstreamErrorKind::NoUpgrade
        | UpstreamErrorKind::RequestBodyTimeout
        | UpstreamErrorKind::RequestBody
        | UpstreamErrorKind::RequestBodyMalformed
        | UpstreamErrorKind::RequestBodyTooLong
        | UpstreamErrorKind::Overdue
        | UpstreamErrorKind::Ended => None,
    }
}

impl Journey {
    fn new(request: &Request<ProxyBody>, terms: &Terms) -> Self {
        let upgrade = request.extensions().get::<Upgrade>().cloned();
        Self {
            tried: Vec::new(),
            left: terms.config.retry.attempts,
            // Nobody knows what begins with another protocol.
            spare: match upgrade.is_some() {
                true => None,
                false => repeatable(request),
            },
            names_host: request.headers().contains_key(HOST),
            times: ExchangeTimes::of(request),
            method: request.method().clone(),
            upgrade,
            notes: request.extensions().get().cloned(),
        }
    }

    /// Where its next attempt finds a connection.
    async fn way(&mut self, member: &Member) -> Way {
        if self.upgrade.is_some() {
            return Way::Alone;
        }
        let kept = match self.tried.is_empty() {
            true => member.kept().await,
            false => None,
        };
        kept.map_or(Way::Open, Way::Kept)
    }

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
