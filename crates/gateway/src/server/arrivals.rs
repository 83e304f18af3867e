use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::proxy_header::{ProxyHeader, ProxyHeaderError};
use super::seats::{Seat, Seats};
use super::{ServerConfig, ServerStats};

/// Who may come, and whose each connection is.
#[derive(Debug)]
pub(super) struct Arrivals {
    seats: Arc<Seats>,
    stats: ServerStats,
    told: Mutex<Option<Instant>>,
}

/// Whoever is turned away comes again at once: the log hears of it so often.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// A connection that is served.
#[derive(Debug)]
pub(super) struct Arrived {
    /// Its client, as far as the one who connected is believed.
    pub(super) peer: SocketAddr,
    /// What its client has of the server while the connection lives.
    pub(super) _seat: Option<Seat>,
}

/// Why a connection is closed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// Its client has as many as it may have.
    Address,
    /// It comes from a proxy that does not say whose it is.
    ProxyHeader,
}

impl Arrivals {
    pub(super) fn new(stats: ServerStats) -> Self {
        Self {
            seats: Arc::new(Seats::default()),
            stats,
            told: Mutex::default(),
        }
    }

    /// Reads what a proxy says first, and looks for a seat; nothing where it is turned away.
    pub(super) async fn admit(
        &self,
        config: &ServerConfig,
        stream: &mut TcpStream,
        peer: SocketAddr,
    ) -> Option<Arrived> {
        let (proxies, uncounted) = (&config.proxy_protocol, &config.uncounted);
        let is_proxy = holds(proxies, peer.ip());
        let read = match is_proxy {
            true => read(stream, config.header_read_timeout).await,
            false => Ok(ProxyHeader::Own),
        };
        let peer = match read {
            Ok(ProxyHeader::Client(client)) => client,
            Ok(ProxyHeader::Own) => peer,
            Err(error) => {
                // A wrong set-up, more often than an attack: those networks are ours.
                if self.is_to_be_told() {
                    tracing::warn!(%peer, %error, "a proxy does not say whose its connection is");
                }
                self.stats.turned_away(TurnedAway::ProxyHeader);
                return None;
            }
        };
        let is_counted = !holds(proxies, peer.ip()) && !holds(uncounted, peer.ip());
        let most = config.max_connections_per_address;
        let seat = match is_counted {
            true => Some(
                self.seats
                    .take(peer.ip(), most)
                    .or_else(|| self.has_all(peer))?,
            ),
            false => None,
        };
        Some(Arrived { peer, _seat: seat })
    }

    fn has_all(&self, peer: SocketAddr) -> Option<Seat> {
        if self.is_to_be_told() {
            tracing::warn!(
                address = %peer.ip(),
                "an address has all the connections that it may have: if a proxy has it, say so"
            );
        }
        self.stats.turned_away(TurnedAway::Address);
        None
    }

    fn is_to_be_told(&self) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_due = told.is_none_or(|told| now.duration_since(told) >= TOLD_EVERY);
        if is_due {
            *told = Some(now);
        }
        is_due
    }
}

async fn read(stream: &mut TcpStream, patience: Duration) -> Result<ProxyHeader, ProxyHeaderError> {
    let read = timeout(patience, ProxyHeader::read(stream)).await;
    read.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

fn holds(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}
