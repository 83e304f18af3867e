use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use metrics::Gauge;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::connection::Connection;
use super::metrics::Counted;

/// How long a connection whose last exchange is over may take to notice: its task has to run.
const PATIENCE: Duration = Duration::from_millis(1);

/// How often unused connections are looked through while one of them grows too old.
const SWEEPS: u32 = 8;

/// The connections that wait for their next request.
///
/// Only what is known to be between two exchanges comes here: [`Lease`](super::lease::Lease) gives
/// nothing back otherwise.
#[derive(Debug)]
pub(super) struct Pool {
    /// In the order in which they were given back. The newest is used first, so that those that a
    /// quiet time does not need grow old.
    idle: Mutex<VecDeque<Idle>>,
    idle_timeout: Duration,
    max_idle: usize,
    gauge: Gauge,
    sweeper: OnceLock<AbortOnDropHandle<()>>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
    _counted: Counted,
}

/// What there is to send the next request on.
#[derive(Debug)]
enum Found {
    Ready(Connection),
    /// Its last exchange is over, and its task has not run since.
    Soon(Idle),
    Nothing,
}

impl Pool {
    pub(super) fn new(idle_timeout: Duration, max_idle: usize, gauge: Gauge) -> Self {
        Self {
            idle: Mutex::default(),
            idle_timeout,
            max_idle,
            gauge,
            sweeper: OnceLock::new(),
        }
    }

    /// A connection that was kept, unless a new one is to be opened.
    pub(super) async fn take(&self) -> Option<Connection> {
        match self.find() {
            Found::Ready(connection) => Some(connection),
            Found::Soon(idle) => self.wait_for(idle).await,
            Found::Nothing => None,
        }
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(&self, connection: Connection) {
        if self.max_idle == 0 || connection.is_closed() {
            return;
        }
        let newest = Idle {
            connection,
            since: Instant::now(),
            _counted: Counted::new(&self.gauge),
        };
        let mut idle = self.idle();
        let oldest = match idle.len() >= self.max_idle {
            true => idle.pop_front(),
            false => None,
        };
        idle.push_back(newest);
        drop(idle);
        drop(oldest);
    }

    /// Has connections closed that nobody used for too long, for as long as the pool exists.
    pub(super) fn sweep(self: &Arc<Self>) {
        self.sweeper.get_or_init(|| {
            let every = (self.idle_timeout / SWEEPS).max(Duration::from_millis(10));
            let sweeping = sweep(Arc::downgrade(self), every);
            AbortOnDropHandle::new(tokio::spawn(sweeping))
        });
    }

    fn find(&self) -> Found {
        let now = Instant::now();
        // Dropped where nothing is locked.
        let mut spent = Vec::new();
        let mut busy = Vec::new();
        let mut found = Found::Nothing;
        let mut idle = self.idle();
        while let Some(newest) = idle.pop_back() {
            if self.is_spent(&newest, now) {
                spent.push(newest);
            } else if newest.connection.is_ready() {
                found = Found::Ready(newest.connection);
                break;
            } else {
                busy.push(newest);
            }
        }
        let mut busy = busy.into_iter();
        if let Found::Nothing = found {
            found = busy.next().map_or(Found::Nothing, Found::Soon);
        }
        idle.extend(busy.rev());
        drop(idle);
        drop(spent);
        found
    }

    async fn wait_for(&self, mut idle: Idle) -> Option<Connection> {
        match tokio::time::timeout(PATIENCE, idle.connection.ready()).await {
            Ok(true) => Some(idle.connection),
            Ok(false) => None,
            Err(_) => {
                self.put_back(idle);
                None
            }
        }
    }

    /// The upstream does not read the rest of its last request. The others come first, and take
    /// its place where they need it: some may have been put here meanwhile.
    fn put_back(&self, busy: Idle) {
        let mut idle = self.idle();
        if idle.len() < self.max_idle {
            idle.push_front(busy);
        }
    }

    fn is_spent(&self, idle: &Idle, now: Instant) -> bool {
        idle.connection.is_closed()
            || now.saturating_duration_since(idle.since) >= self.idle_timeout
    }

    fn remove_spent(&self) {
        let now = Instant::now();
        let mut idle = self.idle();
        let (spent, kept) = std::mem::take(&mut *idle)
            .into_iter()
            .partition::<VecDeque<_>, _>(|idle| self.is_spent(idle, now));
        *idle = kept;
        drop(idle);
        drop(spent);
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(pool: Weak<Pool>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.remove_spent();
    }
}

#[cfg(test)]
mod tests {
    use hyper::client::conn::http1::Builder;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::tls::Stream;
    use crate::wire::{LONG, Wire, eventually, listener};

    fn empty(idle_timeout: Duration) -> Pool {
        Pool::new(idle_timeout, 2, Gauge::noop())
    }

    /// A connection whose task runs as soon as the test waits for something.
    async fn connection(to: &TcpListener) -> Connection {
        let address = to.local_addr().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let connection = Connection::open(Stream::Clear(stream), &Builder::new())
            .await
            .unwrap();
        assert!(!connection.is_ready() && !connection.is_closed());
        connection
    }

    #[tokio::test]
    async fn connection_that_is_ready_in_a_moment_is_waited_for() {
        let (listener, _) = listener().await;
        let pool = empty(LONG);
        pool.put(connection(&listener).await);
        assert!(pool.take().await.is_some_and(|taken| taken.is_ready()));
        assert!(pool.take().await.is_none());
    }

    #[tokio::test]
    async fn connection_that_is_ready_goes_before_a_newer_one_that_is_not() {
        let (listener, _) = listener().await;
        let pool = empty(LONG);
        let mut ready = connection(&listener).await;
        assert!(ready.ready().await);
        pool.put(ready);
        pool.put(connection(&listener).await);
        assert!(matches!(pool.find(), Found::Ready(_)));
        assert!(matches!(pool.find(), Found::Soon(_)));
        assert!(matches!(pool.find(), Found::Nothing));
    }

    #[tokio::test]
    async fn connection_that_comes_back_late_takes_nobody_s_place() {
        let (listener, _) = listener().await;
        let pool = empty(LONG);
        pool.put(connection(&listener).await);
        let Found::Soon(late) = pool.find() else {
            panic!("its task has not run");
        };
        for _ in 0..2 {
            pool.put(connection(&listener).await);
        }
        pool.put_back(late);
        assert_eq!(pool.idle().len(), 2);
    }

    #[tokio::test]
    async fn closed_and_old_connections_are_not_used() {
        let (listener, _) = listener().await;
        let pool = empty(LONG);
        let connection = connection(&listener).await;
        pool.put(connection);
        drop(Wire::accept(&listener).await);
        let is_closed = async || pool.idle().iter().all(|idle| idle.connection.is_closed());
        eventually(is_closed).await;
        assert!(matches!(pool.find(), Found::Nothing));

        let pool = empty(Duration::ZERO);
        pool.put(self::connection(&listener).await);
        assert!(matches!(pool.find(), Found::Nothing));
    }
}
