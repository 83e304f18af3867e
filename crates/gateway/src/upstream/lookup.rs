use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use super::metrics::Meters;

/// The most addresses of one name that are used.
const MAX_ADDRESSES: usize = 64;

/// What a resolver answers.
pub(super) type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Finds the addresses of names.
pub(super) trait Resolve: Send + Sync + std::fmt::Debug {
    fn resolve(&self, host: Arc<str>, port: u16) -> Resolving;
}

/// The system's resolver, with all that its configuration says: files, DNS, and the rest.
#[derive(Debug)]
pub(super) struct System;

impl Resolve for System {
    fn resolve(&self, host: Arc<str>, port: u16) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((&*host, port)).await?;
            Ok(found.collect())
        })
    }
}

/// Looks a name up, once at a time: whoever asks meanwhile waits for the same answer.
///
/// The system's resolver holds a thread for as long as it takes, also where nobody waits any more.
/// A name server that is silent costs one thread a name, and not one a request.
#[derive(Debug)]
pub(super) struct Lookup {
    host: Arc<str>,
    port: u16,
    resolver: Arc<dyn Resolve>,
    meters: Arc<Meters>,
    last: Mutex<Option<watch::Receiver<Option<Found>>>>,
    /// Somebody has reason to think that the addresses are others by now.
    doubted: Notify,
}

/// The addresses, each once and in an order of their own, or why there are none.
pub(super) type Found = Result<Arc<[SocketAddr]>, io::ErrorKind>;

impl Lookup {
    pub(super) fn new(
        host: &str,
        port: u16,
        resolver: Arc<dyn Resolve>,
        meters: Arc<Meters>,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            resolver,
            meters,
            last: Mutex::new(None),
            doubted: Notify::new(),
        }
    }

    /// The name's addresses now.
    pub(super) async fn addresses(&self) -> Found {
        let mut answer = self.join();
        let found = answer.wait_for(Option::is_some).await;
        match found.as_deref() {
            Ok(Some(found)) => found.clone(),
            // The runtime ended under it.
            _ => Err(io::ErrorKind::Other),
        }
    }

    /// Has it looked up sooner than it would be.
    pub(super) fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Waits until somebody doubts what was found.
    pub(super) async fn doubted(&self) {
        self.doubted.notified().await;
    }

    fn join(&self) -> watch::Receiver<Option<Found>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has answered is gone.
        match last.as_ref().filter(|last| last.has_changed().is_ok()) {
            Some(under_way) => under_way.clone(),
            None => last.insert(self.begin()).clone(),
        }
    }

    fn begin(&self) -> watch::Receiver<Option<Found>> {
        let (sender, receiver) = watch::channel(None);
        let resolving = self.resolver.resolve(Arc::clone(&self.host), self.port);
        let meters = Arc::clone(&self.meters);
        tokio::spawn(async move {
            let found = match resolving.await {
                Ok(found) => in_order(found),
                Err(error) => Err(error.kind()),
            };
            meters.looked_up(found.is_ok());
            sender.send_replace(Some(found));
        });
        receiver
    }
}

/// Resolvers turn the order of their answers; it says nothing here.
fn in_order(mut found: Vec<SocketAddr>) -> Found {
    found.sort_unstable();
    found.dedup();
    found.truncate(MAX_ADDRESSES);
    match found.is_empty() {
        true => Err(io::ErrorKind::NotFound),
        false => Ok(found.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_there_once_and_none_is_no_answer() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (a, b, v) = (
            address("[::1]:1"),
            address("[::2]:1"),
            address("127.0.0.1:1"),
        );
        assert_eq!(*in_order(vec![b, a, v, a]).unwrap(), [v, a, b]);
        assert_eq!(in_order(Vec::new()), Err(io::ErrorKind::NotFound));
        let many = (1..=1000).map(|port| SocketAddr::new(v.ip(), port));
        assert_eq!(in_order(many.collect()).unwrap().len(), MAX_ADDRESSES);
    }

    #[tokio::test]
    async fn look_ups_at_the_same_time_are_one() {
        let lookup = Lookup::new(
            "localhost",
            7,
            Arc::new(System),
            Arc::new(Meters::new("orders")),
        );
        let (one, two) = (lookup.join(), lookup.join());
        assert!(one.same_channel(&two));
        let found = lookup.addresses().await.unwrap();
        assert!(!found.is_empty());
        assert!(found.iter().all(|address| address.port() == 7));
        // The answer is not kept: the next who asks is told what is true then.
        let ended = async || one.has_changed().is_err();
        crate::wire::eventually(ended).await;
        assert!(!one.same_channel(&lookup.join()));
    }
}
