//! The service manager's side (`sd_notify(3)`). Without `NOTIFY_SOCKET` nobody is told, and
//! nothing is wrong.

/// What a service manager hears of reloads: that one begins, and once that it is over. It waits for
/// the second (`Type=notify-reload` of `systemd.service(5)`).
#[derive(Debug, Default)]
pub(crate) struct ReloadNotices {
    is_heard: bool,
    has_begun: bool,
}

impl ReloadNotices {
    /// Somebody hears them: they are nobody's otherwise, since whoever serves within a program of
    /// their own speaks for themselves.
    pub(crate) const fn heard() -> Self {
        Self {
            is_heard: true,
            has_begun: false,
        }
    }

    /// A reload begins, or goes on.
    pub(crate) fn begin(&mut self) {
        if !std::mem::replace(&mut self.has_begun, true) && self.is_heard {
            tell_reloading();
        }
    }

    /// If one has begun, it is over: requests are served, and by what.
    pub(crate) fn end(&mut self, status: &'static str) {
        if std::mem::take(&mut self.has_begun) && self.is_heard {
            tell_ready(status);
        }
    }
}

/// Requests are taken from now on, and how.
#[cfg(unix)]
pub(crate) fn tell_ready(status: &'static str) {
    use sd_notify::NotifyState::{Ready, Status};

    tell(&[Ready, Status(status)]);
}

/// The end has begun: what is in flight may still finish.
#[cfg(unix)]
pub(crate) fn tell_stopping() {
    use sd_notify::NotifyState::{Status, Stopping};

    tell(&[Stopping, Status("requests may finish")]);
}

/// With the time, by which the service manager tells it from one that began before it asked.
#[cfg(unix)]
fn tell_reloading() {
    use sd_notify::NotifyState;

    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot tell the service manager of a reload"),
    }
}

/// Tells the service manager that the program turns, twice in each time after which it would
/// restart it (`WatchdogSec=`). Ends at once where it does not watch.
#[cfg(unix)]
pub(crate) async fn keep_watchdog_quiet() {
    let Some(patience) = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero())
    else {
        return;
    };
    let mut turns = tokio::time::interval(patience / 2);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        tell(&[sd_notify::NotifyState::Watchdog]);
    }
}

#[cfg(unix)]
fn tell(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}

/// There is no such service manager.
#[cfg(not(unix))]
pub(crate) fn tell_ready(_: &'static str) {}

/// There is no such service manager.
#[cfg(not(unix))]
pub(crate) fn tell_stopping() {}

/// There is no such service manager.
#[cfg(not(unix))]
fn tell_reloading() {}

/// There is no such service manager.
#[cfg(not(unix))]
pub(crate) async fn keep_watchdog_quiet() {}
