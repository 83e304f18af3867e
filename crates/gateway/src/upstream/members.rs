use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::balance::Weighed;
use super::endpoint::Endpoint;
use super::health::active;
use super::member::{Member, Terms};

/// What a weight of 1 is divided into, so that the addresses of one name can share it.
const PARTS: u64 = 1_000;

/// The addresses that an upstream has now.
#[derive(Debug)]
pub(super) struct Members {
    now: ArcSwap<Vec<Listed>>,
    /// Changes are made one after the other.
    change: Mutex<()>,
    /// That there are some.
    filled: Notify,
    terms: Arc<Terms>,
}

/// A member with its part of the requests. The questions about it end when it is listed no more;
/// the requests that it has go on.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) member: Arc<Member>,
    /// Of which of the endpoints it is.
    place: usize,
    weight: u64,
    _questions: Option<Arc<AbortOnDropHandle<()>>>,
}

impl Members {
    pub(super) fn new(terms: &Arc<Terms>) -> Self {
        Self {
            now: ArcSwap::default(),
            change: Mutex::new(()),
            filled: Notify::new(),
            terms: Arc::clone(terms),
        }
    }

    pub(super) fn now(&self) -> Guard<Arc<Vec<Listed>>> {
        self.now.load()
    }

    /// Waits until there are some.
    pub(super) async fn filled(&self) {
        let filled = self.filled.notified();
        let mut filled = std::pin::pin!(filled);
        filled.as_mut().enable();
        if self.now.load().is_empty() {
            filled.await;
        }
    }

    /// An endpoint has these addresses from now on. Those that it had before stay as they are;
    /// those that it has no more get nothing more. Only within a runtime.
    pub(super) fn set(&self, place: usize, endpoint: &Arc<Endpoint>, addresses: &[SocketAddr]) {
        let _change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.now.load_full();
        let (own, others) = before
            .iter()
            .cloned()
            .partition::<Vec<_>, _>(|listed| listed.place == place);
        let mut known: HashMap<SocketAddr, Listed> = own
            .into_iter()
            .map(|listed| (listed.member.address, listed))
            .collect();
        let (had, mut joined) = (known.len(), 0);
        let weight = (endpoint.weight * PARTS / addresses.len().max(1) as u64).max(1);
        let mut all = others;
        for address in addresses {
            let listed = known.remove(address).unwrap_or_else(|| {
                joined += 1;
                self.list(place, endpoint, *address)
            });
            all.push(Listed { weight, ..listed });
        }
        let left = known.len();
        // In the order of the configuration, whichever name was found first.
        all.sort_by_key(|listed| listed.place);
        let is_some = !all.is_empty();
        self.now.store(Arc::new(all));
        if is_some {
            self.filled.notify_waiters();
        }
        if had > 0 && joined + left > 0 {
            let (upstream, endpoint) = (&*self.terms.name, &*endpoint.label);
            tracing::info!(
                upstream,
                endpoint,
                joined,
                left,
                "the name has other addresses"
            );
        }
    }

    fn list(&self, place: usize, endpoint: &Arc<Endpoint>, address: SocketAddr) -> Listed {
        let member = Arc::new(Member::new(address, endpoint, &self.terms));
        let questions = self.terms.config.health.as_ref().map(|health| {
            let asking = active::ask(Arc::downgrade(&member), health.clone());
            Arc::new(AbortOnDropHandle::new(tokio::spawn(asking)))
        });
        Listed {
            member,
            place,
            weight: PARTS,
            _questions: questions,
        }
    }
}

impl Listed {
    /// Whether it is an address of this one of the endpoints.
    pub(super) const fn is_of(&self, place: usize) -> bool {
        self.place == place
    }
}

impl Weighed for Listed {
    fn weight(&self) -> u64 {
        self.weight
    }

    fn in_flight(&self) -> usize {
        self.member.in_flight.load(Ordering::Relaxed)
    }

    fn turn(&self) -> &AtomicI64 {
        &self.member.turn
    }
}
