use super::AccessSink;

/// Opens the access log anew at each SIGHUP, for as long as it is polled: whoever renames the file
/// to keep it sends that. Never ends.
#[cfg(unix)]
pub(crate) async fn reopen_on_hangup(sink: AccessSink) {
    use tokio::signal::unix::{SignalKind, signal};

    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            tracing::warn!(%error, "cannot catch SIGHUP: the access log is not opened anew");
            return std::future::pending().await;
        }
    };
    while hangups.recv().await.is_some() {
        match sink.reopen() {
            Ok(()) => tracing::info!("the access log is opened anew"),
            Err(error) => tracing::error!(
                %error,
                "the access log cannot be opened anew: lines go to the file of before"
            ),
        }
    }
}

/// There is no such signal.
#[cfg(not(unix))]
pub(crate) async fn reopen_on_hangup(_: AccessSink) {
    std::future::pending().await
}
