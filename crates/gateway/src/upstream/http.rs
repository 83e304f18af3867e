use std::io;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use fastrand::Rng;
use http::{Method, Request, Response};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::answer;
use super::balance::Balancer;
use super::chance::varied;
use super::connector::ConnectFailure;
use super::endpoint::Endpoint;
use super::exchange::{Begun, Failed, Outgoing, exchange};
use super::health::{Ejector, Severity, Usable};
use super::lease::{Exchange, Lease};
use super::lookup::{Found, Resolve, System};
use super::member::{Assigned, Member, Terms};
use super::members::Members;
use super::progress::Progress;
use super::retry::{Again, Budget, Reason, Stage, after, copy, repeatable};
use super::room::{Room, Seat};
use super::{Upstream, UpstreamConfig, UpstreamError, UpstreamErrorKind, UpstreamFuture};
use crate::body::{BodySource, IdleTimeout, ProxyBody};
use crate::setting::InvalidSetting;

/// The least time between two look-ups of a name.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// An upstream that speaks HTTP/1.1 in the clear, at one address or several, with a pool of kept
/// connections to each.
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
    endpoints: Vec<Arc<Endpoint>>,
    members: Members,
    balancer: Balancer,
    ejector: Ejector,
    budget: Budget,
    room: Room,
    /// What looks names up, from the first moment on at which there is a runtime.
    looking: OnceLock<Vec<AbortOnDropHandle<()>>>,
}

/// The way of one request through its attempts.
struct Journey {
    tried: Vec<Arc<Member>>,
    left: usize,
    /// The same request once more, if sending it twice is as good as once.
    spare: Option<Request<ProxyBody>>,
}

impl HttpUpstream {
    /// An upstream with a name, to which no connection is made yet.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] for a configuration that fails [`UpstreamConfig::check`].
    pub fn new(name: &str, config: UpstreamConfig) -> Result<Self, InvalidSetting> {
        Self::with(name, config, Arc::new(System), Rng::new())
    }

    pub(super) fn with(
        name: &str,
        config: UpstreamConfig,
        resolver: Arc<dyn Resolve>,
        rng: Rng,
    ) -> Result<Self, InvalidSetting> {
        config.check()?;
        let terms = Arc::new(Terms::new(name, config));
        let config = &terms.config;
        let endpoints = config.endpoints.iter();
        let endpoints = endpoints
            .map(|endpoint| Endpoint::new(endpoint, &resolver, &terms.meters).map(Arc::new));
        let shared = Arc::new(Shared {
            endpoints: endpoints.collect::<Result<_, _>>()?,
            members: Members::new(&terms),
            balancer: Balancer::new(config.balance, rng),
            ejector: Ejector::new(config.ejection.clone()),
            budget: Budget::new(&config.retry),
            room: Room::new(config, &terms.meters),
            looking: OnceLock::new(),
            terms,
        });
        if Handle::try_current().is_ok() {
            shared.start();
        }
        Ok(Self { shared })
    }
}

impl Shared {
    async fn send(
        self: &Arc<Self>,
        request: Request<ProxyBody>,
    ) -> Result<Response<ProxyBody>, UpstreamError> {
        self.start();
        let full = || self.terms.error_of(UpstreamErrorKind::Full);
        let seat = self.room.enter().await.ok_or_else(full)?;
        self.budget.deposit();
        let method = request.method().clone();
        let mut journey = Journey {
            tried: Vec::new(),
            left: self.terms.config.retry.attempts,
            spare: repeatable(&request),
        };
        let mut outgoing = Outgoing::new(request, &self.terms);
        let mut assigned = self.first().await?;
        loop {
            let Outgoing { request, progress } = outgoing;
            let kept = match journey.tried.is_empty() {
                true => assigned.member.kept().await,
                false => None,
            };
            journey.tried(&assigned.member);
            let sent = exchange(&assigned.member, kept, request, &progress).await;
            (assigned, outgoing) = match sent {
                Ok(begun) => match self.elsewhere(&assigned, &begun, &mut journey) {
                    Some(next) => next,
                    None => return self.answered(&method, begun, progress, assigned, seat),
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
        self.strike(assigned, Severity::Whole);
        let spare = journey.spare.as_ref().filter(|_| journey.left > 0)?;
        let next = self.choose(&journey.tried)?;
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
            self.strike(&assigned, severity);
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
        let next = self.choose_well(&journey.tried).or(stay);
        let Some(next) = next.or_else(|| self.choose_any(&journey.tried)) else {
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
    ) -> Result<Response<ProxyBody>, UpstreamError> {
        let Begun { answer, connection } = begun;
        if let Err(fault) = answer::check(method, &answer) {
            self.strike(&assigned, Severity::Whole);
            return Err(self.terms.error(fault));
        }
        if !self.budget.is_none(answer.status()) {
            self.forgive(&assigned);
        }
        let exchange = Exchange {
            connection,
            progress,
            assigned,
            seat,
            is_reusable: answer::is_reusable(method, &answer),
        };
        let timeout = self.terms.config.body_timeout;
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

    async fn first(self: &Arc<Self>) -> Result<Assigned, UpstreamError> {
        if let Some(assigned) = self.choose(&[]) {
            return Ok(assigned);
        }
        let nowhere = |kind| self.terms.error(ConnectFailure::of_lookup(kind));
        let within = self.terms.config.connect_timeout;
        let found = timeout(within, async {
            tokio::select! {
                () = self.members.filled() => Ok(()),
                found = self.look_up() => found,
            }
        });
        let late = |_| Err(io::ErrorKind::TimedOut);
        found.await.unwrap_or_else(late).map_err(nowhere)?;
        self.choose(&[])
            .ok_or_else(|| nowhere(io::ErrorKind::NotFound))
    }

    /// Somebody who was not tried yet: one who may get requests, or else any.
    fn choose(&self, tried: &[Arc<Member>]) -> Option<Assigned> {
        self.choose_well(tried).or_else(|| self.choose_any(tried))
    }

    /// Somebody who was not tried yet, and may get requests.
    fn choose_well(&self, tried: &[Arc<Member>]) -> Option<Assigned> {
        let members = self.members.now();
        let now = Instant::now();
        // Another request may begin a trial between the choice and the look at it.
        for _ in 0..=members.len() {
            let found = self.balancer.choose(&members, |listed| {
                is_untried(tried, &listed.member) && listed.member.health.usable(now) != Usable::No
            })?;
            match found.member.health.usable(now) {
                Usable::Yes => return Some(Assigned::new(&found.member, false)),
                Usable::OnTrial if found.member.health.begin_trial() => {
                    return Some(Assigned::new(&found.member, true));
                }
                Usable::OnTrial | Usable::No => {}
            }
        }
        None
    }

    /// Anybody who was not tried yet.
    fn choose_any(&self, tried: &[Arc<Member>]) -> Option<Assigned> {
        let members = self.members.now();
        let last = self
            .balancer
            .choose(&members, |listed| is_untried(tried, &listed.member))?;
        if tried.is_empty() {
            self.terms.meters.last_resorts.increment(1);
        }
        Some(Assigned::new(&last.member, false))
    }

    fn strike(&self, assigned: &Assigned, severity: Severity) {
        let (member, members) = (&assigned.member, self.members.now());
        let all = members.iter().map(|listed| &listed.member.health);
        let ejected = self.ejector.failed(
            &member.health,
            severity,
            assigned.on_trial,
            all,
            Instant::now(),
        );
        if let Some(duration) = ejected {
            self.terms.meters.ejections.increment(1);
            tracing::warn!(
                upstream = &*self.terms.name, endpoint = &*member.endpoint.label,
                address = %member.address, seconds = duration.as_secs_f64(),
                "requests fail at an address of an upstream: it is left out for a while"
            );
        }
    }

    fn forgive(&self, assigned: &Assigned) {
        let member = &assigned.member;
        if self.ejector.answered(&member.health, Instant::now()) {
            tracing::info!(
                upstream = &*self.terms.name, endpoint = &*member.endpoint.label,
                address = %member.address,
                "an address of an upstream that was left out answers again"
            );
        }
    }

    /// Begins what goes on beside requests. Only within a runtime.
    fn start(self: &Arc<Self>) {
        self.looking.get_or_init(|| {
            let mut looking = Vec::new();
            for (place, endpoint) in self.endpoints.iter().enumerate() {
                match endpoint.address() {
                    Some(address) => self.members.set(place, endpoint, &[address]),
                    None => {
                        let following = follow(Arc::downgrade(self), place, Arc::clone(endpoint));
                        looking.push(AbortOnDropHandle::new(tokio::spawn(following)));
                    }
                }
            }
            looking
        });
    }

    /// Looks the names up, until one of them is found.
    async fn look_up(&self) -> Result<(), io::ErrorKind> {
        let mut failed = io::ErrorKind::NotFound;
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            let Some(lookup) = endpoint.lookup() else {
                continue;
            };
            let found = lookup.addresses().await;
            self.found(place, endpoint, &found);
            match found {
                Ok(_) => return Ok(()),
                Err(kind) => failed = kind,
            }
        }
        Err(failed)
    }

    /// What is not found stays as it was.
    fn found(&self, place: usize, endpoint: &Arc<Endpoint>, found: &Found) {
        endpoint.tell(&self.terms.name, found);
        if let Ok(addresses) = found {
            self.members.set(place, endpoint, addresses);
        }
    }
}

/// Looks a name up again and again, for as long as the upstream exists and somebody waits for this.
async fn follow(upstream: Weak<Shared>, place: usize, endpoint: Arc<Endpoint>) {
    let Some(lookup) = endpoint.lookup() else {
        return;
    };
    loop {
        let found = lookup.addresses().await;
        let Some(upstream) = upstream.upgrade() else {
            return;
        };
        upstream.found(place, &endpoint, &found);
        let pause = varied(upstream.terms.config.dns_refresh);
        drop(upstream);
        let least = pause.min(LEAST_PAUSE);
        sleep(least).await;
        tokio::select! {
            () = sleep(pause.saturating_sub(least)) => {}
            () = lookup.doubted() => {}
        }
    }
}

fn is_untried(tried: &[Arc<Member>], member: &Arc<Member>) -> bool {
    !tried.iter().any(|one| Arc::ptr_eq(one, member))
}

/// How much a failure says of the address; nothing where its client is to blame, or nobody. A kept
/// connection that is closed is as often as not the upstream's good right.
fn severity(failed: &Failed) -> Option<Severity> {
    match failed.error.kind() {
        UpstreamErrorKind::Closed
            if failed.attempted.stage == Stage::OnKept && !failed.attempted.has_begun =>
        {
            None
        }
        UpstreamErrorKind::Connect
        | UpstreamErrorKind::ConnectTimeout
        | UpstreamErrorKind::Closed
        | UpstreamErrorKind::Protocol => Some(Severity::Whole),
        UpstreamErrorKind::ResponseTimeout => Some(Severity::Half),
        UpstreamErrorKind::Full
        | UpstreamErrorKind::RequestBodyTimeout
        | UpstreamErrorKind::RequestBody
        | UpstreamErrorKind::RequestBodyMalformed
        | UpstreamErrorKind::Ended => None,
    }
}

impl Journey {
    fn tried(&mut self, member: &Arc<Member>) {
        self.left = self.left.saturating_sub(1);
        self.tried.push(Arc::clone(member));
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
