use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Looks a name up, once at a time: whoever asks meanwhile waits for the same answer.
///
/// The system's resolver holds a thread for as long as it takes, also where nobody waits any more.
/// A name server that is silent costs one thread an upstream, and not one a request.
#[derive(Debug)]
pub(super) struct Lookup {
    host: Arc<str>,
    port: u16,
    last: Mutex<Option<watch::Receiver<Option<Found>>>>,
}

/// The addresses in the order in which to try them, or why there are none.
type Found = Result<Arc<[SocketAddr]>, io::ErrorKind>;

impl Lookup {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            last: Mutex::new(None),
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
        let (host, port) = (Arc::clone(&self.host), self.port);
        tokio::spawn(async move {
            let found = match tokio::net::lookup_host((&*host, port)).await {
                Ok(found) => Ok(in_turn(found.collect()).into()),
                Err(error) => Err(error.kind()),
            };
            sender.send_replace(Some(found));
        });
        receiver
    }
}

/// Takes turns between the two families, beginning with the one that the resolver prefers, so that
/// a family that leads nowhere costs one attempt before the other is tried (RFC 8305 section 4).
fn in_turn(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let preferred = found.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|address| address.is_ipv6() == preferred);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    std::iter::from_fn(|| Some([first.next(), second.next()]))
        .take_while(|pair| pair.iter().any(Option::is_some))
        .flatten()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_of_addresses_take_turns() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (a, b, c) = (address("[::1]:1"), address("[::2]:1"), address("[::3]:1"));
        let (v, w) = (address("127.0.0.1:1"), address("127.0.0.2:1"));
        assert_eq!(in_turn(vec![a, b, c, v, w]), [a, v, b, w, c]);
        assert_eq!(in_turn(vec![v, w, a]), [v, a, w]);
        assert_eq!(in_turn(Vec::new()), []);
    }

    #[tokio::test]
    async fn look_ups_at_the_same_time_are_one() {
        let lookup = Lookup::new("localhost", 7);
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
