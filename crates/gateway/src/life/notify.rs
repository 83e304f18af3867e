//! The service manager's side (`sd_notify(3)`). Without `NOTIFY_SOCKET` nobody is told, and
//! nothing is wrong.

/// Requests are taken from now on.
#[cfg(unix)]
pub(crate) fn tell_ready() {
    tell(&[sd_notify::NotifyState::Ready]);
}

/// The end has begun: what is in flight may still finish.
#[cfg(unix)]
pub(crate) fn tell_stopping() {
    tell(&[sd_notify::NotifyState::Stopping]);
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
pub(crate) fn tell_ready() {}

/// There is no such service manager.
#[cfg(not(unix))]
pub(crate) fn tell_stopping() {}

/// There is no such service manager.
#[cfg(not(unix))]
pub(crate) async fn keep_watchdog_quiet() {}
