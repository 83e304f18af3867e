use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::Session;
use super::gate::{Gate, Waiting};

/// How often unused connections are looked through while one of them grows too old.
const SWEEPS: u32 = 8;

/// The connections of HTTP/2 to one address.
#[derive(Debug)]
pub(in crate::upstream) struct Sessions {
    /// The oldest first. They are filled in this order, so that those that a quiet time does not
    /// need have no streams.
    open: Mutex<Vec<Arc<Session>>>,
    gate: Gate,
    /// That the upstream chose HTTP/1.1 last.
    speaks_http1: AtomicBool,
    idle_timeout: Duration,
    keeps_idle: bool,
    sweeper: OnceLock<AbortOnDropHandle<()>>,
}

/// A place on a connection for one exchange.
#[derive(Debug)]
pub(in crate::upstream) struct Share {
    pub(super) session: Arc<Session>,
    sessions: Weak<Sessions>,
}

impl Sessions {
    pub(in crate::upstream) fn new(idle_timeout: Duration, keeps_idle: bool) -> Self {
        Self {
            open: Mutex::default(),
            gate: Gate::new(),
            speaks_http1: AtomicBool::new(false),
            idle_timeout,
            keeps_idle,
            sweeper: OnceLock::new(),
        }
    }

    /// A place on a connection that is open, if there is one.
    pub(in crate::upstream) fn take(self: &Arc<Self>) -> Option<Share> {
        let mut open = self.open();
        let (closed, rest) = std::mem::take(&mut *open)
            .into_iter()
            .partition::<Vec<_>, _>(|session| session.is_closed());
        *open = rest;
        let found = open.iter().find(|session| session.enter()).cloned();
        drop(open);
        drop(closed);
        found.map(|session| self.share(session))
    }

    /// Somebody needs a place who found none.
    pub(in crate::upstream) fn wait(&self) -> Waiting<'_> {
        self.gate.wait()
    }

    /// Adds a connection, and takes a place on it.
    pub(in crate::upstream) fn add(self: &Arc<Self>, session: Session) -> Option<Share> {
        self.speaks_http1.store(false, Ordering::Relaxed);
        self.sweep();
        self.gate.opened(session.most());
        if !session.enter() {
            return None;
        }
        let session = Arc::new(session);
        self.open().push(Arc::clone(&session));
        Some(self.share(session))
    }

    /// A place on a connection that nobody else is given one on.
    pub(in crate::upstream) fn alone(session: Session) -> Option<Share> {
        session.enter().then(|| Share {
            session: Arc::new(session),
            sessions: Weak::new(),
        })
    }

    /// Notes that the upstream chose HTTP/1.1: nobody is to wait for a connection to be shared.
    pub(in crate::upstream) fn none(&self) {
        self.speaks_http1.store(true, Ordering::Relaxed);
    }

    pub(in crate::upstream) fn speaks_http1(&self) -> bool {
        self.speaks_http1.load(Ordering::Relaxed)
    }

    fn share(self: &Arc<Self>, session: Arc<Session>) -> Share {
        Share {
            session,
            sessions: Arc::downgrade(self),
        }
    }

    fn sweep(self: &Arc<Self>) {
        self.sweeper.get_or_init(|| {
            let every = (self.idle_timeout / SWEEPS).max(Duration::from_millis(10));
            let sweeping = sweep(Arc::downgrade(self), every);
            AbortOnDropHandle::new(tokio::spawn(sweeping))
        });
    }

    fn remove(&self, is_spent: impl Fn(&Session) -> bool) {
        let mut open = self.open();
        let (spent, rest) = std::mem::take(&mut *open)
            .into_iter()
            .partition::<Vec<_>, _>(|session| is_spent(session));
        *open = rest;
        drop(open);
        drop(spent);
    }

    fn open(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(sessions: Weak<Sessions>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(sessions) = sessions.upgrade() else {
            return;
        };
        let (now, timeout) = (Instant::now(), sessions.idle_timeout);
        sessions.remove(|session| session.is_closed() || session.is_idle(now, timeout));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let is_idle = self.session.leave();
        let Some(sessions) = self.sessions.upgrade() else {
            return;
        };
        sessions.gate.freed();
        if is_idle && !sessions.keeps_idle {
            let now = Instant::now();
            sessions.remove(|session| session.is_idle(now, Duration::ZERO));
        }
    }
}
