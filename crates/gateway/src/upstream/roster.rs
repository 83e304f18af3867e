use std::io;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::UpstreamError;
use super::balance::Balancer;
use super::chance::varied;
use super::connector::ConnectFailure;
use super::endpoint::Endpoint;
use super::endpoints::EndpointCounts;
use super::health::{Ejector, Severity, Usable};
use super::lookup::{Found, Resolve};
use super::member::{Assigned, Member, Terms};
use super::members::Members;
use crate::setting::InvalidSetting;

/// The least time between two look-ups of a name.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// Who there is to answer an upstream's requests, and who of them gets the next one.
#[derive(Debug)]
pub(super) struct Roster {
    terms: Arc<Terms>,
    endpoints: Vec<Arc<Endpoint>>,
    members: Members,
    balancer: Balancer,
    ejector: Ejector,
    /// What looks names up, from the first moment on at which there is a runtime.
    looking: OnceLock<Vec<AbortOnDropHandle<()>>>,
}

impl Roster {
    pub(super) fn new(
        terms: &Arc<Terms>,
        resolver: &Arc<dyn Resolve>,
        rng: Rng,
    ) -> Result<Self, InvalidSetting> {
        let config = &terms.config;
        let endpoints = config.endpoints.iter();
        let is_secure = config.tls.is_some();
        let endpoints = endpoints.map(|endpoint| {
            Endpoint::new(endpoint, is_secure, resolver, &terms.meters).map(Arc::new)
        });
        Ok(Self {
            endpoints: endpoints.collect::<Result<_, _>>()?,
            members: Members::new(terms),
            balancer: Balancer::new(config.balance, rng),
            ejector: Ejector::new(config.ejection.clone()),
            looking: OnceLock::new(),
            terms: Arc::clone(terms),
        })
    }

    /// Begins what goes on beside requests. Only within a runtime.
    pub(super) fn start(self: &Arc<Self>) {
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

    /// Who gets a request first. Waits for the first address of a name, for as long as a
    /// connection may take.
    pub(super) async fn first(self: &Arc<Self>) -> Result<Assigned, UpstreamError> {
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
    pub(super) fn choose(&self, tried: &[Arc<Member>]) -> Option<Assigned> {
        self.choose_well(tried).or_else(|| self.choose_any(tried))
    }

    /// Somebody who was not tried yet, and may get requests.
    pub(super) fn choose_well(&self, tried: &[Arc<Member>]) -> Option<Assigned> {
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
    pub(super) fn choose_any(&self, tried: &[Arc<Member>]) -> Option<Assigned> {
        let members = self.members.now();
        let last = self
            .balancer
            .choose(&members, |listed| is_untried(tried, &listed.member))?;
        if tried.is_empty() {
            self.terms.meters.last_resorts.increment(1);
        }
        Some(Assigned::new(&last.member, false))
    }

    /// How its endpoints are now.
    pub(super) fn endpoints(&self) -> EndpointCounts {
        let endpoints = self.endpoints.iter().map(|endpoint| &**endpoint);
        EndpointCounts::of(endpoints, &self.members.now())
    }

    /// A request failed at its address.
    pub(super) fn strike(&self, assigned: &Assigned, severity: Severity) {
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

    /// A request was answered at its address.
    pub(super) fn forgive(&self, assigned: &Assigned) {
        let member = &assigned.member;
        if self.ejector.answered(&member.health, Instant::now()) {
            tracing::info!(
                upstream = &*self.terms.name, endpoint = &*member.endpoint.label,
                address = %member.address,
                "an address of an upstream that was left out answers again"
            );
        }
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

/// Looks a name up again and again, for as long as the roster exists and somebody waits for this.
async fn follow(roster: Weak<Roster>, place: usize, endpoint: Arc<Endpoint>) {
    let Some(lookup) = endpoint.lookup() else {
        return;
    };
    loop {
        let found = lookup.addresses().await;
        let Some(roster) = roster.upgrade() else {
            return;
        };
        roster.found(place, &endpoint, &found);
        let pause = varied(roster.terms.config.dns_refresh);
        drop(roster);
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
